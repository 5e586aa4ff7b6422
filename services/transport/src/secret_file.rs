//! Files that hold a private key: read only when nobody else may, written only where nothing is.
//!
//! `identity` reads them, `pki` and key generation write them. The errors name the file and what to do.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Keys and certificates are small; anything above this is the wrong file.
const MAX: u64 = 1024 * 1024;

/// Permission bits that nobody but the owner may have.
const OTHERS: u32 = 0o077;

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {}: {source}; check the path and that this user may read it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It is far too large.
    #[error("{} is larger than 1 MiB: it is not a key or a certificate", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Others on this machine may read the key.
    #[error("the key file {} has mode {mode:04o}, so others may read it: run `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is something already; it is never overwritten, because it may be the only copy of a key.
    #[error("{} exists already and is not overwritten: move it away or choose another place", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("cannot write {}: {source}; check that the folder exists and that this user may write there", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// Reads a secret. The mode is asked of the open file, so that it cannot be exchanged between check and reading.
///
/// # Errors
/// When it cannot be read, is too large, or anybody but its owner may read it.
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let file = open(path)?;
    let metadata = file.metadata().map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(FileError::Exposed { path: path.to_owned(), mode });
    }
    read(path, &file)
}

/// Reads a file that is no secret, such as a certificate.
///
/// # Errors
/// When it cannot be read or is too large.
pub fn read_public(path: &Path) -> Result<Vec<u8>, FileError> {
    Ok(std::mem::take(&mut *read(path, &open(path)?)?))
}

/// Writes a new file that only its owner may read. It appears whole or not at all.
///
/// # Errors
/// When there is a file already, or it cannot be written.
pub fn create_secret(path: &Path, content: &[u8]) -> Result<(), FileError> {
    create(path, content, 0o600)
}

/// Writes a new file that everybody may read. It appears whole or not at all.
///
/// # Errors
/// When there is a file already, or it cannot be written.
pub fn create_public(path: &Path, content: &[u8]) -> Result<(), FileError> {
    create(path, content, 0o644)
}

fn open(path: &Path) -> Result<File, FileError> {
    File::open(path).map_err(|source| FileError::Read { path: path.to_owned(), source })
}

fn read(path: &Path, file: &File) -> Result<Zeroizing<Vec<u8>>, FileError> {
    // Room for the largest file at once: growing would leave copies of the secret in freed memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX as usize + 1));
    file.take(MAX + 1).read_to_end(&mut bytes).map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    if bytes.len() as u64 > MAX {
        return Err(FileError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

/// A temporary neighbour is filled and then put in place by an operation that fails when something is there.
fn create(path: &Path, content: &[u8], mode: u32) -> Result<(), FileError> {
    let failed = |source| FileError::Write { path: path.to_owned(), source };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let permissions = std::fs::Permissions::from_mode(mode);
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(std::fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.as_file().set_permissions(permissions).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist_noclobber(path).map_err(|refused| match refused.error.kind() {
        std::io::ErrorKind::AlreadyExists => FileError::Exists { path: path.to_owned() },
        _ => FileError::Write { path: path.to_owned(), source: refused.error },
    })?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_is_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        create_secret(&path, b"secret").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_secret(&path).unwrap().as_slice(), b"secret");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays behind");
    }

    #[test]
    fn an_existing_file_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        create_secret(&path, b"first").unwrap();
        assert!(matches!(create_secret(&path, b"second"), Err(FileError::Exists { .. })));
        assert_eq!(read_secret(&path).unwrap().as_slice(), b"first");
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        create_public(&path, b"secret").unwrap();
        let error = read_secret(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("chmod 600 {}", path.display())), "{error}");
        assert!(error.contains("0644"), "{error}");
    }

    #[test]
    fn a_file_that_is_far_too_large_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.img");
        File::create(&path).unwrap().set_len(MAX + 1).unwrap();
        assert!(matches!(read_public(&path), Err(FileError::TooLarge { .. })));
    }
}
