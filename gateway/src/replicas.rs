//! The processes of this gateway: each says every few seconds that it is there and which agents are connected to it, and
//! sees which others there are.
//!
//! `store` keeps the list, `dial_in` tells agents of it, so that they connect to every process, and `worker` leaves
//! alone what another process is connected to. With a database of its own a process is the only one and says nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tributary_model::clock::Clock;
use tributary_model::group::Reach;
use tributary_model::id::EntityId;
use tributary_transport::links::Links;
use uuid::Uuid;

use crate::agreed_clock::AgreedClock;
use crate::group::Group;
use crate::store::{Store, StoreError};

/// How often a process says that it is there.
const BEAT: Duration = Duration::from_secs(2);

/// A process that has not said for this long that it is there is gone. All go by the database's clock
/// (`agreed_clock`); where they did not, differences of more than this less two beats would make a live process look gone,
/// which costs connections and looks in vain, and nothing else: what it holds it holds by tokens.
pub(crate) const GONE: Duration = Duration::from_secs(12);

/// Names one process from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReplicaId(Uuid);

impl ReplicaId {
    /// A new one, for a process that starts.
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ReplicaId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// What a process is called by people: the machine's name and where it listens.
pub(crate) fn name(listen: SocketAddr) -> String {
    format!("{}/{listen}", rustix::system::uname().nodename().to_string_lossy())
}

/// The processes that run, as this one saw them last. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Roster {
    own: ReplicaId,
    all: watch::Sender<BTreeSet<ReplicaId>>,
    changed: Arc<Notify>,
}

impl Roster {
    /// Of a process that knows of no other.
    pub(crate) fn alone(own: ReplicaId) -> Self {
        Self { own, all: watch::Sender::new(BTreeSet::from([own])), changed: Arc::default() }
    }

    /// This process.
    pub(crate) fn own(&self) -> ReplicaId {
        self.own
    }

    /// All of them, this one included. Whoever waits for a change learns of those that come and go.
    pub(crate) fn watch(&self) -> watch::Receiver<BTreeSet<ReplicaId>> {
        self.all.subscribe()
    }

    /// Whether no other process runs.
    pub(crate) fn is_alone(&self) -> bool {
        self.all.borrow().len() == 1
    }

    /// An agent's connection came or went: the others are told at once.
    pub(crate) fn links_changed(&self) {
        self.changed.notify_one();
    }

    fn set(&self, mut all: BTreeSet<ReplicaId>) {
        all.insert(self.own);
        self.all.send_if_modified(|known| {
            let is_new = *known != all;
            *known = all;
            is_new
        });
    }
}

/// Says that this process is there, as long as it is.
pub(crate) struct Registry {
    pub(crate) store: Store,
    pub(crate) roster: Roster,
    pub(crate) links: Links,
    pub(crate) group: Arc<Group>,
    pub(crate) clock: Arc<AgreedClock>,
    pub(crate) name: String,
}

impl Registry {
    /// Enters this process into the list: before it writes anything that others might take for left over.
    pub(crate) async fn enter(&self) -> Result<(), StoreError> {
        if self.store.is_shared() {
            self.beat().await?;
            tracing::info!(replica = %self.roster.own(), name = self.name, "one of several processes of this gateway");
        }
        Ok(())
    }

    /// Says so until asked to stop, and then that it goes.
    pub(crate) async fn run(self, stopping: CancellationToken) {
        if !self.store.is_shared() {
            return;
        }
        while !stopping.is_cancelled() {
            let pause = async {
                tokio::select! {
                    () = tokio::time::sleep(BEAT) => {}
                    () = self.roster.changed.notified() => {}
                }
            };
            if stopping.run_until_cancelled(pause).await.is_none() {
                break;
            }
            match self.beat().await {
                Ok(()) | Err(StoreError::Stopped) => {}
                Err(error) => tracing::warn!(%error, "the other processes could not be told that this one is there"),
            }
        }
        // Said at once, so that agents do not look for this process while it drains.
        if let Err(error) = self.store.leave(self.clock.now()).await {
            tracing::warn!(%error, "the other processes could not be told that this one goes; they notice by themselves");
        }
    }

    async fn beat(&self) -> Result<(), StoreError> {
        self.clock.adjust(&self.store).await?;
        let entities = &self.group.file().entities;
        let dialled_in =
            entities.iter().filter(|e| e.agent.reach == Reach::DialsIn && self.links.reaches(&e.id, &e.agent));
        let linked: BTreeSet<EntityId> = dialled_in.map(|entity| entity.id.clone()).collect();
        let now = self.clock.now();
        self.store.beat(self.name.clone(), linked, now).await?;
        self.roster.set(self.store.replicas(now).await?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_always_among_its_own_and_changes_are_told_once() {
        let roster = Roster::alone(ReplicaId::new());
        let mut watch = roster.watch();
        roster.set(BTreeSet::new());
        assert!(roster.is_alone() && !watch.has_changed().unwrap());
        let other = ReplicaId::new();
        roster.set(BTreeSet::from([other]));
        assert!(!roster.is_alone() && watch.has_changed().unwrap());
        assert_eq!(*watch.borrow_and_update(), BTreeSet::from([roster.own(), other]));
        roster.set(BTreeSet::from([other]));
        assert!(!watch.has_changed().unwrap());
    }

    #[test]
    fn a_process_is_named_by_machine_and_address() {
        assert!(name("127.0.0.1:8443".parse().unwrap()).ends_with("/127.0.0.1:8443"));
    }
}
