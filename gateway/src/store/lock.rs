//! A lock file in the data directory: two gateways on one database would each hold the other's leases for dead.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::StoreError;

/// Held as long as the process uses the folder; the kernel drops it when the process dies.
pub(super) struct DirLock {
    _file: File,
}

impl DirLock {
    /// Makes `folder` if need be (readable by its owner only) and locks it.
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        let failed = |error| StoreError::Folder { folder: folder.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock")).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => Err(StoreError::Locked(folder.to_owned())),
            Err(error) => Err(failed(error.into())),
        }
    }
}
