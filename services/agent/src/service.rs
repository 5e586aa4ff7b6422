//! What the gateway asks of the agent: each rpc checks the peer, then the mandate, then the input, then acts.
//!
//! `guard` does the first two, `convert` the third, `export` the work; `error` says no in the contract's words.

mod error;
mod guard;
mod introduced;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use tonic::{Request, Response, Status};
use tributary_model::id::EntityId;
use tributary_model::mandate::Action;
use tributary_model::right::Right;
use tributary_proto::agent::v1::subject_data_service_server::{SubjectDataService, SubjectDataServiceServer};
use tributary_proto::agent::v1::{
    DescribeRequest, DescribeResponse, FinishExportRequest, FinishExportResponse, GetAttestationRequest,
    GetAttestationResponse, LocateRequest, LocateResponse, ReadPartRequest, ReadPartResponse, StartExportRequest,
    StartExportResponse, WatchExportRequest, WatchExportResponse,
};
use tributary_transport::limits::MAX_MESSAGE;

use crate::convert;
use crate::export::{ExportError, Exports, Systems};
use crate::ledger::Requested;
use crate::spool::PartName;
use crate::{SOFTWARE, service::error::Refusal};
pub(crate) use guard::Guard;
pub(crate) use introduced::first_word;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What one entity answers with.
pub(crate) struct Desk {
    pub(crate) exports: Exports,
    pub(crate) systems: Arc<dyn Systems>,
}

/// The service.
pub(crate) struct Service {
    pub(crate) guard: Guard,
    /// One for each entity that the guard lets through.
    pub(crate) desks: BTreeMap<EntityId, Desk>,
    /// Largest plain size of a table's part.
    pub(crate) part_bytes: u64,
}

impl Service {
    /// The service as the server takes it, with its message limits.
    pub(crate) fn server(self) -> SubjectDataServiceServer<Self> {
        SubjectDataServiceServer::new(self)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    }

    /// The desk of the entity that an instruction is for. No other's ledger is looked into.
    fn desk(&self, entity: &EntityId) -> Result<&Desk, Refusal> {
        tracing::Span::current().record("entity", tracing::field::display(entity));
        self.desks.get(entity).ok_or(Refusal::EntityNotServed)
    }
}

#[tonic::async_trait]
impl SubjectDataService for Service {
    async fn describe(&self, request: Request<DescribeRequest>) -> Result<Response<DescribeResponse>, Status> {
        self.guard.peer(&request)?;
        let (served, group) = (self.guard.entities(), self.guard.group());
        first_word(&request, served, group.file()).await?;
        let asked = |entity: &&EntityId| entity.as_str() == request.get_ref().entity;
        let entity = served.iter().find(asked).ok_or(Refusal::EntityNotServed)?;
        let desk = self.desk(entity)?;
        Ok(Response::new(DescribeResponse {
            entity: entity.to_string(),
            software: SOFTWARE.to_owned(),
            rights: vec![convert::right(Right::Access)],
            identifier_types: desk.systems.identifier_types().into_iter().map(String::from).collect(),
            datasets: desk.systems.datasets().into_iter().map(convert::dataset).collect(),
            group_version: group.file().version,
            group_sha256: group.digest().to_owned(),
            max_part_bytes: self.part_bytes,
            served_entities: served.iter().map(EntityId::to_string).collect(),
        }))
    }

    async fn locate(&self, request: Request<LocateRequest>) -> Result<Response<LocateResponse>, Status> {
        self.guard.peer(&request)?;
        let request = request.into_inner();
        let identifiers = convert::identifiers(&request.identifiers);
        let known = identifiers.as_deref().ok();
        let mandate = self.guard.mandate(&request.mandate, Action::Locate, &request.instruction, known)?;
        let exports = &self.desk(&mandate.entity)?.exports;
        let located = exports.locate(identifiers.map_err(Refusal::Field)?).await.map_err(Refusal::Export)?;
        Ok(Response::new(LocateResponse { outcome: convert::located(located) }))
    }

    async fn start_export(
        &self,
        request: Request<StartExportRequest>,
    ) -> Result<Response<StartExportResponse>, Status> {
        self.guard.peer(&request)?;
        let request = request.into_inner();
        let identifiers = convert::identifiers(&request.identifiers);
        let known = identifiers.as_deref().ok();
        let mandate = self.guard.mandate(&request.mandate, Action::Export, &request.instruction, known)?;
        let received_at = convert::received_at(request.received_at.as_ref(), self.guard.now());
        if let Ok(received_at) = received_at {
            mandate.check_received_at(received_at).map_err(Refusal::from)?;
        }
        received_at.map_err(Refusal::Field)?;
        let identifiers = identifiers.map_err(Refusal::Field)?;
        let format = convert::table_format(request.format).map_err(Refusal::Field)?;
        let requested = Requested { identifiers, format, right: mandate.right };
        let started = self.desk(&mandate.entity)?.exports.begin(&mandate, requested).await.map_err(Refusal::Export)?;
        let state = convert::state(started.state);
        Ok(Response::new(StartExportResponse { generation: started.generation, state }))
    }

    type WatchExportStream = Answers<WatchExportResponse>;

    async fn watch_export(
        &self,
        request: Request<WatchExportRequest>,
    ) -> Result<Response<Self::WatchExportStream>, Status> {
        self.guard.peer(&request)?;
        let request = request.into_inner();
        let mandate = self.guard.mandate(&request.mandate, Action::Export, &request.instruction, None)?;
        let exports = &self.desk(&mandate.entity)?.exports;
        let events = exports.watch(mandate.instruction, mandate.case).await.map_err(Refusal::Export)?;
        Ok(Response::new(answers(events, convert::event)))
    }

    type ReadPartStream = Answers<ReadPartResponse>;

    async fn read_part(&self, request: Request<ReadPartRequest>) -> Result<Response<Self::ReadPartStream>, Status> {
        self.guard.peer(&request)?;
        let request = request.into_inner();
        let mandate = self.guard.mandate(&request.mandate, Action::Export, &request.instruction, None)?;
        let (generation, index) = (request.generation, request.index);
        let name = PartName { instruction: mandate.instruction, generation, index };
        let exports = &self.desk(&mandate.entity)?.exports;
        let chunks = exports.read(name, mandate.case, request.offset).await.map_err(Refusal::Export)?;
        Ok(Response::new(answers(chunks, convert::chunk)))
    }

    async fn finish_export(
        &self,
        request: Request<FinishExportRequest>,
    ) -> Result<Response<FinishExportResponse>, Status> {
        self.guard.peer(&request)?;
        let request = request.into_inner();
        let mandate = self.guard.mandate(&request.mandate, Action::Export, &request.instruction, None)?;
        let exports = &self.desk(&mandate.entity)?.exports;
        exports.finish(mandate.instruction, mandate.case).await.map_err(Refusal::Export)?;
        Ok(Response::new(FinishExportResponse {}))
    }

    async fn get_attestation(
        &self,
        request: Request<GetAttestationRequest>,
    ) -> Result<Response<GetAttestationResponse>, Status> {
        self.guard.peer(&request)?;
        let request = request.into_inner();
        let mandate = self.guard.mandate(&request.mandate, Action::Export, &request.instruction, None)?;
        let exports = &self.desk(&mandate.entity)?.exports;
        let found = exports.attestation(mandate.instruction, mandate.case).await;
        Ok(Response::new(GetAttestationResponse { attestation: found.map_err(Refusal::Export)? }))
    }
}

/// A stream of the domain as a stream of the wire.
fn answers<T: 'static, W: 'static>(
    stream: impl Stream<Item = Result<T, ExportError>> + Send + 'static,
    convert: fn(T) -> W,
) -> Answers<W> {
    stream.map(move |item| item.map(convert).map_err(|error| Refusal::Export(error).into())).boxed()
}
