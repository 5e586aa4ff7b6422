//! Promises about what is written: histories without gaps, jobs that fail alone, a full disk, keys bound to their case.

use tributary_archive::frames::ContentKey;

use super::*;

on_both_databases![
    history_has_no_gaps_and_follows_the_lifecycle,
    a_failed_job_leaves_nothing_and_its_neighbours_stay,
    a_damaged_case_holds_up_no_other,
];

async fn history_has_no_gaps_and_follows_the_lifecycle(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be", "fr"]).await;
    tokio::join!(bench.answer("be", Disposition::NoData, now()), bench.answer("fr", Disposition::NoData, now()));
    let (events, state) = bench.store.events_after(case, 0).await.unwrap();
    assert!(events.iter().zip(1..).all(|(event, cursor)| event.cursor == cursor));
    assert_eq!((events.last().unwrap().state, state), (CaseState::Assembling, CaseState::Assembling));
    assert_eq!(bench.get(case).await.cursor, events.len() as u64);
}

async fn a_failed_job_leaves_nothing_and_its_neighbours_stay(engine: Engine) {
    let bench = Bench::new(engine).await;
    let good = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let store = &bench.store;
    let nobody = CaseId::new(days(1));
    // Queued together, these share one transaction.
    let (failed, kept) =
        tokio::join!(store.cancel_case(nobody, actor(), now()), store.retry_task(good, id("be"), actor(), days(1)),);
    assert!(matches!(failed, Err(StoreError::NoCase)));
    assert_eq!(kept.unwrap().0.tasks[0].next_attempt_at, Some(days(1)));
}

async fn a_damaged_case_holds_up_no_other(engine: Engine) {
    let bench = Bench::new(engine).await;
    let damaged = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let whole = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let damage = "UPDATE cases SET content_key = record_key WHERE case_id = $1";
    bench
        .store
        .write("damage", move |tx| Box::pin(async move { tx.run(damage, &sql::vals![damaged]).await.map(drop) }))
        .await
        .unwrap();
    let claims = bench.store.claim(id("be"), 2, LEASE, now()).await.unwrap();
    assert_eq!(claims.iter().map(|claim| claim.case).collect::<Vec<_>>(), [whole]);
    assert_eq!(bench.store.escalate(days(20)).await.unwrap().len(), 1);
    assert_eq!(bench.store.decide_due(days(25)).await.unwrap(), 1);
    assert_eq!(bench.get(whole).await.state, CaseState::Assembling);
}

#[tokio::test]
async fn a_full_disk_fails_clearly_and_loses_nothing() {
    let bench = Bench::new(Engine::Sqlite).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let claim = bench.claim("be", now()).await.unwrap();
    // A limit on the database's pages is what a full disk looks like to SQLite.
    let limit = |pages: &'static str| {
        bench.store.write("limit", move |tx| Box::pin(async move { tx.rows(pages, &[]).await.map(drop) }))
    };
    limit("PRAGMA max_page_count = 1").await.unwrap();
    let large = "x".repeat(400_000);
    let full = bench.store.pending(&claim, large.clone(), now()).await;
    assert!(matches!(full, Err(StoreError::Full)), "{full:?}");
    assert_eq!(bench.get(case).await.tasks[0].reason, "");
    limit("PRAGMA max_page_count = 1000000").await.unwrap();
    bench.store.pending(&claim, large.clone(), now()).await.unwrap();
    assert_eq!(bench.get(case).await.tasks[0].reason, large);
}

#[test]
fn store_keys_are_bound_to_their_case() {
    let folder = tempfile::tempdir().unwrap();
    let kek = kek(folder.path(), "kek");
    let wrapped = kek.wrap(&ContentKey::generate().unwrap(), b"tributary case a content").unwrap();
    assert!(kek.unwrap(&wrapped, b"tributary case b content").is_err());
}
