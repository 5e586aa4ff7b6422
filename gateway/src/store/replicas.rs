//! The processes on this database, and what one of them does for all. Neighbour: the crate's `replicas`, which says that
//! this one is there.
//!
//! Nothing here protects a write: that is what the tokens of leases do. Who is wrong about who is there asks an agent
//! in vain or looks once too often.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tributary_model::id::EntityId;

use super::sql::{Snapshot, Sql, Tx, vals};
use super::{Store, StoreError};
use crate::case::after;
use crate::replicas::{GONE, ReplicaId};

/// After this long nobody remembers a process that ended without a word.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);

/// Work that one process does for all of them when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chore {
    /// Removing what nothing names from the object folder.
    SweepObjects,
}

impl Chore {
    fn as_str(self) -> &'static str {
        match self {
            Self::SweepObjects => "sweep_objects",
        }
    }
}

impl Store {
    /// This process is there, and these agents are connected to it.
    pub(crate) async fn beat(
        &self,
        name: String,
        linked: BTreeSet<EntityId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let own = self.replica();
        self.write("say that this process is there", move |tx| {
            Box::pin(async move {
                let sql = "INSERT INTO replicas (replica_id, name, started_at, seen_at) VALUES ($1, $2, $3, $3) \
                           ON CONFLICT (replica_id) DO UPDATE SET seen_at = $3";
                tx.run(sql, &vals![own.to_string(), name, now]).await?;
                let known: BTreeSet<EntityId> = links_of(tx, own).await?;
                for entity in linked.difference(&known) {
                    let sql = "INSERT INTO replica_links (replica_id, entity) VALUES ($1, $2)";
                    tx.run(sql, &vals![own.to_string(), entity]).await?;
                }
                for entity in known.difference(&linked) {
                    let sql = "DELETE FROM replica_links WHERE replica_id = $1 AND entity = $2";
                    tx.run(sql, &vals![own.to_string(), entity]).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// This process goes. Also takes those out of the list that went long ago without a word.
    pub(crate) async fn leave(&self, now: Timestamp) -> Result<(), StoreError> {
        let own = self.replica();
        let forgotten = now.checked_sub(FORGOTTEN).unwrap_or(Timestamp::MIN);
        self.write("say that this process goes", move |tx| {
            Box::pin(async move {
                let sql = "DELETE FROM replicas WHERE replica_id = $1 OR seen_at < $2";
                tx.run(sql, &vals![own.to_string(), forgotten]).await?;
                let sql = "DELETE FROM replica_links WHERE replica_id NOT IN (SELECT replica_id FROM replicas)";
                tx.run(sql, &[]).await.map(drop)
            })
        })
        .await
    }

    /// The processes that are there.
    pub(crate) async fn replicas(&self, now: Timestamp) -> Result<BTreeSet<ReplicaId>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        let rows = snapshot.rows("SELECT replica_id FROM replicas WHERE seen_at > $1", &vals![gone(now)]).await?;
        rows.iter().map(|row| row.parse("replica_id")).collect()
    }

    /// Entities whose agents are connected to a process that is there.
    pub(crate) async fn linked(&self, now: Timestamp) -> Result<HashSet<EntityId>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        let sql = "SELECT DISTINCT l.entity AS entity FROM replica_links l JOIN replicas r \
                   ON r.replica_id = l.replica_id WHERE r.seen_at > $1";
        snapshot.rows(sql, &vals![gone(now)]).await?.iter().map(|row| row.parse("entity")).collect()
    }

    /// What time it is by the database's clock; nothing when this process has the database alone.
    pub(crate) async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = Sql {
            sqlite: "SELECT CAST(NULL AS BIGINT) AS at",
            postgres: "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS at",
        };
        let row = Snapshot::open(&self.0.readers).await?.rows(sql, &[]).await?.pop();
        row.map_or(Ok(None), |row| row.time_opt("at"))
    }

    /// Takes on a chore if it is due; it is due again after `every`, also when whoever took it on dies over it.
    pub(crate) async fn take_chore(&self, chore: Chore, every: Duration, now: Timestamp) -> Result<bool, StoreError> {
        self.write("take on a chore", move |tx| {
            Box::pin(async move {
                let sql = "INSERT INTO chores (chore, next_at) VALUES ($1, $2) \
                           ON CONFLICT (chore) DO UPDATE SET next_at = $2 WHERE chores.next_at <= $3";
                Ok(tx.run(sql, &vals![chore.as_str(), after(now, every), now]).await? == 1)
            })
        })
        .await
    }
}

fn gone(now: Timestamp) -> Timestamp {
    now.checked_sub(SignedDuration::try_from(GONE).unwrap_or_default()).unwrap_or(Timestamp::MIN)
}

async fn links_of(tx: &mut Tx, replica: ReplicaId) -> Result<BTreeSet<EntityId>, StoreError> {
    let rows = tx.rows("SELECT entity FROM replica_links WHERE replica_id = $1", &vals![replica.to_string()]).await?;
    rows.iter().map(|row| row.parse("entity")).collect()
}

/// Nobody but this process uses the database: whatever others held or said is void.
pub(super) async fn nobody_else(tx: &mut Tx) -> Result<(), StoreError> {
    for sql in [
        "UPDATE tasks SET lease_token = NULL, lease_until = 0 WHERE lease_token IS NOT NULL",
        "UPDATE archives SET lease_token = NULL, lease_until = 0 WHERE lease_token IS NOT NULL",
        "DELETE FROM replica_links",
        "DELETE FROM replicas",
    ] {
        tx.run(sql, &[]).await?;
    }
    Ok(())
}
