//! What the check says about words for people and about the record of processing.

use tributary_agent::check::{CheckReport, LabelCount, NotRecorded, inspect};

use super::support::{Entity, clock};

const MANIFEST: &str = "
dataset:
  - fides_key: crm
    name: Customers
    collections:
      - name: customer
        description: People who bought something
        fields:
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}, tributary: {label: E-mail}}
          - {name: st, data_categories: [user.account], tributary: {codes: {1: active}, label: {fr: Statut}}}
          - {name: x, data_categories: [user.account]}
      - name: visit
        data_categories: [user.behavior]
        fields:
          - {name: email, fides_meta: {identity: email}}
      - name: machine
        data_categories: [system.operations]
        fields: [{name: email}]
system:
  - fides_key: sales
    dataset_references: [crm, old]
    privacy_declarations:
      - {data_use: essential.service, data_categories: [user.account], legal_basis_for_processing: Contract}
";

fn report(manifest: &str) -> CheckReport {
    let entity = Entity::new(manifest).database(
        "crm",
        "CREATE TABLE customer (email TEXT, st, x); CREATE TABLE visit (email TEXT); CREATE TABLE machine (email TEXT)",
    );
    inspect(&entity.sources, entity.limits.clone(), clock())
}

#[test]
fn what_has_no_words_for_people_is_counted_and_named() {
    let report = report(MANIFEST);
    assert_eq!(report.labels.datasets, LabelCount { all: 1, labelled: 1, described: 0 });
    assert_eq!(report.labels.collections, LabelCount { all: 3, labelled: 0, described: 1 });
    assert_eq!((report.labels.fields.all, report.labels.fields.labelled, report.labels.fields.bare()), (5, 2, 3));
    assert_eq!(report.labels.decoded_fields, 1);
    assert_eq!(report.collections[0].unlabelled_columns, ["x"]);
    let warnings = report.warnings.join("\n");
    assert!(warnings.contains("crm.customer: no label for 1 of 3 columns (x)"), "{warnings}");
    assert!(warnings.contains("crm.visit: no label for the table and 1 of 1 columns (email)"), "{warnings}");
}

#[test]
fn what_the_record_of_processing_lacks_is_named_with_the_right_that_it_costs() {
    use NotRecorded::{Basis, Purpose, Recipients, Retention, Source};
    let found = report(MANIFEST);
    let missing: Vec<_> = found.collections.iter().map(|collection| collection.not_recorded.clone()).collect();
    assert_eq!(missing, [vec![Retention], vec![Purpose, Basis, Recipients, Retention, Source], vec![]]);
    let warnings = found.warnings.join("\n");
    for part in [
        "crm.customer: its system declarations do not say retention (Art. 15(1)(d))",
        "crm.visit: no system declaration covers it",
        "recipients (Art. 15(1)(c))",
        "source (Art. 15(1)(g)); declare a `system` with `dataset_references: [crm]`",
        "the system `sales` names the dataset `old`, which no manifest declares",
    ] {
        assert!(warnings.contains(part), "{part}: {warnings}");
    }
    let whole =
        MANIFEST.replace("data_categories: [user.account], legal_basis", "retention_period: A year, legal_basis");
    assert!(report(&whole).collections.iter().all(|collection| collection.not_recorded.is_empty()));
}
