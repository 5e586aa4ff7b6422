//! A gRPC stream of the same bytes over mTLS, with tonic alone: what the wire allows.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tributary_proto::agent::v1::subject_data_service_client::SubjectDataServiceClient;
use tributary_proto::agent::v1::subject_data_service_server::{SubjectDataService, SubjectDataServiceServer};
use tributary_proto::agent::v1::{
    DescribeRequest, DescribeResponse, FinishExportRequest, FinishExportResponse, GetAttestationRequest,
    GetAttestationResponse, LocateRequest, LocateResponse, ReadPartRequest, ReadPartResponse, StartExportRequest,
    StartExportResponse, WatchExportRequest, WatchExportResponse,
};

use super::receive::parts_in;
use super::tls;
use crate::child::Took;
use crate::cpu;

const PIECE: usize = 256 * 1024;

/// Serves parts from memory; says its port.
pub(super) fn serve(parts: &Path, certificates: &Path) -> Result<()> {
    let parts = parts_in(parts)?.iter().map(|path| Ok(std::fs::read(path)?.into())).collect::<Result<Vec<Bytes>>>()?;
    runtime()?.block_on(async {
        let listener = tls::listen()?;
        println!("{}", listener.local_addr()?.port());
        let (stream, connection, frame) = tls::WINDOWS;
        Server::builder()
            .initial_stream_window_size(stream)
            .initial_connection_window_size(connection)
            .max_frame_size(frame)
            .add_service(SubjectDataServiceServer::new(Parts(parts.into())))
            .serve_with_incoming(tls::incoming(listener, certificates)?)
            .await?;
        Ok(())
    })
}

/// Reads parts 1 to `parts`, one after another.
pub(super) fn read(port: u16, parts: u32, certificates: &Path) -> Result<Took> {
    runtime()?.block_on(async {
        let mut server = SubjectDataServiceClient::new(tls::channel(port, certificates).await?);
        let (cpu, wall) = (cpu::own(), Instant::now());
        let mut bytes = 0;
        for index in 1..=parts {
            let request = ReadPartRequest { index, ..ReadPartRequest::default() };
            let mut pieces = server.read_part(request).await?.into_inner();
            while let Some(piece) = pieces.message().await? {
                bytes += piece.data.len() as u64;
            }
        }
        Ok(Took { cpu: cpu::own() - cpu, wall: wall.elapsed(), bytes, count: u64::from(parts) })
    })
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

struct Parts(Arc<[Bytes]>);

#[tonic::async_trait]
impl SubjectDataService for Parts {
    type ReadPartStream = BoxStream<'static, Result<ReadPartResponse, Status>>;
    type WatchExportStream = BoxStream<'static, Result<WatchExportResponse, Status>>;

    async fn read_part(&self, request: Request<ReadPartRequest>) -> Result<Response<Self::ReadPartStream>, Status> {
        let at = request.into_inner().index as usize;
        let part = self.0.get(at.wrapping_sub(1)).cloned().ok_or_else(|| Status::not_found("no such part"))?;
        let offsets = (0..part.len()).step_by(PIECE);
        let pieces = offsets.map(move |from| {
            let data = part.slice(from..part.len().min(from + PIECE));
            Ok(ReadPartResponse { offset: from as u64, data })
        });
        Ok(Response::new(stream::iter(pieces).boxed()))
    }

    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeResponse>, Status> {
        Err(only_parts())
    }

    async fn locate(&self, _: Request<LocateRequest>) -> Result<Response<LocateResponse>, Status> {
        Err(only_parts())
    }

    async fn start_export(&self, _: Request<StartExportRequest>) -> Result<Response<StartExportResponse>, Status> {
        Err(only_parts())
    }

    async fn watch_export(&self, _: Request<WatchExportRequest>) -> Result<Response<Self::WatchExportStream>, Status> {
        Err(only_parts())
    }

    async fn finish_export(&self, _: Request<FinishExportRequest>) -> Result<Response<FinishExportResponse>, Status> {
        Err(only_parts())
    }

    async fn get_attestation(
        &self,
        _: Request<GetAttestationRequest>,
    ) -> Result<Response<GetAttestationResponse>, Status> {
        Err(only_parts())
    }
}

fn only_parts() -> Status {
    Status::unimplemented("this program serves parts only")
}
