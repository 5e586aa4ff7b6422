//! The content of one file: inflated where it is deflated, and held to its announced size and checksum as it comes out.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};

use super::{Digests, OpenError};
use crate::container::{Packed, Stored};
use crate::digest::Hasher;

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// Reads a file's bytes as they lie there to their end and gives the plain content to `sink`.
pub(super) fn read(
    stored: &Stored,
    input: &mut dyn Read,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), OpenError>,
) -> Result<Digests, OpenError> {
    let mut plain = Plain { left: stored.size, crc: crc32fast::Hasher::new(), sha: Hasher::new(), sink };
    let deflated = stored.packed.is_some_and(|packed| packed.deflated);
    let encoded = if deflated { Some(inflate(input, &mut plain)?) } else { copy(input, &mut plain)? };
    if plain.left > 0 {
        return Err(OpenError::Content("it is shorter than announced"));
    }
    let crc32 = plain.crc.finalize();
    if stored.packed.is_some_and(|Packed { crc32: said, .. }| said != crc32) {
        return Err(OpenError::Content("its checksum differs from the container's"));
    }
    let plain = plain.sha.finish();
    Ok(Digests { plain, encoded: encoded.map_or(plain, Hasher::finish), crc32 })
}

/// The plain content as it comes out.
struct Plain<'s> {
    left: u64,
    crc: crc32fast::Hasher,
    sha: Hasher,
    sink: &'s mut dyn FnMut(&[u8]) -> Result<(), OpenError>,
}

impl Plain<'_> {
    fn push(&mut self, bytes: &[u8]) -> Result<(), OpenError> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or(OpenError::Content("it is longer than announced"))?;
        self.crc.update(bytes);
        self.sha.update(bytes);
        (self.sink)(bytes)
    }
}

/// Copies; what is carried and what is plain are the same bytes, so no second digest is made.
fn copy(input: &mut dyn Read, plain: &mut Plain<'_>) -> Result<Option<Hasher>, OpenError> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(None),
            read => plain.push(&buffer[..read])?,
        }
    }
}

/// Inflates one raw deflate stream that must end with the last byte of `input`.
fn inflate(input: &mut dyn Read, plain: &mut Plain<'_>) -> Result<Hasher, OpenError> {
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
            return if after { Err(OpenError::Content("bytes follow its deflate stream")) } else { Ok(encoded) };
        }
        if read == 0 && written == 0 && from == to && to == 0 {
            return Err(OpenError::Content("its deflate stream has no end"));
        }
    }
}
