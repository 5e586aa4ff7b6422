//! Promises that several processes on one database rest on: what one holds another cannot write, what is done once is
//! done once, and clocks that differ harm nothing.

use std::collections::BTreeSet;

use tributary_model::id::EntityId;

use super::*;

/// How far the clock of another process is ahead.
fn ahead(at: Timestamp) -> Timestamp {
    at + SignedDuration::from_mins(7)
}

fn soon(at: Timestamp, seconds: i64) -> Timestamp {
    at + SignedDuration::from_secs(seconds)
}

on_both_databases![
    a_process_whose_clock_is_ahead_may_take_a_task_over_and_the_one_before_writes_nothing_more,
    a_task_goes_on_with_whoever_is_behind_once_the_lease_is_over_by_that_clock,
    a_draft_belongs_to_one_writer_and_to_the_next_when_the_lease_is_over,
    a_draft_that_could_not_be_written_is_anybodys_after_a_pause,
    of_two_processes_that_look_at_once_one_tells_who_is_late,
    of_two_processes_that_look_at_once_one_makes_an_archive_due,
    of_two_processes_that_look_at_once_one_shreds_a_case,
    an_export_is_finished_by_one_process_and_by_another_when_that_one_dies,
    a_chore_is_taken_on_once_until_it_is_due_again,
    a_process_is_there_with_its_connections_while_it_says_so,
    a_task_says_which_process_took_it_up,
    a_database_has_one_object_folder_for_ever,
];

async fn a_process_whose_clock_is_ahead_may_take_a_task_over_and_the_one_before_writes_nothing_more(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let first = bench.claim("be", now()).await.unwrap();
    bench.store.located(&first, now()).await.unwrap();
    bench.store.export_started(&first, now()).await.unwrap();
    bench.store.generation_started(&first, 1, now()).await.unwrap();
    // By that clock the lease is long over, although its holder is at work.
    let second = bench.claim("be", ahead(now())).await.unwrap();
    assert_eq!((second.locate, second.export), (first.locate, first.export), "the agent knows both instructions");
    assert_eq!((second.state, second.generation), (TaskState::Exporting, 1), "what was done is not done again");
    for written in [
        bench.store.renew(&first, LEASE, now()).await,
        bench.store.generation_started(&first, 2, now()).await.map(drop),
        bench.store.release(&first, now()).await,
        bench.store.pending(&first, String::new(), now()).await,
        bench.store.attested(&first, attestation(&first, Disposition::NoData, now()), b"{}".to_vec(), now()).await,
    ] {
        assert!(matches!(written, Err(StoreError::StaleLease)), "{written:?}");
    }
    // The one whose clock is behind sees a lease that lasts for long, and leaves it alone.
    assert!(bench.claim("be", soon(now(), 60)).await.is_none());
    let answered = attestation(&second, Disposition::NoData, ahead(now()));
    bench.store.attested(&second, answered, b"{}".to_vec(), ahead(now())).await.unwrap();
    assert_eq!(bench.get(case).await.state, CaseState::Assembling);
    let answers = bench.count("SELECT COUNT(*) AS n FROM attestations").await;
    assert_eq!(answers, 1);
}

async fn a_task_goes_on_with_whoever_is_behind_once_the_lease_is_over_by_that_clock(engine: Engine) {
    let bench = Bench::new(engine).await;
    bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let dead = bench.claim("be", ahead(now())).await.unwrap();
    let over = soon(ahead(now()), 30);
    assert!(bench.claim("be", soon(over, -1)).await.is_none());
    let next = bench.claim("be", over).await.unwrap();
    assert_eq!(next.export, dead.export);
}

async fn a_draft_belongs_to_one_writer_and_to_the_next_when_the_lease_is_over(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    bench.answer("be", Disposition::NoData, now()).await;
    let dead = bench.store.claim_drafts(8, LEASE, now()).await.unwrap().pop().unwrap();
    assert_eq!((dead.case, dead.sequence), (case, 1));
    assert!(bench.store.drafts(now()).await.unwrap().is_empty());
    assert!(bench.store.claim_drafts(8, LEASE, now()).await.unwrap().is_empty());
    bench.store.renew_draft(&dead, LEASE, soon(now(), 20)).await.unwrap();
    assert!(bench.store.claim_drafts(8, LEASE, soon(now(), 49)).await.unwrap().is_empty(), "it was renewed");

    let later = soon(now(), 50);
    let successor = bench.store.claim_drafts(8, LEASE, later).await.unwrap().pop().unwrap();
    let late = bench.store.archive_written(&dead, written(1), later).await;
    assert!(matches!(late, Err(StoreError::StaleLease)), "{late:?}");
    assert!(matches!(bench.store.renew_draft(&dead, LEASE, later).await, Err(StoreError::StaleLease)));
    bench.store.archive_written(&successor, written(1), later).await.unwrap();
    let twice = bench.store.archive_written(&successor, written(1), later).await;
    assert!(matches!(twice, Err(StoreError::Conflict(_))), "{twice:?}");
    assert_eq!(bench.get(case).await.state, CaseState::Ready);
}

async fn a_draft_that_could_not_be_written_is_anybodys_after_a_pause(engine: Engine) {
    let bench = Bench::new(engine).await;
    bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    bench.answer("be", Disposition::NoData, now()).await;
    let claim = bench.store.claim_drafts(8, LEASE, now()).await.unwrap().pop().unwrap();
    bench.store.release_draft(&claim, soon(now(), 5)).await.unwrap();
    assert!(bench.store.drafts(soon(now(), 4)).await.unwrap().is_empty());
    assert_eq!(bench.store.claim_drafts(8, LEASE, soon(now(), 5)).await.unwrap().len(), 1);
}

async fn of_two_processes_that_look_at_once_one_tells_who_is_late(engine: Engine) {
    let bench = Bench::new(engine).await;
    let (vouched, waits) = (bench.case(Waiting::ByDeliveryDate, &["be"]).await, bench.unvouched_case().await);
    let (one, other) = tokio::join!(bench.store.escalate(days(20)), bench.store.escalate(days(20)));
    let told: Vec<Escalation> = one.unwrap().into_iter().chain(other.unwrap()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    for case in [vouched, waits] {
        let (events, _) = bench.store.events_after(case, 0).await.unwrap();
        assert_eq!(events.iter().filter(|event| event.name == "ESCALATED").count(), 1);
    }
}

async fn of_two_processes_that_look_at_once_one_makes_an_archive_due(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    bench.claim("be", now()).await.unwrap();
    let (one, other) = tokio::join!(bench.store.decide_due(days(25)), bench.store.decide_due(days(25)));
    assert_eq!(one.unwrap() + other.unwrap(), 1);
    assert_eq!(bench.store.claim_drafts(8, LEASE, days(25)).await.unwrap().len(), 1);
    assert_eq!(bench.get(case).await.state, CaseState::Assembling);
}

async fn of_two_processes_that_look_at_once_one_shreds_a_case(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    bench.answer("be", Disposition::NoData, now()).await;
    bench.write_archive(case, 1, now()).await.unwrap();
    bench.store.confirm_delivery(case, 1, now(), actor(), now()).await.unwrap();
    let cutoffs = Cutoffs { delivered: now(), undelivered: now() };
    let shred = || bench.store.shred_over_time(case, cutoffs, days(30));
    let (one, other) = tokio::join!(shred(), shred());
    let outcomes = [one.unwrap(), other.unwrap()];
    assert!(outcomes.contains(&Shredded::Case) && outcomes.contains(&Shredded::Objects(Vec::new())), "{outcomes:?}");
    let (events, _) = bench.store.events_after(case, 0).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.name == "SHREDDED").count(), 1);
}

async fn an_export_is_finished_by_one_process_and_by_another_when_that_one_dies(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be", "fr"]).await;
    bench.answer("be", Disposition::NoData, now()).await;
    assert_eq!(bench.store.finishing(now()).await.unwrap(), [id("be")]);
    let taken = bench.store.claim_finishes(id("be"), 8, LEASE, now()).await.unwrap();
    assert_eq!(taken.iter().map(|finish| (finish.case, finish.attempts)).collect::<Vec<_>>(), [(case, 0)]);
    assert!(bench.store.claim_finishes(id("be"), 8, LEASE, now()).await.unwrap().is_empty());
    assert!(bench.store.finishing(now()).await.unwrap().is_empty());
    let again = bench.store.claim_finishes(id("be"), 8, LEASE, soon(now(), 30)).await.unwrap();
    assert_eq!(again, taken);
    bench.store.finished(taken[0].instruction).await.unwrap();
    assert!(bench.store.finishing(days(1)).await.unwrap().is_empty());
}

async fn a_chore_is_taken_on_once_until_it_is_due_again(engine: Engine) {
    let bench = Bench::new(engine).await;
    let hour = Duration::from_secs(3600);
    let take = |at| bench.store.take_chore(Chore::SweepObjects, hour, at);
    let (one, other) = tokio::join!(take(now()), take(now()));
    assert!(one.unwrap() != other.unwrap());
    assert!(!take(soon(now(), 3599)).await.unwrap());
    assert!(take(soon(now(), 3600)).await.unwrap());
}

async fn a_process_is_there_with_its_connections_while_it_says_so(engine: Engine) {
    let bench = Bench::new(engine).await;
    let own = bench.store.replica();
    let beat = |linked: &[&str], at| {
        let linked: BTreeSet<EntityId> = linked.iter().map(|entity| id(entity)).collect();
        bench.store.beat("here".to_owned(), linked, at)
    };
    assert!(bench.store.replicas(now()).await.unwrap().is_empty());
    beat(&["be", "fr"], now()).await.unwrap();
    beat(&["fr", "lu"], soon(now(), 2)).await.unwrap();
    assert_eq!(bench.store.replicas(soon(now(), 2)).await.unwrap(), BTreeSet::from([own]));
    assert_eq!(bench.store.linked(soon(now(), 2)).await.unwrap(), [id("fr"), id("lu")].into());
    let gone = soon(now(), 2) + SignedDuration::try_from(crate::replicas::GONE).unwrap();
    assert!(bench.store.replicas(gone).await.unwrap().is_empty());
    assert!(bench.store.linked(gone).await.unwrap().is_empty(), "nobody is connected to a process that is gone");
    beat(&["fr"], gone).await.unwrap();
    assert_eq!(bench.store.linked(gone).await.unwrap(), [id("fr")].into());
    bench.store.leave(gone).await.unwrap();
    assert!(bench.store.replicas(gone).await.unwrap().is_empty() && bench.store.linked(gone).await.unwrap().is_empty());
}

async fn a_task_says_which_process_took_it_up(engine: Engine) {
    let bench = Bench::new(engine).await;
    bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    bench.claim("be", now()).await.unwrap();
    let held_by = bench.store.write("look", move |tx| {
        Box::pin(
            async move { tx.row("SELECT held_by FROM tasks", &[]).await?.ok_or(StoreError::NoTask)?.text("held_by") },
        )
    });
    assert_eq!(held_by.await.unwrap(), bench.store.replica().to_string());
}

async fn a_database_has_one_object_folder_for_ever(engine: Engine) {
    let bench = Bench::new(engine).await;
    let first = bench.store.object_folder().await.unwrap();
    assert!(!first.is_marked);
    assert_eq!(bench.store.object_folder().await.unwrap(), first);
    bench.store.object_folder_marked().await.unwrap();
    let marked = bench.store.object_folder().await.unwrap();
    assert!(marked.is_marked && marked.id == first.id);
}
