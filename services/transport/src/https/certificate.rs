//! A server's certificate and key from two PEM files, renewed in place: a broken renewal leaves the last good one.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::identity::{IdentityError, certified_key};

/// What a listener presents to browsers. No SPIFFE ID is needed: browsers check the host's name.
pub struct ServerCertificate {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl ServerCertificate {
    /// Loads the leaf with its chain from `certificate` and the private key from `key`, both PEM.
    ///
    /// # Errors
    /// When a file cannot be read, holds something else, the key is readable by others, or the two do not fit.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, IdentityError> {
        let current = RwLock::new(Arc::new(certified_key(certificate, key)?));
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), current })
    }

    /// Reads the files again and says whether they hold another certificate, which is then in force for new connections.
    ///
    /// # Errors
    /// As [`ServerCertificate::load`]; the last good certificate stays in force.
    pub fn reload(&self) -> Result<bool, IdentityError> {
        let renewed = certified_key(&self.certificate, &self.key)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = renewed.cert != current.cert;
        if is_new {
            *current = Arc::new(renewed);
        }
        Ok(is_new)
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn write(folder: &Path) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["archive.example".to_owned()]).unwrap();
        std::fs::write(folder.join("c.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(folder.join("k.pem"), key.serialize_pem()).unwrap();
        std::fs::set_permissions(folder.join("k.pem"), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn a_broken_renewal_leaves_the_last_good_certificate_in_force() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        let loaded = ServerCertificate::load(&certificate, &key).unwrap();
        let first = loaded.current.read().unwrap().cert.clone();
        assert!(!loaded.reload().unwrap(), "nothing has changed");

        std::fs::write(&certificate, "no certificate").unwrap();
        assert!(loaded.reload().is_err());
        assert_eq!(loaded.current.read().unwrap().cert, first);

        write(folder.path());
        assert!(loaded.reload().unwrap());
        assert_ne!(loaded.current.read().unwrap().cert, first);
    }
}
