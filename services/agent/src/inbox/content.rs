//! The plain bytes of a part that lies in the spool, for the people who are to look at it.

use std::io::{self, Read};

use flate2::read::DeflateDecoder;
use tributary_archive::part::Encoding;

use crate::spool::PartReader;

/// Bytes read from the spool at once.
const PIECE: usize = 64 * 1024;

/// A part's bytes as carried, from its beginning.
struct Carried {
    reader: PartReader,
    offset: u64,
    rest: Vec<u8>,
    taken: usize,
}

impl Read for Carried {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.rest.len() {
            self.rest = self.reader.range(self.offset, PIECE)?;
            self.offset += self.rest.len() as u64;
            self.taken = 0;
        }
        let left = &self.rest[self.taken..];
        let length = left.len().min(buffer.len());
        buffer[..length].copy_from_slice(&left[..length]);
        self.taken += length;
        Ok(length)
    }
}

/// A part's plain bytes.
pub(crate) fn plain(reader: PartReader, encoding: Encoding) -> Box<dyn Read + Send> {
    let carried = Carried { reader, offset: 0, rest: Vec::new(), taken: 0 };
    match encoding {
        Encoding::Deflate => Box::new(DeflateDecoder::new(carried)),
        Encoding::Identity => Box::new(carried),
    }
}
