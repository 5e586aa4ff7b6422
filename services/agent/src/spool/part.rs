//! One part's file: encrypted in frames as it is written, readable from any offset.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use tributary_archive::frames::{ContentKey, FrameReader, FrameWriter};

use super::PartName;
use super::usage::Usage;

/// Writes a part's bytes as carried.
#[derive(Debug)]
pub(crate) struct PartWriter(FrameWriter<Counted>);

/// Reads a part's bytes as carried.
#[derive(Debug)]
pub(crate) struct PartReader(FrameReader<File>);

/// A file whose bytes count against the quota before they are written.
#[derive(Debug)]
struct Counted {
    file: File,
    usage: Arc<Usage>,
    name: PartName,
}

impl PartWriter {
    pub(super) fn new(file: File, usage: Arc<Usage>, name: PartName, key: &ContentKey) -> io::Result<Self> {
        let (context, object) = bound_to(name);
        FrameWriter::new(Counted { file, usage, name }, key, &context, &object).map(Self)
    }

    /// Adds bytes.
    pub(crate) fn write(&mut self, carried: &[u8]) -> io::Result<()> {
        self.0.write_all(carried)
    }

    /// Ends the file and returns how many bytes it carries.
    pub(crate) fn finish(self) -> io::Result<u64> {
        self.0.finish().map(|(_, length)| length)
    }
}

impl PartReader {
    pub(super) fn new(file: File, name: PartName, key: &ContentKey) -> io::Result<Self> {
        let (context, object) = bound_to(name);
        FrameReader::new(file, key, &context, &object).map(Self)
    }

    /// At most `most` bytes from `offset` on; fewer only at the end.
    pub(crate) fn range(&mut self, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; most];
        let length = self.0.read_range(offset, &mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.usage.take(self.name.instruction, self.name.generation, bytes.len() as u64)?;
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What a file is bound to: it opens as no other part, generation or export.
fn bound_to(name: PartName) -> (String, String) {
    (name.instruction.to_string(), format!("{}/{}", name.generation, name.index))
}
