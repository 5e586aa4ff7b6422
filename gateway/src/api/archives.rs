//! ArchiveService: any range of an archive, straight from the staged frames, recorded before the first byte leaves.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use tributary_proto::gateway::v1 as wire;
use tributary_proto::gateway::v1::archive_service_server::ArchiveService;

use super::download::Download;
use super::error::ApiError;
use super::sending::{Bytes, send};
use super::{Api, human, view};
use crate::authorise::Verb;

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
        Ok(Response::new(send(download, place, self.0.download_stall, &self.0.tasks)))
    }

    async fn create_link(
        &self,
        request: Request<wire::CreateLinkRequest>,
    ) -> Result<Response<wire::CreateLinkResponse>, Status> {
        let caller = self.authorise(&request, Verb::Link)?;
        let operator = self.authorise(&request, Verb::Operate).ok();
        let made = self.make_link(&caller, operator.as_ref(), request.into_inner()).await?;
        Ok(Response::new(made))
    }

    async fn list_links(
        &self,
        request: Request<wire::ListLinksRequest>,
    ) -> Result<Response<wire::ListLinksResponse>, Status> {
        let caller = self.authorise(&request, Verb::Link)?;
        let request = request.into_inner();
        human(&request.on_behalf_of)?;
        let case = self.visible(&caller, &request.case_id).await?;
        let now = self.0.clock.now();
        let links = self.0.store.links(case.id).await.map_err(ApiError::from)?;
        Ok(Response::new(wire::ListLinksResponse { links: links.iter().map(|link| view::link(link, now)).collect() }))
    }

    async fn revoke_link(
        &self,
        request: Request<wire::RevokeLinkRequest>,
    ) -> Result<Response<wire::RevokeLinkResponse>, Status> {
        let caller = self.authorise(&request, Verb::Link)?;
        let request = request.into_inner();
        let actor = self.actor(&caller, &request.on_behalf_of, None)?;
        let case = self.visible(&caller, &request.case_id).await?;
        let link = request.link_id.parse().map_err(|_| ApiError::LinkNotFound)?;
        let now = self.0.clock.now();
        let link = self.0.store.revoke_link(case.id, link, actor, now).await.map_err(ApiError::from)?;
        tracing::info!(case = %case.id, link = %link.id, caller = %caller.id, "link revoked");
        Ok(Response::new(wire::RevokeLinkResponse { link: Some(view::link(&link, now)) }))
    }
}
