//! Whether each configured gateway can be reached and would use the connection, without taking part.
//!
//! The gateway's first call is heard and not answered, so that a running agent keeps its connection.

use std::pin::Pin;

use futures::Stream;
use futures::future::BoxFuture;
use serde::Serialize;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tributary_model::clock::SharedClock;
use tributary_model::group::GroupFile;
use tributary_model::id::EntityId;
use tributary_proto::agent::v1::subject_data_service_server::{SubjectDataService, SubjectDataServiceServer};
use tributary_proto::agent::v1::{
    DescribeRequest, DescribeResponse, FinishExportRequest, FinishExportResponse, GetAttestationRequest,
    GetAttestationResponse, LocateRequest, LocateResponse, ReadPartRequest, ReadPartResponse, StartExportRequest,
    StartExportResponse, WatchExportRequest, WatchExportResponse,
};
use tributary_transport::outbound::probe;
use tributary_transport::tls::Tls;
use tributary_transport::trust::TrustBundles;

use super::{dialer, disagreement};
use crate::config::Config;
use crate::service::first_word;
use crate::start::{self, StartError};

/// What was found out about one configured gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GatewayReport {
    /// Its address, as configured.
    pub address: String,
    /// How many processes it has, by its own word. Absent when it was not reached, or does not use the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<usize>,
    /// What stands in the way, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Tries each gateway of `dial_out` in turn. Nothing is tried when the agent does not dial out.
///
/// # Errors
/// When certificate, key or group file cannot be used.
pub fn reach_gateways(config: &Config, clock: SharedClock) -> BoxFuture<'_, Result<Vec<GatewayReport>, StartError>> {
    // Boxed, so that the whole of it is compiled here and not again in every program that awaits it.
    Box::pin(reach(config, clock))
}

async fn reach(config: &Config, clock: SharedClock) -> Result<Vec<GatewayReport>, StartError> {
    let Some(settings) = &config.dial_out else { return Ok(Vec::new()) };
    let (identity, group, bundles) = start::identity_and_group(config, clock.now())?;
    let gateway = group.file().gateway.spiffe_id.clone();
    let dialer = dialer(settings, Tls::new(identity, TrustBundles::new(bundles), clock))?;
    let mut reports = Vec::new();
    for address in &settings.gateways {
        let entities = config.entities.iter().map(|served| served.id.clone()).collect();
        let heard = Heard { entities, group: group.file().clone() };
        let routes = Routes::new(SubjectDataServiceServer::new(heard));
        let (processes, problem) = match probe(&dialer, &gateway, address, settings.pace, routes).await {
            Ok(found) => (Some(found.replicas.len().max(1)), None),
            Err(error) => (None, Some(error.to_string())),
        };
        reports.push(GatewayReport { address: address.clone(), processes, problem });
    }
    if let Some(last) = reports.last_mut().filter(|last| last.problem.is_none()) {
        last.problem = config.entities.iter().find_map(|served| disagreement(config, &group, &served.id));
    }
    Ok(reports)
}

/// Hears the first call only.
struct Heard {
    entities: Vec<EntityId>,
    group: GroupFile,
}

type Nothing<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn no<T>() -> Result<Response<T>, Status> {
    Err(Status::unavailable("this connection only tries out whether there is a way"))
}

#[tonic::async_trait]
impl SubjectDataService for Heard {
    async fn describe(&self, request: Request<DescribeRequest>) -> Result<Response<DescribeResponse>, Status> {
        first_word(&request, &self.entities, &self.group).await?;
        no()
    }

    async fn locate(&self, _: Request<LocateRequest>) -> Result<Response<LocateResponse>, Status> {
        no()
    }

    async fn start_export(&self, _: Request<StartExportRequest>) -> Result<Response<StartExportResponse>, Status> {
        no()
    }

    type WatchExportStream = Nothing<WatchExportResponse>;

    async fn watch_export(&self, _: Request<WatchExportRequest>) -> Result<Response<Self::WatchExportStream>, Status> {
        no()
    }

    type ReadPartStream = Nothing<ReadPartResponse>;

    async fn read_part(&self, _: Request<ReadPartRequest>) -> Result<Response<Self::ReadPartStream>, Status> {
        no()
    }

    async fn finish_export(&self, _: Request<FinishExportRequest>) -> Result<Response<FinishExportResponse>, Status> {
        no()
    }

    async fn get_attestation(
        &self,
        _: Request<GetAttestationRequest>,
    ) -> Result<Response<GetAttestationResponse>, Status> {
        no()
    }
}
