//! The peer's certificate during a handshake, for both sides: leaf rules, then the roots of its own trust domain.
//!
//! The order is the point: the leaf says which domain it belongs to, only that domain's roots are asked, and a dialler
//! accepts exactly the peer it meant. rustls calls these verifiers; `tls` hands them over.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tributary_model::spiffe::{SpiffeId, TrustDomain};

use crate::presented::Presented;
use crate::svid::{self, SvidError};
use crate::trust::{Bundle, TrustBundles};

/// Why a peer was refused by us, beyond what X.509 path validation says. Travels inside rustls' error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Svid(#[from] SvidError),
    #[error("no roots are configured for the trust domain {0}")]
    UnknownDomain(TrustDomain),
    #[error("the peer is {found}, not {expected}")]
    WrongPeer { expected: SpiffeId, found: SpiffeId },
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::InvalidCertificate(CertificateError::Other(OtherError(std::sync::Arc::new(refusal))))
    }
}

/// Finds our own refusal inside an error of rustls, if that is what it is.
pub(crate) fn refusal(error: &Error) -> Option<&Refusal> {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) = error else { return None };
    inner.downcast_ref()
}

fn member_of(bundles: &TrustBundles, leaf: &CertificateDer<'_>) -> Result<(SpiffeId, Bundle), Refusal> {
    let id = svid::identity(leaf)?;
    let domain = id.trust_domain();
    let bundle = bundles.bundle(domain).ok_or_else(|| Refusal::UnknownDomain(domain.clone()))?;
    Ok((id, bundle))
}

/// What a listener asks of its callers: a valid identity of any configured trust domain.
///
/// Who may call what is decided per rpc, from the identity on the connection.
#[derive(Debug)]
pub(crate) struct AnyMember {
    pub(crate) bundles: TrustBundles,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyMember {
    /// No hints: they would tell a stranger which entities the group has.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let (_, bundle) = member_of(&self.bundles, leaf)?;
        bundle.clients.verify_client_cert(leaf, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// What a dialler asks of whom it reached: to be exactly the one it meant. Names and addresses prove nothing here.
#[derive(Debug)]
pub(crate) struct ExactPeer {
    pub(crate) expected: SpiffeId,
    pub(crate) bundles: TrustBundles,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
    pub(crate) presented: Presented,
}

impl ExactPeer {
    fn verify(&self, leaf: &CertificateDer<'_>, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
        let (found, bundle) = member_of(&self.bundles, leaf)?;
        let parsed = ParsedCertificate::try_from(leaf)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &bundle.roots, chain, now, self.algorithms.all)?;
        if found == self.expected {
            return Ok(());
        }
        Err(Refusal::WrongPeer { expected: self.expected.clone(), found }.into())
    }
}

impl ServerCertVerifier for ExactPeer {
    /// The chain is checked before the name is compared, so that an error which names the peer found names a peer
    /// that somebody vouched for.
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.verify(leaf, intermediates, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(refused) => {
                self.presented.note(leaf);
                Err(refused)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
