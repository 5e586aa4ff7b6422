//! What reflection tells of a gateway: the services that it serves, and no agent's, though the contract is one.

use std::collections::BTreeSet;

use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::hub::Hub;

async fn ask(hub: &Hub, request: MessageRequest) -> Option<MessageResponse> {
    let asked = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let mut client = ServerReflectionClient::new(hub.portal().await);
    let mut answers = client.server_reflection_info(futures::stream::iter([asked])).await.unwrap().into_inner();
    answers.message().await.unwrap().unwrap().message_response
}

#[tokio::test]
async fn reflection_lists_exactly_what_is_served() {
    let hub = Hub::new(&["be"]).await;
    let listed = ask(&hub, MessageRequest::ListServices(String::new())).await;
    let Some(MessageResponse::ListServicesResponse(listed)) = listed else { panic!("not a list") };
    let names: BTreeSet<String> = listed.service.into_iter().map(|service| service.name).collect();
    let served = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "tributary.gateway.v1.ArchiveService",
        "tributary.gateway.v1.CaseService",
        "tributary.gateway.v1.GroupService",
    ];
    assert_eq!(names, served.map(str::to_owned).into());
    let symbol = MessageRequest::FileContainingSymbol("tributary.gateway.v1.CaseService".to_owned());
    let described = ask(&hub, symbol).await;
    assert!(
        matches!(described, Some(MessageResponse::FileDescriptorResponse(_))),
        "a client can still be made from it"
    );
}
