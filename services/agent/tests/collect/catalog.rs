//! Manifests against live schemas, the check and the rehearsal.

use tributary_agent::check::{Code, inspect};
use tributary_agent::dry_run::{DryRunError, Outcome, rehearse};

use super::support::{Entity, clock, identifier};

const COLLECTIONS: &str = "      - name: customer
        fields:
          - {name: Id, fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
          - {name: phone}
      - name: order
        fields:
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.Id}]}}
      - name: diary
        fields: [{name: text}]
";

const SCHEMA: &str = "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, phone TEXT, secret TEXT);
    CREATE TABLE \"order\" (customer_id INTEGER); CREATE TABLE diary (text TEXT);
    INSERT INTO customer VALUES (1, 'anna@x.org', NULL, 's'); INSERT INTO \"order\" VALUES (1), (1), (2);";

#[test]
fn every_missing_table_and_column_is_named_with_its_place_at_once() {
    let entity = Entity::shop(
        COLLECTIONS,
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, mail TEXT, phone TEXT);
        CREATE TABLE diary (text TEXT)",
    );
    let problems = entity.load().unwrap_err();
    let text = problems.to_string();
    let file = entity.sources.manifests[0].display();
    assert_eq!(problems.0.len(), 2, "{text}");
    let column =
        "dataset `shop`, collection `customer`, field `email`: the table has no such column; it has id, mail, phone";
    assert!(text.contains(&format!("{file}:7:13: {column}")), "{text}");
    assert!(text.contains(&format!("{file}:9:9: dataset `shop`, collection `order`: ")), "{text}");
}

#[test]
fn broken_manifests_and_unknown_databases_are_named() {
    let broken = Entity::new("dataset:\n  - fides_key: [\n");
    assert!(broken.load().unwrap_err().to_string().contains("manifest.yml:"));
    let unknown = Entity::shop(COLLECTIONS, SCHEMA).database("crm", "");
    assert!(unknown.load().unwrap_err().to_string().contains("no manifest declares the dataset `crm`"));
    let mut nowhere = Entity::shop(COLLECTIONS, SCHEMA);
    nowhere.sources.manifests.push("/nowhere/m.yml".into());
    assert!(nowhere.load().unwrap_err().to_string().contains("/nowhere/m.yml:1:1: cannot be read"));
}

#[test]
fn a_folder_of_manifests_is_read_in_order() {
    let mut entity = Entity::shop(COLLECTIONS, SCHEMA);
    std::fs::write(entity.folder.path().join("notes.txt"), "not a manifest").unwrap();
    entity.sources.manifests = vec![entity.folder.path().to_owned()];
    assert_eq!(entity.load().unwrap().datasets()[0].key.as_str(), "shop");
}

#[test]
fn the_check_says_what_is_reached_what_scans_and_what_is_left_out() {
    let entity = Entity::shop(COLLECTIONS, SCHEMA);
    let report = inspect(&entity.sources, entity.limits.clone(), clock());
    assert!(report.is_ok(), "{:?}", report.problems);
    let [customer, order, diary] = report.collections.as_slice() else { panic!("{report:?}") };
    assert_eq!(customer.undeclared_columns, ["secret"]);
    assert_eq!(customer.scans, ["email, by identifier email"]);
    assert!(customer.rows_are_people);
    assert_eq!(order.reached_by[0].as_str(), "email");
    assert_eq!(order.scans, ["customer_id, by reference"]);
    assert!(diary.reached_by.is_empty() && diary.personal);
    assert!(report.datasets[0].blocks_writers);
    let items =
        |code| report.items(code).iter().map(|item| (item.name.as_str(), item.detail.as_str())).collect::<Vec<_>>();
    assert_eq!(items(Code::NotReached), [("shop.diary", "")]);
    assert_eq!(items(Code::UndeclaredColumns), [("shop.customer", "secret")]);
    let indexed = format!(
        "{SCHEMA} CREATE INDEX a ON customer (email COLLATE NOCASE); CREATE INDEX b ON \"order\" (customer_id);"
    );
    let entity = Entity::shop(COLLECTIONS, &indexed);
    let report = inspect(&entity.sources, entity.limits.clone(), clock());
    assert!(report.collections.iter().all(|c| c.scans.is_empty()), "{:?}", report.collections);
    serde_json::to_string(&report).unwrap();
}

#[test]
fn the_check_names_tables_that_nobody_declares_unless_somebody_said_that_they_are_about_nobody() {
    let schema = format!(
        "{SCHEMA} CREATE TABLE forgotten (email TEXT); CREATE TABLE schema_history (n INTEGER);
         CREATE VIEW shown AS SELECT * FROM forgotten;"
    );
    let entity = Entity::shop(COLLECTIONS, &schema);
    let names = |entity: &Entity| {
        let report = inspect(&entity.sources, entity.limits.clone(), clock());
        let items = report.items(Code::UndeclaredTables).iter().map(|item| item.name.clone());
        (items.collect::<Vec<_>>(), report.warnings)
    };
    assert_eq!(names(&entity).0, ["shop.forgotten", "shop.schema_history"]);
    let path = &entity.sources.manifests[0];
    let text = std::fs::read_to_string(path).unwrap();
    let said = text
        .replace("    collections:\n", "    tributary: { not_personal: [schema_history, gone] }\n    collections:\n");
    assert_ne!(text, said);
    std::fs::write(path, said).unwrap();
    let (undeclared, warnings) = names(&entity);
    assert_eq!(undeclared, ["shop.forgotten"]);
    assert!(warnings.iter().any(|warning| warning.contains("`gone`")), "{warnings:?}");
}

#[test]
fn the_check_of_a_broken_manifest_names_the_problem() {
    let entity = Entity::shop(COLLECTIONS, "CREATE TABLE customer (id INTEGER)");
    let report = inspect(&entity.sources, entity.limits.clone(), clock());
    assert!(!report.is_ok() && report.problems.len() >= 3, "{:?}", report.problems);
}

#[test]
fn a_rehearsal_counts_and_shows_values_only_when_asked() {
    let entity = Entity::shop(COLLECTIONS, SCHEMA);
    let anna = [identifier("email", "anna@x.org")];
    let run = |values| rehearse(&entity.sources, entity.limits.clone(), clock(), &anna, values).unwrap();
    let counted = run(false);
    let rows: Vec<(&str, u64)> = counted.collections.iter().map(|c| (c.collection.as_str(), c.rows)).collect();
    assert_eq!(rows, [("customer", 1), ("order", 2)]);
    assert!(!serde_json::to_string(&counted).unwrap().contains("anna"));
    assert_eq!(counted.not_searched[0].collection.as_deref(), Some("diary"));
    let shown = run(true);
    assert!(!format!("{shown:?}").contains("anna"));
    let values = shown.collections[0].values.as_ref().unwrap();
    assert_eq!(values[0], [Some("1".to_owned()), Some("anna@x.org".to_owned()), None]);
    let nobody = [identifier("email", "nobody@x.org")];
    let run = rehearse(&entity.sources, entity.limits.clone(), clock(), &nobody, false).unwrap();
    assert_eq!(run.outcome, Outcome::NotFound);
    let broken = Entity::shop(COLLECTIONS, "CREATE TABLE t (x)");
    let failed = rehearse(&broken.sources, broken.limits.clone(), clock(), &nobody, false);
    assert!(matches!(failed, Err(DryRunError::Manifests(_))));
}
