//! Where cases live: one SQLite database in the data directory, written by one group-commit writer.
//!
//! Rows and SQL stop here; what goes in and out are the words of `case` and `model`. State changes only through the
//! lifecycle tables, in the transaction that records the event. Personal data is sealed under the case's keys.

mod acting;
mod archives;
mod cases;
mod drafts;
mod error;
mod events;
mod keys;
mod links;
mod listing;
mod lock;
mod meta;
mod migrations;
mod opening;
mod presentations;
mod reachable;
mod retention;
mod sql;
mod staging;
mod tasks;
mod waiting;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::broadcast;
use tributary_archive::frames::KeyEncryptionKey;
use tributary_model::id::CaseId;
use tributary_transport::tasks::Tasks;

pub(crate) use acting::Scope;
pub(crate) use archives::{StoredArchive, WrittenArchive};
pub(crate) use drafts::{ArchiveFacts, EntityFacts};
pub(crate) use error::StoreError;
pub(crate) use listing::{Filter, PageAfter};
pub(crate) use opening::{Fingerprint, NewCase, Opened};
pub(crate) use retention::{Cutoffs, Shredded};
pub(crate) use tasks::{Claim, Failure, Finish};
pub(crate) use waiting::{Escalation, Late};

use keys::Keys;
use lock::DirLock;
use writer::Writer;

/// Connections that only read.
const READERS: u32 = 4;
/// How long a reader waits for a lock that a checkpoint holds.
const BUSY: Duration = Duration::from_secs(10);
/// Cases changed that a slow watcher may lag behind before it looks at everything again.
const CHANGES: usize = 1024;

/// The gateway's state. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store(Arc<Inner>);

struct Inner {
    readers: SqlitePool,
    writer: Writer,
    keys: Keys,
    changes: broadcast::Sender<CaseId>,
    /// Whether the database's log may still hold what was shredded.
    owes_forgetting: AtomicBool,
    _lock: DirLock,
}

impl Store {
    /// Opens the database in `folder`, or makes it; checks that `kek` is the key it was made with. `tasks` runs the
    /// writer until it is drained.
    pub(crate) async fn open(folder: &Path, kek: KeyEncryptionKey, tasks: &Tasks) -> Result<Self, StoreError> {
        let lock = DirLock::take(folder)?;
        let path: PathBuf = folder.join("gateway.sqlite");
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("secure_delete", "ON")
            .busy_timeout(BUSY);
        let mut conn = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await?;
        migrations::run(&mut conn).await?;
        let mut tx = sql::Tx::new(conn);
        let keys = Keys::open(&mut tx, kek).await?;
        // The lock proves that whoever held these leases is dead.
        tx.run("UPDATE tasks SET lease_token = $1, lease_until = $2", &sql::vals![Option::<String>::None, 0]).await?;
        let (changes, _) = broadcast::channel(CHANGES);
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_with(options.read_only(true)).await?;
        let writer = Writer::start(tx, changes.clone(), tasks);
        Ok(Self(Arc::new(Inner {
            readers,
            writer,
            keys,
            changes,
            owes_forgetting: AtomicBool::new(true),
            _lock: lock,
        })))
    }

    /// Tells of every case that a commit has changed, after the commit.
    pub(crate) fn changes(&self) -> broadcast::Receiver<CaseId> {
        self.0.changes.subscribe()
    }

    /// Whether a second process could tell that this one is alive and writes.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        self.write("check", |tx| Box::pin(async move { tx.rows("SELECT name FROM meta LIMIT 1", &[]).await.map(drop) }))
            .await
    }

    fn keys(&self) -> &Keys {
        &self.0.keys
    }
}

#[cfg(test)]
mod tests;
