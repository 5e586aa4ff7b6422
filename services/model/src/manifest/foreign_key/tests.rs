use super::*;
use crate::yaml::Problems;

/// A table of messages with these fields, beside people of several tenants.
fn read(fields: &str) -> Result<Manifests, Problems> {
    let text = format!(
        "dataset:
  - fides_key: d
    collections:
      - name: person
        fields:
          - {{name: tenant, fides_meta: {{primary_key: true}}}}
          - {{name: no, fides_meta: {{primary_key: true}}}}
          - {{name: email, fides_meta: {{identity: email}}}}
          - {{name: tags, fides_meta: {{data_type: 'string[]'}}}}
      - name: account
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: tenant}}
          - {{name: number}}
      - name: message
        fields:
{fields}"
    );
    Manifests::from_yaml(&[("m.yml".to_owned(), text)])
}

/// A field that refers; `more` stands within the reference, `beside` beside `fides_meta`.
fn field(name: &str, to: &str, more: &str, beside: &str) -> String {
    format!(
        "          - {{name: {name}, fides_meta: {{references: [{{dataset: d, field: {to}, direction: from{more}}}]}}{beside}}}\n"
    )
}

/// Per key, the columns that refer and those referred to.
fn keys(fields: &[String]) -> Vec<(Vec<usize>, Vec<usize>)> {
    let manifests = read(&fields.concat()).unwrap_or_else(|problems| panic!("{problems}"));
    let columns = |key: &ForeignKey| {
        let (from, to) = (key.parts.iter().map(|p| p.from[0]), key.parts.iter().map(|p| p.to[0]));
        (from.collect(), to.collect())
    };
    manifests.foreign_keys(0, 2).iter().map(columns).collect()
}

fn named(name: &str) -> String {
    format!(", tributary: {{foreign_key: {name}}}")
}

#[test]
fn references_with_one_name_are_one_key_in_whatever_order_their_columns_stand() {
    let fields = [
        field("recipient_no", "person.no", &named("to"), ""),
        field("sender_tenant", "person.tenant", &named("by"), ""),
        field("sender_no", "person.no", &named("by"), ""),
        field("recipient_tenant", "person.tenant", &named("to"), ""),
    ];
    assert_eq!(keys(&fields), [(vec![0, 3], vec![1, 0]), (vec![1, 2], vec![0, 1])]);
}

#[test]
fn what_refers_to_a_whole_primary_key_is_one_key_and_what_refers_to_other_fields_has_to_say_what_it_is() {
    let whole = [field("tenant", "person.tenant", "", ""), field("no", "person.no", "", "")];
    assert_eq!(keys(&whole), [(vec![0, 1], vec![0, 1])]);
    for (to, one) in [("number", "tenant"), ("id", "tenant"), ("id", "number")] {
        let fields = |names: [&str; 2]| {
            let field = |name: &str, to: &str, key: &str| field(name, &format!("account.{to}"), key, "");
            [field("a", one, names[0]), field("b", to, names[1])]
        };
        let said = read(&fields(["", ""]).concat()).unwrap_err().to_string();
        assert!(said.contains("nothing says which of these form one key"), "{said}");
        assert_eq!(keys(&fields([&named("k"), &named("k")])).len(), 1);
        assert_eq!(keys(&fields([&named("k"), &named("l")])).len(), 2);
    }
}

#[test]
fn two_fields_that_refer_to_one_are_two_references_and_so_is_what_lies_within_json() {
    let two = [field("sender", "account.id", "", ""), field("recipient", "account.id", "", "")];
    assert_eq!(keys(&two), [(vec![0], vec![0]), (vec![1], vec![0])]);
    let within = [field("tag", "person.tags", "", ""), field("mail", "person.email", "", "")];
    assert_eq!(keys(&within), [(vec![0], vec![3]), (vec![1], vec![2])]);
}

#[test]
fn what_can_be_one_key_in_several_ways_is_refused_with_the_fields_and_what_to_write() {
    let fields = [
        field("sender_tenant", "person.tenant", "", ""),
        field("sender_no", "person.no", "", ""),
        field("recipient_tenant", "person.tenant", "", ""),
        field("recipient_no", "person.no", "", ""),
    ];
    let found = read(&fields.concat()).unwrap_err();
    assert_eq!(found.0.len(), 1, "{found}");
    for part in [
        "d.message refers to several fields of d.person",
        "`sender_tenant`, `recipient_tenant` to person.tenant; `sender_no`, `recipient_no` to person.no",
        "tributary: { foreign_key: NAME }",
    ] {
        assert!(found.to_string().contains(part), "{part}: {found}");
    }
    // The tenant of whom: of both, or of one of them?
    assert!(read(&[&fields[0], &fields[1], &fields[3]].map(String::as_str).concat()).is_err());
    // Half of a key leads to everybody's rows.
    let half = fields[1].replace("direction: from", "direction: to");
    assert!(read(&[fields[0].as_str(), &half].concat()).is_err());
}

#[test]
fn a_name_that_cannot_be_one_key_is_refused_at_its_place() {
    let refused = |fields: &[String]| read(&fields.concat()).unwrap_err().to_string();
    let first = field("a", "person.tenant", &named("k"), "");
    let said = refused(&[first.clone(), field("b", "account.id", &named("k"), "")]);
    assert!(said.contains("the foreign key `k` leads to d.person and to d.account"), "{said}");
    let said = refused(&[first.clone(), field("b", "person.tenant", &named("k"), "")]);
    assert!(said.contains("refers to person.tenant by two fields"), "{said}");
    let said = refused(&[first.clone(), field("b", "person.no", &named("k"), "").replace("from", "to")]);
    assert!(said.contains("not all the same directions"), "{said}");
    let within = field("b", "person.tags", &named("k"), "");
    let said = refused(&[first.clone(), within]);
    assert!(said.contains("values within JSON are no parts of a key"), "{said}");
    let said = refused(&[first.replace("foreign_key", "key")]);
    assert!(said.contains("`tributary` of a reference has no key `key`"), "{said}");
}

#[test]
fn one_part_of_a_key_says_for_all_that_it_is_about_someone_else() {
    for name in [named("k"), String::new()] {
        let fields = [
            field("tenant", "person.tenant", &name, ""),
            field("no", "person.no", &name, ", tributary: {third_party: true}"),
        ];
        let manifests = read(&fields.concat()).unwrap();
        let keys = manifests.foreign_keys(0, 2);
        assert!(keys.len() == 1 && keys[0].is_about_someone_else());
    }
}
