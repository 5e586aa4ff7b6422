//! An archive opened for reading: its folder, its files by path, and their contents, checked against the container's own
//! checksums. Shared by `verify`, `show` and `extract`. It may be the file that was written, that file packed anew by
//! another program, or a folder that it was unpacked to; what is not as written is counted, and the caller decides.

mod content;
mod folder;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tributary_model::id::CaseId;

use crate::container::{Departures, Directory, DirectoryError, Stored, read_general};
use crate::digest::Sha256Hex;
use crate::layout;

/// A file or anything like it.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek + ?Sized> ReadSeek for T {}

/// Largest generated file that is written and read whole, other than these two kinds.
pub(crate) const MAX_JSON: u64 = 64 << 20;
/// Largest file that lists parts. Manifests are never held.
pub(crate) const MAX_LISTING: u64 = 128 << 20;

/// Why an archive or a file in it cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("not an archive of this profile: {strict}; nor one that another program packed: {general}")]
    Neither { strict: DirectoryError, general: DirectoryError },
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("not an archive of this profile: {0}")]
    Folder(&'static str),
    #[error("missing")]
    Missing,
    #[error("larger than the {0} bytes that are read of such a file")]
    TooLarge(u64),
    #[error("{0}")]
    Content(&'static str),
}

/// An archive.
pub(crate) struct Opened<'f> {
    source: Source<'f>,
    files: Vec<Stored>,
    len: u64,
    /// The case after which the folder is named.
    pub(crate) case: Option<CaseId>,
    /// Bytes of the folder's name with its slash.
    prefix: usize,
    /// What is not as it was written.
    pub(crate) departures: Departures,
}

enum Source<'f> {
    Container(&'f mut dyn ReadSeek),
    Folder(PathBuf),
}

/// What the bytes of one file were found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) plain: Sha256Hex,
    pub(crate) encoded: Sha256Hex,
    pub(crate) crc32: u32,
}

impl<'f> Opened<'f> {
    /// Opens a file: as it was written, or else as any program may have packed it.
    pub(crate) fn new(file: &'f mut dyn ReadSeek) -> Result<Self, OpenError> {
        let (directory, departures) = match Directory::read(file) {
            Ok(directory) => (directory, Departures::default()),
            Err(DirectoryError::Io(error)) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error.into()),
            Err(strict) => {
                let (directory, departures) = match read_general(file) {
                    Ok(read) => read,
                    Err(general) => return Err(OpenError::Neither { strict, general }),
                };
                (directory, Departures { first: Some(strict.to_string()), ..departures })
            }
        };
        let Directory { entries, len } = directory;
        let mut opened =
            Self { source: Source::Container(file), files: entries, len, case: None, prefix: 0, departures };
        opened.enter()?;
        Ok(opened)
    }

    /// Opens an unpacked archive.
    pub(crate) fn folder(folder: &Path) -> Result<Self, OpenError> {
        let bag = folder::find_bag(folder)?;
        let files = folder::files(&bag)?;
        let len = files.iter().map(|file| file.size).fold(0, u64::saturating_add);
        let name = bag.canonicalize()?;
        let case = name.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        let departures = Departures { unpacked: true, renamed: case.is_none(), ..Departures::default() };
        Ok(Self { source: Source::Folder(bag), files, len, case, prefix: 0, departures })
    }

    /// Finds the one folder that is the bag, and leaves out what lies beside it.
    fn enter(&mut self) -> Result<(), OpenError> {
        let first = self.files.first().ok_or(OpenError::Folder("it is empty"))?;
        let top = first.name.split('/').next().unwrap_or_default().to_owned();
        let inside = |name: &str, folder: &str| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        if self.files.iter().all(|file| inside(&file.name, &top)) && top.parse::<CaseId>().is_ok() {
            self.case = top.parse().ok();
            self.prefix = top.len() + 1;
            return Ok(());
        }
        let declarations = self.files.iter().filter_map(|file| match file.name.strip_suffix(layout::BAG_DECLARATION) {
            Some(folder) if folder.is_empty() || folder.ends_with('/') => Some(folder.to_owned()),
            _ => None,
        });
        let mut folders: Vec<String> = declarations.collect();
        let depth = |folder: &String| folder.matches('/').count();
        folders.sort_by_key(depth);
        let folder = folders.first().cloned().ok_or(OpenError::Folder("no folder in it is a bag"))?;
        if folders.get(1).is_some_and(|other| depth(other) == depth(&folder)) {
            return Err(OpenError::Folder("several folders in it are bags"));
        }
        let before = self.files.len();
        self.files.retain(|file| file.name.starts_with(&folder));
        self.prefix = folder.len();
        self.case =
            folder.strip_suffix('/').and_then(|path| path.rsplit('/').next()).and_then(|name| name.parse().ok());
        self.departures.strays = (before - self.files.len()) as u64;
        self.departures.renamed = self.case.is_none() || folder.matches('/').count() != 1;
        Ok(())
    }

    /// Bytes of the whole archive.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The files in the order of their paths within the folder.
    pub(crate) fn files(&self) -> &[Stored] {
        &self.files
    }

    /// A file's path within the folder.
    pub(crate) fn path<'a>(&self, file: &'a Stored) -> &'a str {
        &file.name[self.prefix..]
    }

    /// The number of the file at `path`.
    pub(crate) fn find(&self, path: &str) -> Option<usize> {
        let prefix = self.prefix;
        self.files.binary_search_by(|file| file.name[prefix..].cmp(path)).ok()
    }

    /// Reads a file that the archive's builder made, of at most `limit` bytes.
    pub(crate) fn read(&mut self, path: &str, limit: u64) -> Result<(Vec<u8>, Sha256Hex), OpenError> {
        let number = self.find(path).ok_or(OpenError::Missing)?;
        let size = self.files[number].size;
        if size > limit {
            return Err(OpenError::TooLarge(limit));
        }
        // A small file may claim to be a large one: room is made as the bytes come.
        let mut bytes = Vec::with_capacity(size.min(1 << 20) as usize);
        let digests = self.content(number, &mut |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok((bytes, digests.plain))
    }

    /// Reads a file to its end without keeping it, and checks its size and checksum.
    pub(crate) fn digest(&mut self, number: usize) -> Result<Digests, OpenError> {
        self.content(number, &mut |_| Ok(()))
    }

    /// Reads a file to its end, gives its plain content to `sink`, and checks its size and checksum.
    pub(crate) fn content(
        &mut self,
        number: usize,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), OpenError>,
    ) -> Result<Digests, OpenError> {
        let stored = &self.files[number];
        match (&mut self.source, stored.packed) {
            (Source::Container(file), Some(packed)) => {
                file.seek(SeekFrom::Start(packed.data))?;
                content::read(stored, &mut (&mut **file).take(packed.compressed), sink)
            }
            (Source::Folder(folder), _) => content::read(stored, &mut File::open(folder.join(&stored.name))?, sink),
            (Source::Container(_), None) => Err(OpenError::Missing),
        }
    }
}
