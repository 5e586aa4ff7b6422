//! What the database user may read: less than a table, or less of its rows than there are.

use tributary_archive::attestation::NotSearchedReason;
use tributary_model::disposition::Disposition;
use tributary_model::right::TableFormat::Csv;
use tributary_tests::servers::Engine;

use super::support::{Entity, Place};

const CUSTOMER: &str = "
      - name: customer
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
";

/// An entity in PostgreSQL that reads as a user who was given no more than `grants`, where `READER` is the user.
fn reading(manifest: &str, sql: &str, grants: &str) -> (Entity, String) {
    let mut entity = Entity::on(Engine::Postgres, manifest, sql);
    let reader = format!("r{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
    let Place::Server { server, .. } = &entity.place else { panic!("no server") };
    let password = server.password.clone();
    entity.run(&format!("CREATE ROLE {reader} LOGIN PASSWORD '{password}'; {}", grants.replace("READER", &reader)));
    entity.connect(|server| server.user = reader.clone());
    (entity, reader)
}

fn end(entity: &Entity, reader: &str) {
    entity.run(&format!("DROP OWNED BY {reader}; DROP ROLE {reader}"));
}

#[test]
fn rows_that_a_policy_would_hide_are_a_gap_that_is_named_and_no_proof_that_nobody_is_known() {
    let visit = "
      - name: visit
        fields: [{name: email, data_categories: [user], fides_meta: {identity: email}}, {name: what}]
";
    let sql =
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO customer VALUES (1, 'anna@x.org');
        CREATE TABLE visit (email TEXT, what TEXT); INSERT INTO visit VALUES ('anna@x.org', 'hidden');
        ALTER TABLE visit ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON visit USING (what = 'shown');";
    let (entity, reader) = reading(&format!("{CUSTOMER}{visit}"), sql, "GRANT SELECT ON customer, visit TO READER");
    let parts = entity.collect(Csv);
    assert_eq!(parts.rows("customer"), ["1,anna@x.org"]);
    let [gap] = parts.collected.not_searched.as_slice() else { panic!("{:?}", parts.collected.not_searched) };
    assert_eq!((gap.collection.as_deref(), gap.reason), (Some("visit"), NotSearchedReason::NotReadable));
    assert!(gap.detail.contains("row-level security") && gap.detail.contains("BYPASSRLS"), "{}", gap.detail);
    assert_eq!(parts.collected.answers[0].disposition, Disposition::PartlyFulfilled);
    entity.run(&format!("ALTER ROLE {reader} BYPASSRLS"));
    let parts = entity.collect(Csv);
    assert_eq!(parts.rows("visit"), ["anna@x.org,hidden"]);
    assert!(parts.collected.not_searched.is_empty());
    end(&entity, &reader);
}

#[test]
fn a_user_who_may_read_the_declared_columns_alone_reads_all_rows_of_them() {
    let others = "
      - name: line
        fields:
          - {name: no, fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
          - {name: what}
      - name: hidden_key
        fields:
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
          - {name: what}
      - name: keyless
        fields:
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
          - {name: what}
";
    let make = |name: &str, key: &str| {
        format!(
            "CREATE TABLE {name} (no INTEGER {key}, customer_id INTEGER, what TEXT, secret TEXT);
             CREATE INDEX {name}_by ON {name} (customer_id);
             INSERT INTO {name} VALUES (1, 1, 'a', 's'), (2, 2, 'b', 's'), (3, 3, 'c', 's'), (4, 2, 'b', 's');"
        )
    };
    let sql = format!(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, secret TEXT);
         INSERT INTO customer VALUES (1, 'anna@x.org', 's'), (2, 'anna@x.org', 's'), (3, 'bert@x.org', 's'); {}{}{}",
        make("line", "PRIMARY KEY"),
        make("hidden_key", "PRIMARY KEY"),
        make("keyless", "")
    );
    let grants =
        "GRANT SELECT (id, email) ON customer TO READER; GRANT SELECT (no, customer_id, what) ON line TO READER;
        GRANT SELECT (customer_id, what) ON hidden_key, keyless TO READER;";
    let (entity, reader) = reading(&format!("{CUSTOMER}{others}"), &sql, grants);
    let parts = entity.collect(Csv);
    assert!(parts.collected.not_searched.is_empty(), "{:?}", parts.collected.not_searched);
    assert_eq!(parts.rows("line"), ["1,1,a", "2,2,b", "4,2,b"]);
    assert_eq!(parts.rows("hidden_key"), ["1,a", "2,b", "2,b"]);
    assert_eq!(parts.rows("keyless"), ["1,a", "2,b", "2,b"]);
    end(&entity, &reader);
}
