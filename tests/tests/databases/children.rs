//! PostgreSQL's tables that others inherit from: a key is unique in each of them, and not over all.

use tributary_model::right::TableFormat::Csv;
use tributary_tests::servers::Engine;

use super::support::Entity;

const EVENTS: &str = "
      - name: customer
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
      - name: event
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
          - {name: what}
";

#[test]
fn rows_of_children_are_told_apart_whatever_key_the_parent_has() {
    let sql = "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT);
        INSERT INTO customer VALUES (1, 'anna@x.org'), (2, 'anna@x.org'), (3, 'bert@x.org');
        CREATE TABLE event (id INTEGER PRIMARY KEY, customer_id INTEGER, what TEXT); CREATE INDEX e ON event (customer_id);
        CREATE TABLE event_old () INHERITS (event); CREATE TABLE event_older () INHERITS (event_old);
        INSERT INTO event VALUES (1, 1, 'new'), (2, 3, 'of Bert'); INSERT INTO event_old VALUES (1, 1, repeat('old', 500000));
        INSERT INTO event_older VALUES (1, 2, 'older'), (2, 3, 'of Bert');";
    // With the index in all of them it is used, and without it the tables are read once.
    for index in ["", "CREATE INDEX a ON event_old (customer_id); CREATE INDEX b ON event_older (customer_id, id);"] {
        let parts = Entity::on(Engine::Postgres, EVENTS, &format!("{sql}{index}")).collect(Csv);
        let mut rows = parts.rows("event");
        rows.sort();
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert!(rows[0].starts_with("1,1,f") && rows[1..] == ["1,1,new", "1,2,older"], "{rows:?}");
        let plain = parts.plain();
        assert!(plain.values().any(|bytes| bytes == "old".repeat(500_000).as_bytes()));
        assert!(parts.collected.not_searched.is_empty(), "{:?}", parts.collected.not_searched);
    }
}
