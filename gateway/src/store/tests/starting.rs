//! What a start refuses: a database that another version made, one made with another key, one that is in use.

use super::place::write_password;
use super::*;

on_both_databases![
    a_schema_that_this_version_does_not_know_is_refused,
    a_step_that_was_edited_after_it_was_applied_is_refused,
    another_key_is_refused,
    two_processes_that_start_at_once_have_the_same_keys,
    a_group_file_older_than_the_one_in_force_does_not_take_its_place,
];

/// Ends a store and what it runs.
async fn end(bench: Bench) -> Place {
    let Bench { place, tasks, store } = bench;
    drop(store);
    tasks.drain(CLOSE).await;
    place
}

async fn change(bench: &Bench, sql: &'static str) {
    let values = sql::vals![vec![0_u8; 4]];
    let changed = bench.store.write("change the history of the schema", move |tx| {
        Box::pin(async move { tx.run(sql, &values).await.map(drop) })
    });
    changed.await.unwrap();
}

async fn a_schema_that_this_version_does_not_know_is_refused(engine: Engine) {
    let bench = Bench::new(engine).await;
    let add = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
               VALUES (99, 'from the future', TRUE, $1, 0)";
    change(&bench, add).await;
    let place = end(bench).await;
    assert!(matches!(place.open(&Tasks::new()).await, Err(StoreError::NewerSchema(99))));
    if engine == Engine::Postgres {
        assert!(matches!(place.migrate().await, Err(StoreError::NewerSchema(99))));
    }
}

async fn a_step_that_was_edited_after_it_was_applied_is_refused(engine: Engine) {
    let bench = Bench::new(engine).await;
    change(&bench, "UPDATE _sqlx_migrations SET checksum = $1 WHERE version = 2").await;
    let place = end(bench).await;
    assert!(matches!(place.open(&Tasks::new()).await, Err(StoreError::OtherSchema(2))));
    if engine == Engine::Postgres {
        assert!(matches!(place.migrate().await, Err(StoreError::OtherSchema(2))));
    }
}

async fn another_key_is_refused(engine: Engine) {
    let place = end(Bench::new(engine).await).await;
    let other = kek(place.folder.path(), "another");
    assert!(matches!(place.open_with(other, &Tasks::new()).await, Err(StoreError::WrongKey)));
    let tasks = Tasks::new();
    place.open(&tasks).await.unwrap();
}

async fn two_processes_that_start_at_once_have_the_same_keys(engine: Engine) {
    let place = Place::new(engine);
    place.migrate().await.unwrap();
    let tasks = Tasks::new();
    let (first, second) = tokio::join!(place.open(&tasks), place.open(&tasks));
    if engine == Engine::Sqlite {
        // The lock of the data directory is one process's.
        assert!(matches!((first, second), (Ok(_), Err(StoreError::Locked(_))) | (Err(StoreError::Locked(_)), Ok(_))));
        return;
    }
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.mac("test", b"data"), second.mac("test", b"data"));
}

async fn a_group_file_older_than_the_one_in_force_does_not_take_its_place(engine: Engine) {
    let bench = Bench::new(engine).await;
    let group = |version| InForce { version, digest: "00".repeat(32) };
    bench.store.put_group_in_force(group(3), public_part(3, &[])).await.unwrap();
    let refused = bench.store.put_group_in_force(group(2), public_part(2, &[])).await;
    assert!(matches!(refused, Err(StoreError::NewerGroup(3))));
    assert_eq!(bench.store.group_in_force().await.unwrap().unwrap().version, 3);
}

#[tokio::test]
async fn a_start_on_postgres_changes_no_schema_and_says_what_does() {
    let place = Place::new(Engine::Postgres);
    let refused = place.open(&Tasks::new()).await.err().unwrap();
    assert!(matches!(refused, StoreError::OlderSchema { found: 0, .. }), "{refused}");
    assert!(refused.to_string().contains("tributary migrate --config"), "{refused}");
    // Of several jobs that start at once, one does it and the others find it done.
    let done = futures::future::join_all((0..4).map(|_| place.migrate())).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    place.open(&Tasks::new()).await.unwrap();
    place.database().run("DELETE FROM _sqlx_migrations WHERE version > 1");
    let refused = place.open(&Tasks::new()).await.err().unwrap();
    assert!(matches!(refused, StoreError::OlderSchema { found: 1, .. }), "{refused}");
}

#[tokio::test]
async fn a_server_that_is_not_the_one_meant_and_a_wrong_password_are_refused_without_saying_it() {
    let place = Place::new(Engine::Postgres);
    place.migrate().await.unwrap();
    let mut settings = place.settings(place.database());
    let secret = place.folder.path().join("wrong");
    write_password(&secret, "hunter2-and-more");
    settings.password = Some(tributary_model::database::Secret::File(secret));
    let refused = Store::open_postgres(&settings, place.kek(), &Tasks::new()).await.err().unwrap().to_string();
    assert!(refused.contains("password authentication failed") && !refused.contains("hunter2"), "{refused}");
    assert!(!format!("{settings:?}").contains("hunter2"));
    let mut settings = place.settings(place.database());
    settings.tls = tributary_model::database::Tls::Verified { authority: None };
    let refused = Store::open_postgres(&settings, place.kek(), &Tasks::new()).await.err().unwrap();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
}
