//! ArchiveService: any range of an archive, straight from the staged frames, recorded before the first byte leaves.

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use futures::stream::try_unfold;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;
use tonic::{Request, Response, Status};
use tributary_proto::gateway::v1 as wire;
use tributary_proto::gateway::v1::archive_service_server::ArchiveService;

use super::download::Download;
use super::error::ApiError;
use super::{Api, human, view};
use crate::authorise::Verb;

/// The bytes of a range.
type Bytes = Pin<Box<dyn Stream<Item = Result<wire::DownloadArchiveResponse, Status>> + Send>>;

#[tonic::async_trait]
impl ArchiveService for Api {
    async fn get_archive(
        &self,
        request: Request<wire::GetArchiveRequest>,
    ) -> Result<Response<wire::GetArchiveResponse>, Status> {
        let caller = self.authorise(&request, Verb::Read)?;
        let request = request.into_inner();
        human(&request.on_behalf_of)?;
        let case = self.visible(&caller, &request.case_id).await?;
        let asked = |a: &&crate::case::Archive| request.sequence == 0 || a.sequence == request.sequence;
        let archive = case.archives.iter().rev().find(asked).ok_or(ApiError::ArchiveNotFound)?;
        Ok(Response::new(wire::GetArchiveResponse { archive: Some(view::archive(archive)) }))
    }

    type DownloadArchiveStream = Bytes;

    async fn download_archive(
        &self,
        request: Request<wire::DownloadArchiveRequest>,
    ) -> Result<Response<Bytes>, Status> {
        let caller = self.authorise(&request, Verb::Download)?;
        let request = request.into_inner();
        let actor = self.actor(&caller, &request.on_behalf_of, None)?;
        let case = self.visible(&caller, &request.case_id).await?;
        let place = Arc::clone(&self.0.downloads).try_acquire_owned().map_err(|_| ApiError::Busy)?;
        let stored = self.0.store.archive(case.id, request.sequence).await.map_err(ApiError::from)?;
        let size = stored.archive.size;
        if request.offset > size {
            return Err(ApiError::RangeBeyondEnd { size }.into());
        }
        let left = size - request.offset;
        let length = if request.length == 0 { left } else { request.length.min(left) };
        let range = request.offset..request.offset + length;
        let (sequence, now) = (stored.archive.sequence, self.0.clock.now());
        let recorded = self.0.store.record_download(case.id, sequence, (range.start, range.end), actor, now).await;
        recorded.map_err(ApiError::from)?;
        let download = Download::new(Arc::clone(&self.0.objects), case.id, stored, range);
        let download = download.map_err(|error| ApiError::internal(&error))?;
        Ok(Response::new(stream(download, place)))
    }
}

/// Reads on a blocking thread, a piece at a time, only when the last one was taken.
fn stream(download: Download, place: OwnedSemaphorePermit) -> Bytes {
    Box::pin(try_unfold((download, place), |(mut download, place)| async move {
        let read = spawn_blocking(move || {
            let piece = download.next();
            (piece, download)
        });
        let (piece, download) = read.await.map_err(|error| ApiError::internal(&error))?;
        let piece = piece.map_err(|error| ApiError::internal(&error))?;
        let message = piece.map(|(offset, data)| wire::DownloadArchiveResponse { offset, data });
        Ok::<_, Status>(message.map(|message| (message, (download, place))))
    }))
}
