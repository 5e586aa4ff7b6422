//! Several datasets in one database: one connection and one snapshot of a walk, and one bound for all of them.

use tributary_agent::collect::Database;
use tributary_agent::source::server::Server;
use tributary_model::disposition::Disposition;
use tributary_model::right::TableFormat::Csv;
use tributary_tests::servers::Engine;

use super::support::{Entity, Place};

const SHOP: &str = "
      - name: customer
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
  - fides_key: desk
    collections:
      - name: visit
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
          - {name: v}
";
const VISITS: usize = 20_000;

fn entity(engine: Engine) -> Entity {
    let series = match engine {
        Engine::Postgres => format!("generate_series(1, {VISITS}) AS s (n)"),
        Engine::MariaDb => format!("(SELECT seq AS n FROM seq_1_to_{VISITS}) AS s"),
    };
    let sql = format!(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email VARCHAR(50)); INSERT INTO customer VALUES (1, 'anna@x.org');
         CREATE TABLE visit (id INTEGER PRIMARY KEY, customer_id INTEGER, v VARCHAR(50));
         INSERT INTO visit SELECT n, 1, 'before' FROM {series};"
    );
    Entity::on(engine, SHOP, &sql)
}

/// Reaches both datasets in the same way, but for what `change` does to the second.
fn connect(entity: &mut Entity, both: impl FnOnce(&mut Server), second: impl FnOnce(&mut Server)) {
    entity.connect(both);
    let Some(Database::Server(first)) = entity.sources.databases.get(&"shop".parse().unwrap()).cloned() else { return };
    let mut server = first;
    second(&mut server);
    entity.sources.databases.insert("desk".parse().unwrap(), Database::Server(server));
}

#[test]
fn two_datasets_of_one_database_are_read_in_one_snapshot_over_the_one_connection_that_is_allowed() {
    for engine in Engine::ALL {
        let mut entity = entity(engine);
        let reader = format!("r{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
        let Place::Server { server, .. } = &entity.place else { panic!("no server") };
        let password = server.password.clone();
        entity.run(&match engine {
            Engine::Postgres => format!(
                "CREATE ROLE {reader} LOGIN CONNECTION LIMIT 1 PASSWORD '{password}'; GRANT SELECT ON customer, visit TO {reader}"
            ),
            Engine::MariaDb => format!(
                "CREATE USER {reader}@'%' IDENTIFIED BY '{password}' WITH MAX_USER_CONNECTIONS 1; GRANT SELECT ON * TO {reader}@'%'"
            ),
        });
        // What is said of one of them bounds both.
        let limits = |connections: u32| {
            let reader = reader.clone();
            move |server: &mut Server| {
                server.user = reader;
                server.limits.connections = connections;
            }
        };
        connect(&mut entity, limits(4), limits(1));
        let mut changed = 0;
        let during = &mut |_| {
            entity.run("UPDATE visit SET v = 'after'");
            changed += 1;
        };
        let parts = entity.try_collect(Csv, during).unwrap_or_else(|error| panic!("{engine:?}: {error}"));
        assert!(changed > 0);
        let rows = parts.rows("visit");
        assert_eq!((parts.rows("customer").len(), rows.len()), (1, VISITS));
        assert!(rows.iter().all(|row| row.ends_with("before")));
        let answers = &parts.collected.answers;
        assert!(answers.len() == 2 && answers.iter().all(|answer| answer.disposition == Disposition::Fulfilled));
        entity.run(&match engine {
            Engine::Postgres => format!("DROP OWNED BY {reader}; DROP ROLE {reader}"),
            Engine::MariaDb => format!("DROP USER {reader}@'%'"),
        });
    }
}

#[test]
fn more_users_of_one_database_than_connections_are_refused_at_the_start() {
    let mut entity = entity(Engine::Postgres);
    connect(
        &mut entity,
        |_| {},
        |server| {
            server.user = "somebody_else".to_owned();
            server.limits.connections = 1;
        },
    );
    let problems = entity.load().unwrap_err().to_string();
    assert!(problems.contains("`shop`, `desk` are in one database and reached in 2 ways"), "{problems}");
    assert!(problems.contains("`connections`"), "{problems}");
}
