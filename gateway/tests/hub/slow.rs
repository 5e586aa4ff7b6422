//! Whoever is slow holds up nobody else: agents that say nothing, and callers that take nothing.

use std::time::Duration;

use tributary_proto::agent::v1::watch_export_response::Event;
use tributary_proto::gateway::v1::archive_service_client::ArchiveServiceClient;
use tributary_proto::gateway::v1::{DownloadArchiveRequest, TaskState};
use tributary_proto::types::v1::Disposition;

use crate::case::{Case, WHO, disposition, reason, request, task};
use crate::hub::{Hub, eventually};
use crate::support::agent::Call;
use crate::support::export::Export;
use crate::support::script::Script;

#[tokio::test]
async fn an_agent_that_falls_silent_is_tried_again_and_escalated_and_never_parked() {
    let hub = Hub::limited(&["be"], |limits| limits.silence_timeout = Duration::from_millis(100)).await;
    let silent = Script { watch_hangs: true, ..Script::honest() };
    let be = hub.agent("be", silent.telling(|events| events.retain(|event| !matches!(event, Event::Attested(_)))));
    let mut case = Case::open(&hub, request(0)).await;
    let watched = || be.calls().iter().filter(|call| **call == Call::WatchExport).count();
    // Three failures that count would park it.
    let tried = case.advancing(&hub, |_| watched() > 6).await;
    assert_eq!(task(&tried, "be").failed_attempts, 0);
    let late = case.until(|case| disposition(case, "be") == Disposition::TimedOut).await;
    assert_ne!(task(&late, "be").state(), TaskState::Parked);
    hub.world.later(Duration::from_secs(21 * 24 * 3600));
    case.until(|case| case.escalated_at.is_some()).await;
    be.change(|script| *script = Script::honest());
    case.advancing(&hub, |case| disposition(case, "be") == Disposition::Fulfilled).await;
}

#[tokio::test]
async fn a_caller_that_takes_nothing_gives_its_place_to_others() {
    let hub = Hub::limited(&["be"], |limits| {
        limits.downloads = 1;
        limits.download_stall = Duration::from_millis(300);
    })
    .await;
    // More than all windows and buffers on the way hold.
    let _be = hub.agent("be", Script::of(Export::document(48 << 20)));
    let mut case = Case::open(&hub, request(0)).await;
    let size = case.ready().await.archives[0].size;
    let link = hub.link("portal").await;
    let asked = DownloadArchiveRequest { case_id: case.id.clone(), on_behalf_of: WHO.to_owned(), ..Default::default() };
    let stalled = ArchiveServiceClient::new(link.channel()).download_archive(asked).await.unwrap();
    assert_eq!(reason(&case.range(0, 0, 1).await.unwrap_err()), "TOO_MUCH_WORK", "there is one place");
    eventually("the place is given back", async || case.range(0, 0, 1).await.ok()).await;
    // What had left is still taken, and then it is said that this is not all.
    let mut stalled = stalled.into_inner();
    let mut taken = 0;
    let end = loop {
        match stalled.message().await {
            Ok(Some(message)) => taken += message.data.len() as u64,
            Ok(None) => panic!("a download that was broken off looks whole"),
            Err(status) => break status,
        }
    };
    assert!(taken < size);
    assert_eq!((end.code(), reason(&end).as_str()), (tonic::Code::Unavailable, "TOO_MUCH_WORK"));
}
