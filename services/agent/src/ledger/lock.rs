//! A lock file in the data directory: two agents on one ledger would each drop the other's unfinished generations.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::LedgerError;

/// Held as long as the process uses the folder; the kernel drops it when the process dies.
pub(crate) struct DirLock {
    _file: File,
}

impl DirLock {
    /// Makes `folder` if need be (readable by its owner only) and locks it.
    pub(crate) fn take(folder: &Path) -> Result<Self, LedgerError> {
        let failed = |error| LedgerError::Folder { folder: folder.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock")).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => {
                Err(LedgerError::Locked { folder: folder.to_owned() })
            }
            Err(error) => Err(failed(error.into())),
        }
    }
}
