//! Promises about who works on a task: one holder, stale ones write nothing, failures that count and what an entity is told again.

use super::*;

on_both_databases![
    a_task_has_one_holder_and_a_stale_one_cannot_write,
    only_failures_that_count_park_a_task_and_progress_clears_them,
    who_has_an_entity_asked_at_once_is_recorded,
    more_identifiers_do_not_change_what_an_entity_under_way_was_told,
];

async fn a_task_has_one_holder_and_a_stale_one_cannot_write(engine: Engine) {
    let bench = Bench::new(engine).await;
    bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let stale = bench.claim("be", now()).await.unwrap();
    assert!(bench.claim("be", now()).await.is_none(), "it is held");
    let later = now() + SignedDuration::from_secs(31);
    let holder = bench.claim("be", later).await.unwrap();
    for outcome in [
        bench.store.renew(&stale, LEASE, later).await,
        bench.store.located(&stale, later).await.map(drop),
        bench.store.failed(&stale, failure(true, false), later).await,
        bench.store.release(&stale, later).await,
    ] {
        assert!(matches!(outcome, Err(StoreError::StaleLease)));
    }
    bench.store.located(&holder, later).await.unwrap();
}

#[tokio::test]
async fn a_renewed_lease_lasts_and_a_new_process_takes_over_at_once() {
    let bench = Bench::new(Engine::Sqlite).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let claim = bench.claim("be", now()).await.unwrap();
    let later = now() + SignedDuration::from_secs(20);
    bench.store.renew(&claim, LEASE, later).await.unwrap();
    assert!(bench.claim("be", now() + SignedDuration::from_secs(40)).await.is_none());
    let bench = bench.reopen().await;
    let taken = bench.claim("be", later).await.expect("the lock file proves that the holder is dead");
    assert_eq!((taken.case, taken.export), (case, claim.export), "the instruction stays the same");
}

async fn only_failures_that_count_park_a_task_and_progress_clears_them(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let mut at = now();
    let outcomes = [(false, false), (true, false), (true, false), (true, true), (false, false), (true, false)];
    for (counts, progressed) in outcomes {
        let claim = bench.claim("be", at).await.unwrap();
        bench.store.failed(&claim, failure(counts, progressed), at).await.unwrap();
        at += SignedDuration::from_secs(2);
    }
    let task = bench.get(case).await.tasks.remove(0);
    assert_eq!((task.state, task.failed_attempts), (TaskState::Queued, 2));
    let claim = bench.claim("be", at).await.unwrap();
    bench.store.failed(&claim, failure(true, false), at).await.unwrap();
    assert_eq!(bench.get(case).await.tasks[0].state, TaskState::Parked);
    assert!(bench.claim("be", days(30)).await.is_none(), "a parked task waits for somebody");
}

async fn who_has_an_entity_asked_at_once_is_recorded(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let (before, _) = bench.store.events_after(case, 0).await.unwrap();
    bench.store.retry_task(case, id("be"), actor(), now()).await.unwrap();
    let (after, _) = bench.store.events_after(case, before.len() as u64).await.unwrap();
    assert_eq!(after.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["RETRIED"]);
}

async fn more_identifiers_do_not_change_what_an_entity_under_way_was_told(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be", "de", "fr"]).await;
    bench.answer("be", Disposition::NeedsIdentity, now()).await;
    let claim = bench.claim("fr", now()).await.unwrap();
    bench.store.located(&claim, now()).await.unwrap();
    bench.store.export_started(&claim, now()).await.unwrap();
    bench.store.release(&claim, now()).await.unwrap();
    let more = vec![Identifier::new("email".parse().unwrap(), "aaron@example.org").unwrap()];
    let scope = Scope { decisions: Vec::new(), group: InForce { version: 1, digest: "00".repeat(32) }, dates: dates() };
    bench.store.confirm_identity(case, more, scope, actor(), now()).await.unwrap();
    let again = bench.claim("fr", now()).await.unwrap();
    assert_eq!((again.export, &again.identifiers), (claim.export, &claim.identifiers), "it goes on as it began");
    for entity in ["be", "de"] {
        assert_eq!(bench.claim(entity, now()).await.unwrap().identifiers.len(), 2, "{entity} is told all");
    }
}
