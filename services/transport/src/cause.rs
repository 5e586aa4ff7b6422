//! Why a handshake or a connection failed, in words that an operator can act on and a metric can count.
//!
//! Both sides use it: `accept` for peers it refuses or that refuse it, `dial` for its error. Nothing here quotes what
//! a stranger sent.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use rustls::{AlertDescription, CertificateError, PeerIncompatible};

use tributary_model::spiffe::SpiffeId;

use crate::verify::{self, Refusal};

/// Why the two sides of a TLS connection did not come together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsFailure {
    /// The peer's certificate has expired.
    #[error("the peer's certificate has expired: it must be renewed there, or a clock is wrong")]
    Expired,
    /// The peer's certificate is not valid yet.
    #[error("the peer's certificate is not valid yet: a clock is wrong, here or there")]
    NotYetValid,
    /// No configured root vouches for the peer's certificate in its trust domain.
    #[error("the peer's certificate is signed by an authority that is not among the roots of its trust domain")]
    UnknownAuthority,
    /// There are no roots at all for the trust domain that the peer claims.
    #[error("no roots are configured for the peer's trust domain {0}")]
    UnknownDomain(String),
    /// The peer's certificate is not a valid X509-SVID.
    #[error("the peer's certificate is not a SPIFFE identity: {0}")]
    NotAnIdentity(String),
    /// The peer sent no certificate.
    #[error("the peer sent no certificate")]
    NoCertificate,
    /// The peer's certificate is well signed, but for somebody else.
    #[error("the peer is {found}, not {expected}")]
    WrongPeer {
        /// Who was meant.
        expected: SpiffeId,
        /// Who answered.
        found: SpiffeId,
    },
    /// The peer refused our certificate or our settings.
    #[error(
        "the peer refused this side ({0}): check that our trust domain's roots are configured there and that our certificate is valid"
    )]
    RefusedByPeer(&'static str),
    /// No common version, cipher or protocol.
    #[error("the two sides have no TLS version, cipher or protocol in common; HTTP/2 over TLS 1.2 or 1.3 is needed")]
    Incompatible,
    /// The other side does not speak TLS, or not correctly.
    #[error("the other side does not speak TLS correctly")]
    NotTls,
    /// Anything else that is wrong with the peer's certificate.
    #[error("the peer's certificate is not valid")]
    BadCertificate,
    /// Anything else.
    #[error("the TLS connection failed")]
    Other,
}

impl TlsFailure {
    /// A fixed word for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::UnknownAuthority => "unknown_authority",
            Self::UnknownDomain(_) => "unknown_domain",
            Self::NotAnIdentity(_) => "not_an_identity",
            Self::NoCertificate => "no_certificate",
            Self::WrongPeer { .. } => "wrong_peer",
            Self::RefusedByPeer(_) => "refused_by_peer",
            Self::Incompatible => "incompatible",
            Self::NotTls => "not_tls",
            Self::BadCertificate => "bad_certificate",
            Self::Other => "other",
        }
    }

    /// Whether this is about who somebody is, rather than about the network or the protocol.
    pub fn is_identity(&self) -> bool {
        !matches!(self, Self::Incompatible | Self::NotTls | Self::Other)
    }

    /// Whether nobody that we know vouches for the peer, as opposed to something being wrong with a known one.
    pub(crate) fn is_of_a_stranger(&self) -> bool {
        matches!(self, Self::UnknownAuthority | Self::UnknownDomain(_) | Self::NotAnIdentity(_) | Self::BadCertificate)
    }

    /// What an IO error says about TLS; none when it is of the network alone.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        find_rustls(error).map(Self::of_rustls)
    }

    fn of_rustls(error: &rustls::Error) -> Self {
        match verify::refusal(error) {
            Some(Refusal::Svid(broken)) => return Self::NotAnIdentity(broken.to_string()),
            Some(Refusal::UnknownDomain(domain)) => return Self::UnknownDomain(domain.to_string()),
            Some(Refusal::WrongPeer { expected, found }) => {
                return Self::WrongPeer { expected: expected.clone(), found: found.clone() };
            }
            None => {}
        }
        match error {
            rustls::Error::InvalidCertificate(certificate) => Self::of_certificate(certificate),
            rustls::Error::NoCertificatesPresented => Self::NoCertificate,
            rustls::Error::AlertReceived(alert) => Self::of_alert(*alert),
            rustls::Error::PeerIncompatible(PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon) => {
                Self::BadCertificate
            }
            rustls::Error::PeerIncompatible(_) | rustls::Error::NoApplicationProtocol => Self::Incompatible,
            rustls::Error::InvalidMessage(_)
            | rustls::Error::InappropriateMessage { .. }
            | rustls::Error::InappropriateHandshakeMessage { .. }
            | rustls::Error::PeerMisbehaved(_)
            | rustls::Error::DecryptError => Self::NotTls,
            _ => Self::Other,
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownAuthority,
            _ => Self::BadCertificate,
        }
    }

    fn of_alert(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::CertificateExpired => Self::RefusedByPeer("our certificate has expired"),
            AlertDescription::UnknownCA => Self::RefusedByPeer("it does not know our authority"),
            AlertDescription::CertificateRequired => Self::RefusedByPeer("it needs a certificate"),
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown => Self::RefusedByPeer("it does not accept our certificate"),
            AlertDescription::AccessDenied => Self::RefusedByPeer("access denied"),
            AlertDescription::ProtocolVersion
            | AlertDescription::HandshakeFailure
            | AlertDescription::InsufficientSecurity
            | AlertDescription::NoApplicationProtocol => Self::Incompatible,
            _ => Self::Other,
        }
    }
}

/// Looks through wrapped IO errors: `Error::source` of an IO error skips the error it was made from.
fn find_rustls(error: &io::Error) -> Option<&rustls::Error> {
    let mut next: Option<&(dyn StdError + 'static)> = error.get_ref().map(|inner| inner as _);
    while let Some(inner) = next {
        if let Some(found) = inner.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        next = match (inner.downcast_ref::<Arc<io::Error>>(), inner.downcast_ref::<io::Error>()) {
            (Some(kept), _) => kept.get_ref().map(|inner| inner as _),
            (None, Some(wrapped)) => wrapped.get_ref().map(|inner| inner as _),
            (None, None) => inner.source(),
        };
    }
    None
}
