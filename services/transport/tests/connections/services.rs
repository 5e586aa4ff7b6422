//! Health and reflection, which every process offers beside its own services.

use futures::StreamExt;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tributary_transport::limits::Limits;
use tributary_transport::link::Link;
use tributary_transport::services::{Standard, standard_services};

use crate::world::{Entity, PATIENCE, Running, dial, health, serve_routes};

/// Stands for a process's own contract; like one, it repeats files that are there already.
const CONTRACT: &[u8] = tonic_health::pb::FILE_DESCRIPTOR_SET;

async fn connected(standard: Standard) -> (Running, Link) {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let tls = agent.tls("agent", &[&gateway]);
    let server = serve_routes(tls, Limits::default(), PATIENCE, standard.routes.routes());
    let link = dial(gateway.tls("gateway", &[&agent]), &server.address, &agent.id("agent")).await.unwrap();
    (server, link)
}

async fn listed(link: &Link) -> Result<Vec<String>, tonic::Status> {
    let list = MessageRequest::ListServices(String::new());
    let ask = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut client = ServerReflectionClient::new(link.channel());
    let mut answers = client.server_reflection_info(futures::stream::iter([ask])).await?.into_inner();
    let answer = answers.next().await.unwrap()?;
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else { panic!("{answer:?}") };
    Ok(list.service.into_iter().map(|service| service.name).collect())
}

#[tokio::test]
async fn health_says_what_the_process_reported() {
    let standard = standard_services(CONTRACT, true).unwrap();
    let reporter = standard.health.clone();
    let (_server, link) = connected(standard).await;
    for (reported, seen) in [(ServingStatus::Serving, 1), (ServingStatus::NotServing, 2)] {
        reporter.set_service_status("tributary", reported).await;
        let ask = HealthCheckRequest { service: "tributary".to_owned() };
        assert_eq!(health(&link).check(ask).await.unwrap().into_inner().status, seen);
    }
}

#[tokio::test]
async fn reflection_lists_the_services_unless_it_is_switched_off() {
    let (_server, link) = connected(standard_services(CONTRACT, true).unwrap()).await;
    let names = listed(&link).await.unwrap();
    assert!(names.iter().any(|name| name == "grpc.health.v1.Health"), "{names:?}");

    let (_server, link) = connected(standard_services(CONTRACT, false).unwrap()).await;
    assert_eq!(listed(&link).await.unwrap_err().code(), tonic::Code::Unimplemented);
}

#[test]
fn descriptors_that_are_none_are_refused() {
    assert!(standard_services(b"\xff\xff", true).is_err());
}
