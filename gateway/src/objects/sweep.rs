//! Removes from the folder what nothing names any more: what processes that died were writing, and objects whose removal
//! failed.
//!
//! Whoever has the folder alone knows at its start that all of it is left over. Beside other processes that cannot be
//! known of a single file, since an object stands in the folder a moment before the database names it: there only what
//! has rested for long goes, and what processes that are not there any more had not finished.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, DirEntry, File};
use std::io;
use std::time::{Duration, SystemTime};

use tributary_model::id::CaseId;

use super::Objects;
use super::writer::PARTIAL;
use crate::replicas::ReplicaId;

/// What rests in a shared folder for this long, unnamed, is left over: far longer than anything waits between its last
/// byte and its name in the database. Counted by the clock that dates the folder's files, whatever others say.
pub(crate) const RESTED: Duration = Duration::from_secs(24 * 3600);

/// What lies in the folder and may be left over. Looked at before the database is asked what it names, so that nothing
/// that is named meanwhile is taken for left over.
#[derive(Debug)]
pub(crate) struct Leftovers {
    files: Vec<Leftover>,
    folders: Vec<std::path::PathBuf>,
}

#[derive(Debug)]
struct Leftover {
    case: CaseId,
    name: String,
    path: std::path::PathBuf,
    has_rested: bool,
}

impl Objects {
    /// Removes every object that `keep` does not name; returns how many there were. Only for whoever has the folder alone,
    /// before anything writes.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn sweep(&self, keep: &HashSet<(CaseId, String)>) -> io::Result<usize> {
        let all = self.leftovers(Duration::ZERO)?;
        let unnamed = all.files.iter().filter(|file| !keep.contains(&(file.case, file.name.clone())));
        remove(unnamed, &all.folders)
    }

    /// What lies in the folder now, and which of it has not been touched for `rested`.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn leftovers(&self, rested: Duration) -> io::Result<Leftovers> {
        let rested_since = self.time()?.checked_sub(rested).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut all = Leftovers { files: Vec::new(), folders: Vec::new() };
        for folder in fs::read_dir(&self.root)? {
            let folder = folder?;
            let case: Option<CaseId> = folder.file_name().to_str().and_then(|name| name.parse().ok());
            let Some(case) = case else { continue };
            let Some(files) = gone_is_none(fs::read_dir(folder.path()))? else { continue };
            if has_rested(&folder, rested_since)? {
                all.folders.push(folder.path());
            }
            for file in files {
                let file = file?;
                let name = file.file_name().into_string().unwrap_or_default();
                let has_rested = has_rested(&file, rested_since)?;
                all.files.push(Leftover { case, name, path: file.path(), has_rested });
            }
        }
        Ok(all)
    }

    /// What time it is by the clock that dates the folder's files: a file server's, it may be.
    fn time(&self) -> io::Result<SystemTime> {
        let probe = self.root.join(format!("clock.{}", self.writer));
        let dated = File::create(&probe).and_then(|file| file.metadata()).and_then(|found| found.modified());
        let _ = fs::remove_file(&probe);
        dated
    }
}

impl Leftovers {
    /// Removes what `keep` does not name and has rested, and what processes other than `live` had not finished; returns
    /// how many files there were.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn remove(&self, keep: &HashSet<(CaseId, String)>, live: &BTreeSet<ReplicaId>) -> io::Result<usize> {
        let left = self.files.iter().filter(|file| match file.writer() {
            Some(writer) => !live.contains(&writer),
            None => file.has_rested && !keep.contains(&(file.case, file.name.clone())),
        });
        remove(left, &self.folders)
    }
}

impl Leftover {
    /// Who was writing it, when it is not finished.
    fn writer(&self) -> Option<ReplicaId> {
        let (_, writer) = self.name.strip_suffix(PARTIAL)?.strip_suffix('.')?.split_once('.')?;
        writer.parse().ok()
    }
}

fn remove<'f>(files: impl Iterator<Item = &'f Leftover>, folders: &[std::path::PathBuf]) -> io::Result<usize> {
    let mut removed = 0;
    for file in files {
        removed += usize::from(gone_is_none(fs::remove_file(&file.path))?.is_some());
    }
    for folder in folders {
        // Fails while objects are in it.
        let _ = fs::remove_dir(folder);
    }
    Ok(removed)
}

/// A file that has gone meanwhile has not rested.
fn has_rested(file: &DirEntry, since: SystemTime) -> io::Result<bool> {
    let found = gone_is_none(file.metadata())?;
    Ok(found.map(|found| found.modified()).transpose()?.is_some_and(|modified| modified <= since))
}

fn gone_is_none<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
