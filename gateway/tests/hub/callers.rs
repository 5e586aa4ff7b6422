//! Every rpc of the contract's gateway services, for every class of caller: each pair has an expectation, and an rpc
//! without one fails the test.

use prost::Message;
use tonic::Status;
use tributary_proto::FILE_DESCRIPTOR_SET;
use tributary_proto::gateway::v1 as wire;
use tributary_proto::gateway::v1::archive_service_client::ArchiveServiceClient;
use tributary_proto::gateway::v1::case_service_client::CaseServiceClient;
use tributary_proto::gateway::v1::group_service_client::GroupServiceClient;
use tributary_transport::link::Channel;

use crate::case::{Case, WHO, reason, request};
use crate::hub::Hub;
use crate::support::script::Script;

const CALLERS: [&str; 10] =
    ["stranger", "reader", "opener", "voucher", "operator", "downloader", "linker", "narrow", "agent", "portal"];

/// How a call of an rpc is expected to end for a class of caller.
fn expectation(rpc: &str, caller: &str) -> Option<&'static str> {
    let needed = match rpc {
        "CaseService/OpenCase" => "opener",
        "CaseService/ConfirmIdentity" => "voucher",
        "CaseService/RetryTask" | "CaseService/CancelCase" | "CaseService/ConfirmDelivery" => "operator",
        "ArchiveService/DownloadArchive" => "downloader",
        "ArchiveService/CreateLink" | "ArchiveService/ListLinks" | "ArchiveService/RevokeLink" => "linker",
        "CaseService/GetCase" | "CaseService/ListCases" | "CaseService/WatchCase" => "reader",
        "ArchiveService/GetArchive" => "reader",
        "GroupService/ListEntities" | "GroupService/GetEntity" | "GroupService/GetGroupFile" => "reader",
        _ => return None,
    };
    // What a caller without grants for the case's entities is told: as if there were nothing.
    let hidden = match rpc {
        "CaseService/OpenCase" => "CALLER_NOT_AUTHORISED",
        "CaseService/ListCases" | "GroupService/ListEntities" | "GroupService/GetGroupFile" => "OK",
        "GroupService/GetEntity" => "ENTITY_NOT_FOUND",
        _ => "CASE_NOT_FOUND",
    };
    Some(match caller {
        "portal" => "OK",
        "narrow" => hidden,
        caller if caller == needed => "OK",
        _ => "CALLER_NOT_AUTHORISED",
    })
}

fn outcome<T>(result: Result<T, Status>) -> String {
    result.map_or_else(|status| reason(&status), |_| "OK".to_owned())
}

async fn call(rpc: &str, channel: &Channel, case_id: &str) -> String {
    let mut cases = CaseServiceClient::new(channel.clone());
    let mut archives = ArchiveServiceClient::new(channel.clone());
    let mut group = GroupServiceClient::new(channel.clone());
    let (case_id, on_behalf_of) = (case_id.to_owned(), WHO.to_owned());
    match rpc {
        "CaseService/OpenCase" => {
            let asked = wire::OpenCaseRequest { validate_only: true, identity_confirmed: false, ..request(0) };
            outcome(cases.open_case(asked).await)
        }
        "CaseService/GetCase" => outcome(cases.get_case(wire::GetCaseRequest { case_id, on_behalf_of }).await),
        "CaseService/ListCases" => {
            outcome(cases.list_cases(wire::ListCasesRequest { on_behalf_of, ..Default::default() }).await)
        }
        "CaseService/WatchCase" => {
            outcome(cases.watch_case(wire::WatchCaseRequest { case_id, on_behalf_of, cursor: 0 }).await)
        }
        "CaseService/ConfirmIdentity" => {
            let method = "session".to_owned();
            let request = wire::ConfirmIdentityRequest { case_id, on_behalf_of, method, identifiers: Vec::new() };
            outcome(cases.confirm_identity(request).await)
        }
        "CaseService/RetryTask" => {
            let entity = "fr".to_owned();
            outcome(cases.retry_task(wire::RetryTaskRequest { case_id, on_behalf_of, entity }).await)
        }
        "CaseService/CancelCase" => {
            let request = wire::CancelCaseRequest { case_id, on_behalf_of, reason: "r".to_owned() };
            outcome(cases.cancel_case(request).await)
        }
        "CaseService/ConfirmDelivery" => {
            let request = wire::ConfirmDeliveryRequest {
                case_id,
                on_behalf_of,
                sequence: 0,
                channel: "portal".to_owned(),
                delivered_at: None,
            };
            outcome(cases.confirm_delivery(request).await)
        }
        "ArchiveService/GetArchive" => {
            outcome(archives.get_archive(wire::GetArchiveRequest { case_id, on_behalf_of, sequence: 0 }).await)
        }
        "ArchiveService/DownloadArchive" => {
            let request = wire::DownloadArchiveRequest { case_id, on_behalf_of, ..Default::default() };
            outcome(archives.download_archive(request).await)
        }
        "ArchiveService/CreateLink" => {
            let request = wire::CreateLinkRequest { case_id, on_behalf_of, ..Default::default() };
            outcome(archives.create_link(request).await)
        }
        "ArchiveService/ListLinks" => {
            outcome(archives.list_links(wire::ListLinksRequest { case_id, on_behalf_of }).await)
        }
        "ArchiveService/RevokeLink" => {
            let (case, who) = (case_id.clone(), on_behalf_of.clone());
            let made = wire::CreateLinkRequest { case_id: case, on_behalf_of: who, ..Default::default() };
            let made = archives.create_link(made).await.ok().and_then(|made| made.into_inner().link);
            let link_id = made.map_or_else(String::new, |link| link.link_id);
            outcome(archives.revoke_link(wire::RevokeLinkRequest { case_id, on_behalf_of, link_id }).await)
        }
        "GroupService/ListEntities" => {
            outcome(group.list_entities(wire::ListEntitiesRequest { on_behalf_of, ..Default::default() }).await)
        }
        "GroupService/GetEntity" => {
            outcome(group.get_entity(wire::GetEntityRequest { on_behalf_of, entity: "be".to_owned() }).await)
        }
        "GroupService/GetGroupFile" => outcome(group.get_group_file(wire::GetGroupFileRequest { on_behalf_of }).await),
        other => panic!("{other} is not called by this walk"),
    }
}

fn rpcs() -> Vec<String> {
    let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let gateway = set.file.iter().filter(|file| file.package() == "tributary.gateway.v1");
    let services = gateway.flat_map(|file| &file.service);
    services
        .flat_map(|service| service.method.iter().map(move |rpc| format!("{}/{}", service.name(), rpc.name())))
        .collect()
}

#[tokio::test]
async fn every_rpc_treats_every_class_of_caller_as_expected() {
    let hub = Hub::new(&["be", "fr"]).await;
    let _be = hub.agent("be", Script::honest());
    let rpcs = rpcs();
    assert!(rpcs.len() >= 16);
    let mut shared = Case::open(&hub, request(2)).await;
    shared.advancing(&hub, |case| !case.archives.is_empty()).await;
    for rpc in rpcs {
        for caller in CALLERS {
            let expected = expectation(&rpc, caller).unwrap_or_else(|| panic!("{rpc} has no expectation"));
            // What changes a case needs one of its own: ready, with an archive, and one entity still missing.
            let changes = matches!(&*rpc, "CaseService/CancelCase" | "CaseService/ConfirmDelivery");
            let id = if changes && expected == "OK" {
                let mut own = Case::open(&hub, request(2)).await;
                own.advancing(&hub, |case| !case.archives.is_empty()).await;
                own.id
            } else {
                shared.id.clone()
            };
            let link = match caller {
                "agent" => hub.link_as(&hub.world.member("be").party, &hub.world.member("be").party.id).await,
                caller => hub.link(caller).await,
            };
            assert_eq!(call(&rpc, &link.channel(), &id).await, expected, "{rpc} by {caller}");
        }
    }
}

#[tokio::test]
async fn a_hidden_case_looks_like_a_missing_one() {
    let hub = Hub::new(&["be"]).await;
    let case = Case::open(&hub, request(0)).await;
    let mut narrow = CaseServiceClient::new(hub.link("narrow").await.channel());
    let mut ask = async |case_id: String| {
        narrow.get_case(wire::GetCaseRequest { case_id, on_behalf_of: WHO.to_owned() }).await.unwrap_err()
    };
    let hidden = ask(case.id.clone()).await;
    let missing = ask(uuid::Uuid::new_v4().to_string()).await;
    let malformed = ask("nonsense".to_owned()).await;
    for status in [&missing, &malformed] {
        assert_eq!(
            (status.code(), status.message(), status.details()),
            (hidden.code(), hidden.message(), hidden.details())
        );
    }
}

#[tokio::test]
async fn nobody_vouches_without_the_verb() {
    let hub = Hub::new(&["be"]).await;
    let mut opener = CaseServiceClient::new(hub.link("opener").await.channel());
    let refused = opener.open_case(request(0)).await.unwrap_err();
    assert_eq!(reason(&refused), "CALLER_NOT_AUTHORISED");
    let unvouched = wire::OpenCaseRequest { identity_confirmed: false, ..request(0) };
    let opened = opener.open_case(unvouched).await.unwrap().into_inner().case.unwrap();
    assert_eq!(opened.state(), wire::CaseState::AwaitingIdentity);
}
