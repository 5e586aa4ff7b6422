//! Files that commands write: private ones for their owner only, none ever overwritten by accident.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::exit::{Exit, Failure};

/// Reads a text file; the error names it.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::invalid(format!("cannot read {}: {error}", path.display())))
}

/// Reads a file; the error names it.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::invalid(format!("cannot read {}: {error}", path.display())))
}

/// Writes a new file that only its owner may read.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), Failure> {
    write_new(path, content, 0o600)
}

/// Writes a new file.
pub(crate) fn write_public(path: &Path, content: &[u8]) -> Result<(), Failure> {
    write_new(path, content, 0o644)
}

/// Writes a file, replacing an older one whole.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let failed = |error: std::io::Error| cannot_write(path, &error);
    std::fs::write(&partial, content).map_err(failed)?;
    std::fs::rename(&partial, path).map_err(failed)
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| cannot_write(path, &error))?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = file.map_err(|error| cannot_write(path, &error))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    let hint = match error.kind() {
        std::io::ErrorKind::AlreadyExists => "; it exists and is not overwritten, choose another name or move it away",
        _ => "",
    };
    Failure::new(Exit::Failure, format!("cannot write {}: {error}{hint}", path.display()))
}
