//! Small files that last: encrypted in one frame, synced, renamed, and the folder synced.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::raw::receive::seal;

/// The key of everything.
pub(super) fn cipher() -> Result<LessSafeKey> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[5; 32]).ok().context("the key")?))
}

/// Writes `plain` under its name, durable at once.
pub(super) fn write(cipher: &LessSafeKey, path: &Path, plain: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    let mut file = File::create(&partial)?;
    for (number, piece) in plain.chunks(64 * 1024).enumerate() {
        let mut frame = piece.to_vec();
        seal(cipher, number as u64, &mut frame)?;
        file.write_all(&frame)?;
    }
    file.sync_data()?;
    fs::rename(&partial, path)?;
    Ok(File::open(path.parent().context("a folder")?)?.sync_all()?)
}

/// Reads back what fits one frame.
pub(super) fn read(cipher: &LessSafeKey, path: &Path) -> Result<Vec<u8>> {
    let mut frame = fs::read(path)?;
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let length = cipher.open_in_place(nonce, Aad::empty(), &mut frame).ok().context("a frame does not open")?.len();
    frame.truncate(length);
    Ok(frame)
}
