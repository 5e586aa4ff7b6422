//! What the check says about words for people and about the record of processing.

use tributary_agent::check::{CheckReport, Code, LabelCount, NotRecorded, inspect};

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
    let bare: Vec<_> =
        report.items(Code::NoLabel).iter().map(|item| (item.name.as_str(), item.detail.as_str())).collect();
    assert_eq!(
        bare[..2],
        [("crm.customer", "1 of 3 columns (x)"), ("crm.visit", "the table and 1 of 1 columns (email)")]
    );
}

#[test]
fn what_the_record_of_processing_lacks_is_named_with_the_right_that_it_costs() {
    use NotRecorded::{Basis, Purpose, Recipients, Retention, Source};
    let found = report(MANIFEST);
    let missing: Vec<_> = found.collections.iter().map(|collection| collection.not_recorded.clone()).collect();
    assert_eq!(missing, [vec![Retention], vec![Purpose, Basis, Recipients, Retention, Source], vec![]]);
    let dangling = "the system `sales` names the dataset `old`, which no manifest declares";
    assert!(found.warnings.iter().any(|warning| warning.contains(dangling)), "{:?}", found.warnings);
    let names = |code| found.items(code).iter().map(|item| item.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names(Code::RetentionNotRecorded), ["crm.customer", "crm.visit"]);
    for code in [Code::PurposeNotRecorded, Code::BasisNotRecorded, Code::RecipientsNotRecorded, Code::SourceNotRecorded]
    {
        assert_eq!(names(code), ["crm.visit"], "{code:?}");
    }
    let retention = found.findings.iter().find(|finding| finding.code == Code::RetentionNotRecorded).unwrap();
    assert_eq!(retention.right, "the period of storage, Art. 15(1)(d)");
    assert!(retention.items[0].at.ends_with("manifest.yml:6:9"), "{}", retention.items[0].at);
    let whole =
        MANIFEST.replace("data_categories: [user.account], legal_basis", "retention_period: A year, legal_basis");
    assert!(report(&whole).collections.iter().all(|collection| collection.not_recorded.is_empty()));
}
