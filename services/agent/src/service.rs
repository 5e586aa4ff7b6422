//! What the gateway asks of the agent: each rpc checks the peer, then the mandate, then the input, then acts.
//!
//! `guard` does the first two, `convert` the third, `export` the work; `error` says no in the contract's words.

mod error;
mod guard;
mod introduced;

use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use tonic::{Request, Response, Status};
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

/// The service.
pub(crate) struct Service {
    pub(crate) guard: Guard,
    pub(crate) exports: Exports,
    pub(crate) systems: Arc<dyn Systems>,
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
}

#[tonic::async_trait]
impl SubjectDataService for Service {
    async fn describe(&self, request: Request<DescribeRequest>) -> Result<Response<DescribeResponse>, Status> {
        self.guard.peer(&request)?;
        first_word(&request, request.get_ref().entity == self.guard.entity().as_str()).await?;
        let group = self.guard.group();
        if request.get_ref().entity != self.guard.entity().as_str() {
            return Err(Refusal::EntityNotServed.into());
        }
        Ok(Response::new(DescribeResponse {
            entity: self.guard.entity().to_string(),
            software: SOFTWARE.to_owned(),
            rights: vec![convert::right(Right::Access)],
            identifier_types: self.systems.identifier_types().into_iter().map(String::from).collect(),
            datasets: self.systems.datasets().into_iter().map(convert::dataset).collect(),
            group_version: group.file().version,
            group_sha256: group.digest().to_owned(),
            max_part_bytes: self.part_bytes,
        }))
    }

    async fn locate(&self, request: Request<LocateRequest>) -> Result<Response<LocateResponse>, Status> {
        self.guard.peer(&request)?;
        let request = request.into_inner();
        let identifiers = convert::identifiers(&request.identifiers);
        let known = identifiers.as_deref().ok();
        self.guard.mandate(&request.mandate, Action::Locate, &request.instruction, known)?;
        let located = self.exports.locate(identifiers.map_err(Refusal::Field)?).await.map_err(Refusal::Export)?;
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
        let identifiers = identifiers.map_err(Refusal::Field)?;
        let format = convert::table_format(request.format).map_err(Refusal::Field)?;
        let requested = Requested { identifiers, format, right: mandate.right };
        let started = self.exports.begin(&mandate, requested).await.map_err(Refusal::Export)?;
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
        let events = self.exports.watch(mandate.instruction, mandate.case).await.map_err(Refusal::Export)?;
        Ok(Response::new(answers(events, convert::event)))
    }

    type ReadPartStream = Answers<ReadPartResponse>;

    async fn read_part(&self, request: Request<ReadPartRequest>) -> Result<Response<Self::ReadPartStream>, Status> {
        self.guard.peer(&request)?;
        let request = request.into_inner();
        let mandate = self.guard.mandate(&request.mandate, Action::Export, &request.instruction, None)?;
        let (generation, index) = (request.generation, request.index);
        let name = PartName { instruction: mandate.instruction, generation, index };
        let chunks = self.exports.read(name, mandate.case, request.offset).await.map_err(Refusal::Export)?;
        Ok(Response::new(answers(chunks, convert::chunk)))
    }

    async fn finish_export(
        &self,
        request: Request<FinishExportRequest>,
    ) -> Result<Response<FinishExportResponse>, Status> {
        self.guard.peer(&request)?;
        let request = request.into_inner();
        let mandate = self.guard.mandate(&request.mandate, Action::Export, &request.instruction, None)?;
        self.exports.finish(mandate.instruction, mandate.case).await.map_err(Refusal::Export)?;
        Ok(Response::new(FinishExportResponse {}))
    }

    async fn get_attestation(
        &self,
        request: Request<GetAttestationRequest>,
    ) -> Result<Response<GetAttestationResponse>, Status> {
        self.guard.peer(&request)?;
        let request = request.into_inner();
        let mandate = self.guard.mandate(&request.mandate, Action::Export, &request.instruction, None)?;
        let found = self.exports.attestation(mandate.instruction, mandate.case).await;
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
