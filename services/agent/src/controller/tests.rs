//! What a row's column says, and what is wrong with what a manifest says of it.

use super::*;
use crate::source::{OnSlice, ReadError};
use crate::value::Large;

struct OneCell(Cell<'static>);

impl Row for OneCell {
    fn cell(&self, _: usize) -> Cell<'_> {
        self.0
    }

    fn read_large(&self, _: usize, _: &mut OnSlice<'_>) -> Result<(), ReadError> {
        Ok(())
    }

    fn write_identity(&self, _: &mut Vec<u8>) {}
}

fn id(text: &str) -> EntityId {
    text.parse().unwrap()
}

fn manifests(collections: &str) -> Manifests {
    let text = format!("dataset:\n  - fides_key: erp\n    collections:\n{collections}");
    Manifests::from_yaml(&[("m.yml".to_owned(), text)]).unwrap()
}

fn known() -> BTreeSet<EntityId> {
    BTreeSet::from([id("acme-fr"), id("acme-be"), id("acme-nl")])
}

fn owned_by(controller: &str) -> Owned {
    let line = format!("      - {{name: t, fields: [{{name: id}}], tributary: {{controller: {controller}}}}}\n");
    let whole = Graph::new(Arc::new(manifests(&line)));
    let graph = graph_of(&whole, whole.manifests().of(&id("acme-fr")), &id("acme-fr"), &known());
    graph.nodes()[0].owned.clone().unwrap()
}

#[test]
fn a_value_names_its_entity_byte_by_byte_in_whatever_type_the_store_has_it() {
    let owned = owned_by("{column: company, values: {'100': acme-fr, b: acme-fr, 200: acme-be, B: acme-be}}");
    let cases = [
        (Cell::Text(b"100"), Belongs::Ours),
        (Cell::Text(b"100  "), Belongs::Ours),
        (Cell::Integer(100), Belongs::Ours),
        (Cell::Decimal(b"100.00"), Belongs::Ours),
        (Cell::Real(100.0), Belongs::Ours),
        (Cell::Blob(b"100"), Belongs::Ours),
        (Cell::Text(b"b"), Belongs::Ours),
        (Cell::Text(b"B"), Belongs::ToAnother),
        (Cell::Integer(200), Belongs::ToAnother),
        (Cell::Text(b"0100"), Belongs::ToNobody),
        (Cell::Text(b" 100"), Belongs::ToNobody),
        (Cell::Text(b""), Belongs::ToNobody),
        (Cell::Text(&[0xff]), Belongs::ToNobody),
        (Cell::Null, Belongs::ToNobody),
        (Cell::Bool(true), Belongs::ToNobody),
        (Cell::Large(Large { text: true, bytes: 3 }), Belongs::ToNobody),
    ];
    for (cell, expected) in cases {
        let said = owned.whose(&OneCell(cell));
        assert_eq!(said, expected, "{}", Value::of(cell).and_then(|v| v.text().map(str::to_owned)).unwrap_or_default());
    }
}

#[test]
fn a_column_of_ids_names_the_entities_of_the_group_and_nobody_else() {
    let owned = owned_by("{column: company}");
    let whose = |text: &'static str| owned.whose(&OneCell(Cell::Text(text.as_bytes())));
    assert_eq!(whose("acme-fr"), Belongs::Ours);
    assert_eq!((whose("acme-be"), whose("acme-nl")), (Belongs::ToAnother, Belongs::ToAnother));
    assert_eq!((whose("ACME-BE"), whose("acme-de")), (Belongs::ToNobody, Belongs::ToNobody));
    assert_eq!(owned.column, 1, "it is read after the declared columns and not given");
}

#[test]
fn two_rows_of_people_stay_two_people_when_what_refers_to_them_is_another_entitys() {
    let collections = "
      - name: person
        fields: [{name: id, fides_meta: {primary_key: true}}, {name: email, fides_meta: {identity: email}}]
      - name: badge
        tributary: {controller: acme-be}
        fields: [{name: person, fides_meta: {references: [{dataset: erp, field: person.id}]}}]
";
    let whole = Graph::new(Arc::new(manifests(collections)));
    let graph = graph_of(&whole, whole.manifests().of(&id("acme-fr")), &id("acme-fr"), &known());
    assert_eq!(graph.nodes().len(), 1);
    assert!(graph.nodes()[0].register);
}

const PROBLEMS: &str = "
      - name: customer
        fields: [{name: id}, {name: email, fides_meta: {identity: email}}, {name: company}]
      - name: order
        fields: [{name: customer, fides_meta: {references: [{dataset: erp, field: customer.id}]}}]
      - name: note
        fields: [{name: text, data_categories: [user.content]}]
      - name: colour
        fields: [{name: code, data_categories: [system]}]
      - name: staff
        tributary: {controller: acme-frr}
        fields: [{name: id}]
      - name: desk
        tributary: {controller: acme-nl}
        fields: [{name: id}]
";

#[test]
fn where_several_entities_share_a_store_each_row_has_an_owner_or_the_agent_does_not_start() {
    let graph = Graph::new(Arc::new(manifests(PROBLEMS)));
    let served = [id("acme-fr"), id("acme-be")];
    let found: Vec<String> = problems(&graph, &served, Some(&known())).iter().map(ToString::to_string).collect();
    // Nor does any collection say that it is an entity's own: named once for each.
    let [be, fr, customer, note, staff] = found.as_slice() else { panic!("{found:#?}") };
    assert!(be.contains("gives rows to `acme-be`") && fr.contains("gives rows to `acme-fr`"), "{be} {fr}");
    assert!(customer.starts_with("m.yml:5:9: dataset `erp`, collection `customer`: nothing says"), "{customer}");
    assert!(note.contains("collection `note`: nothing says to which of acme-fr, acme-be"), "{note}");
    assert!(staff.starts_with("m.yml:14:") && staff.contains("`acme-frr`"), "{staff}");
    // One entity alone owns what nobody else is said to own.
    assert_eq!(problems(&graph, &served[..1], Some(&known())).len(), 1);
    assert!(problems(&graph, &served[..1], None).is_empty(), "without a group file nobody is known to be unknown");
}

#[test]
fn an_entity_that_no_collection_gives_rows_to_is_not_served() {
    let rows_of_fr = "
      - {name: t, fields: [{name: id}], tributary: {controller: {column: c, values: {a: acme-fr}}}}
      - {name: u, fields: [{name: t, fides_meta: {references: [{dataset: erp, field: t.id}]}}]}
";
    let graph = Graph::new(Arc::new(manifests(rows_of_fr)));
    let found = problems(&graph, &[id("acme-fr"), id("acme-be")], Some(&known()));
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains("no collection gives rows to `acme-be`"), "{}", found[0]);
}
