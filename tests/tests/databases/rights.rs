//! What the agent's user may not read is told before a request meets it.

use tributary_agent::check::{Code, inspect};
use tributary_agent::source::server::Secret;
use tributary_tests::servers::{Engine, write_password};

use super::support::{Entity, clock};

const MANIFEST: &str = "
      - name: customer
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
      - name: purchase
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
      - name: letter
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
          - {name: body}
          - {name: sealed}
      - name: call
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
";

const TABLES: &str = "
    CREATE TABLE customer (id INTEGER PRIMARY KEY, email VARCHAR(50));
    CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER);
    CREATE TABLE letter (id INTEGER PRIMARY KEY, customer_id INTEGER, body TEXT, sealed TEXT, draft TEXT);
    CREATE TABLE call (id INTEGER PRIMARY KEY, customer_id INTEGER);";

/// A user who may read part of it, made by this SQL, in which READER stands for the name.
fn told(sql: &str) -> Vec<(String, String)> {
    let user = format!("r{}", &uuid::Uuid::new_v4().simple().to_string()[..20]);
    let sql = format!("CREATE USER {user} PASSWORD 'reader'; {TABLES} {}", sql.replace("READER", &user));
    let mut entity = Entity::on(Engine::Postgres, MANIFEST, &sql);
    let secret = entity.folder.path().join("reader");
    write_password(&secret, "reader").unwrap();
    entity.connect(|server| {
        server.user.clone_from(&user);
        server.password = Some(Secret::File(secret));
    });
    let report = inspect(&entity.sources, entity.limits.clone(), clock());
    assert!(report.is_ok(), "{:?}", report.problems);
    // A user who still has rights cannot be removed.
    entity.run(&format!("DROP OWNED BY {user}; DROP USER {user};"));
    let item = |item: &tributary_agent::check::Item| (item.name.clone(), item.detail.clone());
    report.items(Code::MayNotRead).iter().map(item).collect()
}

#[test]
fn tables_and_columns_that_may_not_be_read_are_named() {
    let found =
        told("GRANT SELECT ON customer, call TO READER; GRANT SELECT (id, customer_id, body) ON letter TO READER;");
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["shop.purchase", "shop.letter"]);
    assert!(found[0].1.contains("no permission"), "{found:?}");
    assert!(found[1].1.starts_with("`sealed`: "), "{found:?}");
}

#[test]
fn tables_whose_policies_hide_rows_from_the_user_are_named() {
    let found = told(
        "GRANT SELECT ON customer, purchase, letter, call TO READER;
         ALTER TABLE purchase ENABLE ROW LEVEL SECURITY; CREATE POLICY a_few ON purchase USING (id > 1);
         ALTER TABLE call ENABLE ROW LEVEL SECURITY; CREATE POLICY nobodys ON call TO pg_monitor USING (false);",
    );
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["shop.purchase", "shop.call"]);
    assert!(found.iter().all(|(_, why)| why.contains("row-level policies")), "{found:?}");
}
