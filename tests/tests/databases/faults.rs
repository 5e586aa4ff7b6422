//! What can go wrong with a server: each time the answer is whole, or says what is missing, or comes later.

use std::sync::Arc;

use tributary_agent::collect::{CollectError, Located};
use tributary_agent::source::server::{Address, Secret};
use tributary_archive::attestation::NotSearchedReason;
use tributary_model::disposition::Disposition;
use tributary_model::right::TableFormat::Csv;
use tributary_tests::crowd::Crowd;
use tributary_tests::servers::{Engine, Server, write_password};

use super::support::{ANNA, Entity, PLACES, Parts, Place, collect, request, series};

const CUSTOMER: &str = "
      - name: customer
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: v}
";
const VISITS: u32 = 20_000;
const VISIT: &str = "
      - name: visit
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
          - {name: v}
";

/// A person with more rows than wait in memory, so that parts are begun in the middle of the walk.
fn busy(place: Option<Engine>) -> String {
    format!(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email VARCHAR(100), v VARCHAR(100));
         INSERT INTO customer VALUES (1, 'anna@x.org', 'before');
         CREATE TABLE visit (id INTEGER PRIMARY KEY, customer_id INTEGER, v VARCHAR(100));
         INSERT INTO visit SELECT n, 1, 'before' FROM {};",
        series(place, VISITS.into())
    )
}

fn both(engine: Engine) -> Entity {
    both_in(Some(engine))
}

fn both_in(place: Option<Engine>) -> Entity {
    Entity::in_place(place, &format!("{CUSTOMER}{VISIT}"), &busy(place))
}

/// A user who may read everything and is nobody else; the password is that of the tests.
fn reader(entity: &Entity, engine: Engine) -> String {
    let reader = format!("r{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
    let Place::Server { server, .. } = &entity.place else { panic!("no server") };
    let password = &server.password;
    entity.run(&match engine {
        Engine::Postgres => format!(
            "CREATE ROLE {reader} LOGIN PASSWORD '{password}'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}"
        ),
        Engine::MariaDb => {
            format!("CREATE USER {reader}@'%' IDENTIFIED BY '{password}'; GRANT SELECT ON * TO {reader}@'%'")
        }
    });
    reader
}

fn why(outcome: Result<Parts, CollectError>) -> String {
    match outcome {
        Err(CollectError::Unavailable { detail, .. }) => detail,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("collected"),
    }
}

#[test]
fn a_row_that_changes_while_it_is_read_is_that_of_the_snapshot() {
    for engine in Engine::ALL {
        let entity = both(engine);
        let mut changed = 0;
        let parts = entity
            .try_collect(Csv, &mut |_| {
                entity.run(
                    "UPDATE visit SET v = 'after'; UPDATE customer SET v = 'after'; DELETE FROM visit WHERE id > 19000",
                );
                changed += 1;
            })
            .unwrap();
        assert!(changed > 0);
        let rows = parts.rows("visit");
        assert_eq!(rows.len(), VISITS as usize);
        assert!(rows.iter().chain(&parts.rows("customer")).all(|row| row.ends_with("before")));
    }
}

#[test]
fn a_server_that_is_down_at_start_is_named_and_asked_again_later() {
    for engine in Engine::ALL {
        let mut entity = both(engine);
        let mut port = 0;
        entity.connect(|server| {
            let Address::Tcp { port: own, .. } = &mut server.address else { return };
            port = std::mem::replace(own, 1);
        });
        let catalog = entity.catalog();
        assert_eq!(catalog.unavailable().len(), 1);
        assert!(catalog.unavailable()[0].detail.contains("localhost:1"), "{:?}", catalog.unavailable());
        assert!(why(collect(&catalog, &request(ANNA, Csv), &mut |_| {})).contains("connection broke"));
        entity.connect(|server| assert!(matches!(&server.address, Address::Tcp { port: own, .. } if *own == port)));
        assert_eq!(entity.collect(Csv).rows("visit").len(), VISITS as usize);
    }
}

#[test]
fn a_server_that_goes_down_during_the_walk_costs_the_walk_and_after_the_last_row_nothing() {
    for engine in Engine::ALL {
        let server = Arc::new(Server::private(engine).unwrap());
        let entity = Entity::at(Arc::clone(&server), &format!("{CUSTOMER}{VISIT}"), &busy(Some(engine)));
        let catalog = entity.catalog();
        // Enough that the server cannot have sent it all when the first part is begun.
        let widen = match engine {
            Engine::Postgres => {
                "ALTER TABLE visit ALTER v TYPE TEXT; UPDATE visit SET v = repeat(id::text || '-', 500)"
            }
            Engine::MariaDb => "ALTER TABLE visit MODIFY v TEXT; UPDATE visit SET v = repeat(concat(id, '-'), 500)",
        };
        entity.run(widen);
        let mut stopped = false;
        let outcome = collect(&catalog, &request(ANNA, Csv), &mut |_| {
            if !stopped {
                server.stop().unwrap();
                stopped = true;
            }
        });
        assert!(stopped && !why(outcome).is_empty());
        assert!(!why(collect(&catalog, &request(ANNA, Csv), &mut |_| {})).is_empty());
        server.again().unwrap();
        assert_eq!(collect(&catalog, &request(ANNA, Csv), &mut |_| {}).unwrap().rows("visit").len(), VISITS as usize);
        // So few rows that they are all read before the first part is begun.
        entity.run("DELETE FROM visit WHERE id > 10");
        let parts = collect(&catalog, &request(ANNA, Csv), &mut |begun| {
            if begun == 0 {
                server.stop().unwrap();
            }
        });
        let parts = parts.unwrap();
        assert_eq!((parts.rows("visit").len(), parts.collected.answers[0].disposition), (10, Disposition::Fulfilled));
    }
}

#[test]
fn connections_that_are_used_up_are_waited_for_and_then_named() {
    for engine in Engine::ALL {
        let mut entity = both(engine);
        let reader = reader(&entity, engine);
        entity.run(&match engine {
            Engine::Postgres => format!("ALTER ROLE {reader} CONNECTION LIMIT 1"),
            Engine::MariaDb => format!("ALTER USER {reader}@'%' WITH MAX_USER_CONNECTIONS 1"),
        });
        entity.connect(|server| {
            server.user = reader.clone();
            server.limits.connections = 1;
            server.limits.connect_timeout = std::time::Duration::from_millis(1500);
        });
        let (catalog, other) = (entity.catalog(), entity.catalog());
        let mut refusals = Vec::new();
        let outcome = collect(&catalog, &request(ANNA, Csv), &mut |begun| {
            if begun == 0 {
                refusals.push(why(collect(&catalog, &request(ANNA, Csv), &mut |_| {})));
                refusals.push(why(collect(&other, &request(ANNA, Csv), &mut |_| {})));
            }
        });
        assert_eq!(outcome.unwrap().rows("visit").len(), VISITS as usize);
        assert!(refusals[0].contains("all 1 connections that `connections` allows"), "{refusals:?}");
        assert!(refusals[1].contains("used up by others") && refusals[1].contains("allows this user"), "{refusals:?}");
        assert_eq!(collect(&other, &request(ANNA, Csv), &mut |_| {}).unwrap().rows("visit").len(), VISITS as usize);
        drop_user(&entity, engine, &reader);
    }
}

#[test]
fn a_server_that_is_full_says_so_at_the_start_and_in_every_walk_until_a_place_is_free() {
    for engine in Engine::ALL {
        let server = Arc::new(Server::private(engine).unwrap());
        server.let_few_in().unwrap();
        let mut entity = Entity::at(Arc::clone(&server), &format!("{CUSTOMER}{VISIT}"), &busy(Some(engine)));
        let reader = reader(&entity, engine);
        entity.connect(|settings| settings.user = reader.clone());
        let crowd = Crowd::in_all_places(&server).unwrap();
        let catalog = entity.catalog();
        let at_start = catalog.unavailable()[0].detail.clone();
        let in_a_walk = why(collect(&catalog, &request(ANNA, Csv), &mut |_| {}));
        for said in [&at_start, &in_a_walk] {
            let place = format!("localhost:{} as `{reader}`", server.port);
            assert!(said.contains("used up by others") && said.contains("max_connections"), "{said}");
            assert!(said.contains(&place) && !said.contains("password"), "{said}");
        }
        drop(crowd);
        // The server notices a moment after its clients that they are gone.
        let again = || collect(&catalog, &request(ANNA, Csv), &mut |_| {}).ok();
        let parts = std::iter::repeat_with(again).take(10_000).flatten().next().expect("no place is free");
        assert_eq!(parts.rows("visit").len(), VISITS as usize);
    }
}

fn drop_user(entity: &Entity, engine: Engine, user: &str) {
    match engine {
        Engine::Postgres => entity.run(&format!("DROP OWNED BY {user}; DROP ROLE {user}")),
        Engine::MariaDb => entity.run(&format!("DROP USER {user}@'%'")),
    }
}

#[test]
fn a_table_dropped_or_a_column_renamed_since_the_start_makes_the_answer_partial_and_is_named() {
    let changes = [
        "DROP TABLE visit",
        "ALTER TABLE visit RENAME COLUMN v TO w",
        "ALTER TABLE visit RENAME COLUMN customer_id TO who",
    ];
    for (place, change) in PLACES.into_iter().flat_map(|place| changes.map(|change| (place, change))) {
        let entity = both_in(place);
        let catalog = entity.catalog();
        entity.run(change);
        let parts = collect(&catalog, &request(ANNA, Csv), &mut |_| {}).unwrap();
        assert_eq!(
            (parts.rows("customer").as_slice(), parts.rows("visit").len()),
            (&["1,anna@x.org,before".to_owned()][..], 0)
        );
        let gap = &parts.collected.not_searched[0];
        assert_eq!((gap.collection.as_deref(), gap.reason), (Some("visit"), NotSearchedReason::NotReadable));
        assert_eq!(parts.collected.answers[0].disposition, Disposition::PartlyFulfilled);
        let problems = entity.load().unwrap_err().to_string();
        assert!(problems.contains("collection `visit`"), "{problems}");
    }
}

#[test]
fn nobody_is_said_to_be_unknown_once_the_column_that_would_know_them_was_renamed() {
    for place in PLACES {
        let entity = both_in(place);
        let catalog = entity.catalog();
        entity.run("ALTER TABLE customer RENAME COLUMN email TO mail");
        let parts = collect(&catalog, &request(ANNA, Csv), &mut |_| {}).unwrap();
        let gap = &parts.collected.not_searched[0];
        assert_eq!((gap.collection.as_deref(), gap.reason), (Some("customer"), NotSearchedReason::NotReadable));
        assert!(gap.detail.contains("no column `email`"), "{place:?} {}", gap.detail);
        assert!(parts.collected.answers.iter().all(|answer| answer.disposition != Disposition::NoData), "{place:?}");
    }
}

#[test]
fn one_table_of_ten_that_may_not_be_read_makes_the_answer_partial_and_is_named() {
    for engine in Engine::ALL {
        let table = |n: u32| {
            format!(
                "      - {{name: t{n}, fields: [{{name: who, data_categories: [user], fides_meta: {{identity: email}}}}]}}\n"
            )
        };
        let manifest: String = (0..10).map(table).collect();
        let make = |n| format!("CREATE TABLE t{n} (who VARCHAR(50)); INSERT INTO t{n} VALUES ('anna@x.org');");
        let mut entity = Entity::on(engine, &manifest, &(0..10).map(make).collect::<String>());
        let reader = format!("r{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
        let grant = |n: u32| match engine {
            Engine::Postgres => format!("GRANT SELECT ON t{n} TO {reader};"),
            Engine::MariaDb => format!("GRANT SELECT ON t{n} TO {reader}@'%';"),
        };
        let grants: String = (0..9).map(grant).collect();
        match engine {
            Engine::Postgres => entity.run(&format!("CREATE ROLE {reader} LOGIN PASSWORD 'x'; {grants}")),
            Engine::MariaDb => entity.run(&format!("CREATE USER {reader}@'%' IDENTIFIED BY 'x'; {grants}")),
        }
        let password = entity.folder.path().join("reader");
        write_password(&password, "x").unwrap();
        entity.connect(|server| {
            server.user = reader.clone();
            server.password = Some(Secret::File(password.clone()));
        });
        let parts = entity.collect(Csv);
        assert!((0..9).all(|n| parts.rows(&format!("t{n}")) == ["anna@x.org"]));
        let [gap] = parts.collected.not_searched.as_slice() else { panic!("{:?}", parts.collected.not_searched) };
        assert_eq!((gap.collection.as_deref(), gap.reason), (Some("t9"), NotSearchedReason::NotReadable));
        assert!(gap.detail.contains("no permission"), "{}", gap.detail);
        assert_eq!(parts.collected.answers[0].disposition, Disposition::PartlyFulfilled);
        drop_user(&entity, engine, &reader);
    }
}

#[test]
fn a_wrong_password_and_an_unknown_authority_are_said_and_nothing_is_sent_without_tls() {
    for engine in Engine::ALL {
        let mut entity = both(engine);
        let wrong = entity.folder.path().join("wrong");
        write_password(&wrong, "hunter2").unwrap();
        entity.connect(|server| server.password = Some(Secret::File(wrong.clone())));
        let detail = why(entity.try_collect(Csv, &mut |_| {}));
        assert!(detail.contains("refuses the user or the password") && !detail.contains("hunter2"), "{detail}");
        entity.connect(|server| server.tls = tributary_agent::source::server::Tls::Verified { authority: None });
        let detail = why(entity.try_collect(Csv, &mut |_| {}));
        assert!(detail.contains("TLS failed"), "{detail}");
        // The certificate is that of `localhost`, and not of its address.
        entity.connect(|server| {
            let Address::Tcp { host, .. } = &mut server.address else { return };
            *host = "127.0.0.1".to_owned();
        });
        let detail = why(entity.try_collect(Csv, &mut |_| {}));
        assert!(detail.contains("TLS failed"), "{detail}");
    }
}

#[test]
fn a_socket_needs_no_tls() {
    for engine in Engine::ALL {
        let mut entity = both(engine);
        let server = Server::shared(engine).unwrap();
        entity.connect(|settings| {
            settings.address = Address::Socket(match engine {
                Engine::Postgres => server.socket.join(format!(".s.PGSQL.{}", server.port)),
                Engine::MariaDb => server.socket.clone(),
            });
            settings.tls = tributary_agent::source::server::Tls::Disabled;
        });
        assert_eq!(entity.collect(Csv).rows("customer").len(), 1);
    }
}

#[test]
fn two_identifiers_of_two_people_are_answered_with_a_question() {
    for engine in Engine::ALL {
        let entity = both(engine);
        entity.run("INSERT INTO customer VALUES (2, 'bert@x.org', '')");
        let two = &[("email", "anna@x.org"), ("email", "Bert@X.org")];
        let parts = collect(&entity.catalog(), &request(two, Csv), &mut |_| {}).unwrap();
        assert_eq!(parts.collected.located, Located::NeedsIdentity);
        assert!(parts.parts.is_empty());
    }
}

#[test]
fn a_snapshot_is_held_for_a_bounded_time_only() {
    for engine in Engine::ALL {
        let mut entity = both(engine);
        entity.connect(|server| server.limits.snapshot_max = std::time::Duration::from_millis(1000));
        // Longer than the snapshot may be held: as if the disk of the spool were slow.
        let outcome = entity.try_collect(Csv, &mut |_| std::thread::sleep(std::time::Duration::from_millis(1100)));
        assert!(matches!(outcome, Err(CollectError::SnapshotTooLong { .. })));
    }
}

#[test]
fn a_statement_that_takes_too_long_is_named_and_the_rest_comes() {
    for engine in Engine::ALL {
        let slow = match engine {
            Engine::Postgres => "CREATE VIEW slow AS SELECT email, pg_sleep(30)::text AS v FROM customer",
            Engine::MariaDb => "CREATE VIEW slow AS SELECT email, sleep(30) AS v FROM customer",
        };
        let view = "
      - name: slow
        fields: [{name: email, fides_meta: {identity: email}}, {name: v}]
";
        let mut entity = Entity::on(engine, &format!("{CUSTOMER}{view}"), &format!("{}{slow}", busy(Some(engine))));
        entity.connect(|server| server.limits.statement_timeout = std::time::Duration::from_millis(500));
        let parts = entity.collect(Csv);
        assert_eq!(parts.rows("customer").len(), 1);
        let gap = &parts.collected.not_searched[0];
        assert_eq!(gap.collection.as_deref(), Some("slow"));
        assert!(gap.detail.contains("statement_timeout"), "{}", gap.detail);
    }
}
