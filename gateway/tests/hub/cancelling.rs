//! Cancelling shreds: no key, no objects, no downloads; agents are told.

use tributary_proto::gateway::v1::{CancelCaseRequest, CaseState, TaskState};

use crate::case::{Case, WHO, reason, request, task};
use crate::hub::Hub;
use crate::support::agent::Call;
use crate::support::script::{Reading, Script};

fn cancel(case: &Case) -> CancelCaseRequest {
    CancelCaseRequest { case_id: case.id.clone(), on_behalf_of: WHO.to_owned(), reason: "opened twice".to_owned() }
}

#[tokio::test]
async fn a_cancelled_case_leaves_no_object_and_tells_the_agent() {
    let hub = Hub::new(&["be"]).await;
    let be = hub.agent("be", Script::honest().reading(Reading::HangsAt(5000)));
    let mut case = Case::open(&hub, request(0)).await;
    case.until(|_| !be.offsets(1).is_empty()).await;
    let request = cancel(&case);
    let cancelled = case.cases.cancel_case(request.clone()).await.unwrap().into_inner().case.unwrap();
    assert_eq!(cancelled.state(), CaseState::Cancelled);
    assert_eq!(task(&cancelled, "be").state(), TaskState::Cancelled);
    case.until(|_| be.calls().contains(&Call::FinishExport)).await;
    case.until(|_| hub.objects() == 0).await;
    // Again: the same answer, and nothing more happens.
    let again = case.cases.cancel_case(request).await.unwrap().into_inner().case.unwrap();
    assert_eq!(again.etag, case.get().await.etag);
    assert_eq!(case.events(0, "no such event").await.last().unwrap().event, "CANCEL");
}

#[tokio::test]
async fn a_cancelled_cases_archive_cannot_be_downloaded() {
    let hub = Hub::new(&["be"]).await;
    let _be = hub.agent("be", Script::honest());
    let mut case = Case::open(&hub, request(0)).await;
    case.ready().await;
    let request = cancel(&case);
    case.cases.cancel_case(request).await.unwrap();
    assert_eq!(reason(&case.range(0, 0, 0).await.unwrap_err()), "ARCHIVE_NOT_FOUND");
    assert_eq!(hub.objects(), 0);
}

#[tokio::test]
async fn a_closed_case_cannot_be_cancelled() {
    let hub = Hub::new(&["be"]).await;
    let _be = hub.agent("be", Script::honest());
    let mut case = Case::open(&hub, request(0)).await;
    case.ready().await;
    assert_eq!(case.deliver(0).await.state(), CaseState::Closed);
    let request = cancel(&case);
    assert_eq!(reason(&case.cases.cancel_case(request).await.unwrap_err()), "STATE_CONFLICT");
}
