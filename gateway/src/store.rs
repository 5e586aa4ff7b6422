//! Where cases live: one SQLite database in the data directory, written by one group-commit writer, or one PostgreSQL
//! database that several gateways share.
//!
//! Rows and SQL stop here; what goes in and out are the words of `case` and `model`. State changes only through the
//! lifecycle tables, in the transaction that records the event. Personal data is sealed under the case's keys.

mod acting;
mod archives;
mod brought;
mod cases;
mod drafts;
mod error;
mod events;
mod finishes;
mod folder;
mod keys;
mod links;
mod listing;
mod lock;
mod meta;
mod migrations;
mod opening;
mod postgres;
mod presentations;
mod reachable;
mod reason;
mod replicas;
mod retention;
pub(crate) mod schema;
mod sql;
mod staging;
mod tasks;
mod waiting;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::{Mutex, Notify, broadcast};
use tributary_archive::frames::KeyEncryptionKey;
use tributary_model::id::CaseId;
use tributary_transport::tasks::Tasks;

pub(crate) use acting::Scope;
pub(crate) use archives::{StoredArchive, WrittenArchive};
pub(crate) use brought::Brought;
pub(crate) use drafts::{ArchiveFacts, DraftClaim, EntityFacts};
pub(crate) use error::StoreError;
pub(crate) use finishes::Finish;
pub(crate) use listing::{Filter, PageAfter};
pub(crate) use opening::{Fingerprint, NewCase, Opened};
pub(crate) use replicas::Chore;
pub(crate) use retention::{Cutoffs, Shredded};
pub(crate) use tasks::{Claim, Failure};
pub(crate) use waiting::{Escalation, Late};

use crate::config::Postgres;
use crate::replicas::ReplicaId;
use keys::Keys;
use lock::DirLock;
use postgres::News;
use sql::{Readers, Tx};
use writer::Writer;

/// The database in the data directory.
const FILE: &str = "gateway.sqlite";
/// Connections that only read.
const READERS: u32 = 4;
/// How long a reader waits for a lock that a checkpoint holds.
const BUSY: Duration = Duration::from_secs(10);
/// Cases changed that a slow watcher may lag behind before it looks at everything again.
const CHANGES: usize = 1024;

/// The gateway's state. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store(Arc<Inner>);

/// What a commit has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    /// This case.
    Case(CaseId),
    /// Any: news may have been missed.
    Any,
}

impl Changed {
    /// Whether `case` may have changed.
    pub(crate) fn concerns(self, case: CaseId) -> bool {
        match self {
            Self::Case(changed) => changed == case,
            Self::Any => true,
        }
    }
}

/// Where jobs run.
enum Jobs {
    Sqlite(Writer),
    Postgres(postgres::Jobs),
}

struct Inner {
    readers: Readers,
    jobs: Jobs,
    keys: Keys,
    replica: ReplicaId,
    changes: broadcast::Sender<Changed>,
    /// Told when an archive waits to be written, where no other process has a say in it.
    drafted: Arc<Notify>,
    /// Whether the database's log may still hold what was shredded.
    owes_forgetting: AtomicBool,
    _lock: Option<DirLock>,
}

impl Store {
    /// Opens the database in `folder`, or makes it; checks that `kek` is the key it was made with. `tasks` runs the
    /// writer until it is drained.
    pub(crate) async fn open(folder: &Path, kek: KeyEncryptionKey, tasks: &Tasks) -> Result<Self, StoreError> {
        let lock = DirLock::take(folder)?;
        let path: PathBuf = folder.join(FILE);
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
        let keys = Keys::open(&mut tx, Arc::new(kek)).await?;
        // The lock proves that whoever held these leases is dead.
        replicas::nobody_else(&mut tx).await?;
        let (changes, _) = broadcast::channel(CHANGES);
        let options = options.read_only(true);
        let single = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await?;
        // Connections to a file do not go away while they are idle.
        let pool = SqlitePoolOptions::new().max_connections(READERS).test_before_acquire(false);
        let pool = pool.connect_with(options).await?;
        let drafted = Arc::new(Notify::new());
        let writer = Writer::start(tx, changes.clone(), Arc::clone(&drafted), tasks);
        Ok(Self(Arc::new(Inner {
            readers: Readers::Sqlite { pool, single: Mutex::new(single) },
            jobs: Jobs::Sqlite(writer),
            keys,
            replica: ReplicaId::new(),
            changes,
            drafted,
            owes_forgetting: AtomicBool::new(true),
            _lock: Some(lock),
        })))
    }

    /// Connects to the database that several gateways share; checks that its schema is this version's and that `kek` is
    /// the key it was made with. `tasks` runs what is written until it is drained.
    pub(crate) async fn open_postgres(
        settings: &Postgres,
        kek: KeyEncryptionKey,
        tasks: &Tasks,
    ) -> Result<Self, StoreError> {
        let (changes, _) = broadcast::channel(CHANGES);
        let (jobs, questions) = postgres::open(settings, News::new(changes.clone()), tasks).await?;
        let kek = Arc::new(kek);
        let keys = jobs.run("open the keys", move |tx| Box::pin(async move { Keys::open(tx, kek).await })).await?;
        Ok(Self(Arc::new(Inner {
            readers: Readers::Postgres(questions),
            jobs: Jobs::Postgres(jobs),
            keys,
            replica: ReplicaId::new(),
            changes,
            drafted: Arc::default(),
            owes_forgetting: AtomicBool::new(false),
            _lock: None,
        })))
    }

    /// Runs `work` in a transaction and answers once it is durable. `name` names it in the log.
    ///
    /// A job may be begun anew, so it must not do anything outside the transaction. One that decides something about a
    /// case reads its head first, which keeps other jobs of the case waiting; see `postgres::jobs`.
    async fn write<T, W>(&self, name: &'static str, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Clone + Send + 'static,
    {
        match &self.0.jobs {
            Jobs::Sqlite(writer) => writer.run(name, work).await,
            Jobs::Postgres(jobs) => jobs.run(name, work).await,
        }
    }

    /// Tells of every case that a commit has changed, after the commit.
    pub(crate) fn changes(&self) -> broadcast::Receiver<Changed> {
        self.0.changes.subscribe()
    }

    /// Told whenever this process has decided that an archive is to be written. Of what others decide only `changes` tell.
    pub(crate) fn drafted(&self) -> Arc<Notify> {
        Arc::clone(&self.0.drafted)
    }

    /// Whether the database takes what is written and answers what is asked, which go over connections of their own.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        const ANY: &str = "SELECT name FROM meta LIMIT 1";
        self.write("check", |tx| Box::pin(async move { tx.rows(ANY, &[]).await.map(drop) })).await?;
        self.0.readers.rows(ANY, &[]).await.map(drop)
    }

    /// The process that this store is open in.
    pub(crate) fn replica(&self) -> ReplicaId {
        self.0.replica
    }

    /// Whether other processes may use the database at the same time.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.0.jobs, Jobs::Postgres(_))
    }

    fn keys(&self) -> &Keys {
        &self.0.keys
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
