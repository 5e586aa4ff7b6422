//! A leaf with its key, as text and as two files.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::secret_file::{self, FileError};

/// A freshly issued certificate and its private key.
pub struct Issued {
    /// The leaf, and whatever stands between it and the root.
    pub certificate_pem: String,
    /// The private key, PKCS#8.
    pub key_pem: Zeroizing<String>,
    /// When the leaf stops being valid.
    pub not_after: Timestamp,
}

impl Issued {
    /// Writes `<name>.pem` and `<name>-key.pem` into `folder`, the key readable by its owner only, and returns both
    /// paths in this order.
    ///
    /// # Errors
    /// When one of the files exists, or cannot be written.
    pub fn save(&self, folder: &Path, name: &str) -> Result<(PathBuf, PathBuf), FileError> {
        let certificate = folder.join(format!("{name}.pem"));
        let key = folder.join(format!("{name}-key.pem"));
        save_pair(certificate.clone(), &self.certificate_pem, key.clone(), &self.key_pem)?;
        Ok((certificate, key))
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

/// Both or neither: a certificate without its key would only be found out at the next start.
pub(super) fn save_pair(
    certificate: PathBuf,
    certificate_pem: &str,
    key: PathBuf,
    key_pem: &str,
) -> Result<(), FileError> {
    if certificate.exists() {
        return Err(FileError::Exists { path: certificate });
    }
    secret_file::create_secret(&key, key_pem.as_bytes())?;
    secret_file::create_public(&certificate, certificate_pem.as_bytes()).inspect_err(|_| {
        // The key was made a moment ago by this call and nothing was issued for it.
        let _ = std::fs::remove_file(&key);
    })
}
