//! Our own certificate and key, as loaded from two PEM files.
//!
//! Whatever is wrong with them is said at start, with the file's name and what to do, and not at the first handshake.
//! Neighbours: `svid` (the rules for the leaf), `tls` (which presents it), `pki` (which makes such files).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tributary_model::spiffe::SpiffeId;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::secret_file::{self, FileError};
use crate::svid::{self, SvidError};
use crate::tls;

/// Who this process is on every connection: a leaf, the certificates between it and its root, and the leaf's key.
#[derive(Clone)]
pub struct Identity {
    id: SpiffeId,
    not_after: Timestamp,
    certified: Arc<CertifiedKey>,
}

/// Why a certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read, or others may read the key.
    #[error(transparent)]
    File(#[from] FileError),
    /// The certificate file holds no certificate.
    #[error("{} holds no PEM certificate: it must start with the leaf, followed by its intermediates", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The key file holds no private key.
    #[error("{} holds no PEM private key (PKCS#8, SEC1 or PKCS#1)", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The leaf breaks a rule of the X509-SVID standard.
    #[error("the first certificate in {} is not a SPIFFE identity: {source}; issue a new one", path.display())]
    Svid {
        /// The file.
        path: PathBuf,
        /// The rule.
        source: SvidError,
    },
    /// The key does not belong to the leaf, or its kind is not supported.
    #[error("the key in {} does not fit the certificate in {}: {reason}; give the pair that was issued together", key.display(), certificate.display())]
    Mismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What does not fit.
        reason: String,
    },
}

impl Identity {
    /// Loads the leaf with its chain from `certificate` and the private key from `key`, both PEM.
    ///
    /// # Errors
    /// When a file cannot be read, is not what it should be, the key file is readable by others, the key does not
    /// belong to the leaf, or the leaf is not an X509-SVID.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, IdentityError> {
        let chain = read_chain(certificate)?;
        let leaf = chain.first().ok_or_else(|| IdentityError::NoCertificate { path: certificate.to_owned() })?;
        let svid = |source| IdentityError::Svid { path: certificate.to_owned(), source };
        let id = svid::identity(leaf).map_err(svid)?;
        let not_after = expiry(leaf).ok_or_else(|| svid(SvidError::Malformed))?;
        let certified = join(chain, certificate, key)?;
        Ok(Self { id, not_after, certified: Arc::new(certified) })
    }

    /// Our own SPIFFE ID.
    pub fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// When the leaf stops being valid. Peers refuse it from then on.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("id", &self.id).field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

/// A certificate chain and its key, whatever the leaf is for.
pub(crate) fn certified_key(certificate: &Path, key: &Path) -> Result<CertifiedKey, IdentityError> {
    let chain = read_chain(certificate)?;
    if chain.is_empty() {
        return Err(IdentityError::NoCertificate { path: certificate.to_owned() });
    }
    join(chain, certificate, key)
}

fn join(chain: Vec<CertificateDer<'static>>, certificate: &Path, key: &Path) -> Result<CertifiedKey, IdentityError> {
    CertifiedKey::from_der(chain, read_key(key)?, &tls::provider()).map_err(|error| {
        let reason = error.to_string();
        IdentityError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned(), reason }
    })
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let pem = secret_file::read_public(path)?;
    CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| IdentityError::NoCertificate { path: path.to_owned() })
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, IdentityError> {
    let pem = secret_file::read_secret(path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| IdentityError::NoKey { path: path.to_owned() })
}

pub(crate) fn expiry(leaf: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(leaf.as_ref()).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}
