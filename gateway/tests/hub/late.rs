//! Entities that are down, slow or late: the person gets what there is in time, and the rest as an addendum.

use jiff::SignedDuration;
use tributary_archive::extract::extract;
use tributary_archive::show::show;
use tributary_archive::verify::Verdict;
use tributary_model::clock::Clock;
use tributary_model::disposition::Disposition as Said;
use tributary_proto::agent::v1;
use tributary_proto::agent::v1::watch_export_response::Event;
use tributary_proto::gateway::v1::{CaseState, TaskState};
use tributary_proto::types::v1::Disposition;

use crate::case::{Case, disposition, reason, request, task, verified};
use crate::hub::Hub;
use crate::support::agent::{Agent, Call};
use crate::support::script::Script;

#[tokio::test]
async fn a_late_entity_yields_an_addendum() {
    let hub = Hub::new(&["be", "fr"]).await;
    let _be = hub.agent("be", Script::honest());
    let mut case = Case::open(&hub, request(60)).await;
    case.until(|case| disposition(case, "be") == Disposition::Fulfilled).await;
    case.until(|case| disposition(case, "fr") == Disposition::Unreachable).await;
    let ready = case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    assert!(!ready.archives[0].complete);
    // However often it was tried: being unreachable uses nothing up.
    assert_eq!((task(&ready, "fr").failed_attempts, task(&ready, "fr").state()), (0, TaskState::Queued));
    let first = case.archive(1).await;
    assert_eq!(verified(&hub, &first, None).verdict, Verdict::Authentic);
    assert_eq!(case.deliver(1).await.state(), CaseState::DeliveredIncomplete);

    let _fr = hub.agent("fr", Script::honest());
    let later = case.advancing(&hub, |case| case.archives.len() == 2).await;
    assert!(later.archives[1].complete && later.state() == CaseState::DeliveredIncomplete);
    let addendum = case.archive(2).await;
    let report = verified(&hub, &addendum, Some(&first));
    assert_eq!(report.verdict, Verdict::Authentic, "{:#?}", report.findings);
    assert_eq!(verified(&hub, &addendum, Some(&addendum)).verdict, Verdict::Failed);
    assert_eq!(case.archive(1).await, first, "an archive's bytes never change");
    let unnamed = case.try_deliver(0).await.unwrap_err();
    assert_eq!(reason(&unnamed), "INVALID_FIELD", "a repeated confirmation must not be taken for the addendum's");
    assert_eq!(case.deliver(2).await.state(), CaseState::Closed);
}

#[tokio::test]
async fn an_answer_that_no_archive_can_carry_any_more_keeps_the_case_open() {
    let expires = SignedDuration::from_secs(20);
    let hub = Hub::with(&["be", "fr"], |world| {
        world.group.entities[0].attestation_keys[0].not_after = world.clock.now() + expires;
    })
    .await;
    let be = hub.agent("be", Script::honest());
    let mut case = Case::open(&hub, request(60)).await;
    case.until(|case| disposition(case, "be") == Disposition::Fulfilled).await;
    let ready = case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    assert!(!ready.archives[0].complete);
    let (state, said) = (task(&ready, "be").state(), task(&ready, "be").disposition());
    assert_eq!((state, said), (TaskState::Parked, Disposition::Failed), "{}", task(&ready, "be").reason);
    // What was staged of the answer goes after the commit; the archive's own bytes stay.
    case.until(|_| hub.objects() == 1).await;
    let first = case.archive(1).await;
    assert_eq!(verified(&hub, &first, None).verdict, Verdict::Authentic);

    let _fr = hub.agent("fr", Script::saying(Said::NoData));
    case.advancing(&hub, |case| case.archives.len() == 2).await;
    case.deliver(1).await;
    assert_eq!(case.deliver(2).await.state(), CaseState::DeliveredIncomplete, "be has not answered");
    let exports = |be: &Agent| be.calls().iter().filter(|call| **call == Call::StartExport).count();
    assert_eq!(exports(&be), 1);
    case.retry("be").await.unwrap();
    case.until(|_| exports(&be) > 1).await;
}

#[tokio::test]
async fn a_busy_entity_is_not_called_failed() {
    let hub = Hub::new(&["be"]).await;
    let busy = tributary_transport::status::retryable(
        tonic::Code::ResourceExhausted,
        "TOO_MUCH_WORK",
        "later",
        &[],
        std::time::Duration::from_secs(5),
    );
    let _be = hub.agent("be", Script { refusal: Some(busy), ..Script::honest() });
    let mut case = Case::open(&hub, request(20)).await;
    let waiting = case.until(|case| !task(case, "be").reason.is_empty()).await;
    assert_eq!(disposition(&waiting, "be"), Disposition::Pending);
    let ready = case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    assert_eq!((disposition(&ready, "be"), task(&ready, "be").failed_attempts), (Disposition::Pending, 0));
    assert_eq!(told(&hub, &mut case, 1, "be").await, "the entity has not answered yet: its agent was busy or stopping");
}

/// Why an entity is missing, as archive `sequence` says it in its record and on its page.
async fn told(hub: &Hub, case: &mut Case, sequence: u32, entity: &str) -> String {
    let archive = case.archive(sequence).await;
    let report = verified(hub, &archive, None);
    assert_eq!(report.verdict, Verdict::Authentic, "{:#?}", report.findings);
    let summary = show(&mut std::io::Cursor::new(&archive)).unwrap();
    let entity = summary.entities.into_iter().find(|entry| entry.entity.as_str() == entity).unwrap();
    let (reason, observed) = (entity.reason.unwrap_or_default(), entity.observed.unwrap());
    assert_eq!(reason, observed.reason);
    let assembled: jiff::Timestamp = summary.assembled_at;
    assert!(observed.since <= assembled, "{observed:?}");
    reason
}

/// The page that people read.
fn page(archive: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("unpacked");
    extract(&mut std::io::Cursor::new(archive), &target, &mut |_| {}).unwrap();
    std::fs::read_to_string(target.join("START-HERE.html")).unwrap()
}

/// An agent that says why it waits, and waits.
fn waits(reason: &str) -> Script {
    let reason = reason.to_owned();
    let script = Script::honest().telling(move |events| {
        *events = vec![Event::Pending(v1::Pending { reason: reason.clone(), retry_at: None })];
    });
    Script { watch_hangs: true, ..script }
}

#[tokio::test]
async fn an_archive_says_why_an_entity_still_waits() {
    let hub = Hub::new(&["be", "de", "fr", "nl"]).await;
    let _be = hub.agent("be", waits("dataset `crm` cannot be read now"));
    let _de = hub.agent("de", waits("</li><script>\u{202e}\u{1f}void\n"));
    let _nl = hub.agent("nl", waits(" "));
    let mut case = Case::open(&hub, request(30)).await;
    case.until(|case| task(case, "be").reason == "dataset `crm` cannot be read now").await;
    case.until(|case| task(case, "de").reason == "</li><script> void").await;
    case.until(|case| disposition(case, "fr") == Disposition::Unreachable).await;
    case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    let waiting = "the entity has not answered yet; its agent last said:";
    assert_eq!(told(&hub, &mut case, 1, "be").await, format!("{waiting} dataset `crm` cannot be read now"));
    assert_eq!(told(&hub, &mut case, 1, "de").await, format!("{waiting} </li><script> void"));
    assert_eq!(told(&hub, &mut case, 1, "nl").await, "the entity has not answered yet");
    assert_eq!(told(&hub, &mut case, 1, "fr").await, "there was no connection to the entity's agent");
    let page = page(&case.archive(1).await);
    assert!(page.contains("last said: dataset `crm` cannot be read now"), "{page}");
    assert!(!page.contains("<script> void") && page.contains("&lt;script&gt; void"), "{page}");

    // The next archive says it, too: that entity has still not answered.
    let _fr = hub.agent("fr", Script::saying(Said::NoData));
    case.advancing(&hub, |case| case.archives.len() == 2).await;
    assert_eq!(told(&hub, &mut case, 2, "be").await, format!("{waiting} dataset `crm` cannot be read now"));
    assert_eq!(disposition(&case.get().await, "be"), Disposition::Pending);
}

#[tokio::test]
async fn what_an_agent_said_before_it_began_to_work_is_not_repeated() {
    let hub = Hub::new(&["be"]).await;
    let script = Script::honest().telling(|events| {
        events.retain(|event| !matches!(event, Event::Attested(_)));
        events.insert(0, Event::Pending(v1::Pending { reason: "it waits for its turn".to_owned(), retry_at: None }));
    });
    let _be = hub.agent("be", Script { watch_hangs: true, ..script });
    let mut case = Case::open(&hub, request(30)).await;
    case.until(|case| task(case, "be").parts > 0).await;
    assert_eq!(task(&case.get().await, "be").reason, "");
    case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    let said = "the entity has not answered yet: its agent was reading or sending";
    assert_eq!(told(&hub, &mut case, 1, "be").await, said);
}

#[tokio::test]
async fn an_entity_whose_system_is_away_when_the_person_is_sought_is_given_the_export_to_wait_with() {
    let hub = Hub::new(&["be"]).await;
    let pause = std::time::Duration::from_secs(5);
    let away =
        tributary_transport::status::retryable(tonic::Code::Unavailable, "SYSTEM_UNAVAILABLE", "later", &[], pause);
    let be = hub.agent("be", Script { unlocated: Some(away), ..Script::honest() });
    let mut case = Case::open(&hub, request(60)).await;
    case.until(|case| disposition(case, "be") == Disposition::Fulfilled).await;
    assert_eq!(be.calls().iter().filter(|call| **call == Call::Locate).count(), 1, "it is not asked over and over");
}

#[tokio::test]
async fn several_late_entities_yield_a_chain() {
    let hub = Hub::new(&["be", "de", "fr"]).await;
    let _be = hub.agent("be", Script::saying(Said::NoData));
    let mut case = Case::open(&hub, request(30)).await;
    case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    let mut before = case.archive(1).await;
    let mut agents = Vec::new();
    for (entity, sequence) in [("de", 2), ("fr", 3)] {
        agents.push(hub.agent(entity, Script::honest()));
        case.advancing(&hub, |case| case.archives.len() == sequence).await;
        let addendum = case.archive(sequence as u32).await;
        assert_eq!(verified(&hub, &addendum, Some(&before)).verdict, Verdict::Authentic);
        before = addendum;
    }
    for sequence in [1, 2] {
        assert_eq!(case.deliver(sequence).await.state(), CaseState::DeliveredIncomplete);
    }
    assert_eq!(case.deliver(3).await.state(), CaseState::Closed);
}

#[tokio::test]
async fn a_late_entity_is_escalated_once() {
    let hub = Hub::new(&["be"]).await;
    let mut case = Case::open(&hub, request(30)).await;
    case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    let events = case.events(0, "ARCHIVE_WRITTEN").await;
    let escalated: Vec<_> = events.iter().filter(|event| event.event == "ESCALATED").collect();
    assert_eq!(escalated.len(), 1);
    assert_eq!(escalated[0].entity, "be");
}

#[tokio::test]
async fn an_agent_that_stops_in_the_middle_goes_on_where_it_stopped() {
    let hub = Hub::new(&["be"]).await;
    let mut script = Script::honest();
    script.reading = crate::support::script::Reading::FailsAt(3000, tonic::Status::unavailable("the spool is busy"));
    let be = hub.agent("be", script);
    let mut case = Case::open(&hub, request(0)).await;
    case.until(|_| be.offsets(1).contains(&3000)).await;
    be.change(|script| script.reading = crate::support::script::Reading::Pieces(4096));
    case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    assert_eq!(be.offsets(1).iter().filter(|offset| **offset == 0).count(), 1, "{:?}", be.offsets(1));
}
