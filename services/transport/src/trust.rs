//! Which roots vouch for whom: one bundle per trust domain, never merged.
//!
//! Merging would let the authority of one entity forge the identity of another (SPIFFE Federation, section 5; gRFC
//! A87). `verify` picks the bundle by the peer's own trust domain; here the bundles are loaded, held and replaced.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tributary_model::spiffe::TrustDomain;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::tls;

/// Why a bundle cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The bundle's file cannot be read.
    #[error("cannot read the roots of {domain} from {}: {source}; check the path and that this user may read it", path.display())]
    Read {
        /// Whose roots.
        domain: TrustDomain,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// No certificate was found, so nobody of that domain could ever be accepted.
    #[error("the roots of {domain} contain no PEM certificate: give at least one certificate of its authority")]
    Empty {
        /// Whose roots.
        domain: TrustDomain,
    },
    /// Something in the bundle is not a certificate of an authority. A leaf taken for a root would be trusted alone.
    #[error("certificate {position} in the roots of {domain} is not a certificate authority: {reason}")]
    NotAuthority {
        /// Whose roots.
        domain: TrustDomain,
        /// Counted from 1, in the order of the file.
        position: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The same domain was given twice. Joining them silently is how bundles get merged by mistake.
    #[error("the roots of {domain} are given twice: put all certificates of its authority into one file")]
    Twice {
        /// Whose roots.
        domain: TrustDomain,
    },
}

/// The roots of one trust domain, with a verifier built once.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    pub(crate) roots: Arc<RootCertStore>,
    pub(crate) clients: Arc<dyn ClientCertVerifier>,
}

/// Roots by trust domain, checked when they are added.
#[derive(Debug, Clone, Default)]
pub struct BundleMap(BTreeMap<TrustDomain, Bundle>);

impl BundleMap {
    /// A map that trusts nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the roots of `domain` from PEM text.
    ///
    /// # Errors
    /// When the text holds no certificate, one of them is not an authority, or the domain is there already.
    pub fn add_pem(&mut self, domain: TrustDomain, pem: &[u8]) -> Result<(), TrustError> {
        let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let Ok(roots) = parsed else { return Err(TrustError::Empty { domain }) };
        self.add_der(domain, roots)
    }

    /// Adds the roots of `domain` from a PEM file.
    ///
    /// # Errors
    /// As [`add_pem`](Self::add_pem), and when the file cannot be read.
    pub fn add_file(&mut self, domain: TrustDomain, path: &Path) -> Result<(), TrustError> {
        match std::fs::read(path) {
            Ok(pem) => self.add_pem(domain, &pem),
            Err(source) => Err(TrustError::Read { domain, path: path.to_owned(), source }),
        }
    }

    /// Adds the roots of `domain` as DER certificates.
    ///
    /// # Errors
    /// As [`add_pem`](Self::add_pem).
    pub fn add_der(&mut self, domain: TrustDomain, roots: Vec<CertificateDer<'static>>) -> Result<(), TrustError> {
        if self.0.contains_key(&domain) {
            return Err(TrustError::Twice { domain });
        }
        if roots.is_empty() {
            return Err(TrustError::Empty { domain });
        }
        let mut store = RootCertStore::empty();
        for (index, root) in roots.into_iter().enumerate() {
            let refuse =
                |reason: String| TrustError::NotAuthority { domain: domain.clone(), position: index + 1, reason };
            check_authority(&root).map_err(|reason| refuse(reason.to_owned()))?;
            store.add(root).map_err(|error| refuse(error.to_string()))?;
        }
        let roots = Arc::new(store);
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), tls::provider())
            .build()
            .map_err(|_| TrustError::Empty { domain: domain.clone() })?;
        self.0.insert(domain, Bundle { roots, clients });
        Ok(())
    }

    /// The trust domains whose members can be accepted.
    pub fn domains(&self) -> impl Iterator<Item = &TrustDomain> {
        self.0.keys()
    }
}

fn check_authority(root: &CertificateDer<'_>) -> Result<(), &'static str> {
    let Ok((_, certificate)) = X509Certificate::from_der(root.as_ref()) else { return Err("it is not valid DER") };
    if certificate.is_ca() { Ok(()) } else { Err("its basic constraints do not say CA") }
}

/// The bundles in force, shared by every listener and dialler of the process. Cheap to clone.
///
/// A handshake reads the map once; [`replace`](Self::replace) therefore takes effect with the next handshake and
/// never in the middle of one.
#[derive(Debug, Clone)]
pub struct TrustBundles(Arc<RwLock<Arc<BundleMap>>>);

impl TrustBundles {
    /// Starts with `bundles`.
    pub fn new(bundles: BundleMap) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(bundles))))
    }

    /// Puts `bundles` in force for all handshakes from now on. Open connections are not touched.
    pub fn replace(&self, bundles: BundleMap) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(bundles);
    }

    /// The trust domains in force.
    pub fn domains(&self) -> Vec<TrustDomain> {
        self.current().domains().cloned().collect()
    }

    pub(crate) fn bundle(&self, domain: &TrustDomain) -> Option<Bundle> {
        self.current().0.get(domain).cloned()
    }

    fn current(&self) -> Arc<BundleMap> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
