//! Agents that lie: nothing of it is staged, the entity stands as failed, and after a few tries somebody must look.

use std::sync::Arc;

use tributary_model::key::SigningKey;
use tributary_proto::agent::v1::watch_export_response::Event;
use tributary_proto::gateway::v1::{CaseState, TaskState};
use tributary_proto::types::v1::Disposition;

use crate::case::{Case, disposition, request, task, verified};
use crate::hub::Hub;
use crate::support::export::Export;
use crate::support::script::{Reading, Script};

/// Runs a lying agent until it is parked, then lets it be honest.
async fn lie(name: &str, script: Script) {
    let hub = Hub::new(&["be"]).await;
    let be = hub.agent("be", script);
    let mut case = Case::open(&hub, request(0)).await;
    let parked = case.advancing(&hub, |case| task(case, "be").state() == TaskState::Parked).await;
    assert_eq!(disposition(&parked, "be"), Disposition::Failed, "{name}");
    assert_eq!(task(&parked, "be").failed_attempts, 3, "{name}");
    assert!(!task(&parked, "be").reason.is_empty() && parked.archives.is_empty(), "{name}");
    be.change(|script| *script = Script::honest());
    case.retry("be").await.unwrap();
    let ready = case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    assert_eq!((disposition(&ready, "be"), task(&ready, "be").parts), (Disposition::Fulfilled, 4), "{name}");
    let archive = case.archive(0).await;
    assert_eq!(verified(&hub, &archive, None).verdict, tributary_archive::verify::Verdict::Authentic, "{name}");
    // Four parts and the archive's own bytes: of the lies nothing is left.
    assert_eq!(hub.objects(), 5, "{name}");
}

#[tokio::test]
async fn a_wrong_digest_is_never_staged() {
    lie("flipped", Script::honest().reading(Reading::Flipped(1000))).await;
}

#[tokio::test]
async fn a_part_beyond_its_announced_size_is_never_staged() {
    lie("beyond", Script::honest().reading(Reading::Beyond(vec![0; 10]))).await;
}

#[tokio::test]
async fn a_part_that_comes_twice_is_refused() {
    let twice = Script::honest().telling(|events| {
        let at = events.iter().position(|event| matches!(event, Event::Part(_))).unwrap();
        events.insert(at, events[at].clone());
    });
    lie("twice", twice).await;
}

/// As after this side's state was restored from a copy: only somebody can have the entity asked anew.
#[tokio::test]
async fn an_export_that_is_over_without_its_answer_waits_for_somebody() {
    let over = Script { started: tributary_proto::agent::v1::ExportState::Finished, ..Script::honest() };
    lie("over", over).await;
}

#[tokio::test]
async fn a_path_that_leads_out_is_refused() {
    lie("path", Script::honest().announcing(0, |part| part.path = "crm/../../x.csv".to_owned())).await;
}

#[tokio::test]
async fn parts_of_two_generations_are_refused() {
    lie("generations", Script::honest().announcing(2, |part| part.generation = 2)).await;
}

#[tokio::test]
async fn an_attestation_by_a_foreign_key_does_not_count() {
    let mut script = Script::honest();
    script.signed_by = Some(Arc::new(SigningKey::generate().unwrap()));
    lie("foreign key", script).await;
}

#[tokio::test]
async fn an_attestation_for_another_case_does_not_count() {
    let other = Script::honest()
        .attesting(|attestation| attestation.case = tributary_model::id::CaseId::new(jiff::Timestamp::UNIX_EPOCH));
    lie("other case", other).await;
}

#[tokio::test]
async fn a_preview_that_is_not_the_attested_one_does_not_count() {
    let other = Script::honest().telling(|events| {
        let Some(Event::Preview(preview)) = events.iter_mut().find(|event| matches!(event, Event::Preview(_))) else {
            unreachable!()
        };
        preview.rows.pop();
    });
    lie("other preview", other).await;
    let missing = Script::honest().telling(|events| events.retain(|event| !matches!(event, Event::Information(_))));
    lie("missing record", missing).await;
}

#[tokio::test]
async fn a_preview_that_counts_other_rows_is_refused() {
    let counts = Script::honest().telling(|events| {
        let Some(Event::Preview(preview)) = events.iter_mut().find(|event| matches!(event, Event::Preview(_))) else {
            unreachable!()
        };
        preview.total_rows += 1;
    });
    lie("other count", counts).await;
}

#[tokio::test]
async fn an_answer_larger_than_its_share_parks_its_entity_and_no_other() {
    let limited = |limits: &mut tributary_gateway::config::Limits| limits.entity_bytes = 60_000;
    let hub = Hub::limited(&["be", "fr"], limited).await;
    let (_be, _fr) = (hub.agent("be", Script::honest()), hub.agent("fr", Script::of(Export::document(10_000))));
    let mut case = Case::open(&hub, request(20)).await;
    let parked = case.until(|case| task(case, "be").state() == TaskState::Parked).await;
    let be = task(&parked, "be");
    assert_eq!((be.failed_attempts, be.disposition()), (1, Disposition::Failed), "it is not tried in vain");
    assert!(be.reason.contains("limits.entity_bytes is 60000"), "{}", be.reason);
    let ready = case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    assert_eq!(disposition(&ready, "fr"), Disposition::Fulfilled);
    let archive = case.archive(0).await;
    assert_eq!(verified(&hub, &archive, None).verdict, tributary_archive::verify::Verdict::Authentic);
}

#[tokio::test]
async fn more_parts_than_its_share_park_an_entity() {
    let hub = Hub::limited(&["be"], |limits| limits.entity_parts = 3).await;
    let _be = hub.agent("be", Script::honest());
    let mut case = Case::open(&hub, request(0)).await;
    let parked = case.until(|case| task(case, "be").state() == TaskState::Parked).await;
    assert!(task(&parked, "be").reason.contains("limits.entity_parts is 3"), "{}", task(&parked, "be").reason);
}

#[tokio::test]
async fn a_new_generation_replaces_the_old_one_whole() {
    let mut hub = Hub::new(&["be"]).await;
    let mut first = Script::honest();
    first.watch_hangs = true;
    let first = first.telling(|events| events.retain(|event| !matches!(event, Event::Attested(_))));
    let be = hub.agent("be", first);
    let mut case = Case::open(&hub, request(0)).await;
    case.until(|case| task(case, "be").parts == 4).await;
    // The agent died during its walk; the next walk is a new generation, which a restarted gateway hears of too.
    hub.kill();
    be.change(|script| *script = Script { generation: 2, ..Script::honest() });
    hub.start().await.unwrap();
    let mut case = Case::of(&hub, case.id).await;
    let ready = case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    assert_eq!(task(&ready, "be").parts, 4);
    let names: Vec<_> = case.events(0, "ARCHIVE_WRITTEN").await.into_iter().map(|event| event.event).collect();
    assert!(names.contains(&"GENERATION_REPLACED".to_owned()));
    assert_eq!(hub.objects(), 5);
}
