//! Several datasets in one database: one connection and one snapshot of a walk, and one bound for all of them.

use std::time::Duration;

use tributary_agent::collect::{CollectError, Database};
use tributary_agent::source::server::{Secret, Server};
use tributary_model::disposition::Disposition;
use tributary_model::right::TableFormat::Csv;
use tributary_tests::servers::Engine;

use super::support::{ANNA, Entity, Place, collect, request};

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
fn one_database_named_by_the_agent_for_one_dataset_and_by_the_manifest_for_another_is_one_way() {
    for engine in Engine::ALL {
        let mut entity = entity(engine);
        let Place::Server { database, .. } = &entity.place else { panic!("no server") };
        let path = &entity.sources.manifests[0];
        let named = format!("fides_key: desk\n    fides_meta: {{namespace: {{database_name: {database}}}}}\n");
        let manifest = std::fs::read_to_string(path).unwrap().replace("fides_key: desk\n", &named);
        std::fs::write(path, manifest).unwrap();
        connect(&mut entity, |server| server.limits.connections = 1, |server| server.database = None);
        assert_eq!(entity.collect(Csv).rows("visit").len(), VISITS, "{engine:?}");
    }
}

#[test]
fn a_walk_that_reaches_a_database_in_two_ways_makes_both_connections_under_one_permit() {
    for engine in Engine::ALL {
        let mut entity = entity(engine);
        let password = entity.folder.path().join("password");
        let copy = entity.folder.path().join("another");
        connect(
            &mut entity,
            |server| {
                server.limits.connections = 3;
                server.limits.connect_timeout = Duration::from_millis(300);
            },
            |server| server.password = Some(Secret::File(copy.clone())),
        );
        std::fs::copy(&password, &copy).unwrap();
        let (catalog, mut refused) = (entity.catalog(), 0);
        let during = &mut |_| match collect(&catalog, &request(ANNA, Csv), &mut |_| {}) {
            Err(CollectError::Unavailable { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("four connections where three are allowed"),
        };
        let parts = collect(&catalog, &request(ANNA, Csv), during).unwrap();
        assert_eq!(parts.rows("visit").len(), VISITS, "{engine:?}");
        assert!(refused > 0);
        assert_eq!(collect(&catalog, &request(ANNA, Csv), &mut |_| {}).unwrap().rows("visit").len(), VISITS);
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
