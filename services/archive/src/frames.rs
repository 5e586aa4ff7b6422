//! Encryption at rest, shared by the agent's spool and the gateway's staging: keys, small sealed values, and objects in
//! frames of which each decrypts alone, so that any byte range can be served.

mod content_key;
mod key_file;
mod reader;
mod writer;

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};

pub use content_key::ContentKey;
pub use key_file::{KeyEncryptionKey, KeyFileError};
pub use reader::FrameReader;
pub use writer::FrameWriter;

/// Plain bytes of every frame but the last.
pub const FRAME: usize = 64 * 1024;
/// Bytes that a frame grows by: the authentication tag.
const TAG: usize = 16;
/// Bytes of a stored frame that is not the last.
const STORED_FRAME: u64 = (FRAME + TAG) as u64;
/// An object begins with random bytes, so that an object written anew under an old name gets a new key.
const HEADER: usize = 32;

/// Why something could not be encrypted or decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// The system's random source failed.
    #[error("the system's random source failed")]
    Random,
    /// The content, its key or what it was bound to is not what it was sealed with.
    #[error("encrypted content does not open: it was altered, or belongs to another key or purpose")]
    Altered,
    /// The wrapped key was wrapped by another key-encryption key.
    #[error("the content key was wrapped by another key-encryption key; configure the key file it was wrapped with")]
    OtherKey,
}

/// Bytes stored for an object of `plain` bytes.
pub const fn stored_len(plain: u64) -> u64 {
    let frames = if plain == 0 { 1 } else { plain.div_ceil(FRAME as u64) };
    HEADER as u64 + plain + frames * TAG as u64
}

/// A key for AES-256-GCM, derived for one use. Fields are preceded by their length, so that no two uses meet.
fn derive(secret: &[u8], salt: &[u8], fields: &[&[u8]]) -> Result<LessSafeKey, CryptoError> {
    let info = joined(fields);
    let prk = Salt::new(HKDF_SHA256, salt).extract(secret);
    let key = prk.expand(&[&info], &AES_256_GCM).map_err(|_| CryptoError::Altered).map(UnboundKey::from)?;
    Ok(LessSafeKey::new(key))
}

/// Fields, each preceded by its length as 8 bytes, big endian.
fn joined(fields: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields {
        out.extend_from_slice(&(field.len() as u64).to_be_bytes());
        out.extend_from_slice(field);
    }
    out
}

/// The key of one object and what its frames are bound to.
struct ObjectCipher {
    key: LessSafeKey,
    /// Context and object name; frame number and last flag are appended.
    bound: Vec<u8>,
}

impl ObjectCipher {
    fn new(key: &ContentKey, header: &[u8; HEADER], context: &str, object: &str) -> Result<Self, CryptoError> {
        let fields = [b"tributary frames v1", context.as_bytes(), object.as_bytes()];
        Ok(Self { key: derive(key.expose(), header, &fields)?, bound: joined(&fields) })
    }

    fn nonce(number: u64) -> aws_lc_rs::aead::Nonce {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&number.to_be_bytes());
        aws_lc_rs::aead::Nonce::assume_unique_for_key(nonce)
    }

    fn bound_to(&self, number: u64, last: bool) -> aws_lc_rs::aead::Aad<Vec<u8>> {
        let mut bound = self.bound.clone();
        bound.extend_from_slice(&number.to_be_bytes());
        bound.push(u8::from(last));
        aws_lc_rs::aead::Aad::from(bound)
    }

    /// Seals `frame` in place; the tag is appended.
    fn seal(&self, number: u64, last: bool, frame: &mut Vec<u8>) -> Result<(), CryptoError> {
        let (nonce, bound) = (Self::nonce(number), self.bound_to(number, last));
        self.key.seal_in_place_append_tag(nonce, bound, frame).map_err(|_| CryptoError::Altered)
    }

    /// Opens `frame` in place and cuts the tag off.
    fn open(&self, number: u64, last: bool, frame: &mut Vec<u8>) -> Result<(), CryptoError> {
        let (nonce, bound) = (Self::nonce(number), self.bound_to(number, last));
        let plain = self.key.open_in_place(nonce, bound, frame).map_err(|_| CryptoError::Altered)?.len();
        frame.truncate(plain);
        Ok(())
    }
}

impl From<CryptoError> for std::io::Error {
    fn from(error: CryptoError) -> Self {
        std::io::Error::new(std::io::ErrorKind::InvalidData, error)
    }
}

#[cfg(test)]
mod tests;
