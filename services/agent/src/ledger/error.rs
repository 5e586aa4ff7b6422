//! What can go wrong in the ledger, by what the one who asked can do about it.

use std::path::PathBuf;

use rusqlite::ffi;
use tributary_archive::frames::CryptoError;

/// Why the ledger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    /// No space is left.
    #[error("no space is left for the ledger; make room on the volume of the data directory")]
    Full,
    /// Another process has it.
    #[error("another agent uses {}; stop it, or give each its own data_dir", folder.display())]
    Locked {
        /// The data directory.
        folder: PathBuf,
    },
    /// The folder cannot be used.
    #[error("data directory {}: {error}; check that it exists on a writable volume", folder.display())]
    Folder {
        /// The data directory.
        folder: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It was written by a newer version.
    #[error("the ledger was written by a newer version of the agent (schema {0}); start that version")]
    NewerSchema(i64),
    /// The key file is not the one it was made with.
    #[error("key_encryption_key is not the key that this data directory was made with; restore that key file")]
    WrongKey,
    /// The export's generation is not the one that runs, or its export has ended.
    #[error("the export's generation has ended")]
    Replaced,
    /// Encryption failed.
    #[error("the ledger's content: {0}")]
    Crypto(#[from] CryptoError),
    /// A row holds what this version cannot read.
    #[error("the ledger's content cannot be read: {0}")]
    Corrupt(&'static str),
    /// The database failed.
    #[error("the ledger failed: {0}")]
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error().map(|error| error.extended_code);
        // A full disk shows itself as either, depending on the call that met it.
        if matches!(code, Some(ffi::SQLITE_FULL | ffi::SQLITE_IOERR_WRITE)) {
            Self::Full
        } else {
            Self::Database(error)
        }
    }
}
