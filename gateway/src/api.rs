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
mod opening;
mod page;
mod view;
mod watch;

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::Request;
use tributary_model::clock::SharedClock;
use tributary_model::id::CaseId;
use tributary_transport::peer::peer_of;

use crate::authorise::{Caller, Policy, Verb};
use crate::case::{Actor, Case, Waiting};
use crate::config::Delivery;
use crate::group::Group;
use crate::objects::Objects;
use crate::store::Store;
use crate::worker::Worker;
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
    pub(crate) downloads: Arc<Semaphore>,
    pub(crate) stopping: CancellationToken,
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
