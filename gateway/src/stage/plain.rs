//! The plain content of a part as it passes: inflated, measured, digested and forgotten.

use flate2::{Decompress, FlushDecompress, Status};
use tributary_archive::digest::{Hasher, Sha256Hex};
use tributary_archive::part::Encoding;
use zeroize::Zeroizing;

use super::PartFault;

/// Plain bytes held at once.
const BUFFER: usize = 32 * 1024;

/// Follows the plain content, never beyond its announced size.
pub(super) struct Plain {
    inflate: Option<Inflate>,
    crc32: crc32fast::Hasher,
    bytes: u64,
    announced: u64,
}

struct Inflate {
    stream: Decompress,
    sha256: Hasher,
    buffer: Zeroizing<Vec<u8>>,
    ended: bool,
}

/// What the plain content was.
pub(super) struct Measured {
    pub(super) bytes: u64,
    pub(super) crc32: u32,
    /// Only of content that was inflated: other content is digested as carried.
    pub(super) sha256: Option<Sha256Hex>,
}

impl Plain {
    pub(super) fn new(encoding: Encoding, announced: u64) -> Self {
        let inflate = match encoding {
            Encoding::Deflate => Some(Inflate {
                stream: Decompress::new(false),
                sha256: Hasher::new(),
                buffer: Zeroizing::new(vec![0; BUFFER]),
                ended: false,
            }),
            Encoding::Identity => None,
        };
        Self { inflate, crc32: crc32fast::Hasher::new(), bytes: 0, announced }
    }

    /// Takes bytes as carried.
    pub(super) fn push(&mut self, mut carried: &[u8]) -> Result<(), PartFault> {
        let Some(inflate) = &mut self.inflate else {
            self.bytes = within(self.bytes, carried.len(), self.announced)?;
            self.crc32.update(carried);
            return Ok(());
        };
        loop {
            if inflate.ended {
                return if carried.is_empty() { Ok(()) } else { Err(PartFault::Deflate) };
            }
            let (consumed, produced) = inflate.step(carried)?;
            carried = &carried[consumed..];
            let plain = &inflate.buffer[..produced];
            self.bytes = within(self.bytes, produced, self.announced)?;
            self.crc32.update(plain);
            inflate.sha256.update(plain);
            // A buffer that was filled may have more to come even when all input is used.
            if carried.is_empty() && produced < BUFFER {
                return Ok(());
            }
            if consumed == 0 && produced == 0 {
                return Err(PartFault::Deflate);
            }
        }
    }

    pub(super) fn finish(self) -> Result<Measured, PartFault> {
        let sha256 = match self.inflate {
            Some(inflate) if !inflate.ended => return Err(PartFault::Deflate),
            Some(inflate) => Some(inflate.sha256.finish()),
            None => None,
        };
        Ok(Measured { bytes: self.bytes, crc32: self.crc32.finalize(), sha256 })
    }
}

impl Inflate {
    /// Inflates into the buffer: bytes used and bytes made.
    fn step(&mut self, carried: &[u8]) -> Result<(usize, usize), PartFault> {
        let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.decompress(carried, &mut self.buffer, FlushDecompress::None);
        let status = status.map_err(|_| PartFault::Deflate)?;
        self.ended = status == Status::StreamEnd;
        Ok(((self.stream.total_in() - before_in) as usize, (self.stream.total_out() - before_out) as usize))
    }
}

fn within(bytes: u64, more: usize, announced: u64) -> Result<u64, PartFault> {
    let sum = bytes.saturating_add(more as u64);
    if sum <= announced { Ok(sum) } else { Err(PartFault::PlainSize) }
}
