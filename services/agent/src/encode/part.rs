//! One part on its way into the sink: measured plain, deflated, measured as carried.

use flate2::{Compress, Compression, FlushCompress, Status};
use tributary_archive::digest::{Hasher, Sha256Hex};
use tributary_archive::part::{Encoding, Part};
use tributary_archive::table::Table;

use crate::collect::{PartSink, SinkError};

/// Level 1: 39 % more bytes than level 6 at a third of its CPU time.
const LEVEL: u32 = 1;
/// Carried bytes handed to the sink at once.
const CHUNK: usize = 64 * 1024;

/// Writes parts one after another.
pub(crate) struct Writer<'s> {
    sink: &'s mut dyn PartSink,
    deflate: Compress,
    out: Vec<u8>,
    part: Running,
}

struct Running {
    encoding: Encoding,
    bytes: u64,
    encoded_bytes: u64,
    crc32: crc32fast::Hasher,
    sha256: Hasher,
    encoded_sha256: Hasher,
}

/// The sizes and digests of a part.
pub(crate) struct Measured {
    pub(crate) encoding: Encoding,
    pub(crate) bytes: u64,
    pub(crate) encoded_bytes: u64,
    pub(crate) crc32: u32,
    pub(crate) sha256: Sha256Hex,
    pub(crate) encoded_sha256: Sha256Hex,
}

impl Running {
    fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            bytes: 0,
            encoded_bytes: 0,
            crc32: crc32fast::Hasher::new(),
            sha256: Hasher::new(),
            encoded_sha256: Hasher::new(),
        }
    }
}

impl<'s> Writer<'s> {
    pub(crate) fn new(sink: &'s mut dyn PartSink) -> Self {
        let deflate = Compress::new(Compression::new(LEVEL), false);
        Self { sink, deflate, out: Vec::with_capacity(CHUNK), part: Running::new(Encoding::Deflate) }
    }

    pub(crate) fn table(&mut self, table: &Table) -> Result<(), SinkError> {
        self.sink.table(table)
    }

    /// The sink itself, for what follows after all parts.
    pub(crate) fn into_sink(self) -> &'s mut dyn PartSink {
        self.sink
    }

    pub(crate) fn begin(&mut self, encoding: Encoding) -> Result<(), SinkError> {
        self.deflate.reset();
        self.out.clear();
        self.part = Running::new(encoding);
        self.sink.begin()
    }

    pub(crate) fn write(&mut self, plain: &[u8]) -> Result<(), SinkError> {
        self.part.bytes += plain.len() as u64;
        self.part.crc32.update(plain);
        self.part.sha256.update(plain);
        match self.part.encoding {
            Encoding::Identity => plain.chunks(CHUNK).try_for_each(|chunk| self.carry(chunk)),
            Encoding::Deflate => self.deflate(plain, FlushCompress::None),
        }
    }

    /// Ends the encoding and returns what was measured; the descriptor follows with `finish`.
    pub(crate) fn end(&mut self) -> Result<Measured, SinkError> {
        if self.part.encoding == Encoding::Deflate {
            self.deflate(&[], FlushCompress::Finish)?;
            self.send()?;
        }
        let part = std::mem::replace(&mut self.part, Running::new(Encoding::Deflate));
        Ok(Measured {
            encoding: part.encoding,
            bytes: part.bytes,
            encoded_bytes: part.encoded_bytes,
            crc32: part.crc32.finalize(),
            sha256: part.sha256.finish(),
            encoded_sha256: part.encoded_sha256.finish(),
        })
    }

    pub(crate) fn finish(&mut self, part: &Part) -> Result<(), SinkError> {
        self.sink.finish(part)
    }

    fn deflate(&mut self, mut plain: &[u8], flush: FlushCompress) -> Result<(), SinkError> {
        loop {
            if self.out.len() == self.out.capacity() {
                self.send()?;
            }
            let before = self.deflate.total_in();
            let status = self.deflate.compress_vec(plain, &mut self.out, flush);
            let status = status.map_err(|error| SinkError::Io(std::io::Error::other(error)))?;
            let taken = usize::try_from(self.deflate.total_in() - before).unwrap_or(plain.len());
            plain = &plain[taken..];
            let done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => plain.is_empty() && self.out.len() < self.out.capacity(),
            };
            if done {
                return Ok(());
            }
        }
    }

    fn send(&mut self) -> Result<(), SinkError> {
        let out = std::mem::take(&mut self.out);
        let sent = if out.is_empty() { Ok(()) } else { self.carry(&out) };
        self.out = out;
        self.out.clear();
        sent
    }

    fn carry(&mut self, carried: &[u8]) -> Result<(), SinkError> {
        self.part.encoded_bytes += carried.len() as u64;
        self.part.encoded_sha256.update(carried);
        self.sink.write(carried)
    }
}
