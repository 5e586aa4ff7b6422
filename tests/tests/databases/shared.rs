//! Several entities in one store: whatever an engine takes for equal, no row of one leaves under another's name, and none
//! is lost for it.

use std::collections::BTreeSet;

use tributary_agent::collect::Request;
use tributary_archive::attestation::NotSearchedReason;
use tributary_model::id::EntityId;
use tributary_model::right::TableFormat;
use tributary_tests::servers::Engine;

use super::support::{ANNA, Entity, collect, request};

const MANIFEST: &str = "
      - name: customer
        tributary: {controller: {column: co, values: {b: acme-fr, B: acme-be, strasse: acme-fr, Straße: acme-be}}}
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
      - name: purchase
        tributary: {controller: {column: co, values: {AB: acme-fr, ab: acme-be}}}
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
      - name: item
        tributary: {controller: {column: co, values: {100: acme-fr, 200: acme-be, '0300': acme-be}}}
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: purchase_id, fides_meta: {references: [{dataset: shop, field: purchase.id, direction: from}]}}
      - name: note
        tributary: {controller: {column: co}}
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
";

/// Types of the four columns that say whose a row is, and how a row of bytes is written.
fn schema(types: [&str; 4]) -> String {
    let [text, fixed, number, bytes] = types;
    format!(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email VARCHAR(50), co {text});
         CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER, co {fixed});
         CREATE INDEX purchase_customer ON purchase (customer_id);
         CREATE TABLE item (id INTEGER PRIMARY KEY, purchase_id INTEGER, co {number});
         CREATE TABLE note (id INTEGER PRIMARY KEY, customer_id INTEGER, co {bytes});
         INSERT INTO customer VALUES (1, 'anna@x.org', 'b'), (2, 'Anna@x.org', 'B'), (3, 'anna@x.org', 'strasse'),
             (4, 'anna@x.org', 'Straße'), (5, 'bert@x.org', 'b'), (6, 'anna@x.org', 'b  ');
         INSERT INTO purchase VALUES (10, 1, 'AB'), (11, 1, 'ab'), (20, 2, 'ab'), (21, 2, 'AB'), (30, 3, 'AB'), (50, 5, 'AB'), (60, 6, 'AB');
         INSERT INTO item VALUES (100, 10, 100), (101, 10, 200), (102, 11, 100), (200, 20, 200), (201, 20, 100), (300, 30, 100), (600, 60, 100);
         INSERT INTO note VALUES (7, 1, 'acme-fr'), (8, 1, 'acme-be'), (9, 2, 'acme-be');"
    )
}

fn on_every_engine(more: &str) -> Vec<(&'static str, Entity)> {
    let with = |types| schema(types) + more;
    vec![
        ("sqlite", Entity::sqlite(MANIFEST, &with(["TEXT COLLATE NOCASE", "CHAR(8)", "INTEGER", "TEXT"]))),
        ("postgres", Entity::on(Engine::Postgres, MANIFEST, &with(["VARCHAR(20)", "CHAR(8)", "INTEGER", "BYTEA"]))),
        (
            "mariadb",
            Entity::on(Engine::MariaDb, MANIFEST, &with(["VARCHAR(20)", "CHAR(8)", "INTEGER", "VARBINARY(20)"])),
        ),
    ]
}

/// The keys of an entity's rows, and the collections in which rows name nobody or hang on another entity's.
fn given(entity: &Entity, of: &str) -> (BTreeSet<String>, Vec<String>) {
    let known: BTreeSet<EntityId> = ["acme-fr", "acme-be"].map(|entity| entity.parse().unwrap()).into();
    let request = Request { controller: of.parse().unwrap(), ..request(ANNA, TableFormat::Csv) };
    let catalog = entity.catalog().of(&request.controller, &known).unwrap();
    let parts = collect(&catalog, &request, &mut |_| {}).unwrap();
    let keys = ["customer", "purchase", "item", "note"].into_iter().flat_map(|collection| {
        let key = move |row: String| format!("{collection} {}", row.split(',').next().unwrap_or_default());
        parts.rows(collection).into_iter().map(key).collect::<Vec<_>>()
    });
    let nobodys = parts.collected.not_searched.iter().filter(|gap| gap.reason == NotSearchedReason::ControllerUnknown);
    (keys.collect(), nobodys.filter_map(|gap| gap.collection.clone()).collect())
}

fn keys(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

#[test]
fn no_row_of_one_entity_leaves_under_anothers_name_on_any_engine() {
    let fr = [
        "customer 1",
        "customer 3",
        "customer 6",
        "purchase 10",
        "purchase 30",
        "purchase 60",
        "item 100",
        "item 300",
        "item 600",
        "note 7",
    ];
    let be = ["customer 2", "customer 4", "purchase 20", "item 200", "note 9"];
    // Rows of each that hang on rows of the other are in neither's, and their own entity names them.
    let hanging = |collections: &[&str]| collections.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for (engine, entity) in on_every_engine("") {
        assert_eq!(given(&entity, "acme-fr"), (keys(&fr), hanging(&["purchase", "item"])), "{engine}");
        assert_eq!(given(&entity, "acme-be"), (keys(&be), hanging(&["purchase", "item", "note"])), "{engine}");
    }
}

#[test]
fn a_row_that_only_resembles_anothers_value_is_nobodys_and_named_on_every_engine() {
    let more = "
        INSERT INTO customer VALUES (70, 'anna@x.org', 'STRASSE'), (71, 'anna@x.org', NULL);
        INSERT INTO purchase VALUES (70, 1, 'aB');
        INSERT INTO item VALUES (70, 10, 300), (71, 10, NULL);";
    for (engine, entity) in on_every_engine(more) {
        let (own, nobodys) = given(&entity, "acme-fr");
        assert!(own.contains("customer 1") && own.iter().all(|key| !key.ends_with(" 70") && !key.ends_with(" 71")));
        // What only a row of nobody's may lead to is named with it.
        assert_eq!(nobodys, ["customer", "purchase", "item", "note"], "{engine}");
    }
}
