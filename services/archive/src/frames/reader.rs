//! Reads an object in frames: any range at once, or from where one stands.

use std::io::{self, Read, Seek, SeekFrom};

use zeroize::Zeroizing;

use super::{ContentKey, CryptoError, FRAME, HEADER, ObjectCipher, STORED_FRAME, TAG};

/// Decrypts an object that [`super::FrameWriter`] wrote, holding one frame.
///
/// An end of the content is reported only after the last frame was authenticated as the last, so a shortened object
/// never reads as a short one. Errors of content are [`io::ErrorKind::InvalidData`].
pub struct FrameReader<R: Read + Seek> {
    inner: R,
    cipher: ObjectCipher,
    /// The frame held, and its number; `None` before the first and after an error.
    held: Option<u64>,
    frame: Zeroizing<Vec<u8>>,
    last: u64,
    stored: u64,
    plain: u64,
    at: u64,
    end_seen: bool,
}

impl<R: Read + Seek> FrameReader<R> {
    /// Opens an object with the key, context and name it was written with.
    pub fn new(mut inner: R, key: &ContentKey, context: &str, object: &str) -> io::Result<Self> {
        let stored = inner.seek(SeekFrom::End(0))?;
        let body = stored.checked_sub(HEADER as u64).filter(|body| *body >= TAG as u64).ok_or(CryptoError::Altered)?;
        inner.seek(SeekFrom::Start(0))?;
        let mut header = [0; HEADER];
        inner.read_exact(&mut header)?;
        let frames = body.div_ceil(STORED_FRAME);
        // What is left for the last frame must hold at least its tag, and more than that unless it is the only one.
        let tail = body - (frames - 1) * STORED_FRAME;
        if tail < TAG as u64 || (tail == TAG as u64 && frames > 1) {
            return Err(CryptoError::Altered.into());
        }
        let cipher = ObjectCipher::new(key, &header, context, object)?;
        let frame = Zeroizing::new(Vec::with_capacity(FRAME + TAG));
        let plain = body - frames * TAG as u64;
        Ok(Self { inner, cipher, held: None, frame, last: frames - 1, stored, plain, at: 0, end_seen: false })
    }

    /// Plain bytes of the object, as its stored length says. Holds once an end was read.
    pub fn plain_len(&self) -> u64 {
        self.plain
    }

    /// Fills `buf` from plain offset `offset` on; returns fewer bytes than asked only at the end of the object.
    pub fn read_range(&mut self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            let at = offset.saturating_add(done as u64);
            if at >= self.plain {
                self.see_end()?;
                break;
            }
            self.hold(at / FRAME as u64)?;
            let within = (at % FRAME as u64) as usize;
            // A frame that opened has the length that the stored length gave it.
            let taken = (self.frame.len() - within).min(buf.len() - done);
            buf[done..done + taken].copy_from_slice(&self.frame[within..within + taken]);
            done += taken;
        }
        Ok(done)
    }

    fn see_end(&mut self) -> io::Result<()> {
        if self.end_seen { Ok(()) } else { self.hold(self.last) }
    }

    fn hold(&mut self, number: u64) -> io::Result<()> {
        if self.held == Some(number) {
            return Ok(());
        }
        self.held = None;
        let start = HEADER as u64 + number * STORED_FRAME;
        let length = (self.stored - start).min(STORED_FRAME) as usize;
        self.inner.seek(SeekFrom::Start(start))?;
        self.frame.resize(length, 0);
        self.inner.read_exact(&mut self.frame).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => CryptoError::Altered.into(),
            _ => error,
        })?;
        let last = number == self.last;
        self.cipher.open(number, last, &mut self.frame)?;
        self.end_seen |= last;
        self.held = Some(number);
        Ok(())
    }
}

impl<R: Read + Seek> Read for FrameReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // At most to the end of one frame, so that a small read decrypts no more than it needs.
        let room = (FRAME as u64 - self.at % FRAME as u64) as usize;
        let length = buf.len().min(room);
        let done = self.read_range(self.at, &mut buf[..length])?;
        self.at += done as u64;
        Ok(done)
    }
}

impl<R: Read + Seek> std::fmt::Debug for FrameReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameReader").field("plain", &self.plain).finish_non_exhaustive()
    }
}
