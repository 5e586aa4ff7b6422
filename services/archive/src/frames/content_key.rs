//! The key of one case or spool: seals small values, keys objects, and makes fingerprints. Dropping its wrapped form
//! shreds what it sealed.

use std::fmt;

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use super::{CryptoError, derive, joined};

/// 32 random bytes, wiped when dropped. `Debug` shows a mask.
#[derive(Clone)]
pub struct ContentKey(Zeroizing<[u8; 32]>);

impl ContentKey {
    /// A new key from the system's random source.
    pub fn generate() -> Result<Self, CryptoError> {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(bytes.as_mut()).map_err(|_| CryptoError::Random)?;
        Ok(Self(bytes))
    }

    pub(super) fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals a small value for `purpose`, for example `case/identifiers`: random nonce, then ciphertext and tag.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let key = derive(self.expose(), &[], &[b"tributary value v1", purpose.as_bytes()])?;
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| CryptoError::Random)?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + key.algorithm().tag_len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut sealed[NONCE_LEN..],
            )
            .map_err(|_| CryptoError::Altered)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`ContentKey::seal`] sealed for the same purpose.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let key = derive(self.expose(), &[], &[b"tributary value v1", purpose.as_bytes()])?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(CryptoError::Altered)?;
        let mut plain = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = key.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut plain);
        let length = opened.map_err(|_| CryptoError::Altered)?.len();
        plain.truncate(length);
        Ok(plain)
    }

    /// A fingerprint of `data` for `purpose` that nobody without the key can make or guess (HMAC-SHA256).
    pub fn mac(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.expose());
        let tag = hmac::sign(&key, &joined(&[b"tributary mac v1", purpose.as_bytes(), data]));
        let mut out = [0; 32];
        out.copy_from_slice(tag.as_ref());
        out
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey([secret])")
    }
}
