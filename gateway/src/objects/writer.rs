//! An object that is being written: encrypted as it comes, under its name only once it is whole and durable.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tributary_archive::frames::{ContentKey, FrameWriter};
use tributary_model::id::CaseId;

use super::sync_folder;
use crate::replicas::ReplicaId;

/// How the names of unfinished objects end, after who writes them.
pub(super) const PARTIAL: &str = "partial";

/// Writes an object whole and makes it durable.
///
/// It has its own name from the start: nothing names it before it is durable, so what a crash leaves of it is left over
/// as much as one that is whole and was never named, and a name less to make durable is worth much where objects are small.
pub(super) fn write_whole(
    folder: PathBuf,
    name: String,
    case: CaseId,
    key: &ContentKey,
    bytes: &[u8],
) -> io::Result<String> {
    let path = folder.join(&name);
    let mut object = ObjectWriter { frames: None, folder, name, leftover: None };
    let file = new_file(&path)?;
    object.leftover = Some(path);
    let mut frames = FrameWriter::new(file, key, &case.to_string(), &object.name)?;
    frames.write_all(bytes)?;
    object.publish(frames.finish()?.0)
}

/// An object being written. Dropped without [`ObjectWriter::finish`] it leaves nothing behind.
#[derive(Debug)]
pub struct ObjectWriter {
    /// Gone once the last frame is on its way.
    frames: Option<FrameWriter<File>>,
    folder: PathBuf,
    name: String,
    /// What to remove when this is dropped.
    leftover: Option<PathBuf>,
}

impl ObjectWriter {
    pub(super) fn begin(
        folder: PathBuf,
        name: String,
        writer: ReplicaId,
        case: CaseId,
        key: &ContentKey,
    ) -> io::Result<Self> {
        let partial = folder.join(format!("{name}.{writer}.{PARTIAL}"));
        let file = new_file(&partial)?;
        let mut writer = Self { frames: None, folder, name, leftover: Some(partial) };
        writer.frames = Some(FrameWriter::new(file, key, &case.to_string(), &writer.name)?);
        Ok(writer)
    }

    /// Makes the object durable and returns its name.
    ///
    /// # Errors
    /// What the file system says; nothing is left behind then.
    pub fn finish(mut self) -> io::Result<String> {
        let (file, _) = self.frames.take().ok_or_else(finished)?.finish()?;
        self.publish(file)
    }

    /// Makes the written `file` durable under the object's name.
    fn publish(mut self, file: File) -> io::Result<String> {
        file.sync_all()?;
        let path = self.folder.join(&self.name);
        if let Some(partial) = self.leftover.as_ref().filter(|written| **written != path) {
            fs::rename(partial, &path)?;
        }
        // Until the folder is durable too, a crash may still take the name away.
        self.leftover = Some(path);
        sync_folder(&self.folder)?;
        self.leftover = None;
        Ok(std::mem::take(&mut self.name))
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)
}

fn finished() -> io::Error {
    io::Error::other("the object was finished before")
}

impl Write for ObjectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frames.as_mut().ok_or_else(finished)?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        if let Some(leftover) = &self.leftover {
            // What cannot be removed now is swept later.
            let _ = fs::remove_file(leftover);
        }
    }
}
