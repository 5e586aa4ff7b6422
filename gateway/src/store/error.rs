//! What can go wrong in the store, by what the one who asked can do about it.

use std::path::PathBuf;

use tributary_archive::frames::CryptoError;
use tributary_model::lifecycle::Conflict;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The state does not allow it.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// No such case.
    #[error("no such case")]
    NoCase,
    /// The case has no task for this entity.
    #[error("the case has no task for this entity")]
    NoTask,
    /// No such archive, or it is not written yet.
    #[error("no such archive")]
    NoArchive,
    /// The archive's retention is over.
    #[error("the archive was shredded at {0}, when its retention was over")]
    Shredded(jiff::Timestamp),
    /// No such link of the case.
    #[error("no such link of the case")]
    NoLink,
    /// The case has as many usable links as it may.
    #[error("the case has as many usable links as it may")]
    TooManyLinks,
    /// The task belongs to another attempt by now.
    #[error("the task's lease is lost")]
    StaleLease,
    /// The request id was used with other content.
    #[error("the request_id was used with other content")]
    RequestIdReused,
    /// With those added, a case would have too many identifiers.
    #[error("a case has at most 32 identifiers, those it was opened with included")]
    TooManyIdentifiers,
    /// No space is left.
    #[error("no space is left for the database; make room on its volume")]
    Full,
    /// The data directory is in use.
    #[error("another gateway uses {}; stop it, or give each its own data_dir", .0.display())]
    Locked(PathBuf),
    /// The data directory cannot be used.
    #[error("data directory {}: {error}; check that it exists on a writable volume", folder.display())]
    Folder {
        /// The directory.
        folder: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The database was written by a newer version.
    #[error("the database was written by a newer version of the gateway (schema {0}); start that version")]
    NewerSchema(i64),
    /// The schema is older than this version needs, and is not changed by a start.
    #[error(
        "the database's schema is {found} and this version needs {newest}; run `tributary migrate --config` with this \
         configuration first"
    )]
    OlderSchema {
        /// What the database has; 0 for nothing.
        found: i64,
        /// What this version needs.
        newest: i64,
    },
    /// A step of the schema was applied in another form than this version has it.
    #[error("schema {0} of the database was made by other steps than this version has; start the version that made it")]
    OtherSchema(i64),
    /// Another process has put a newer group file in force.
    #[error("group file {0} is in force already; start with that one or a newer one")]
    NewerGroup(u64),
    /// The key file is not the one the database was made with.
    #[error("key_encryption_key is not the key that the database was made with; restore that key file")]
    WrongKey,
    /// Encryption failed.
    #[error("stored data: {0}")]
    Crypto(#[from] CryptoError),
    /// A row holds what this version cannot read.
    #[error("stored data cannot be read: {0}")]
    Corrupt(&'static str),
    /// The database failed.
    #[error("the database failed: {}", words(.0))]
    Database(sqlx::Error),
    /// The user may not do what is needed.
    #[error("the database refuses: {0}; let its user own the schema, or grant it that")]
    Denied(String),
    /// Others were in the way, in the database's words; nothing was changed.
    #[error("others were in the way too often: {}", words(.0))]
    Contended(sqlx::Error),
    /// The database cannot be reached or does not work now; nothing was changed.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database was lost while it committed: whether anything was changed has to be looked up.
    #[error("the database was lost during a commit, and nobody knows yet whether it was done: {0}")]
    Unknown(String),
    /// The writer was stopped.
    #[error("the store is stopping")]
    Stopped,
}

/// SQLite's primary result codes that mean "no space": SQLITE_FULL, and an extended one of SQLITE_IOERR. PostgreSQL's
/// disk_full.
const FULL: [&str; 3] = ["13", "778", "53100"];
/// PostgreSQL's serialization_failure, deadlock_detected and lock_not_available.
const CONTENDED: [&str; 3] = ["40001", "40P01", "55P03"];
/// PostgreSQL's classes and codes for a server that goes, comes, is full of connections, lets nobody write, or gave a
/// statement up because it took too long.
const UNAVAILABLE: [&str; 6] = ["08", "57P", "53300", "25006", "57014", "28"];

/// PostgreSQL's insufficient_privilege.
const DENIED: &str = "42501";

/// What the database itself said, without the driver's own words around it.
pub(super) fn words(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let Some(code) = error.as_database_error().and_then(|e| e.code()) {
            let code = code.as_ref();
            if FULL.contains(&code) {
                return Self::Full;
            }
            if CONTENDED.contains(&code) {
                return Self::Contended(error);
            }
            // SQLite's codes are shorter and have other meanings.
            if code.len() == 5 && UNAVAILABLE.iter().any(|start| code.starts_with(start)) {
                return Self::Unavailable(words(&error));
            }
            if code == DENIED {
                return Self::Denied(words(&error));
            }
        }
        match error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
                Self::Unavailable(error.to_string())
            }
            // A connection that was cut between two messages.
            sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => Self::Unavailable(error.to_string()),
            other => Self::Database(other),
        }
    }
}

/// Whether a job that failed is worth beginning anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It would fail again.
    No,
    /// A few times.
    Some,
    /// Until those in its way are through.
    Often,
}

impl StoreError {
    /// The other end said nothing for longer than it may.
    pub(super) fn silent() -> Self {
        Self::Unavailable("it does not answer".to_owned())
    }

    /// Whether beginning anew may help. Nothing was committed.
    pub(super) fn repeat(&self) -> Repeat {
        match self {
            Self::Contended(_) => Repeat::Often,
            Self::Unavailable(_) => Repeat::Some,
            // Two processes added the same: the second to come finds it on its next look.
            Self::Database(error) if error.as_database_error().is_some_and(|e| e.is_unique_violation()) => Repeat::Some,
            _ => Repeat::No,
        }
    }

    /// Whether this, as the answer to a commit, says that nothing was committed.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Contended(_) | Self::Full | Self::Denied(_) | Self::Database(_))
    }

    /// Whether it is certain that nothing was changed. Otherwise what was to be named by the database may be named by
    /// it: files stay.
    pub(crate) fn changed_nothing(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }

    /// Logs what somebody has to see to. `job` says what was to be done.
    pub(super) fn log(&self, job: &'static str) {
        match self {
            Self::Database(_) | Self::Denied(_) | Self::Full | Self::Corrupt(_) => {
                tracing::error!(job, error = %self, "a store job failed")
            }
            Self::Contended(_) | Self::Unavailable(_) | Self::Unknown(_) => {
                tracing::warn!(job, error = %self, "a store job was not done");
            }
            _ => {}
        }
    }
}
