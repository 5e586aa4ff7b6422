//! The links of this process, one per entity, whoever opened them.
//!
//! `dialled` dials when a link is needed and shares it while it lasts; `arrived` keeps those that agents opened. The
//! group file says which of the two an entity's agent is.

mod arrived;
mod dialled;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tributary_model::group::{Agent, Reach};
use tributary_model::id::EntityId;
use tributary_model::spiffe::SpiffeId;

use self::arrived::Arrived;
pub use self::arrived::Published;
use self::dialled::Dialled;
use crate::dial::{DialError, Dialer};
use crate::link::Link;

/// How long an agent that dials in is waited for after it was lost: longer than a connection takes to be made again, and
/// not so long that calls queue behind an agent that is down.
const PATIENCE: Duration = Duration::from_secs(1);

/// The registry of links. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Links(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dialled: Dialled,
    arrived: Arrived,
}

impl Links {
    /// Without links yet. A dial takes `timeout` at most.
    pub fn new(dialer: Dialer, timeout: Duration) -> Self {
        Self::waiting(dialer, timeout, PATIENCE)
    }

    /// As [`new`](Self::new); an agent that dials in is waited for `patience` after it was lost, and after this process
    /// began.
    pub fn waiting(dialer: Dialer, timeout: Duration, patience: Duration) -> Self {
        Self(Arc::new(Inner { dialled: Dialled::new(dialer, timeout), arrived: Arrived::new(patience) }))
    }

    /// A live link to the agent of `entity`, as the group file in force describes it.
    ///
    /// # Errors
    /// Why there is none. There is no back-off here: whoever retries decides when.
    pub fn get<'a>(&'a self, entity: &'a EntityId, agent: &'a Agent) -> BoxFuture<'a, Result<Link, DialError>> {
        // Boxed, so that the whole of it is compiled here and not again in every program that awaits it.
        Box::pin(async {
            match &agent.reach {
                Reach::At(address) => self.0.dialled.get(entity, address, &agent.spiffe_id).await,
                Reach::DialsIn => self.0.arrived.wait(entity, &agent.spiffe_id).await,
            }
        })
    }

    /// Whether a call to the agent of `entity` could be tried now: it is dialled, or it has dialled in.
    pub fn reaches(&self, entity: &EntityId, agent: &Agent) -> bool {
        match agent.reach {
            Reach::At(_) => true,
            Reach::DialsIn => self.0.arrived.holds(entity, &agent.spiffe_id),
        }
    }

    /// Puts a link that an agent opened in place of the one before. The one before is closed when its calls have ended.
    /// Whoever publishes has made sure that the peer answers for `entity`, and keeps what is returned while the link
    /// lasts.
    pub fn publish(&self, entity: &EntityId, link: Link) -> Published {
        self.0.arrived.publish(entity, link)
    }

    /// Cuts every connection to `peer` at once, with its running calls: it is not trusted any more. Says how many.
    pub async fn cut(&self, peer: &SpiffeId) -> usize {
        self.0.dialled.cut(peer).await + self.0.arrived.cut(peer)
    }
}
