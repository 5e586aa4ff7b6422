//! Files that get their names together or not at all: written beside their places first, removed again when something fails.

use std::path::{Path, PathBuf};

use crate::exit::Failure;
use crate::files;

/// Files on their way.
pub(super) struct Staged {
    folder: PathBuf,
    force: bool,
    /// The name of each, and where it waits.
    waiting: Vec<(&'static str, PathBuf)>,
    /// The files that have their names already.
    placed: Vec<PathBuf>,
    /// Whether the folder is new.
    made_folder: bool,
}

impl Staged {
    /// In this folder, which is made if need be.
    pub(super) fn new(folder: &Path, force: bool) -> Result<Self, Failure> {
        let made_folder = !folder.exists();
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::invalid(format!("cannot make {}: {error}", folder.display())))?;
        Ok(Self { folder: folder.to_owned(), force, waiting: Vec::new(), placed: Vec::new(), made_folder })
    }

    /// Says no when one of these is there already, unless they may be replaced.
    pub(super) fn refuse_existing(&self, names: &[&str]) -> Result<(), Failure> {
        let there: Vec<String> = names
            .iter()
            .map(|name| self.folder.join(name))
            .filter(|p| p.exists())
            .map(|p| p.display().to_string())
            .collect();
        if self.force || there.is_empty() {
            return Ok(());
        }
        let there = there.join(" and ");
        Err(Failure::invalid(format!(
            "{there}: exists and is not overwritten; give --force to replace, or another --out"
        )))
    }

    /// A file that only its owner may read; returns where it waits.
    pub(super) fn private(&mut self, name: &'static str, content: &[u8]) -> Result<PathBuf, Failure> {
        self.refuse_existing(&[name])?;
        let path = self.path(name)?;
        files::write_private(&path, content)?;
        Ok(path)
    }

    /// A file that others may read; returns where it waits.
    pub(super) fn public(&mut self, name: &'static str, content: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.path(name)?;
        files::write_public(&path, content)?;
        Ok(path)
    }

    /// Whether a file of this name waits.
    pub(super) fn has(&self, name: &str) -> bool {
        self.waiting.iter().any(|(waiting, _)| *waiting == name)
    }

    /// Gives all of them their names.
    pub(super) fn commit(mut self) -> Result<Vec<PathBuf>, Failure> {
        for (name, from) in std::mem::take(&mut self.waiting) {
            let to = self.folder.join(name);
            let was_there = to.exists();
            let renamed = std::fs::rename(&from, &to);
            if let Err(error) = renamed {
                self.waiting.push((name, from));
                return Err(Failure::invalid(format!("cannot write {}: {error}", to.display())));
            }
            if !was_there {
                self.placed.push(to.clone());
            }
        }
        let written = std::mem::take(&mut self.placed);
        self.made_folder = false;
        Ok(written)
    }

    fn path(&mut self, name: &'static str) -> Result<PathBuf, Failure> {
        let path = self.folder.join(format!(".{name}.partial"));
        // What an earlier run left when it was killed.
        if path.exists() {
            std::fs::remove_file(&path)?;
        }
        self.waiting.push((name, path.clone()));
        Ok(path)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // What cannot be removed is no worse than what could not be written.
        for path in self.waiting.iter().map(|(_, path)| path).chain(&self.placed) {
            let _ = std::fs::remove_file(path);
        }
        if self.made_folder {
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}
