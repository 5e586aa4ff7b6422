//! Deflates and measures one part after another, wherever it runs. Neighbours: `part`, which carries the bytes to the
//! sink, and `beside`, which runs it on a thread of its own.

use flate2::{Compress, Compression, FlushCompress, Status};
use tributary_archive::digest::{Hasher, Sha256Hex};
use tributary_archive::part::Encoding;

use crate::collect::SinkError;

/// Level 1: 39 % more bytes than level 6 at a third of its CPU time.
const LEVEL: u32 = 1;
/// Room for bytes as carried, made when there is none.
const ROOM: usize = 64 * 1024;

/// A part's encoder, and what it has measured of the part so far.
pub(super) struct Press {
    deflate: Compress,
    part: Running,
}

struct Running {
    encoding: Encoding,
    bytes: u64,
    encoded_bytes: u64,
    crc32: crc32fast::Hasher,
    /// Of the plain bytes; absent while somebody else digests them.
    sha256: Option<Hasher>,
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
            sha256: Some(Hasher::new()),
            encoded_sha256: Hasher::new(),
        }
    }
}

impl Press {
    pub(super) fn new() -> Self {
        Self { deflate: Compress::new(Compression::new(LEVEL), false), part: Running::new(Encoding::Deflate) }
    }

    /// Begins a part.
    pub(super) fn begin(&mut self, encoding: Encoding) {
        self.deflate.reset();
        self.part = Running::new(encoding);
    }

    /// Plain bytes of the part so far.
    pub(super) fn bytes(&self) -> u64 {
        self.part.bytes
    }

    /// Leaves it to the caller to digest what follows of the part's plain bytes, from here on. What the end says of them is
    /// the caller's to put right.
    pub(super) fn lend_digest(&mut self) -> Hasher {
        self.part.sha256.take().unwrap_or_default()
    }

    /// Takes plain bytes, and appends to `carried` what is ready of them.
    pub(super) fn press(&mut self, plain: &[u8], carried: &mut Vec<u8>) -> Result<(), SinkError> {
        self.part.bytes += plain.len() as u64;
        self.part.crc32.update(plain);
        if let Some(sha256) = &mut self.part.sha256 {
            sha256.update(plain);
        }
        let before = carried.len();
        match self.part.encoding {
            Encoding::Identity => carried.extend_from_slice(plain),
            Encoding::Deflate => self.deflate(plain, carried, FlushCompress::None)?,
        }
        self.measure(&carried[before..]);
        Ok(())
    }

    /// Ends the part, appends what was not ready before, and says what was measured.
    pub(super) fn end(&mut self, carried: &mut Vec<u8>) -> Result<Measured, SinkError> {
        let before = carried.len();
        if self.part.encoding == Encoding::Deflate {
            self.deflate(&[], carried, FlushCompress::Finish)?;
        }
        self.measure(&carried[before..]);
        let part = std::mem::replace(&mut self.part, Running::new(Encoding::Deflate));
        Ok(Measured {
            encoding: part.encoding,
            bytes: part.bytes,
            encoded_bytes: part.encoded_bytes,
            crc32: part.crc32.finalize(),
            sha256: part.sha256.unwrap_or_default().finish(),
            encoded_sha256: part.encoded_sha256.finish(),
        })
    }

    fn measure(&mut self, carried: &[u8]) {
        self.part.encoded_bytes += carried.len() as u64;
        self.part.encoded_sha256.update(carried);
    }

    fn deflate(&mut self, mut plain: &[u8], carried: &mut Vec<u8>, flush: FlushCompress) -> Result<(), SinkError> {
        loop {
            if carried.len() == carried.capacity() {
                carried.reserve(ROOM);
            }
            let before = self.deflate.total_in();
            let status = self.deflate.compress_vec(plain, carried, flush);
            let status = status.map_err(|error| SinkError::Io(std::io::Error::other(error)))?;
            let taken = usize::try_from(self.deflate.total_in() - before).unwrap_or(plain.len());
            plain = &plain[taken..];
            let done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => plain.is_empty() && carried.len() < carried.capacity(),
            };
            if done {
                return Ok(());
            }
        }
    }
}
