//! An archive opened for reading: its folder, its files by path, and their contents, checked against the container's own
//! checksums. Shared by `verify` and `show`.

use std::io::{self, Read, Seek, SeekFrom};

use flate2::{Decompress, FlushDecompress, Status};
use tributary_model::id::CaseId;

use crate::container::{Directory, DirectoryError, Stored};
use crate::digest::{Hasher, Sha256Hex};

/// A file or anything like it.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek + ?Sized> ReadSeek for T {}

/// Largest generated file that is written and read whole, other than these two kinds.
pub(crate) const MAX_JSON: u64 = 64 << 20;
/// Largest `datapackage.json`. Manifests are never held.
pub(crate) const MAX_DATAPACKAGE: u64 = 128 << 20;

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// Why an archive or a file in it cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("not an archive of this profile: {0}")]
    Directory(#[from] DirectoryError),
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("the files do not lie in one folder named after the case")]
    Folder,
    #[error("missing")]
    Missing,
    #[error("larger than the {0} bytes that are read of such a file")]
    TooLarge(u64),
    #[error("it must be stored as it is, not deflated")]
    Deflated,
    #[error("{0}")]
    Content(&'static str),
}

/// An archive.
pub(crate) struct Opened<'f> {
    file: &'f mut dyn ReadSeek,
    directory: Directory,
    pub(crate) case: CaseId,
    /// Bytes of the folder's name with its slash.
    prefix: usize,
}

/// What the bytes of one file were found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) plain: Sha256Hex,
    pub(crate) encoded: Sha256Hex,
}

impl<'f> Opened<'f> {
    pub(crate) fn new(file: &'f mut dyn ReadSeek) -> Result<Self, OpenError> {
        let directory = Directory::read(file)?;
        let first = directory.entries.first().ok_or(OpenError::Folder)?;
        let folder = first.name.split('/').next().unwrap_or_default().to_owned();
        let case = folder.parse().map_err(|_| OpenError::Folder)?;
        let prefix = folder.len() + 1;
        let inside = |entry: &Stored| entry.name.get(..prefix).and_then(|p| p.strip_suffix('/')) == Some(&folder);
        if !directory.entries.iter().all(inside) {
            return Err(OpenError::Folder);
        }
        Ok(Self { file, directory, case, prefix })
    }

    /// Bytes of the whole archive.
    pub(crate) fn len(&self) -> u64 {
        self.directory.len
    }

    /// The files in the order of their paths within the folder.
    pub(crate) fn files(&self) -> &[Stored] {
        &self.directory.entries
    }

    /// A file's path within the folder.
    pub(crate) fn path<'a>(&self, file: &'a Stored) -> &'a str {
        &file.name[self.prefix..]
    }

    /// The number of the file at `path`.
    pub(crate) fn find(&self, path: &str) -> Option<usize> {
        let prefix = self.prefix;
        self.directory.entries.binary_search_by(|entry| entry.name[prefix..].cmp(path)).ok()
    }

    /// Reads a file that the archive's builder made, of at most `limit` bytes.
    pub(crate) fn read(&mut self, path: &str, limit: u64) -> Result<(Vec<u8>, Sha256Hex), OpenError> {
        let entry = &self.directory.entries[self.find(path).ok_or(OpenError::Missing)?];
        if entry.deflated {
            return Err(OpenError::Deflated);
        }
        if entry.size > limit {
            return Err(OpenError::TooLarge(limit));
        }
        self.file.seek(SeekFrom::Start(entry.data))?;
        // The container was found to hold this many bytes.
        let mut bytes = vec![0; entry.size as usize];
        self.file.read_exact(&mut bytes)?;
        if crc32fast::hash(&bytes) != entry.crc32 {
            return Err(OpenError::Content("its checksum differs from the container's"));
        }
        let digest = Sha256Hex::of(&bytes);
        Ok((bytes, digest))
    }

    /// Reads a file to its end without keeping it, and checks its size and checksum.
    pub(crate) fn digest(&mut self, number: usize) -> Result<Digests, OpenError> {
        let entry = &self.directory.entries[number];
        self.file.seek(SeekFrom::Start(entry.data))?;
        let mut plain = Plain { left: entry.size, crc: crc32fast::Hasher::new(), sha: Hasher::new() };
        let mut input = (&mut *self.file).take(entry.compressed);
        let encoded = if entry.deflated { inflate(&mut input, &mut plain)? } else { copy(&mut input, &mut plain)? };
        if plain.left > 0 {
            return Err(OpenError::Content("it is shorter than announced"));
        }
        if plain.crc.finalize() != entry.crc32 {
            return Err(OpenError::Content("its checksum differs from the container's"));
        }
        Ok(Digests { plain: plain.sha.finish(), encoded })
    }
}

/// The plain content as it comes out.
struct Plain {
    left: u64,
    crc: crc32fast::Hasher,
    sha: Hasher,
}

impl Plain {
    fn push(&mut self, bytes: &[u8]) -> Result<(), OpenError> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or(OpenError::Content("it is longer than announced"))?;
        self.crc.update(bytes);
        self.sha.update(bytes);
        Ok(())
    }
}

fn copy(input: &mut impl Read, plain: &mut Plain) -> Result<Sha256Hex, OpenError> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(plain.sha.clone().finish()),
            read => plain.push(&buffer[..read])?,
        }
    }
}

/// Inflates one raw deflate stream that must end with the last byte of `input`.
fn inflate(input: &mut impl Read, plain: &mut Plain) -> Result<Sha256Hex, OpenError> {
    let mut encoded = Hasher::new();
    let mut stream = Decompress::new(false);
    let (mut buffer, mut out) = (vec![0; CHUNK], vec![0; CHUNK]);
    let (mut from, mut to) = (0, 0);
    loop {
        if from == to {
            (from, to) = (0, input.read(&mut buffer)?);
            encoded.update(&buffer[..to]);
        }
        let (read, written) = (stream.total_in(), stream.total_out());
        let status = stream.decompress(&buffer[from..to], &mut out, FlushDecompress::None);
        let status = status.map_err(|_| OpenError::Content("it is not a deflate stream"))?;
        let (read, written) = ((stream.total_in() - read) as usize, (stream.total_out() - written) as usize);
        from += read;
        plain.push(&out[..written])?;
        if status == Status::StreamEnd {
            let after = from < to || input.read(&mut buffer)? > 0;
            return if after {
                Err(OpenError::Content("bytes follow its deflate stream"))
            } else {
                Ok(encoded.finish())
            };
        }
        if read == 0 && written == 0 && from == to && to == 0 {
            return Err(OpenError::Content("its deflate stream has no end"));
        }
    }
}
