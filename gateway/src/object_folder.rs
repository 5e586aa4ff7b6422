//! The object folder as it belongs to the database: found, recognised by the id that stands in both, and swept.
//!
//! A folder that is not the database's, or an empty one where a volume was not mounted, would look as if every object
//! were lost, and would be filled beside the real one. So a start with it is refused. Neighbours: `objects`, the files
//! themselves, and `store`, which has the other half of the id.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::objects::{Objects, RESTED};
use crate::store::{Chore, Store, StoreError};

/// How often a folder is swept while processes run.
const SWEEP_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Why the folder cannot be used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// What the file system says.
    #[error("{}: {error}; check that it is a folder on a writable volume that belongs to the gateway", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What was said.
        error: std::io::Error,
    },
    /// Another folder than the database's.
    #[error(
        "{} is marked with the id {found}, but the database's objects are in the folder with the id {expected}; give every \
         process that uses this database the same `objects` folder, and each database one of its own", folder.display()
    )]
    Other {
        /// The folder.
        folder: PathBuf,
        /// Its id.
        found: Uuid,
        /// The database's.
        expected: Uuid,
    },
    /// A folder without an id, where the database's is expected.
    #[error(
        "{} holds no id, but the database's objects are in a folder with the id {expected}; mount or restore that folder, \
         and do not start with an empty one: archives would lack what is in it", folder.display()
    )]
    Unmarked {
        /// The folder.
        folder: PathBuf,
        /// The database's id.
        expected: Uuid,
    },
    /// The database.
    #[error("{0}")]
    Database(String),
}

impl From<StoreError> for FolderError {
    fn from(error: StoreError) -> Self {
        Self::Database(error.to_string())
    }
}

/// Opens the folder `path` if it is the database's; marks it when the database has none yet. Whoever has the database
/// alone removes what a crash left behind.
pub(crate) async fn open(path: &Path, store: &Store) -> Result<Objects, FolderError> {
    let failed = |error| FolderError::Io { folder: path.to_owned(), error };
    let objects = Objects::open(path).map_err(failed)?.written_by(store.replica());
    let expected = store.object_folder().await?;
    match objects.mark().map_err(failed)? {
        Some(found) if found != expected.id => {
            return Err(FolderError::Other { folder: path.to_owned(), found, expected: expected.id });
        }
        Some(_) if expected.is_marked => {}
        None if expected.is_marked => {
            return Err(FolderError::Unmarked { folder: path.to_owned(), expected: expected.id });
        }
        found => {
            if found.is_none() {
                objects.set_mark(expected.id).map_err(failed)?;
            }
            store.object_folder_marked().await?;
        }
    }
    if !store.is_shared() {
        let swept = objects.sweep(&store.objects().await?).map_err(failed)?;
        if swept > 0 {
            tracing::info!(swept, "objects that nothing names were removed");
        }
    }
    Ok(objects)
}

/// Removes what is left over while processes run, once a day by one of them.
pub(crate) async fn sweep(objects: &Arc<Objects>, store: &Store, now: Timestamp) -> Result<(), StoreError> {
    if !store.take_chore(Chore::SweepObjects, SWEEP_EVERY, now).await? {
        return Ok(());
    }
    let found = {
        let objects = Arc::clone(objects);
        spawn_blocking(move || objects.leftovers(RESTED)).await
    };
    let Some(leftovers) = readable(found) else { return Ok(()) };
    // Asked after the look at the folder: who was writing then has entered the list before.
    let (keep, mut live) = (store.objects().await?, store.replicas(now).await?);
    live.insert(store.replica());
    let removed = spawn_blocking(move || leftovers.remove(&keep, &live)).await;
    if let Some(swept @ 1..) = readable(removed) {
        tracing::info!(swept, "objects that nothing names were removed");
    }
    Ok(())
}

/// What a look at the folder gave; a failure is logged and left to the next day.
fn readable<T>(found: Result<std::io::Result<T>, tokio::task::JoinError>) -> Option<T> {
    match found {
        Ok(Ok(found)) => Some(found),
        Ok(Err(error)) => {
            tracing::warn!(error = %error.kind(), "the object folder could not be swept; trying again in a day");
            None
        }
        Err(_) => None,
    }
}
