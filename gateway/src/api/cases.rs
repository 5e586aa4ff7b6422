//! CaseService.

use tonic::{Request, Response, Status};
use tributary_model::id::EntityId;
use tributary_proto::gateway::v1 as wire;
use tributary_proto::gateway::v1::case_service_server::CaseService;

use super::error::ApiError;
use super::page::PageSize;
use super::watch::Watch;
use super::{Api, convert, filter, human, opening, page, sees, text, view};
use crate::authorise::Verb;
use crate::case::Case;
use crate::store::StoreError;

/// Sizes of pages of cases.
const PAGES: PageSize = PageSize { default: 50, most: 500 };
/// Longest reason of a cancellation, in bytes.
const MAX_REASON: usize = 500;
/// Longest method of verifying an identity, in bytes.
const MAX_METHOD: usize = 200;
/// Longest delivery channel, in bytes.
const MAX_CHANNEL: usize = 100;

#[tonic::async_trait]
impl CaseService for Api {
    async fn open_case(
        &self,
        request: Request<wire::OpenCaseRequest>,
    ) -> Result<Response<wire::OpenCaseResponse>, Status> {
        let caller = self.authorise(&request, Verb::Open)?;
        let voucher = self.authorise(&request, Verb::Vouch).ok();
        let case = self.open(&caller, voucher.as_ref(), request.into_inner()).await?;
        Ok(Response::new(wire::OpenCaseResponse { case: Some(case) }))
    }

    async fn get_case(
        &self,
        request: Request<wire::GetCaseRequest>,
    ) -> Result<Response<wire::GetCaseResponse>, Status> {
        let caller = self.authorise(&request, Verb::Read)?;
        let request = request.into_inner();
        human(&request.on_behalf_of)?;
        let case = self.visible(&caller, &request.case_id).await?;
        Ok(Response::new(wire::GetCaseResponse { case: Some(view::case(&case)) }))
    }

    async fn list_cases(
        &self,
        request: Request<wire::ListCasesRequest>,
    ) -> Result<Response<wire::ListCasesResponse>, Status> {
        let caller = self.authorise(&request, Verb::Read)?;
        let request = request.into_inner();
        human(&request.on_behalf_of)?;
        let size = PAGES.of(request.page_size)?;
        let filter = filter::parse(&request.filter)?;
        let query = format!("cases\n{}\n{}", caller.id, request.filter);
        let after = page::read_cases(&self.0.store, &query, &request.page_token)?;
        // One more tells whether there is another page.
        let mut cases =
            self.0.store.cases(&filter, after, size + 1, |case| sees(&caller, case)).await.map_err(ApiError::from)?;
        let more = cases.len() > size;
        cases.truncate(size);
        let next_page_token = match cases.last() {
            Some(last) if more => page::write_cases(&self.0.store, &query, last),
            _ => String::new(),
        };
        Ok(Response::new(wire::ListCasesResponse { cases: cases.iter().map(listed).collect(), next_page_token }))
    }

    type WatchCaseStream = Watch;

    async fn watch_case(&self, request: Request<wire::WatchCaseRequest>) -> Result<Response<Watch>, Status> {
        let caller = self.authorise(&request, Verb::Read)?;
        let request = request.into_inner();
        human(&request.on_behalf_of)?;
        let case = self.visible(&caller, &request.case_id).await?;
        Ok(Response::new(self.watch(case.id, request.cursor)))
    }

    async fn confirm_identity(
        &self,
        request: Request<wire::ConfirmIdentityRequest>,
    ) -> Result<Response<wire::ConfirmIdentityResponse>, Status> {
        let caller = self.authorise(&request, Verb::Vouch)?;
        let request = request.into_inner();
        let method = text("method", &request.method, 1, MAX_METHOD)?;
        let actor = self.actor(&caller, &request.on_behalf_of, Some(method))?;
        let case = self.visible(&caller, &request.case_id).await?;
        let more = opening::identifiers(&request.identifiers, 0)?;
        self.known_types(&more)?;
        let requested = self.0.store.requested(case.id).await.map_err(ApiError::from)?;
        let scope = self.scope(&requested);
        let asked = scope.decisions.iter().filter(|d| d.outcome == tributary_model::scope::Outcome::Ask);
        if !caller.may_all(case.right, asked.map(|d| &d.entity)) {
            return Err(ApiError::Denied(Verb::Vouch).into());
        }
        let now = self.0.clock.now();
        let api = self.clone();
        let confirmed = self.carry_out("confirm an identity", async move {
            let (case, dropped) = api.0.store.confirm_identity(case.id, more, scope, actor, now).await?;
            api.asked_anew(case, &dropped)
        });
        let case = confirmed.await?;
        Ok(Response::new(wire::ConfirmIdentityResponse { case: Some(view::case(&case)) }))
    }

    async fn retry_task(
        &self,
        request: Request<wire::RetryTaskRequest>,
    ) -> Result<Response<wire::RetryTaskResponse>, Status> {
        let caller = self.authorise(&request, Verb::Operate)?;
        let request = request.into_inner();
        let actor = self.actor(&caller, &request.on_behalf_of, None)?;
        let case = self.visible(&caller, &request.case_id).await?;
        let entity: EntityId = request.entity.parse().map_err(|_| ApiError::TaskNotFound)?;
        let now = self.0.clock.now();
        let api = self.clone();
        let retried = self.carry_out("retry a task", async move {
            let (case, dropped) = api.0.store.retry_task(case.id, entity, actor, now).await?;
            api.asked_anew(case, &dropped)
        });
        let case = retried.await?;
        Ok(Response::new(wire::RetryTaskResponse { case: Some(view::case(&case)) }))
    }

    async fn cancel_case(
        &self,
        request: Request<wire::CancelCaseRequest>,
    ) -> Result<Response<wire::CancelCaseResponse>, Status> {
        let caller = self.authorise(&request, Verb::Operate)?;
        let request = request.into_inner();
        let reason = text("reason", &request.reason, 1, MAX_REASON)?;
        let actor = self.actor(&caller, &request.on_behalf_of, Some(reason))?;
        let case = self.visible(&caller, &request.case_id).await?;
        let api = self.clone();
        let cancelled = self.carry_out("cancel a case", async move {
            let case = api.0.store.cancel_case(case.id, actor, api.0.clock.now()).await?;
            api.0.worker.abort(case.id);
            api.0.objects.remove_case(case.id);
            api.0.worker.wake();
            Ok(case)
        });
        let case = cancelled.await?;
        tracing::info!(case = %case.id, caller = %caller.id, "case cancelled and shredded");
        Ok(Response::new(wire::CancelCaseResponse { case: Some(view::case(&case)) }))
    }

    async fn confirm_delivery(
        &self,
        request: Request<wire::ConfirmDeliveryRequest>,
    ) -> Result<Response<wire::ConfirmDeliveryResponse>, Status> {
        let caller = self.authorise(&request, Verb::Operate)?;
        let request = request.into_inner();
        let channel = text("channel", &request.channel, 1, MAX_CHANNEL)?;
        let actor = self.actor(&caller, &request.on_behalf_of, Some(channel))?;
        let case = self.visible(&caller, &request.case_id).await?;
        let now = self.0.clock.now();
        let at = request.delivered_at.as_ref().map_or(Ok(now), |at| convert::instant("delivered_at", at));
        let at = at.map_err(ApiError::from)?;
        // "The latest" may be another one by the time of a retry, and handing that over would never be made up for.
        if request.sequence == 0 && case.archives.len() > 1 {
            let rule = "must name the archive that was handed over, since the case has several";
            return Err(ApiError::field("sequence", rule).into());
        }
        let archive = case.archives.iter().find(|a| request.sequence == 0 || a.sequence == request.sequence);
        let archive = archive.ok_or(ApiError::ArchiveNotFound)?;
        if at > now || at < archive.assembled_at {
            let rule = "must not be before the archive was written, and not in the future";
            return Err(ApiError::field("delivered_at", rule).into());
        }
        let delivered = self.0.store.confirm_delivery(case.id, archive.sequence, at, actor, now).await;
        let case = delivered.map_err(ApiError::from)?;
        Ok(Response::new(wire::ConfirmDeliveryResponse { case: Some(view::case(&case)) }))
    }
}

impl Api {
    /// What follows once entities are to be asked anew: their old objects go, and somebody takes them up.
    fn asked_anew(&self, case: Case, dropped: &[String]) -> Result<Case, StoreError> {
        dropped.iter().for_each(|object| self.0.objects.remove(case.id, object));
        self.0.worker.wake();
        Ok(case)
    }
}

/// Lists show no reasons, not even those of scope decisions.
fn listed(case: &Case) -> wire::Case {
    let mut case = view::case(case);
    case.tasks.iter_mut().for_each(|task| task.reason.clear());
    case
}
