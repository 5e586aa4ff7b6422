//! Promises of PostgreSQL alone: several processes on one database, jobs that are begun anew, a server that comes and goes.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use tokio::sync::Barrier;
use tokio::time::timeout;
use tributary_transport::readiness::Readiness;

use super::super::events::{Head, Record};
use super::super::sql::Tx;
use super::*;
use crate::reachable_state;

/// Long enough never to matter.
const PATIENCE: Duration = Duration::from_secs(60);

/// Another process on the same database.
async fn beside(bench: &Bench) -> (Store, Tasks) {
    let tasks = Tasks::new();
    (bench.place.open(&tasks).await.unwrap(), tasks)
}

async fn note(tx: &mut Tx, store: &Store, case: CaseId) -> Result<(), StoreError> {
    let mut head = Head::read(tx, store.keys(), case).await?;
    head.record(tx, "NOTED", now(), Record::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_work_on_one_case_at_once_do_everything_once() {
    const ENTITIES: [&str; 8] = ["at", "be", "cz", "de", "es", "fr", "gr", "hu"];
    let mut bench = Bench::new(Engine::Postgres).await;
    let (second, _tasks) = beside(&bench).await;
    let case = bench.case(Waiting::ByDeliveryDate, &ENTITIES).await;
    let first = bench.store.clone();
    // Each entity is claimed by both at once, and one of them gets it.
    let claims = join_all(ENTITIES.iter().flat_map(|entity| {
        [&first, &second].map(|store| async move {
            let claims = store.claim(id(entity), 4, LEASE, now()).await.unwrap();
            claims.into_iter().map(|claim| (store.clone(), claim)).collect::<Vec<_>>()
        })
    }));
    let claims: Vec<(Store, Claim)> = claims.await.into_iter().flatten().collect();
    assert_eq!(claims.len(), ENTITIES.len());
    join_all(claims.iter().map(|(store, claim)| async move {
        store.located(claim, now()).await.unwrap();
        store.export_started(claim, now()).await.unwrap();
        store.generation_started(claim, 1, now()).await.unwrap();
        let answer = attestation(claim, Disposition::NoData, now());
        store.attested(claim, answer, b"{}".to_vec(), now()).await.unwrap();
    }))
    .await;
    let (events, state) = second.events_after(case, 0).await.unwrap();
    assert!(events.iter().zip(1..).all(|(event, cursor)| event.cursor == cursor), "no gap and no number twice");
    assert_eq!(state, CaseState::Assembling);
    for once in ["FIRST_LOCATED", "FIRST_EXPORT", "ARCHIVE_DUE"] {
        assert_eq!(events.iter().filter(|event| event.name == once).count(), 1, "{once}");
    }
    assert_eq!(events.iter().filter(|event| event.name == "ANSWERED_FINALLY").count(), ENTITIES.len());
    bench.store = first;
    assert_eq!(bench.count("SELECT COUNT(*) AS n FROM archives").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_given_to_several_processes_at_once_opens_one_case() {
    let bench = Bench::new(Engine::Postgres).await;
    let (second, _tasks) = beside(&bench).await;
    for round in 0..10_u8 {
        let new = new_case(Waiting::ByDeliveryDate, &["be"], true, [round; 32]);
        let opened = join_all((0..6).map(|turn| {
            let store = if turn % 2 == 0 { &bench.store } else { &second };
            let new = new.clone();
            async move { store.open_case(new, now()).await.unwrap() }
        }))
        .await;
        let first = opened.iter().filter(|opened| matches!(opened, Opened::New(_))).count();
        let mut cases: Vec<CaseId> = opened
            .into_iter()
            .map(|opened| match opened {
                Opened::New(case) | Opened::Before(case) => case.id,
            })
            .collect();
        cases.dedup();
        assert_eq!((first, cases.len()), (1, 1));
    }
}

#[tokio::test]
async fn two_jobs_that_wait_for_each_other_both_get_through() {
    let bench = Bench::new(Engine::Postgres).await;
    let cases =
        [bench.case(Waiting::ByDeliveryDate, &["be"]).await, bench.case(Waiting::ByDeliveryDate, &["be"]).await];
    let (both_hold, runs) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
    let job = |first: usize| {
        let (store, both_hold, runs) = (bench.store.clone(), Arc::clone(&both_hold), Arc::clone(&runs));
        bench.store.write("note in two cases", move |tx| {
            Box::pin(async move {
                note(tx, &store, cases[first]).await?;
                if runs.fetch_add(1, Ordering::SeqCst) < 2 {
                    both_hold.wait().await;
                }
                note(tx, &store, cases[1 - first]).await
            })
        })
    };
    let (one, other) = timeout(PATIENCE, async { tokio::join!(job(0), job(1)) }).await.unwrap();
    one.unwrap();
    other.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 3, "one of them was begun anew");
    assert_eq!(bench.count("SELECT COUNT(*) AS n FROM events WHERE name = 'NOTED'").await, 4);
}

#[tokio::test]
async fn what_the_database_asks_to_repeat_is_repeated_and_kept_once() {
    let bench = Bench::new(Engine::Postgres).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let (store, counted) = (bench.store.clone(), Arc::clone(&runs));
    let noted = bench.store.write("note", move |tx| {
        Box::pin(async move {
            note(tx, &store, case).await?;
            if counted.fetch_add(1, Ordering::SeqCst) < 4 {
                tx.run("DO $$ BEGIN RAISE EXCEPTION 'others were first' USING ERRCODE = '40001'; END $$", &[]).await?;
            }
            Ok(())
        })
    });
    noted.await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 5);
    assert_eq!(bench.count("SELECT COUNT(*) AS n FROM events WHERE name = 'NOTED'").await, 1);
}

#[tokio::test]
async fn a_job_that_took_no_notice_of_a_failed_statement_is_not_answered_as_done() {
    let bench = Bench::new(Engine::Postgres).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let store = bench.store.clone();
    let noted = bench.store.write("note", move |tx| {
        Box::pin(async move {
            note(tx, &store, case).await?;
            let _ = tx.run("SELECT nothing FROM nowhere", &[]).await;
            Ok(())
        })
    });
    assert!(noted.await.is_err());
    assert_eq!(bench.count("SELECT COUNT(*) AS n FROM events WHERE name = 'NOTED'").await, 0);
}

#[tokio::test]
async fn a_full_volume_of_the_server_is_said_as_such() {
    let bench = Bench::new(Engine::Postgres).await;
    let full = bench.store.write("fill", |tx| {
        Box::pin(async move {
            let sql = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$";
            tx.run(sql, &[]).await.map(drop)
        })
    });
    assert!(matches!(full.await, Err(StoreError::Full)));
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_not_said_to_be_done_or_undone() {
    let bench = Bench::new(Engine::Postgres).await;
    // Ends the connection between the word to commit and the answer.
    bench.place.database().run(
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON request_ids DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION cut();",
    );
    let new = new_case(Waiting::ByDeliveryDate, &["be"], true, [1; 32]);
    let opened = bench.store.open_case(new.clone(), now()).await.unwrap_err();
    assert!(matches!(opened, StoreError::Unknown(_)) && !opened.changed_nothing(), "{opened:?}");
    bench.place.database().run("DROP TRIGGER cut ON request_ids");
    // Whoever asked asks again, and has one case in the end.
    bench.store.open_case(new.clone(), now()).await.unwrap();
    let Opened::Before(_) = bench.store.open_case(new, now()).await.unwrap() else { panic!("opened twice") };
    assert_eq!(bench.count("SELECT COUNT(*) AS n FROM cases").await, 1);
}

#[tokio::test]
async fn what_one_process_commits_the_others_hear_of() {
    let bench = Bench::new(Engine::Postgres).await;
    let (second, _tasks) = beside(&bench).await;
    let mut heard = second.changes();
    let mut own = bench.store.changes();
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    for changes in [&mut heard, &mut own] {
        let told = async { while changes.recv().await.unwrap() != Changed::Case(case) {} };
        timeout(PATIENCE, told).await.unwrap();
    }
}

/// Waits until `/readyz` would say so.
async fn ready(readiness: &Readiness, expected: bool) {
    let said = async {
        while readiness.is_ready() != expected {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, said).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_in_the_middle_of_a_case_costs_only_the_time() {
    let bench = Bench::at(Place::private()).await;
    let (second, tasks) = beside(&bench).await;
    let readiness = Readiness::new();
    let watch = reachable_state::watch(second.clone(), readiness.require("database"), tasks.stopping());
    tasks.spawn("state of the database", watch);
    ready(&readiness, true).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let claim = bench.claim("be", now()).await.unwrap();
    bench.store.located(&claim, now()).await.unwrap();
    // Connections of both kinds are open and idle when it goes.
    bench.get(case).await;
    bench.place.database().stop();
    for _ in 0..3 {
        let refused = bench.store.export_started(&claim, now()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
        let refused = bench.store.case(case).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
        assert!(bench.store.check().await.is_err());
    }
    ready(&readiness, false).await;
    bench.place.database().again();
    ready(&readiness, true).await;
    let mut heard = second.changes();
    bench.store.export_started(&claim, now()).await.unwrap();
    bench.store.generation_started(&claim, 1, now()).await.unwrap();
    let answer = attestation(&claim, Disposition::NoData, now());
    bench.store.attested(&claim, answer, b"{}".to_vec(), now()).await.unwrap();
    assert_eq!(second.case(case).await.unwrap().unwrap().state, CaseState::Assembling);
    // Whoever listened has missed some, and looks at everything again.
    let told = async { while !heard.recv().await.unwrap().concerns(case) {} };
    timeout(PATIENCE, told).await.unwrap();
    let (events, _) = bench.store.events_after(case, 0).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.name == "FIRST_EXPORT").count(), 1);
}

#[tokio::test]
async fn no_connection_that_was_cut_while_idle_fails_a_call() {
    let bench = Bench::new(Engine::Postgres).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    join_all((0..10).map(|_| bench.get(case))).await;
    bench.place.database().run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    join_all((0..10).map(|_| bench.get(case))).await;
    bench.claim("be", now()).await.unwrap();
}
