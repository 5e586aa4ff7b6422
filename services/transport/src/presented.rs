//! The certificate that somebody presented and that was not accepted: what an administrator needs to find out who it was.
//!
//! `verify` notes it, `dial` puts it into its error. A stranger wrote these names, so they are shortened and cleaned.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

/// Longest name that is repeated.
const LONGEST: usize = 200;

/// Whose certificate it was, and who vouched for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The subject's distinguished name.
    pub subject: String,
    /// The issuer's distinguished name.
    pub issuer: String,
}

/// Where the verifier of one handshake leaves what it refused.
#[derive(Debug, Clone, Default)]
pub(crate) struct Presented(Arc<OnceLock<Certificate>>);

impl Presented {
    pub(crate) fn note(&self, leaf: &CertificateDer<'_>) {
        if let Ok((_, certificate)) = X509Certificate::from_der(leaf.as_ref()) {
            let (subject, issuer) = (clean(certificate.subject()), clean(certificate.issuer()));
            self.0.get_or_init(|| Certificate { subject, issuer });
        }
    }

    pub(crate) fn certificate(&self) -> Option<Certificate> {
        self.0.get().cloned()
    }
}

fn clean(name: &X509Name<'_>) -> String {
    let shown = name.to_string();
    let visible = |c: char| if c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric() { c } else { '?' };
    let short: String = shown.chars().take(LONGEST).map(visible).collect();
    if short.trim().is_empty() { "a certificate without a name".to_owned() } else { short }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}], issued by [{}]", self.subject, self.issuer)
    }
}
