//! Rows that wait while a large cell is read: a connection gives one result at a time, so the rest of it is put aside.
//! The file has no name and holds sealed frames, under a key that dies with it.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::decoded::Decoded;
use crate::source::ReadError;
use crate::spill::SpillError;

/// Bytes of rows that are sealed together.
const FRAME: usize = 256 * 1024;

/// Rows put aside, in their order.
pub(super) struct Aside {
    file: File,
    cipher: LessSafeKey,
    frames: u64,
    open: Zeroizing<Vec<u8>>,
}

impl Aside {
    pub(super) fn new(folder: &Path) -> Result<Self, SpillError> {
        let mut key = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(&mut *key).map_err(|_| SpillError::Random)?;
        let cipher = UnboundKey::new(&AES_256_GCM, &*key).map_err(|_| SpillError::Random)?;
        let path = folder.join(format!("aside-{}.tmp", uuid::Uuid::new_v4().simple()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(Self { file, cipher: LessSafeKey::new(cipher), frames: 0, open: Zeroizing::default() })
    }

    /// Puts a row aside.
    pub(super) fn push(&mut self, row: &Decoded) -> Result<(), SpillError> {
        let start = self.open.len();
        self.open.extend_from_slice(&[0; 8]);
        row.write(&mut self.open);
        let length = (self.open.len() - start - 8) as u64;
        self.open[start..start + 8].copy_from_slice(&length.to_be_bytes());
        if self.open.len() >= FRAME { self.seal() } else { Ok(()) }
    }

    fn seal(&mut self) -> Result<(), SpillError> {
        let mut frame = std::mem::take(&mut self.open);
        self.cipher
            .seal_in_place_append_tag(nonce(self.frames), Aad::empty(), &mut *frame)
            .map_err(|_| SpillError::Altered)?;
        self.frames += 1;
        self.file.write_all(&(frame.len() as u64).to_be_bytes())?;
        self.file.write_all(&frame)?;
        Ok(())
    }

    /// Gives the rows back in their order. Each is in `row` while `with` runs.
    pub(super) fn each(
        mut self,
        row: &mut Decoded,
        with: &mut dyn FnMut(&mut Decoded) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        if !self.open.is_empty() {
            self.seal()?;
        }
        self.file.rewind().map_err(SpillError::from)?;
        let mut file = BufReader::new(&self.file);
        for number in 0..self.frames {
            let mut length = [0; 8];
            file.read_exact(&mut length).map_err(SpillError::from)?;
            let length = usize::try_from(u64::from_be_bytes(length)).map_err(|_| SpillError::Altered)?;
            let mut frame = Zeroizing::new(vec![0; length]);
            file.read_exact(&mut frame).map_err(SpillError::from)?;
            let opened = self.cipher.open_in_place(nonce(number), Aad::empty(), &mut frame);
            let mut rest: &[u8] = opened.map_err(|_| SpillError::Altered)?;
            while let Some((length, after)) = rest.split_first_chunk::<8>() {
                let length = usize::try_from(u64::from_be_bytes(*length)).map_err(|_| SpillError::Altered)?;
                let (bytes, after) = after.split_at_checked(length).ok_or(SpillError::Altered)?;
                row.read(bytes).ok_or(SpillError::Altered)?;
                with(row)?;
                rest = after;
            }
        }
        Ok(())
    }
}

fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Cell;

    #[test]
    fn rows_come_back_in_their_order_from_a_file_without_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut aside = Aside::new(folder.path()).unwrap();
        let mut row = Decoded::default();
        for n in 0..20_000 {
            row.clear();
            row.integer(n);
            row.text(b"anna@example.org");
            aside.push(&row).unwrap();
        }
        assert!(aside.frames > 1);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut next = 0;
        aside
            .each(&mut row, &mut |row| {
                assert!(row.cell(0) == Cell::Integer(next) && row.len() == 2);
                next += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(next, 20_000);
    }
}
