//! The key-encryption key: one file that its owner alone reads, and the content keys wrapped by it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::{Zeroize, Zeroizing};

use super::{ContentKey, CryptoError};

/// The first byte of a wrapped key, so that another form can follow.
const VERSION: u8 = 1;
/// Bytes that tell which key-encryption key wrapped, without telling anything about it.
const ID: usize = 8;

const MAKE: &str = "make one with `(umask 077; openssl rand -base64 32 > FILE)`";

/// Why a key file is not usable.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("key file {path}: {error}; {MAKE} or name the right one in the configuration")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Others may read it.
    #[error(
        "key file {path}: its mode {mode:04o} lets others read it; run `chmod 600` on it, and {MAKE} if others did"
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Not 32 bytes in base64.
    #[error("key file {path}: expected 32 bytes in base64 on one line; restore the file from its backup, or {MAKE}")]
    Content {
        /// The file.
        path: PathBuf,
    },
}

/// The key that wraps content keys. Wiped when dropped; `Debug` shows a mask.
pub struct KeyEncryptionKey(Zeroizing<[u8; 32]>);

impl KeyEncryptionKey {
    /// Reads a key file: 32 bytes in base64 on one line, readable and writable by its owner alone.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let read = |error| KeyFileError::Read { path: path.to_owned(), error };
        let file = File::open(path).map_err(read)?;
        check_mode(path, &file)?;
        let mut text = Zeroizing::new(String::with_capacity(256));
        // A key file is 45 bytes long; what is longer is something else, and is not read to its end.
        match file.take(200).read_to_string(&mut text) {
            Err(error) if error.kind() != io::ErrorKind::InvalidData => return Err(read(error)),
            _ => {}
        }
        Self::parse(&text).ok_or_else(|| KeyFileError::Content { path: path.to_owned() })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut decoded = BASE64_STANDARD.decode(text.trim_ascii()).ok()?;
        let bytes = decoded.as_slice().try_into().ok().map(Zeroizing::new);
        decoded.zeroize();
        bytes.map(Self)
    }

    /// The text of a new key file. Write it with mode 0600.
    pub fn generate() -> Result<String, CryptoError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        rand::fill(bytes.as_mut()).map_err(|_| CryptoError::Random)?;
        Ok(format!("{}\n", BASE64_STANDARD.encode(*bytes)))
    }

    /// Wraps a content key, bound to `context` (a case id).
    pub fn wrap(&self, key: &ContentKey, context: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| CryptoError::Random)?;
        let mut secret = Zeroizing::new(*key.expose());
        let tag = self
            .cipher()?
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), secret.as_mut())
            .map_err(|_| CryptoError::Altered)?;
        Ok([&[VERSION][..], &self.id(), &nonce, secret.as_slice(), tag.as_ref()].concat())
    }

    /// Unwraps what [`KeyEncryptionKey::wrap`] wrapped with the same context.
    pub fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<ContentKey, CryptoError> {
        let rest = wrapped.strip_prefix(&[VERSION]).ok_or(CryptoError::Altered)?;
        let (id, rest) = rest.split_first_chunk::<ID>().ok_or(CryptoError::Altered)?;
        if *id != self.id() {
            return Err(CryptoError::OtherKey);
        }
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(CryptoError::Altered)?;
        let mut secret = Zeroizing::new(sealed.to_vec());
        let plain = self
            .cipher()?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(context), secret.as_mut_slice())
            .map_err(|_| CryptoError::Altered)?;
        let bytes: [u8; 32] = (&*plain).try_into().map_err(|_| CryptoError::Altered)?;
        Ok(ContentKey::from_bytes(Zeroizing::new(bytes)))
    }

    fn cipher(&self) -> Result<LessSafeKey, CryptoError> {
        UnboundKey::new(&AES_256_GCM, self.0.as_ref()).map(LessSafeKey::new).map_err(|_| CryptoError::Altered)
    }

    fn id(&self) -> [u8; ID] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_ref()), b"tributary key-encryption key id");
        let mut id = [0; ID];
        id.copy_from_slice(&tag.as_ref()[..ID]);
        id
    }
}

#[cfg(unix)]
fn check_mode(path: &Path, file: &File) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata().map_err(|error| KeyFileError::Read { path: path.to_owned(), error })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyFileError::Mode { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &File) -> Result<(), KeyFileError> {
    Ok(())
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyEncryptionKey([secret])")
    }
}
