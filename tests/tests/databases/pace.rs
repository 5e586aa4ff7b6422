//! The agent's own rate: what it waits for itself is no time of the server's, and the server's time is bounded all the same.

use std::time::{Duration, Instant};

use tributary_model::disposition::Disposition;
use tributary_model::right::TableFormat::Csv;
use tributary_tests::servers::Engine;

use super::support::Entity;

const CUSTOMER: &str = "
      - name: customer
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
";
const VISITS: usize = 3000;

#[test]
fn rows_that_come_at_the_agents_own_rate_all_come_however_long_that_takes() {
    let visit = "
      - name: visit
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
          - {name: v}
";
    for engine in Engine::ALL {
        // More than waits between the server and here.
        let series = match engine {
            Engine::Postgres => format!("generate_series(1, {VISITS}) AS s (n)"),
            Engine::MariaDb => format!("(SELECT seq AS n FROM seq_1_to_{VISITS}) AS s"),
        };
        let sql = format!(
            "CREATE TABLE customer (id INTEGER PRIMARY KEY, email VARCHAR(50)); INSERT INTO customer VALUES (1, 'anna@x.org');
             CREATE TABLE visit (id INTEGER PRIMARY KEY, customer_id INTEGER, v TEXT);
             INSERT INTO visit SELECT n, 1, repeat('0123456789', 1000) FROM {series};"
        );
        let mut entity = Entity::on(engine, &format!("{CUSTOMER}{visit}"), &sql);
        entity.connect(|server| {
            server.limits.rows_per_second = Some(1000);
            server.limits.statement_timeout = Duration::from_millis(700);
        });
        let begun = Instant::now();
        let parts = entity.collect(Csv);
        assert!(begun.elapsed() > Duration::from_millis(1500), "no rate");
        assert_eq!(parts.rows("visit").len(), VISITS, "{engine:?}: {:?}", parts.collected.not_searched);
        assert_eq!(parts.collected.answers[0].disposition, Disposition::Fulfilled);
    }
}

#[test]
fn a_statement_that_takes_the_server_too_long_is_named_at_any_rate_and_the_rest_comes() {
    for engine in Engine::ALL {
        let slow = match engine {
            Engine::Postgres => "CREATE VIEW slow AS SELECT id, email, pg_sleep(60)::text AS v FROM customer",
            Engine::MariaDb => "CREATE VIEW slow AS SELECT id, email, sleep(60) AS v FROM customer",
        };
        let others = "
      - name: slow
        fields: [{name: email, fides_meta: {identity: email}}, {name: v}]
      - name: visit
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
";
        let sql = format!(
            "CREATE TABLE customer (id INTEGER PRIMARY KEY, email VARCHAR(50)); INSERT INTO customer VALUES (1, 'anna@x.org');
             CREATE TABLE visit (id INTEGER PRIMARY KEY, customer_id INTEGER); INSERT INTO visit VALUES (1, 1), (2, 1); {slow}"
        );
        let mut entity = Entity::on(engine, &format!("{CUSTOMER}{others}"), &sql);
        entity.connect(|server| {
            server.limits.rows_per_second = Some(100_000);
            server.limits.statement_timeout = Duration::from_millis(500);
        });
        let begun = Instant::now();
        let parts = entity.collect(Csv);
        assert!(begun.elapsed() < Duration::from_secs(50), "the server was waited for");
        assert_eq!(parts.rows("visit"), ["1,1", "2,1"]);
        let [gap] = parts.collected.not_searched.as_slice() else { panic!("{:?}", parts.collected.not_searched) };
        assert_eq!(gap.collection.as_deref(), Some("slow"));
        assert!(gap.detail.contains("statement_timeout"), "{}", gap.detail);
    }
}
