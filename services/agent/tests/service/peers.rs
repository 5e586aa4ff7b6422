//! Nobody but the gateway is served, whatever they send; what needs no mandate is public to it alone.

use tonic::{Code, Status};
use tributary_model::mandate::Action;
use tributary_proto::agent::v1::{
    DescribeRequest, DescribeResponse, FinishExportRequest, GetAttestationRequest, LocateRequest, ReadPartRequest,
    StartExportRequest, WatchExportRequest,
};
use tributary_proto::types::v1::Right;

use crate::world::{ANNA, Client, PATIENCE, Running, World, reason};

/// Every rpc of the service, asked with nothing in it.
async fn every_rpc(mut client: Client) -> [(&'static str, Status); 7] {
    [
        ("Describe", client.describe(DescribeRequest::default()).await.unwrap_err()),
        ("Locate", client.locate(LocateRequest::default()).await.unwrap_err()),
        ("StartExport", client.start_export(StartExportRequest::default()).await.unwrap_err()),
        ("WatchExport", client.watch_export(WatchExportRequest::default()).await.unwrap_err()),
        ("ReadPart", client.read_part(ReadPartRequest::default()).await.unwrap_err()),
        ("FinishExport", client.finish_export(FinishExportRequest::default()).await.unwrap_err()),
        ("GetAttestation", client.get_attestation(GetAttestationRequest::default()).await.unwrap_err()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_not_the_gateway_is_refused_by_every_rpc_before_its_request_is_looked_at() {
    let world = World::new();
    let agent = world.start().await;
    for (domain, role) in [("gateway", "portal"), ("other", "agent"), ("acme", "agent"), ("acme", "gateway")] {
        let link = world.dial(domain, role, &agent.address).await;
        let client = Client::new(link.channel());
        for (rpc, status) in every_rpc(client.clone()).await {
            assert_eq!(status.code(), Code::PermissionDenied, "{rpc} by {domain}/{role}");
            assert_eq!(reason(&status), "PEER_NOT_GATEWAY", "{rpc} by {domain}/{role}");
        }
        // A mandate that holds does not help who is not the gateway.
        let order = world.order(Action::Export, ANNA);
        let status = client.clone().start_export(world.start_request(&order)).await.unwrap_err();
        assert_eq!(reason(&status), "PEER_NOT_GATEWAY");
    }
    for (rpc, status) in every_rpc(agent.client.clone()).await {
        assert_ne!(reason(&status), "PEER_NOT_GATEWAY", "{rpc} by the gateway");
    }
    agent.stop().await;
}

async fn describe(agent: &Running, entity: &str) -> Result<DescribeResponse, Status> {
    let request = DescribeRequest { entity: entity.to_owned(), ..Default::default() };
    Ok(agent.client.clone().describe(request).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_says_what_it_can_do_and_for_whom() {
    let world = World::new();
    let agent = world.start().await;
    let said = describe(&agent, "acme").await.unwrap();
    assert_eq!((said.entity.as_str(), said.rights.as_slice()), ("acme", &[i32::from(Right::Access)][..]));
    assert_eq!(said.identifier_types, ["email"]);
    assert_eq!(said.group_version, 3);
    let [dataset] = said.datasets.as_slice() else { panic!("one dataset is declared") };
    assert_eq!((dataset.key.as_str(), dataset.name.as_str()), ("crm", "Customers"));
    assert!(dataset.connected && dataset.collections == 2);
    assert!(said.max_part_bytes > 0 && said.software.starts_with("tributary-agent "));
    let status = describe(&agent, "other").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "ENTITY_NOT_SERVED"));
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_that_the_service_serves() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_client::HealthClient;
    let world = World::new();
    let agent = world.start().await;
    let link = world.dial("gateway", "gateway", &agent.address).await;
    let service = "tributary.agent.v1.SubjectDataService".to_owned();
    // Serving begins with the task that serves, which may be a moment behind the first connection.
    let asked = tokio::time::timeout(PATIENCE, async {
        let mut watch =
            HealthClient::new(link.channel()).watch(HealthCheckRequest { service }).await.unwrap().into_inner();
        while watch.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
    });
    asked.await.unwrap();
    agent.stop().await;
}
