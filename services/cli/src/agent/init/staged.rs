//! Files that get their names together or not at all: written beside their places first, removed again when something fails.
//! What they replace is kept beside them until all have their names, and comes back when one cannot get it.

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
    /// What had such a name before, where it is kept, and the name.
    replaced: Vec<(PathBuf, PathBuf)>,
    /// Whether the folder is new.
    made_folder: bool,
}

impl Staged {
    /// In this folder, which is made if need be.
    pub(super) fn new(folder: &Path, force: bool) -> Result<Self, Failure> {
        let made_folder = !folder.exists();
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::invalid(format!("cannot make {}: {error}", folder.display())))?;
        Ok(Self {
            folder: folder.to_owned(),
            force,
            waiting: Vec::new(),
            placed: Vec::new(),
            replaced: Vec::new(),
            made_folder,
        })
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
        let mut waiting = std::mem::take(&mut self.waiting).into_iter();
        while let Some((name, from)) = waiting.next() {
            let to = self.folder.join(name);
            if let Err(error) = self.place(name, &from, &to) {
                self.waiting = std::iter::once((name, from)).chain(waiting).collect();
                return Err(Failure::invalid(format!("cannot write {}: {error}", to.display())));
            }
            self.placed.push(to);
        }
        for (kept, _) in std::mem::take(&mut self.replaced) {
            // It is not needed any more; what is left of it hinders nothing.
            let _ = std::fs::remove_file(kept);
        }
        let written = std::mem::take(&mut self.placed);
        self.made_folder = false;
        Ok(written)
    }

    fn place(&mut self, name: &str, from: &Path, to: &Path) -> std::io::Result<()> {
        if to.symlink_metadata().is_ok() {
            let kept = self.folder.join(format!(".{name}.before"));
            if kept.exists() {
                std::fs::remove_file(&kept)?;
            }
            // Not every file system has links.
            std::fs::hard_link(to, &kept).or_else(|_| std::fs::copy(to, &kept).map(drop))?;
            self.replaced.push((kept, to.to_owned()));
        }
        std::fs::rename(from, to)
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
        for (kept, name) in &self.replaced {
            let _ = std::fs::rename(kept, name);
            // Two links of one file are not renamed: the one that was kept stays.
            let _ = std::fs::remove_file(kept);
        }
        if self.made_folder {
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and contents in a folder; what is no file has none.
    fn content(folder: &Path) -> Vec<(String, Option<String>)> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let mut all: Vec<_> = entries
            .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).ok()))
            .collect();
        all.sort();
        all
    }

    fn staged(folder: &Path) -> Staged {
        let mut staged = Staged::new(folder, true).unwrap();
        staged.private("kek.key", b"new").unwrap();
        staged.public("manifest.yml", b"new").unwrap();
        staged.public("agent.yaml", b"new").unwrap();
        staged
    }

    #[test]
    fn what_was_replaced_comes_back_when_a_later_file_cannot_get_its_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("manifest.yml"), "old").unwrap();
        std::fs::create_dir(folder.path().join("agent.yaml")).unwrap();
        let before = content(folder.path());
        let failure = format!("{:?}", staged(folder.path()).commit().unwrap_err());
        assert!(failure.contains("agent.yaml"), "{failure}");
        assert_eq!(content(folder.path()), before);
    }

    #[test]
    fn all_files_that_are_written_are_said_and_nothing_of_what_they_replaced_stays() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("manifest.yml"), "old").unwrap();
        // As a run leaves it that was killed.
        std::fs::write(folder.path().join(".manifest.yml.before"), "older").unwrap();
        let written = staged(folder.path()).commit().unwrap();
        let expected = ["kek.key", "manifest.yml", "agent.yaml"].map(|name| folder.path().join(name));
        assert_eq!(written, expected);
        let new = |name: &str| (name.to_owned(), Some("new".to_owned()));
        assert_eq!(content(folder.path()), [new("agent.yaml"), new("kek.key"), new("manifest.yml")]);
    }
}
