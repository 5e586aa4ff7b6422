//! The ledger: what an agent was told, what it did and what it signed, in one SQLite file that survives its death.
//!
//! Everything here blocks; callers are on a blocking thread. Personal data is sealed under each export's own key
//! (`exports`, `items`, `answers`), which is wrapped by the key-encryption key and dropped when the export ends.

mod answers;
mod attested;
mod error;
mod exports;
mod group;
mod held;
mod items;
mod lock;
mod outbox;
mod questions;
mod schema;
mod trouble;
mod tx;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use tributary_archive::frames::{ContentKey, CryptoError, KeyEncryptionKey};

pub(crate) use answers::{Answered, Given, Matter, Shown};
pub(crate) use attested::Attested;
pub(crate) use error::LedgerError;
pub(crate) use exports::{Begun, Export, NewExport, Requested, State, Walk};
pub(crate) use held::{Held, KeptBack, WalkEnd};
pub(crate) use items::{Entry, GIVEN, Item, Most, Readable, Source, View};
pub(crate) use lock::DirLock;
pub(crate) use outbox::Notice;
pub(crate) use questions::{Ask, Question};
pub(crate) use trouble::{Patience, Trouble};
use tx::Tx;

/// Pages of the file kept in memory, in KiB.
const CACHE_KIB: i64 = 1024;

/// What the ledger's own key is wrapped for.
const LEDGER_CONTEXT: &[u8] = b"tributary agent ledger";

/// The ledger of one data directory. Only one process has it at a time.
pub(crate) struct Ledger {
    connection: Mutex<Kept>,
    kek: KeyEncryptionKey,
    /// Makes fingerprints; also proves at start that the key file is the right one.
    key: ContentKey,
    /// Whether the log file may still hold what was shredded; also after each start, since nobody knows what the process
    /// before left there.
    owes_forgetting: AtomicBool,
    _lock: DirLock,
}

/// Whether a change must survive a loss of power the moment it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    /// Yes: somebody will be told of it.
    Durable,
    /// No: it belongs to a generation that a restart drops, or to one that a later durable change makes safe.
    Lazy,
}

impl Ledger {
    /// Opens or makes the ledger in `folder`, and keeps others out until dropped.
    ///
    /// # Errors
    /// When the folder is in use or not usable, the key is not the one it was made with, or a newer version wrote it.
    pub(crate) fn open(folder: &Path, kek: KeyEncryptionKey) -> Result<Self, LedgerError> {
        let lock = DirLock::take(folder)?;
        let mut connection = Connection::open(folder.join("ledger.sqlite"))?;
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{CACHE_KIB};"
        ))?;
        connection.set_prepared_statement_cache_capacity(tx::KEPT);
        schema::migrate(&mut connection)?;
        let key = own_key(&connection, &kek)?;
        let kept = Kept { connection, commits: Sync::Durable };
        Ok(Self { connection: Mutex::new(kept), kek, key, owes_forgetting: AtomicBool::new(true), _lock: lock })
    }

    /// Runs `work` in one transaction: all of it or nothing.
    fn write<T>(&self, sync: Sync, work: impl FnOnce(&Tx<'_>) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        let mut kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        kept.commit_as(sync)?;
        let transaction = Tx::new(kept.connection.transaction_with_behavior(TransactionBehavior::Immediate)?);
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Runs `work` on one consistent state.
    fn read<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        let mut kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        work(&Tx::new(kept.connection.transaction()?))
    }

    /// Overwrites what deleted rows left in the log file, if anything was shredded since the last time: once for many
    /// exports that end. Failing only delays it to the next time.
    pub(crate) fn forget_deleted(&self) {
        // Cleared first: what is shredded meanwhile is owed again.
        if !self.owes_forgetting.swap(false, Ordering::AcqRel) {
            return;
        }
        let kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = kept.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            self.owe_forgetting();
            tracing::warn!(%error, "the ledger's log could not be emptied; it is tried again");
        }
    }

    /// After a commit that shredded something.
    fn owe_forgetting(&self) {
        self.owes_forgetting.store(true, Ordering::Release);
    }
}

/// The connection, and how it commits now.
struct Kept {
    connection: Connection,
    commits: Sync,
}

impl Kept {
    /// Sets how the next transactions commit, where that is not how they do.
    fn commit_as(&mut self, sync: Sync) -> rusqlite::Result<()> {
        if self.commits != sync {
            // In WAL mode a lazy commit is only written; the next durable one brings it to the disk with its own.
            let mode = if sync == Sync::Durable { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", mode)?;
            self.commits = sync;
        }
        Ok(())
    }
}

/// The ledger's own key; a new ledger gets one.
fn own_key(connection: &Connection, kek: &KeyEncryptionKey) -> Result<ContentKey, LedgerError> {
    let found = connection
        .query_row("SELECT value FROM meta WHERE name = 'key'", [], |row| row.get::<_, Vec<u8>>(0))
        .optional()?;
    if let Some(wrapped) = found {
        return kek.unwrap(&wrapped, LEDGER_CONTEXT).map_err(|error| match error {
            CryptoError::OtherKey => LedgerError::WrongKey,
            other => other.into(),
        });
    }
    let key = ContentKey::generate()?;
    let wrapped = kek.wrap(&key, LEDGER_CONTEXT)?;
    connection.execute("INSERT INTO meta (name, value) VALUES ('key', ?1)", params![wrapped])?;
    Ok(key)
}

/// A time as the database has it.
fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// A time from the database.
fn timestamp(millis: i64) -> Result<Timestamp, LedgerError> {
    Timestamp::from_millisecond(millis).map_err(|_| LedgerError::Corrupt("a time"))
}

#[cfg(test)]
mod tests;
