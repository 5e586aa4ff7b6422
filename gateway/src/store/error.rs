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
    /// The key file is not the one the database was made with.
    #[error("key_encryption_key is not the key that this data directory was made with; restore that key file")]
    WrongKey,
    /// Encryption failed.
    #[error("stored data: {0}")]
    Crypto(#[from] CryptoError),
    /// A row holds what this version cannot read.
    #[error("stored data cannot be read: {0}")]
    Corrupt(&'static str),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(sqlx::Error),
    /// The writer was stopped.
    #[error("the store is stopping")]
    Stopped,
}

/// SQLite's primary result codes that mean "no space": SQLITE_FULL, and an extended one of SQLITE_IOERR.
const FULL: [&str; 2] = ["13", "778"];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let full = error.as_database_error().and_then(|e| e.code()).is_some_and(|code| FULL.contains(&code.as_ref()));
        if full { Self::Full } else { Self::Database(error) }
    }
}
