//! Unpacks an archive safely: into a folder that does not exist yet, nothing outside of it, no links, no more bytes than
//! the container announces, every file checked against the manifests as it is written, all of it or nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::digest::Sha256Hex;
use crate::layout::{CLOSING, MANIFEST, TAGMANIFEST};
use crate::opened::{MAX_LISTING, OpenError, Opened, ReadSeek};

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The file is not an archive, or not a whole one.
    #[error("archive: {place}: {problem}; run `tributary archive verify` on it for all problems")]
    Archive {
        /// The file within the archive, or the archive itself.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// The target is there already.
    #[error("{} exists and is not overwritten; name another folder with --to", .0.display())]
    Exists(PathBuf),
    /// Something cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// What was unpacked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Extracted {
    /// The folder.
    pub folder: PathBuf,
    /// Files in it.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// Bytes that unpacking an archive will write, as its container announces them.
pub fn size(file: &mut dyn ReadSeek) -> Result<u64, ExtractError> {
    let archive = Opened::new(file).map_err(|error| refused("the file", &error))?;
    Ok(archive.files().iter().map(|file| file.size).fold(0, u64::saturating_add))
}

/// Unpacks an archive into `target`, which must not exist; its parent must. `written` is told of bytes as they are
/// written. Files and folders are their owner's only.
///
/// Digests are those of the archive's own manifests: whether those are signed, and by whom, is `verify`'s to say.
pub fn extract(
    file: &mut dyn ReadSeek,
    target: &Path,
    written: &mut dyn FnMut(u64),
) -> Result<Extracted, ExtractError> {
    let mut archive = Opened::new(file).map_err(|error| refused("the file", &error))?;
    let listed = Listed::read(&mut archive)?;
    if fs::symlink_metadata(target).is_ok() {
        return Err(ExtractError::Exists(target.to_owned()));
    }
    let partial = Partial::create(target)?;
    let (mut files, mut bytes) = (0, 0);
    for number in 0..archive.files().len() {
        let path = archive.path(&archive.files()[number]).to_owned();
        let size = archive.files()[number].size;
        let expected = listed.digest(&path)?;
        let digest = write(&mut archive, number, &partial.0.join(&path), &path, written)?;
        if expected.is_some_and(|expected| expected != digest) {
            return Err(refused(&path, &"its digest is not the one that its manifest lists"));
        }
        files += 1;
        bytes += size;
    }
    partial.finish(target)?;
    Ok(Extracted { folder: target.to_owned(), files, bytes })
}

fn refused(place: &str, problem: &impl ToString) -> ExtractError {
    ExtractError::Archive { place: place.to_owned(), problem: problem.to_string() }
}

/// Writes one file; returns its digest.
fn write(
    archive: &mut Opened<'_>,
    number: usize,
    to: &Path,
    path: &str,
    written: &mut dyn FnMut(u64),
) -> Result<Sha256Hex, ExtractError> {
    let failed = |error| ExtractError::Write { path: to.to_owned(), error };
    if let Some(folder) = to.parent() {
        private_folders(folder).map_err(failed)?;
    }
    let mut out = BufWriter::new(private_file(to).map_err(failed)?);
    let mut trouble = None;
    let read = archive.content(number, &mut |chunk| {
        written(chunk.len() as u64);
        out.write_all(chunk).map_err(|error| {
            trouble = Some(error);
            OpenError::Content("it cannot be written")
        })
    });
    match (trouble, read) {
        (Some(error), _) => Err(failed(error)),
        (None, Err(error)) => Err(refused(path, &error)),
        (None, Ok(digests)) => out.flush().map(|()| digests.plain).map_err(failed),
    }
}

/// The digests that the manifests list.
struct Listed {
    lines: Vec<(String, Sha256Hex)>,
}

impl Listed {
    fn read(archive: &mut Opened<'_>) -> Result<Self, ExtractError> {
        let mut lines = Vec::new();
        for manifest in [MANIFEST, TAGMANIFEST] {
            let (bytes, _) = archive.read(manifest, MAX_LISTING).map_err(|error| refused(manifest, &error))?;
            let text = String::from_utf8(bytes).map_err(|_| refused(manifest, &"it is not UTF-8"))?;
            for line in text.lines() {
                let (digest, path) = line.split_once("  ").unwrap_or_default();
                let digest = digest.parse().map_err(|_| refused(manifest, &"a line is not of the expected form"))?;
                lines.push((path.to_owned(), digest));
            }
        }
        lines.sort();
        Ok(Self { lines })
    }

    /// The digest that a file must have; `None` for the two that no manifest can list.
    fn digest(&self, path: &str) -> Result<Option<Sha256Hex>, ExtractError> {
        if path == TAGMANIFEST || path == CLOSING {
            return Ok(None);
        }
        let found = self.lines.binary_search_by(|(listed, _)| listed.as_str().cmp(path));
        found.map(|at| Some(self.lines[at].1)).map_err(|_| refused(path, &"no manifest lists it"))
    }
}

/// A folder that is removed with all that is in it, unless it is finished.
struct Partial(PathBuf);

impl Partial {
    fn create(target: &Path) -> Result<Self, ExtractError> {
        let mut name = target.file_name().ok_or_else(|| ExtractError::Exists(target.to_owned()))?.to_owned();
        name.push(".partial");
        let path = target.with_file_name(name);
        match private_folder(&path) {
            Ok(()) => Ok(Self(path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(ExtractError::Exists(path)),
            Err(error) => Err(ExtractError::Write { path, error }),
        }
    }

    fn finish(self, target: &Path) -> Result<(), ExtractError> {
        fs::rename(&self.0, target).map_err(|error| ExtractError::Write { path: target.to_owned(), error })?;
        // Nothing is left to remove.
        std::mem::forget(self);
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // What cannot be removed is called partial, and the error that led here is told.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

#[cfg(unix)]
fn private_folders(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).recursive(true).create(path)
}

#[cfg(not(unix))]
fn private_folders(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
