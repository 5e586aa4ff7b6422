//! The spool: encrypted files between the walk and the network, in a folder per export and generation, within a quota.
//!
//! What belongs to which export stands in the `ledger`; here are the bytes. `usage` counts them, `part` writes and
//! reads one file. Everything here blocks.

mod part;
mod usage;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tributary_archive::frames::{ContentKey, stored_len};
use tributary_model::id::InstructionId;

pub(crate) use part::{PartReader, PartWriter};
use usage::Usage;
pub(crate) use usage::{Quota, SpoolFull};

/// The files of all exports.
#[derive(Debug)]
pub(crate) struct Spool {
    root: PathBuf,
    usage: Arc<Usage>,
}

/// Names one file's content: export, generation, part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartName {
    /// The export.
    pub(crate) instruction: InstructionId,
    /// The generation.
    pub(crate) generation: u32,
    /// The part's index.
    pub(crate) index: u32,
}

impl Spool {
    /// Opens the spool in `root`, which is made if need be, with room for what is left of `quota`.
    pub(crate) fn open(root: PathBuf, quota: Quota) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&root)?;
        Ok(Self { root, usage: Arc::new(Usage::new(quota)) })
    }

    /// Removes everything but the generations in `keep`, and counts what is left. For the start, when nobody writes.
    pub(crate) fn sweep(&self, keep: &[(InstructionId, u32)]) -> io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name();
            let kept: Vec<_> = keep.iter().filter(|(instruction, _)| *name == *instruction.to_string()).collect();
            if kept.is_empty() {
                remove(&entry.path())?;
                continue;
            }
            for inner in fs::read_dir(entry.path())? {
                let inner = inner?;
                match kept.iter().find(|(_, generation)| *inner.file_name() == *generation.to_string()) {
                    Some((instruction, generation)) => {
                        self.usage.set(*instruction, *generation, size(&inner.path())?);
                    }
                    None => remove(&inner.path())?,
                }
            }
        }
        Ok(())
    }

    /// Makes the folder of a new generation.
    pub(crate) fn begin(&self, instruction: InstructionId, generation: u32) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(self.folder(instruction, generation))
    }

    /// Begins a part's file.
    pub(crate) fn create(&self, name: PartName, key: &ContentKey) -> io::Result<PartWriter> {
        let path = self.path(name);
        let file = File::options().write(true).create_new(true).open(&path)?;
        PartWriter::new(file, Arc::clone(&self.usage), name, key)
    }

    /// Opens a finished part's file.
    pub(crate) fn read(&self, name: PartName, key: &ContentKey) -> io::Result<PartReader> {
        PartReader::new(File::open(self.path(name))?, name, key)
    }

    /// Whether a part's file is there, as long as one that carries `encoded_bytes`.
    pub(crate) fn has(&self, name: PartName, encoded_bytes: u64) -> bool {
        fs::metadata(self.path(name)).is_ok_and(|metadata| metadata.len() == stored_len(encoded_bytes))
    }

    /// Brings a generation's files to the disk, so that they outlive a loss of power.
    pub(crate) fn sync(&self, instruction: InstructionId, generation: u32) -> io::Result<()> {
        let folder = self.folder(instruction, generation);
        for entry in fs::read_dir(&folder)? {
            File::open(entry?.path())?.sync_data()?;
        }
        let above = folder.parent().unwrap_or(&self.root);
        [folder.as_path(), above, self.root.as_path()].into_iter().try_for_each(|folder| File::open(folder)?.sync_all())
    }

    /// Drops a generation's files, and the export's folder with the last.
    pub(crate) fn remove_generation(&self, instruction: InstructionId, generation: u32) -> io::Result<()> {
        remove(&self.folder(instruction, generation))?;
        self.usage.drop_generation(instruction, generation);
        // Fails while another generation is there, which is right.
        let _ = fs::remove_dir(self.export_folder(instruction));
        Ok(())
    }

    /// Drops one part's file.
    pub(crate) fn remove_part(&self, name: PartName) -> io::Result<()> {
        let path = self.path(name);
        let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        remove(&path)?;
        self.usage.give_back(name.instruction, name.generation, bytes);
        Ok(())
    }

    /// Brings one part's file to the disk, so that it outlives a loss of power.
    pub(crate) fn sync_part(&self, name: PartName) -> io::Result<()> {
        File::open(self.path(name))?.sync_all()?;
        let folder = self.folder(name.instruction, name.generation);
        let export = self.export_folder(name.instruction);
        [folder, export, self.root.clone()].into_iter().try_for_each(|folder| File::open(folder)?.sync_all())
    }

    /// Drops everything of an export.
    pub(crate) fn remove(&self, instruction: InstructionId) -> io::Result<()> {
        remove(&self.export_folder(instruction))?;
        self.usage.drop_export(instruction);
        Ok(())
    }

    /// Bytes that all exports use.
    pub(crate) fn used(&self) -> u64 {
        self.usage.total()
    }

    /// Bytes that a generation uses.
    pub(crate) fn used_by(&self, instruction: InstructionId, generation: u32) -> u64 {
        self.usage.of(instruction, generation)
    }

    /// Bytes that there is room for: of the quota and, as far as it can be told, of the volume.
    pub(crate) fn room(&self) -> u64 {
        let volume = rustix::fs::statvfs(&self.root).map(|found| found.f_bavail.saturating_mul(found.f_frsize));
        self.usage.left().min(volume.unwrap_or(u64::MAX))
    }

    fn export_folder(&self, instruction: InstructionId) -> PathBuf {
        self.root.join(instruction.to_string())
    }

    fn folder(&self, instruction: InstructionId, generation: u32) -> PathBuf {
        self.export_folder(instruction).join(generation.to_string())
    }

    fn path(&self, name: PartName) -> PathBuf {
        self.folder(name.instruction, name.generation).join(name.index.to_string())
    }
}

/// Removes a file or a whole folder; what is gone already is fine.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn size(folder: &Path) -> io::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(folder)? {
        total += entry?.metadata()?.len();
    }
    Ok(total)
}

#[cfg(test)]
mod tests;
