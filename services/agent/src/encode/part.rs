//! One part on its way into the sink: measured plain, deflated, measured as carried.
//!
//! A small part is deflated where its rows are encoded. The first large one moves the press to a thread of its own
//! (`beside`), where it stays for all parts that follow; what comes out is the same.

use tributary_archive::part::{Encoding, Part};
use tributary_archive::table::Table;

use super::beside::Beside;
pub(crate) use super::press::Measured;
use super::press::Press;
use crate::collect::{PartSink, SinkError};

/// Most bytes handed on at once.
const CHUNK: usize = 64 * 1024;
/// Plain bytes of a part from which on a thread of its own is worth its start.
const LARGE: u64 = 1024 * 1024;

/// Writes parts one after another.
pub(crate) struct Writer<'s> {
    sink: &'s mut dyn PartSink,
    press: Option<Press>,
    /// Instead of the press, once it has moved.
    beside: Option<Beside>,
    /// Whether the press stays here: there is no thread for it.
    stays: bool,
    /// Bytes as carried that wait.
    carried: Vec<u8>,
}

impl<'s> Writer<'s> {
    pub(crate) fn new(sink: &'s mut dyn PartSink) -> Self {
        Self { sink, press: Some(Press::new()), beside: None, stays: false, carried: Vec::new() }
    }

    pub(crate) fn table(&mut self, table: &Table) -> Result<(), SinkError> {
        self.sink.table(table)
    }

    /// The sink itself, for what follows after all parts.
    pub(crate) fn into_sink(self) -> &'s mut dyn PartSink {
        self.sink
    }

    pub(crate) fn begin(&mut self, encoding: Encoding) -> Result<(), SinkError> {
        match (&mut self.beside, &mut self.press) {
            (Some(beside), _) => beside.begin(encoding)?,
            (None, Some(press)) => press.begin(encoding),
            (None, None) => return Err(lost()),
        }
        self.carried.clear();
        self.sink.begin()
    }

    /// Writes bytes of any length.
    pub(crate) fn write(&mut self, plain: &[u8]) -> Result<(), SinkError> {
        for piece in plain.chunks(CHUNK) {
            match &mut self.beside {
                Some(beside) => {
                    let mut block = beside.room();
                    block.extend_from_slice(piece);
                    beside.press(block, &mut |carried| give(self.sink, carried))?;
                }
                None => self.press(piece)?,
            }
        }
        Ok(())
    }

    /// Writes a block, and gives room for another one.
    pub(crate) fn write_block(&mut self, mut block: Vec<u8>) -> Result<Vec<u8>, SinkError> {
        if let Some(beside) = &mut self.beside {
            beside.press(block, &mut |carried| give(self.sink, carried))?;
            return Ok(beside.room());
        }
        self.press(&block)?;
        block.clear();
        Ok(block)
    }

    fn press(&mut self, plain: &[u8]) -> Result<(), SinkError> {
        let press = self.press.as_mut().ok_or_else(lost)?;
        press.press(plain, &mut self.carried)?;
        let is_large = press.bytes() >= LARGE;
        if self.carried.len() >= CHUNK || is_large {
            self.carry()?;
        }
        if is_large && !self.stays {
            self.beside = Beside::start(&mut self.press);
            self.stays = self.beside.is_none();
        }
        Ok(())
    }

    /// Ends the encoding and returns what was measured; the descriptor follows with `finish`.
    pub(crate) fn end(&mut self) -> Result<Measured, SinkError> {
        if let Some(beside) = &mut self.beside {
            return beside.end(&mut |carried| give(self.sink, carried));
        }
        let measured = self.press.as_mut().ok_or_else(lost)?.end(&mut self.carried)?;
        self.carry()?;
        Ok(measured)
    }

    pub(crate) fn finish(&mut self, part: &Part) -> Result<(), SinkError> {
        self.sink.finish(part)
    }

    fn carry(&mut self) -> Result<(), SinkError> {
        give(self.sink, &self.carried)?;
        self.carried.clear();
        Ok(())
    }
}

/// Gives bytes as carried to the sink, in small pieces.
fn give(sink: &mut dyn PartSink, carried: &[u8]) -> Result<(), SinkError> {
    carried.chunks(CHUNK).try_for_each(|chunk| sink.write(chunk))
}

/// What cannot be: the press is here or beside.
fn lost() -> SinkError {
    SinkError::Io(std::io::Error::other("a part is written without its press"))
}

#[cfg(test)]
mod tests {
    use tributary_archive::digest::Sha256Hex;
    use tributary_archive::information::Information;
    use tributary_archive::preview::Preview;

    use super::*;

    /// Keeps what is carried, up to so many bytes.
    struct Kept(Vec<u8>, usize);

    impl PartSink for Kept {
        fn table(&mut self, _: &Table) -> Result<(), SinkError> {
            Ok(())
        }
        fn begin(&mut self) -> Result<(), SinkError> {
            self.0.clear();
            Ok(())
        }
        fn write(&mut self, carried: &[u8]) -> Result<(), SinkError> {
            self.0.extend_from_slice(carried);
            if self.0.len() > self.1 { Err(SinkError::Full("no room".to_owned())) } else { Ok(()) }
        }
        fn finish(&mut self, _: &Part) -> Result<(), SinkError> {
            Ok(())
        }
        fn preview(&mut self, _: &Preview) -> Result<(), SinkError> {
            Ok(())
        }
        fn information(&mut self, _: &Information) -> Result<(), SinkError> {
            Ok(())
        }
    }

    /// Lines that deflate by about a half.
    fn text(bytes: usize) -> Vec<u8> {
        (0_u64..)
            .flat_map(|n| format!("{:x},{n}\r\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes())
            .take(bytes)
            .collect()
    }

    #[test]
    fn a_part_is_the_same_bytes_wherever_it_is_deflated() {
        let mut kept = Kept(Vec::new(), usize::MAX);
        let mut writer = Writer::new(&mut kept);
        // The first large one moves in its middle, those after it are begun and ended there.
        for (encoding, bytes) in [
            (Encoding::Deflate, 1000),
            (Encoding::Deflate, 5 << 20),
            (Encoding::Deflate, 0),
            (Encoding::Identity, 2 << 20),
            (Encoding::Deflate, 3 << 20),
        ] {
            let plain = text(bytes);
            writer.begin(encoding).unwrap();
            let mut room = Vec::new();
            for block in plain.chunks(CHUNK) {
                room.extend_from_slice(block);
                room = writer.write_block(room).unwrap();
                assert!(room.is_empty());
            }
            let measured = writer.end().unwrap();
            let (mut press, mut carried) = (Press::new(), Vec::new());
            press.begin(encoding);
            plain.chunks(CHUNK).for_each(|block| press.press(block, &mut carried).unwrap());
            let here = press.end(&mut carried).unwrap();
            assert_eq!(measured.encoded_sha256, here.encoded_sha256);
            assert_eq!((measured.bytes, measured.encoded_bytes), (bytes as u64, carried.len() as u64));
            assert_eq!((measured.crc32, measured.sha256), (crc32fast::hash(&plain), Sha256Hex::of(&plain)));
        }
        let moved = writer.beside.is_some() || writer.stays;
        drop(writer);
        assert!(moved);
        let (mut press, mut carried) = (Press::new(), Vec::new());
        text(3 << 20).chunks(CHUNK).for_each(|block| press.press(block, &mut carried).unwrap());
        press.end(&mut carried).unwrap();
        assert!(kept.0 == carried, "the last part is not what the sink has");
    }

    #[test]
    fn a_sink_without_room_ends_a_large_part_and_its_thread() {
        let mut kept = Kept(Vec::new(), 1 << 20);
        let mut writer = Writer::new(&mut kept);
        writer.begin(Encoding::Deflate).unwrap();
        let block = text(CHUNK);
        let refused = (0..1000).find_map(|_| writer.write(&block).err());
        assert!(matches!(refused, Some(SinkError::Full(_))));
    }
}
