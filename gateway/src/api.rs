//! What callers see: the three services of the contract over the store.
//!
//! Every rpc reads the same way: authorise the verb, parse, hide what the caller may not see, act. `convert` and `view`
//! translate, `error` maps every failure to its status.

mod archives;
mod cases;
mod convert;
mod download;
mod error;
mod filter;
mod groups;
mod links;
mod opening;
mod page;
mod sending;
mod view;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tonic::Request;
use tributary_model::clock::SharedClock;
use tributary_model::id::CaseId;
use tributary_model::language::Language;
use tributary_transport::peer::peer_of;
use tributary_transport::tasks::Tasks;

use crate::authorise::{Caller, Policy, Verb};
use crate::case::{Actor, Case, Waiting};
use crate::config::{Delivery, PublicUrl};
use crate::group::Group;
use crate::objects::Objects;
use crate::store::{Store, StoreError};
use crate::worker::Worker;
pub(crate) use download::Download;
use error::ApiError;

/// Longest name of the acting human, in bytes.
const MAX_ACTOR: usize = 200;

/// What the services share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api(Arc<Parts>);

/// What the services work with.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) objects: Arc<Objects>,
    pub(crate) worker: Worker,
    pub(crate) group: Arc<Group>,
    pub(crate) policy: Policy,
    pub(crate) clock: SharedClock,
    pub(crate) delivery: Delivery,
    pub(crate) waiting: Waiting,
    pub(crate) language: Language,
    pub(crate) downloads: Arc<Semaphore>,
    pub(crate) stopping: CancellationToken,
    /// How links begin, if they are served.
    pub(crate) links: Option<PublicUrl>,
    /// What runs beside the calls.
    pub(crate) tasks: Tasks,
    /// How long a download may wait for its caller.
    pub(crate) download_stall: Duration,
}

impl Api {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Who calls, when it may do `verb` at all. Nothing of the request is looked at.
    fn authorise<T>(&self, request: &Request<T>, verb: Verb) -> Result<Caller, ApiError> {
        let peer = peer_of(request).ok_or(ApiError::Denied(verb))?;
        self.0.policy.caller(&peer.id, verb).ok_or(ApiError::Denied(verb))
    }

    /// A case that the caller may see; any other does not exist for it.
    async fn visible(&self, caller: &Caller, id: &str) -> Result<Case, ApiError> {
        let id: CaseId = id.parse().map_err(|_| ApiError::CaseNotFound)?;
        let case = self.0.store.case(id).await?.ok_or(ApiError::CaseNotFound)?;
        if sees(caller, &case) { Ok(case) } else { Err(ApiError::CaseNotFound) }
    }

    /// Runs `work` to its end, also when the call is broken off: what follows a commit belongs to it.
    async fn carry_out<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.0.tasks.spawn(name, async move {
            // The caller may have gone.
            let _ = reply.send(work.await);
        });
        Ok(answer.await.map_err(|_| ApiError::Stopping)??)
    }

    fn actor(&self, caller: &Caller, on_behalf_of: &str, note: Option<String>) -> Result<Actor, ApiError> {
        Ok(Actor { caller: caller.id.to_string(), on_behalf_of: human(on_behalf_of)?, note })
    }
}

/// Whether everything in the case lies within the caller's grants.
fn sees(caller: &Caller, case: &Case) -> bool {
    caller.may_all(case.right, case.asked())
}

/// The acting human, checked.
fn human(on_behalf_of: &str) -> Result<String, ApiError> {
    text("on_behalf_of", on_behalf_of, 1, MAX_ACTOR)
}

/// A text of `least` to `most` bytes without control characters.
fn text(field: &'static str, text: &str, least: usize, most: usize) -> Result<String, ApiError> {
    if text.len() < least || text.len() > most || text.chars().any(char::is_control) {
        let rule = format!("must be {least} to {most} bytes without control characters");
        return Err(ApiError::field(field, rule));
    }
    Ok(text.to_owned())
}
