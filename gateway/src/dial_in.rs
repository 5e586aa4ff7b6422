//! Agents that dial in: their connections, from the handshake to the slot from which calls take them.
//!
//! The certificate says whose agent it is, the group file says whether that agent dials in, and one answered call says
//! that somebody is there. `transport` keeps the slots; `worker` takes links from them as if the gateway had dialled.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tributary_model::clock::SharedClock;
use tributary_model::group::{Entity, Reach};
use tributary_proto::agent::v1::DialInRefusal;
use tributary_transport::link::Link;
use tributary_transport::links::Links;
use tributary_transport::tasks::Tasks;

use crate::entity::introduce::{introduce, turn_away};
use crate::group::Group;
use crate::replicas::{ReplicaId, Roster};
use crate::store::Store;
use crate::worker::Worker;

/// Connections that wait for their first call. One more waits in the accept loop.
pub(crate) const WAITING: usize = 64;

/// Welcomes agents. Cheap to clone.
#[derive(Clone)]
pub(crate) struct DialIn {
    pub(crate) group: Arc<Group>,
    pub(crate) links: Links,
    pub(crate) store: Store,
    pub(crate) worker: Worker,
    pub(crate) clock: SharedClock,
    pub(crate) roster: Roster,
    /// How long an agent may take to answer the first call.
    pub(crate) patience: Duration,
    pub(crate) tasks: Tasks,
}

impl DialIn {
    /// Welcomes what arrives until asked to stop.
    pub(crate) async fn run(self, mut arrivals: mpsc::Receiver<Link>) {
        let stopping = self.tasks.stopping();
        while let Some(Some(link)) = stopping.run_until_cancelled(arrivals.recv()).await {
            let (gateway, stopping) = (self.clone(), stopping.clone());
            self.tasks.spawn("welcome", async move {
                stopping.run_until_cancelled(gateway.welcome(link)).await;
            });
        }
    }

    /// An agent may answer for several entities, each of which has a slot of its own.
    async fn welcome(&self, link: Link) {
        let peer = link.peer().id.clone();
        let theirs = self.group.file().entities.iter().filter(|entity| entity.agent.spiffe_id == peer);
        let (dialling, dialled): (Vec<&Entity>, Vec<_>) = theirs.partition(|e| e.agent.reach == Reach::DialsIn);
        if dialling.is_empty() {
            let refusal = if dialled.is_empty() { DialInRefusal::NotAnAgent } else { DialInRefusal::HasAddress };
            tracing::warn!(%peer, reason = refusal.as_str_name(), "a connection of an agent is not used");
            turn_away(&link, &self.roster, refusal, self.patience).await;
            return;
        }
        let slots = dialling.into_iter().map(|entity| self.keep(link.clone(), entity));
        let slots: Vec<_> = slots.collect();
        drop(link);
        futures::future::join_all(slots).await;
    }

    /// Keeps the link in the entity's slot while it lasts. Nothing here holds it open beside the slot: an older one
    /// closes when the calls on it have ended.
    async fn keep(&self, link: Link, entity: &Entity) {
        let id = &entity.id;
        let mut others = self.roster.watch();
        if let Err(error) = introduce(&link, entity, &self.roster, self.patience).await {
            if error.is_unreachable() {
                // It went again, or holds a connection to this process already.
                tracing::debug!(entity = %id, "an agent's connection ended before its first answer");
            } else {
                tracing::warn!(entity = %id, reason = %error, "a connection of an agent is not used");
            }
            return;
        }
        let (gone, closing) = (link.gone().clone(), link.closing().clone());
        let published = self.links.publish(id, link);
        self.roster.links_changed();
        tracing::info!(entity = %id, "an agent has dialled in");
        match self.store.reachable(id.clone(), self.clock.now()).await {
            Ok(()) => self.worker.wake(),
            // Its tasks are taken up when their pause is over.
            Err(error) => tracing::warn!(entity = %id, %error, "tasks could not be told that their agent is back"),
        }
        tokio::select! {
            () = gone.cancelled() => tracing::info!(entity = %id, "the connection of an agent has ended"),
            () = closing.cancelled() => tracing::info!(entity = %id, "an agent is stopping"),
            () = published.superseded() => return,
            () = self.tell_of_others(entity, &mut others) => {}
        }
        drop(published);
        self.roster.links_changed();
    }

    /// Tells a connected agent which processes there are whenever one came or went, so that it looks for those that it
    /// is not connected to.
    async fn tell_of_others(&self, entity: &Entity, others: &mut watch::Receiver<BTreeSet<ReplicaId>>) {
        // Cannot fail: the roster is ours.
        while others.changed().await.is_ok() {
            // Taken from the slot each time: nothing here holds the connection open.
            let Ok(link) = self.links.get(&entity.id, &entity.agent).await else { continue };
            if let Err(error) = introduce(&link, entity, &self.roster, self.patience).await {
                tracing::debug!(entity = %entity.id, %error, "an agent was not told of a change among the processes");
            }
        }
        std::future::pending::<()>().await;
    }
}
