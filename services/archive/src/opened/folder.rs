//! An unpacked archive: the files below a folder, found without following a link.

use std::fs;
use std::path::{Path, PathBuf};

use super::OpenError;
use crate::container::{MAX_ENTRIES, Stored};
use crate::layout;

/// Deepest nesting that is looked into; the profile's own goes less deep.
const MAX_DEPTH: usize = 12;

/// The bag at `folder`: the folder itself, or the only one in it that is a bag.
pub(super) fn find_bag(folder: &Path) -> Result<PathBuf, OpenError> {
    let is_bag = |folder: &Path| folder.join(layout::BAG_DECLARATION).is_file();
    if is_bag(folder) {
        return Ok(folder.to_owned());
    }
    let mut found = None;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && is_bag(&entry.path()) && found.replace(entry.path()).is_some() {
            return Err(OpenError::Folder("several folders in it are archives; name one of them"));
        }
    }
    found.ok_or(OpenError::Folder("neither it nor a folder in it holds an archive (there is no bagit.txt)"))
}

/// Every file below `bag`, by path.
pub(super) fn files(bag: &Path) -> Result<Vec<Stored>, OpenError> {
    let mut files = Vec::new();
    collect(bag, "", 0, &mut files)?;
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn collect(folder: &Path, prefix: &str, depth: usize, files: &mut Vec<Stored>) -> Result<(), OpenError> {
    if depth > MAX_DEPTH {
        return Err(OpenError::Folder("its folders are nested deeper than an archive's"));
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|_| OpenError::Folder("a file's name is not UTF-8"))?;
        let name = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &format!("{name}/"), depth + 1, files)?;
        } else if kind.is_file() {
            files.push(Stored { name, size: entry.metadata()?.len(), packed: None });
        } else {
            return Err(OpenError::Folder("it holds a link or another special file"));
        }
        if files.len() as u64 > MAX_ENTRIES {
            return Err(OpenError::Folder("it holds more files than an archive"));
        }
    }
    Ok(())
}
