//! Promises about archives: a draft stays as it was made, an archive keeps what it carries, and both go with their case.

use tributary_archive::information::Information;
use tributary_archive::preview::Preview;
use tributary_model::scope::Rule;

use super::*;
use crate::group::public_of;

on_both_databases![
    a_draft_survives_and_is_the_same_however_often_it_is_read,
    a_case_that_was_cancelled_takes_no_archive,
    who_joined_is_decided_on_and_who_left_is_looked_up_where_it_answered,
    an_answer_that_lost_its_key_is_asked_for_anew_and_its_archive_keeps_its_parts,
    what_makes_an_answer_readable_goes_with_its_generation_and_the_case,
    a_case_of_a_thousand_entities_comes_to_its_end,
];

async fn a_draft_survives_and_is_the_same_however_often_it_is_read(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be", "fr"]).await;
    bench.answer("be", Disposition::NoData, now()).await;
    // An addendum repeats the instant from the database, which keeps milliseconds.
    bench.store.decide_due(days(25) + jiff::SignedDuration::from_nanos(1)).await.unwrap();
    let before = bench.store.archive_facts(case).await.unwrap().unwrap().draft;
    // What happens after the draft does not change it.
    bench.answer("fr", Disposition::NoData, days(25)).await;
    let bench = bench.reopen().await;
    let after = bench.store.archive_facts(case).await.unwrap().unwrap().draft;
    assert_eq!(before, after);
    assert_eq!((after.assembled_at, after.sequence), (days(25), 1));
    bench.write_archive(case, 1, days(25)).await.unwrap();
    let next = bench.store.archive_facts(case).await.unwrap().unwrap().draft;
    assert_eq!(next.sequence, 2, "the answer that came meanwhile is the addendum");
}

async fn a_case_that_was_cancelled_takes_no_archive(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    bench.answer("be", Disposition::NoData, now()).await;
    bench.store.cancel_case(case, actor(), now()).await.unwrap();
    assert!(matches!(bench.write_archive(case, 1, now()).await, Err(StoreError::Conflict(_))));
    assert!(bench.store.drafts(now()).await.unwrap().is_empty());
    assert!(bench.store.objects().await.unwrap().is_empty());
}

async fn who_joined_is_decided_on_and_who_left_is_looked_up_where_it_answered(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be", "de", "fr"]).await;
    for (version, entities) in [(2, vec!["be", "fr", "nl"]), (3, vec!["be", "nl"])] {
        let group = InForce { version, digest: "00".repeat(32) };
        bench.store.put_group_in_force(group, public_part(version, &entities)).await.unwrap();
        if version == 2 {
            bench.answer("fr", Disposition::NoData, now()).await;
        }
    }
    bench.store.decide_due(days(25)).await.unwrap();
    let facts = bench.store.archive_facts(case).await.unwrap().unwrap();
    let decided: Vec<_> =
        facts.case.decisions.iter().map(|decision| (decision.entity.as_str(), decision.rule)).collect();
    assert_eq!(decided[3], ("nl", Rule::JoinedAfterScope));
    assert_eq!(decided.len(), 4);
    let versions: Vec<_> = facts
        .former
        .iter()
        .map(|left| (public_of(&left.public_part).unwrap().version, left.entities.clone()))
        .collect();
    assert_eq!(versions, [(1, vec![id("de")]), (2, vec![id("fr")])], "de was decided on under 1, fr answered under 2");
    let (events, _) = bench.store.events_after(case, 0).await.unwrap();
    assert!(events.iter().any(|event| event.name == "ENTITY_JOINED" && event.entity == Some(id("nl"))));
}

async fn an_answer_that_lost_its_key_is_asked_for_anew_and_its_archive_keeps_its_parts(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be", "fr"]).await;
    let claim = bench.claim("be", now()).await.unwrap();
    bench.store.located(&claim, now()).await.unwrap();
    bench.store.export_started(&claim, now()).await.unwrap();
    bench.store.generation_started(&claim, 1, now()).await.unwrap();
    bench.brought(&claim, 1, now(), |brought| brought.part(&claim.keys, staged(1, "first"))).await.unwrap();
    let fulfilled = attestation(&claim, Disposition::Fulfilled, now());
    bench.store.attested(&claim, fulfilled, b"{}".to_vec(), now()).await.unwrap();
    bench.store.decide_due(days(25)).await.unwrap();
    bench.write_archive(case, 1, days(25)).await.unwrap();
    bench.answer("fr", Disposition::NoData, days(26)).await;
    let dropped = bench.write_voiding(case, 2, &["be"], days(26)).await.unwrap();
    assert!(dropped.is_empty(), "the first archive needs its objects");
    let task = bench.get(case).await.tasks.remove(0);
    assert_eq!((task.state, task.disposition, task.parts), (TaskState::Queued, Disposition::Pending, 0));
    // The new answer has another object, and stands beside the old one.
    let again = bench.claim("be", days(27)).await.unwrap();
    assert_ne!(again.export, claim.export);
    bench.store.located(&again, days(27)).await.unwrap();
    bench.store.export_started(&again, days(27)).await.unwrap();
    bench.store.generation_started(&again, 1, days(27)).await.unwrap();
    bench.brought(&again, 1, days(27), |brought| brought.part(&again.keys, staged(1, "second"))).await.unwrap();
    let renewed = attestation(&again, Disposition::Fulfilled, days(27));
    bench.store.attested(&again, renewed, b"{}".to_vec(), days(27)).await.unwrap();
    bench.write_archive(case, 3, days(27)).await.unwrap();
    for (sequence, object) in [(1, "first"), (3, "second")] {
        let stored = bench.store.archive(case, sequence).await.unwrap();
        assert_eq!(stored.objects, [(id("be"), 1, object.to_owned())], "archive {sequence}");
    }
    let kept = bench.store.objects().await.unwrap();
    assert!(kept.contains(&(case, "first".to_owned())) && kept.contains(&(case, "second".to_owned())));
    bench.store.cancel_case(case, actor(), days(28)).await.unwrap();
    assert!(bench.store.objects().await.unwrap().is_empty());
}

async fn what_makes_an_answer_readable_goes_with_its_generation_and_the_case(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let claim = bench.claim("be", now()).await.unwrap();
    bench.store.located(&claim, now()).await.unwrap();
    bench.store.export_started(&claim, now()).await.unwrap();
    let preview = |rows| Preview {
        dataset: "crm".parse().unwrap(),
        collection: "customer".to_owned(),
        total_rows: rows,
        rows: Vec::new(),
        overview: Vec::new(),
    };
    for generation in 1..=2 {
        bench.store.generation_started(&claim, generation, now()).await.unwrap();
        assert!(bench.store.staged_previews(&claim).await.unwrap().is_empty(), "generation {generation}");
        assert!(bench.store.staged_information(&claim).await.unwrap().is_none(), "generation {generation}");
        let both = |brought: &mut Brought| {
            brought.preview(&claim.keys, &preview(u64::from(generation)))?;
            brought.information(&claim.keys, &Information::default())
        };
        bench.brought(&claim, generation, now(), both).await.unwrap();
    }
    let stale = bench.brought(&claim, 1, now(), |brought| brought.preview(&claim.keys, &preview(9))).await;
    assert!(matches!(stale, Err(StoreError::StaleLease)), "a generation that is void takes nothing");
    assert!(bench.store.staged_previews(&claim).await.unwrap() == [preview(2)]);
    let mut question = attestation(&claim, Disposition::NeedsIdentity, now());
    question.generation = 2;
    bench.store.attested(&claim, question, b"{}".to_vec(), now()).await.unwrap();
    bench.store.decide_due(days(25)).await.unwrap();
    // Asked anew while the archive is written, the record that was attested is still there for it.
    bench.store.retry_task(case, id("be"), actor(), days(25)).await.unwrap();
    let facts = bench.store.archive_facts(case).await.unwrap().unwrap();
    assert_eq!(facts.entities[0].information, Some(Information::default()));
    bench.store.cancel_case(case, actor(), days(25)).await.unwrap();
    let left = bench.count("SELECT COUNT(*) AS n FROM presentations").await;
    assert_eq!(left, 0);
}

/// The work grows with the number of entities and not with its square: what is asked after each answer are counts.
async fn a_case_of_a_thousand_entities_comes_to_its_end(engine: Engine) {
    let bench = Bench::new(engine).await;
    let names: Vec<String> = (0..1000).map(|number| format!("entity-{number}")).collect();
    let entities: Vec<&str> = names.iter().map(String::as_str).collect();
    let case = bench.case(Waiting::ByDeliveryDate, &entities).await;
    assert_eq!(bench.store.entities_due(now()).await.unwrap().len(), 1000);
    // Side by side, as the gateway works: many answers share a commit.
    for some in entities.chunks(100) {
        futures::future::join_all(some.iter().map(|entity| bench.answer(entity, Disposition::NoData, now()))).await;
    }
    let found = bench.get(case).await;
    assert_eq!(found.state, CaseState::Assembling);
    assert!(found.tasks.iter().all(|task| task.state == TaskState::Answered));
    let facts = bench.store.archive_facts(case).await.unwrap().unwrap();
    assert_eq!(facts.entities.len(), 1000);
    bench.write_archive(case, 1, now()).await.unwrap();
    let closed = bench.store.confirm_delivery(case, 1, now(), actor(), now()).await.unwrap();
    assert_eq!(closed.state, CaseState::Closed);
}
