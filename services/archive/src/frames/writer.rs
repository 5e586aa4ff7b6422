//! Writes an object in frames, in constant memory.

use std::io::{self, Write};

use aws_lc_rs::rand;
use zeroize::Zeroize;

use super::{ContentKey, CryptoError, FRAME, HEADER, ObjectCipher, TAG};

/// Encrypts what is written to it into `W`.
///
/// Layout: 32 random bytes, then frames of 64 KiB plain text, each followed by its 16-byte tag; the last is shorter or
/// full, and empty only in an empty object. The object's key is HKDF-SHA256 of the content key with the random bytes
/// as salt and context and object name as info; a frame's nonce is its number; it is bound to context, object name,
/// number and whether it is the last. Without [`FrameWriter::finish`] the object has no last frame and does not read.
pub struct FrameWriter<W: Write> {
    inner: W,
    cipher: ObjectCipher,
    frame: Frame,
    number: u64,
    plain: u64,
    /// Set while a frame is on its way out: after a failed write its bytes are gone, and the object with them.
    broken: bool,
}

/// The frame being filled. Plain bytes stand up to its length and none beyond, as it is emptied only once they were
/// sealed in place: so what is wiped is what was not sealed, and small objects cost nothing for the room they leave.
struct Frame(Vec<u8>);

impl Frame {
    /// Adds plain bytes. A small object gets little room, since to get and give back that of a full frame for each costs
    /// more than to encrypt it; where there were plain bytes before it grew, none are left.
    fn push(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len() + TAG;
        if needed > self.0.capacity() {
            let room = if needed > FRAME / 4 { FRAME + TAG } else { 2 * needed };
            let mut larger = Vec::with_capacity(room);
            larger.extend_from_slice(&self.0);
            self.0.as_mut_slice().zeroize();
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl<W: Write> FrameWriter<W> {
    /// Begins an object. `context` is what the key belongs to (a case id), `object` the object's name within it.
    pub fn new(mut inner: W, key: &ContentKey, context: &str, object: &str) -> io::Result<Self> {
        let mut header = [0; HEADER];
        rand::fill(&mut header).map_err(|_| CryptoError::Random)?;
        let cipher = ObjectCipher::new(key, &header, context, object)?;
        inner.write_all(&header)?;
        Ok(Self { inner, cipher, frame: Frame(Vec::new()), number: 0, plain: 0, broken: false })
    }

    /// Plain bytes written so far.
    pub fn plain_len(&self) -> u64 {
        self.plain
    }

    /// Writes the last frame and returns the writer below and the plain length. Syncing is the caller's.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        self.send(true)?;
        self.inner.flush()?;
        Ok((self.inner, self.plain))
    }

    fn whole(&self) -> io::Result<()> {
        if self.broken {
            Err(io::Error::other("an earlier write of this object failed; write it anew"))
        } else {
            Ok(())
        }
    }

    fn send(&mut self, last: bool) -> io::Result<()> {
        self.whole()?;
        self.broken = true;
        self.cipher.seal(self.number, last, &mut self.frame.0)?;
        self.inner.write_all(&self.frame.0)?;
        self.broken = false;
        self.number += 1;
        self.frame.0.clear();
        Ok(())
    }
}

impl<W: Write> Write for FrameWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.whole()?;
        // A full frame waits until more comes: only then is it known not to be the last.
        if self.frame.0.len() == FRAME && !bytes.is_empty() {
            self.send(false)?;
        }
        let taken = bytes.len().min(FRAME - self.frame.0.len());
        self.frame.push(&bytes[..taken]);
        self.plain += taken as u64;
        Ok(taken)
    }

    /// Flushes what is below. The frame being filled stays here: only [`FrameWriter::finish`] makes it readable.
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> std::fmt::Debug for FrameWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameWriter").field("frame", &self.number).finish_non_exhaustive()
    }
}
