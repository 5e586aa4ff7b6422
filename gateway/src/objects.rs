//! Staged objects on disk: one folder per case, every object encrypted in frames under the case's key.
//!
//! An object is written under a partial name, synced, renamed and only then named in the database; a small one, which is
//! written at once, has its own name from the start. What a crash leaves
//! behind is swept later (`sweep`). Everything here blocks. Neighbours: `stage`, which verifies what it writes here, and
//! `object_folder`, which knows whose folder it is.

mod mark;
mod sweep;
mod writer;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tributary_archive::frames::{ContentKey, FrameReader, stored_len};
use tributary_model::id::CaseId;
use uuid::Uuid;

pub(crate) use self::sweep::RESTED;
pub use self::writer::ObjectWriter;
use crate::replicas::ReplicaId;

/// Kept free on the file system at least, so that the database can still record that objects find no room.
const LEAST_RESERVE: u64 = 8 * 1024 * 1024;
/// Kept free unless said otherwise: a twentieth of the file system, and no more than this.
const MOST_RESERVE: u64 = 1 << 30;

/// The object folder.
#[derive(Debug, Clone)]
pub struct Objects {
    root: PathBuf,
    reserve: Option<u64>,
    /// Who writes here: stands in the names of unfinished objects.
    writer: ReplicaId,
}

impl Objects {
    /// The folder `root`, made if need be, readable by its owner only.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(root: &Path) -> io::Result<Self> {
        private_folder(root)?;
        if let Some(parent) = root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
        Ok(Self { root: root.to_owned(), reserve: None, writer: ReplicaId::new() })
    }

    /// Writes in the name of a process.
    #[must_use]
    pub(crate) fn written_by(self, writer: ReplicaId) -> Self {
        Self { writer, ..self }
    }

    /// Keeps `reserve` bytes of the file system free of parts, where something was said about it.
    #[must_use]
    pub fn reserving(self, reserve: Option<u64>) -> Self {
        Self { reserve, ..self }
    }

    /// Begins an object of a case. Its name is random, so that it says nothing and is never used twice.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(&self, case: CaseId, key: &ContentKey) -> io::Result<ObjectWriter> {
        let begun = self.begin(case, key);
        match begun {
            // Swept by another process in the moment between the two, since it was empty.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.begin(case, key),
            begun => begun,
        }
    }

    /// Writes a small object of a case whole and makes it durable; returns its name.
    ///
    /// # Errors
    /// What the file system says; nothing is left behind then.
    pub(crate) fn write(&self, case: CaseId, key: &ContentKey, bytes: &[u8]) -> io::Result<String> {
        let write = || writer::write_whole(self.made_folder(case)?, Uuid::new_v4().to_string(), case, key, bytes);
        match write() {
            // As in `create`.
            Err(error) if error.kind() == io::ErrorKind::NotFound => write(),
            written => written,
        }
    }

    fn begin(&self, case: CaseId, key: &ContentKey) -> io::Result<ObjectWriter> {
        ObjectWriter::begin(self.made_folder(case)?, Uuid::new_v4().to_string(), self.writer, case, key)
    }

    /// The folder of a case, made if need be.
    fn made_folder(&self, case: CaseId) -> io::Result<PathBuf> {
        let folder = self.folder(case);
        if !folder.exists() {
            private_folder(&folder)?;
            sync_folder(&self.root)?;
        }
        Ok(folder)
    }

    /// Opens an object for reading any range of it.
    ///
    /// # Errors
    /// When it is missing, or is not what was written under this key and case.
    pub fn read(&self, case: CaseId, key: &ContentKey, object: &str) -> io::Result<FrameReader<File>> {
        FrameReader::new(File::open(self.folder(case).join(object))?, key, &case.to_string(), object)
    }

    /// Removes an object that nothing names any more. A failure is left to the sweep.
    pub fn remove(&self, case: CaseId, object: &str) {
        match fs::remove_file(self.folder(case).join(object)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%case, %error, "a dropped object could not be removed; it is swept later");
            }
            _ => {}
        }
    }

    /// Removes everything of a case that was shredded.
    pub fn remove_case(&self, case: CaseId) {
        match fs::remove_dir_all(self.folder(case)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%case, %error, "a shredded case's objects could not be removed; they are swept later");
            }
            _ => {}
        }
    }

    /// Whether an object of `size` plain bytes fits beside the reserve, which archives may use. Others may take the room meanwhile: it only
    /// keeps large objects from being begun in vain.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] when it does not fit; others as the file system says.
    pub fn room_for(&self, size: u64) -> io::Result<()> {
        let found = rustix::fs::statvfs(&self.root)?;
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        let usual = (found.f_blocks.saturating_mul(found.f_frsize) / 20).min(MOST_RESERVE);
        let reserve = self.reserve.unwrap_or(usual).max(LEAST_RESERVE);
        let needed = stored_len(size).saturating_add(reserve);
        if needed <= free { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn folder(&self, case: CaseId) -> PathBuf {
        self.root.join(case.to_string())
    }
}

/// Whether an error means that somebody must make room; trying again helps then.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes renames and new files in a folder durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests;
