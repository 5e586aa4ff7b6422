use super::*;

const ERP: &str = "
dataset:
  - fides_key: erp
    tributary: {controller: {column: company, values: {'100': acme-fr, 200: acme-be}}}
    collections:
      - {name: customer, fields: [{name: id}, {name: company}]}
      - {name: line, fields: [{name: id}]}
      - {name: badge, tributary: {controller: acme-be}, fields: [{name: id}]}
      - {name: town, tributary: {controller: {shared: true}}, fields: [{name: id}]}
  - fides_key: payroll
    tributary: {controller: acme-be}
    collections: [{name: slip, fields: [{name: id}]}]
system:
  - {fides_key: sales, dataset_references: [erp, payroll], privacy_declarations: [{data_use: a, dataset_references: [payroll]}, {data_use: b}]}
  - {fides_key: wages, dataset_references: [payroll]}
  - {fides_key: doors}
";

fn read(text: &str) -> Manifests {
    Manifests::from_yaml(&[("m.yml".to_owned(), text.to_owned())]).unwrap()
}

fn id(text: &str) -> EntityId {
    text.parse().unwrap()
}

fn names(manifests: &Manifests) -> Vec<String> {
    let named = |d: &Dataset| d.collections.iter().map(|c| format!("{}.{}", d.key, c.name)).collect::<Vec<_>>();
    manifests.datasets.iter().flat_map(named).collect()
}

#[test]
fn a_column_of_the_dataset_counts_where_it_is_declared_and_what_a_collection_says_itself_wins() {
    let manifests = read(ERP);
    let erp = &manifests.datasets[0];
    let whose = |at: usize| erp.controller_of(&erp.collections[at]).map(|controller| &controller.whose);
    let Some(Whose::Column(column)) = whose(0) else { panic!() };
    assert_eq!(column.values.as_ref().unwrap().get("200"), Some(&id("acme-be")));
    assert_eq!(whose(1), None, "its rows belong to whom the row belongs that leads to it");
    assert_eq!(whose(2), Some(&Whose::Entity(id("acme-be"))));
    assert_eq!(whose(3), Some(&Whose::Shared));
    assert_eq!(erp.controller.as_ref().unwrap().at.place.line, 4);
}

#[test]
fn an_entity_s_part_leaves_out_what_is_all_of_others_and_the_records_about_it() {
    let manifests = read(ERP);
    let fr = manifests.of(&id("acme-fr"));
    assert_eq!(names(&fr), ["erp.customer", "erp.line", "erp.town"]);
    let systems: Vec<_> = fr.systems.iter().map(|s| (s.key.as_str(), s.datasets.len(), s.declarations.len())).collect();
    assert_eq!(systems, [("sales", 1, 1), ("doors", 0, 0)]);
    assert_eq!(manifests.of(&id("acme-be")), manifests);
    assert_eq!(names(&manifests.of(&id("acme-nl"))), ["erp.line", "erp.town"]);
}

#[test]
fn a_controller_that_says_nothing_or_two_things_is_refused_with_its_place() {
    let dataset = |controller: &str| {
        let collection = "{name: c, fields: [{name: co, fields: [{name: x}]}], tributary: {controller: ";
        let text = format!("dataset:\n  - fides_key: d\n    collections:\n      - {collection}{controller}}}}}\n");
        Manifests::from_yaml(&[("m.yml".to_owned(), text)]).unwrap_err().to_string()
    };
    for (controller, expected) in [
        ("Acme FR", "`controller`:"),
        ("{column: c, shared: true}", "`controller` must be one of"),
        ("{shared: false}", "`controller` must be one of"),
        ("{values: {a: acme-fr}}", "`controller` must be one of"),
        ("{column: c, values: {}}", "must not be empty"),
        ("{column: c, values: {a: acme-fr, 'a ': acme-be}}", "a second time"),
        ("{column: c, values: {a: Acme}}", "`values`:"),
        ("{column: c, value: {a: acme-fr}}", "no key `value`"),
        ("{column: co}", "holds more than one value"),
    ] {
        let problems = dataset(controller);
        assert!(problems.starts_with("m.yml:4:") && problems.contains(expected), "{expected} not in {problems}");
    }
}
