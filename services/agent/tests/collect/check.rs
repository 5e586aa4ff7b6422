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

const RULES: &str = "
dataset:
  - fides_key: crm
    name: Customers
    collections:
      - name: customer
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}, tributary: {free_text: redact}}
          - {name: email, fides_meta: {identity: email}, tributary: {free_text: redact}}
          - {name: partner, tributary: {third_party: true}}
          - {name: note, tributary: {free_text: redact}}
      - name: visit
        tributary: {actor_rows: omit}
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: crm, field: customer.id}]}, tributary: {free_text: redact}}
          - {name: shop_id, fides_meta: {references: [{dataset: crm, field: shop.id}]}, tributary: {third_party: true}}
          - {name: with_id, fides_meta: {references: [{dataset: crm, field: customer.id}]}, tributary: {third_party: true}}
          - {name: said, tributary: {third_party: true, free_text: review}}
          - {name: seen_at, tributary: {about: actor}}
      - name: shop
        fields: [{name: id, data_categories: [system], fides_meta: {primary_key: true}}]
      - name: lonely
        tributary: {shared: true}
        fields: [{name: x}]
      - name: profile
        fields:
          - name: body
            fields:
              - {name: email, fides_meta: {identity: email}}
              - {name: friend, tributary: {third_party: true}}
      - name: flat
        tributary: {shared: true}
        fields:
          - {name: customer_id, fides_meta: {primary_key: true, references: [{dataset: crm, field: customer.id}]}}
      - name: ticket
        tributary: {actor_rows: omit}
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: crm, field: customer.id}]}}
          - {name: clerk_id, fides_meta: {references: [{dataset: crm, field: customer.id}]}, tributary: {role: actor}}
          - {name: closed_at, tributary: {about: actor}}
      - name: tenant
        tributary: {shared: true}
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {primary_key: true, references: [{dataset: crm, field: customer.id}]}}
      - name: paper
        tributary: {manual: {}}
        fields: [{name: page, tributary: {third_party: true}}]
      - name: old
        fides_meta: {skip_processing: true}
        fields: [{name: page, tributary: {free_text: redact}}]
";

#[test]
fn rules_about_others_that_never_apply_or_hide_the_persons_own_keys_are_named() {
    let entity = Entity::new(RULES);
    let report = inspect(&entity.sources, entity.limits.clone(), clock());
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    let items = |code| {
        let line = |item: &tributary_agent::check::Item| {
            (item.name.trim_start_matches("crm.").to_owned(), item.detail.clone())
        };
        report.items(code).iter().map(line).collect::<Vec<_>>()
    };
    let said =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
    let nobody = "no field says `role: actor`, so nobody acts on its rows";
    let idle = [
        ("visit", format!("`actor_rows: omit`: {nobody}")),
        ("visit", "`free_text` on `said`: `third_party` hides it already".to_owned()),
        ("visit", format!("`about: actor` on `seen_at`: {nobody}")),
        ("lonely", "`shared`: nothing refers to its rows, and no field of theirs names anybody".to_owned()),
        ("paper", "`third_party` on `page`: people search it".to_owned()),
        ("old", "`free_text` on `page`: `skip_processing` says that it is not read".to_owned()),
    ];
    assert_eq!(items(Code::RuleWithoutEffect), said(&idle.each_ref().map(|(name, detail)| (*name, detail.as_str()))));
    let to_shop =
        "reference `shop_id` to `crm.shop`, by `third_party`: its rows are no people, and nothing is found through it";
    let hides = [
        ("customer", "primary key `id`, by `free_text: redact`"),
        ("customer", "identity email in `email`, by `free_text: redact`"),
        ("visit", "reference `customer_id` to `crm.customer`, by `free_text: redact`"),
        ("visit", to_shop),
        ("profile", "identity email in `body.email` with all of `body`, by `third_party`"),
        ("flat", "primary key `customer_id`, by `shared`"),
    ];
    assert_eq!(items(Code::RuleHidesKey), said(&hides));
    assert!(
        report.items(Code::RuleHidesKey)[0].at.ends_with("manifest.yml:8:13"),
        "{:?}",
        report.items(Code::RuleHidesKey)[0].at
    );
    let plain = self::report(MANIFEST);
    assert!(plain.items(Code::RuleHidesKey).is_empty() && plain.items(Code::RuleWithoutEffect).is_empty());
}

#[test]
fn a_reference_to_a_part_of_the_key_of_people_is_named() {
    let entity = Entity::new(
        "
dataset:
  - fides_key: crm
    collections:
      - name: person
        fields:
          - {name: tenant, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: no, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
      - name: note
        fields:
          - {name: no, fides_meta: {references: [{dataset: crm, field: person.no, direction: from}]}}
      - name: call
        fields:
          - {name: no, fides_meta: {references: [{dataset: crm, field: person.no, direction: from}]}}
          - {name: tenant, fides_meta: {references: [{dataset: crm, field: person.tenant, direction: from}]}}
",
    );
    let report = inspect(&entity.sources, entity.limits.clone(), clock());
    let told: Vec<&String> = report.warnings.iter().filter(|warning| warning.contains("shares that part")).collect();
    assert_eq!(told.len(), 1, "{:?}", report.warnings);
    let part = "crm.note: `no` refers to `no` of crm.person, whose primary key is `tenant`, `no`";
    assert!(told[0].contains(part) && told[0].contains("manifest.yml:12:"), "{told:?}");
}
