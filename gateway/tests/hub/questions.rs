//! Entities that ask back, and callers who answer.

use tributary_model::disposition::Disposition as Said;
use tributary_proto::gateway::v1::{CaseState, ConfirmIdentityRequest, TaskState};
use tributary_proto::types::v1::Disposition;

use crate::case::{Case, WHO, disposition, email, reason, request, task, verified};
use crate::hub::Hub;
use crate::support::script::Script;

fn confirm(case: &Case, more: &[&str]) -> ConfirmIdentityRequest {
    ConfirmIdentityRequest {
        case_id: case.id.clone(),
        on_behalf_of: WHO.to_owned(),
        method: "session of a signed-in customer".to_owned(),
        identifiers: more.iter().map(|value| email(value)).collect(),
    }
}

#[tokio::test]
async fn an_entity_that_needs_identity_is_asked_anew_with_more() {
    let hub = Hub::new(&["be", "fr"]).await;
    let be = hub.agent("be", Script::saying(Said::NeedsIdentity));
    let _fr = hub.agent("fr", Script::honest());
    let mut case = Case::open(&hub, request(0)).await;
    let asked = case.until(|case| task(case, "be").state() == TaskState::Questioned).await;
    assert_eq!(disposition(&asked, "be"), Disposition::NeedsIdentity);
    be.change(|script| *script = Script::honest());
    let request = confirm(&case, &["anna.b@example.org"]);
    case.cases.confirm_identity(request).await.unwrap();
    let ready = case.ready().await;
    assert_eq!(disposition(&ready, "be"), Disposition::Fulfilled);
    assert!(ready.archives[0].complete);
}

#[tokio::test]
async fn a_question_stands_signed_in_an_archive_that_could_not_wait() {
    let hub = Hub::new(&["be"]).await;
    let _be = hub.agent("be", Script::saying(Said::NeedsIdentity));
    let mut case = Case::open(&hub, request(20)).await;
    let ready = case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    assert!(!ready.archives[0].complete);
    let archive = case.archive(0).await;
    assert_eq!(verified(&hub, &archive, None).verdict, tributary_archive::verify::Verdict::Authentic);
}

#[tokio::test]
async fn nobody_is_asked_before_somebody_vouches_for_the_person() {
    let hub = Hub::new(&["be"]).await;
    let be = hub.agent("be", Script::honest());
    let mut asked = request(0);
    asked.identity_confirmed = false;
    let mut case = Case::open(&hub, asked).await;
    let waiting = case.get().await;
    assert_eq!(waiting.state(), CaseState::AwaitingIdentity);
    assert_eq!(disposition(&waiting, "be"), Disposition::Pending);
    assert!(be.calls().is_empty());
    let request = confirm(&case, &[]);
    case.cases.confirm_identity(request).await.unwrap();
    case.ready().await;
}

#[tokio::test]
async fn what_was_answered_cannot_be_retried() {
    let hub = Hub::new(&["be"]).await;
    let _be = hub.agent("be", Script::honest());
    let mut case = Case::open(&hub, request(0)).await;
    case.ready().await;
    let refused = case.retry("be").await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (tonic::Code::FailedPrecondition, "STATE_CONFLICT"));
    assert_eq!(reason(&case.retry("nobody").await.unwrap_err()), "TASK_NOT_FOUND");
}
