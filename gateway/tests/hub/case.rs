//! What callers do with one case, in a word each.

use std::time::Duration;

use tributary_archive::verify::{Report, VerifyOptions, verify};
use tributary_proto::gateway::v1 as wire;
use tributary_proto::gateway::v1::archive_service_client::ArchiveServiceClient;
use tributary_proto::gateway::v1::case_service_client::CaseServiceClient;
use tributary_proto::types::v1 as types;
use tributary_transport::link::Channel;
use uuid::Uuid;

use crate::hub::Hub;
use crate::support::world::PATIENCE;

pub(crate) const WHO: &str = "clerk 7";

/// A caller that follows one case.
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) cases: CaseServiceClient<Channel>,
    pub(crate) archives: ArchiveServiceClient<Channel>,
}

/// A request about Anna that waits `seconds` at most; 0 for the gateway's default.
pub(crate) fn request(seconds: i64) -> wire::OpenCaseRequest {
    let window = Some(prost_types::Duration { seconds, nanos: 0 });
    let policy = wire::waiting_policy::Policy::BestEffort(wire::BestEffort { window });
    wire::OpenCaseRequest {
        request_id: Uuid::new_v4().to_string(),
        on_behalf_of: WHO.to_owned(),
        right: types::Right::Access.into(),
        identifiers: vec![email("anna@example.org")],
        waiting: (seconds > 0).then_some(wire::WaitingPolicy { policy: Some(policy) }),
        identity_confirmed: true,
        ..wire::OpenCaseRequest::default()
    }
}

pub(crate) fn email(value: &str) -> types::Identifier {
    types::Identifier { r#type: "email".to_owned(), value: value.to_owned() }
}

impl Case {
    /// Opens a case as the portal.
    pub(crate) async fn open(hub: &Hub, request: wire::OpenCaseRequest) -> Self {
        let mut case = Self::of(hub, String::new()).await;
        case.id = case.cases.open_case(request).await.unwrap().into_inner().case.unwrap().case_id;
        case
    }

    /// Follows a case as the portal, also after a restart.
    pub(crate) async fn of(hub: &Hub, id: String) -> Self {
        let channel = hub.portal().await;
        Self { id, cases: CaseServiceClient::new(channel.clone()), archives: ArchiveServiceClient::new(channel) }
    }

    pub(crate) async fn get(&mut self) -> wire::Case {
        let request = wire::GetCaseRequest { case_id: self.id.clone(), on_behalf_of: WHO.to_owned() };
        self.cases.get_case(request).await.unwrap().into_inner().case.unwrap()
    }

    /// Waits until the case is as `wanted`, and returns it.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&wire::Case) -> bool) -> wire::Case {
        self.moving(None, wanted).await
    }

    /// As [`Case::until`], with everybody's clock a second further after each look.
    pub(crate) async fn advancing(&mut self, hub: &Hub, wanted: impl Fn(&wire::Case) -> bool) -> wire::Case {
        self.moving(Some(hub), wanted).await
    }

    async fn moving(&mut self, hub: Option<&Hub>, wanted: impl Fn(&wire::Case) -> bool) -> wire::Case {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let case = self.get().await;
            if wanted(&case) {
                return case;
            }
            assert!(tokio::time::Instant::now() < deadline, "the case never came to what was waited for: {case:#?}");
            if let Some(hub) = hub {
                hub.world.later(Duration::from_secs(1));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn ready(&mut self) -> wire::Case {
        self.until(|case| case.state() == wire::CaseState::Ready).await
    }

    /// Names of all events so far, with the entity they are about, as a watcher that begins at `cursor` hears them
    /// until one named `last`.
    pub(crate) async fn events(&mut self, cursor: u64, last: &str) -> Vec<wire::WatchCaseResponse> {
        let request = wire::WatchCaseRequest { case_id: self.id.clone(), on_behalf_of: WHO.to_owned(), cursor };
        let mut stream = self.cases.watch_case(request).await.unwrap().into_inner();
        let mut events = Vec::new();
        while let Some(event) = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap() {
            let found = event.event == last;
            events.push(event);
            if found {
                break;
            }
        }
        events
    }

    /// The bytes of a range of an archive.
    pub(crate) async fn range(&mut self, sequence: u32, offset: u64, length: u64) -> Result<Vec<u8>, tonic::Status> {
        let request = wire::DownloadArchiveRequest {
            case_id: self.id.clone(),
            on_behalf_of: WHO.to_owned(),
            sequence,
            offset,
            length,
        };
        let mut stream = self.archives.download_archive(request).await?.into_inner();
        let mut bytes: Vec<u8> = Vec::new();
        while let Some(message) = stream.message().await? {
            assert_eq!(message.offset, offset + bytes.len() as u64);
            assert!(!message.data.is_empty() && message.data.len() <= 256 * 1024);
            bytes.extend_from_slice(&message.data);
        }
        Ok(bytes)
    }

    pub(crate) async fn archive(&mut self, sequence: u32) -> Vec<u8> {
        self.range(sequence, 0, 0).await.unwrap()
    }

    pub(crate) async fn deliver(&mut self, sequence: u32) -> wire::Case {
        self.try_deliver(sequence).await.unwrap()
    }

    pub(crate) async fn try_deliver(&mut self, sequence: u32) -> Result<wire::Case, tonic::Status> {
        let request = wire::ConfirmDeliveryRequest {
            case_id: self.id.clone(),
            on_behalf_of: WHO.to_owned(),
            sequence,
            channel: "portal".to_owned(),
            delivered_at: None,
        };
        Ok(self.cases.confirm_delivery(request).await?.into_inner().case.unwrap())
    }

    pub(crate) async fn retry(&mut self, entity: &str) -> Result<wire::Case, tonic::Status> {
        let request = wire::RetryTaskRequest {
            case_id: self.id.clone(),
            on_behalf_of: WHO.to_owned(),
            entity: entity.to_owned(),
        };
        Ok(self.cases.retry_task(request).await?.into_inner().case.unwrap())
    }
}

pub(crate) fn task<'c>(case: &'c wire::Case, entity: &str) -> &'c wire::Task {
    case.tasks.iter().find(|task| task.entity == entity).expect("every entity stands in the roster")
}

pub(crate) fn disposition(case: &wire::Case, entity: &str) -> types::Disposition {
    task(case, entity).disposition()
}

/// Verifies an archive as its reader does, with the group's keys.
pub(crate) fn verified(hub: &Hub, archive: &[u8], predecessor: Option<&[u8]>) -> Report {
    let mut before = predecessor.map(std::io::Cursor::new);
    let predecessor = before.as_mut().map(|before| before as &mut dyn tributary_archive::verify::ReadSeek);
    let options = VerifyOptions { group: Some(&hub.pins), predecessor };
    verify(&mut std::io::Cursor::new(archive), options)
}

pub(crate) fn reason(status: &tonic::Status) -> String {
    tributary_transport::status::reason_of(status).unwrap_or_default()
}
