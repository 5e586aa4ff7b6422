//! X509-SVID checks on a leaf: who a certificate says it is, and whether it may say so at all.
//!
//! Rules of the SPIFFE X509-SVID standard, section 4 and appendix A. Whether somebody trusted signed it is the
//! subject of `verify`; this module looks at one certificate alone and so runs before any root is chosen.

use rustls_pki_types::CertificateDer;
use tributary_model::spiffe::SpiffeId;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Why a certificate is not an X509-SVID. The messages quote rules, not the certificate: a stranger wrote that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SvidError {
    /// The bytes are not one DER certificate.
    #[error("the certificate is not valid DER or has broken extensions")]
    Malformed,
    /// There must be exactly one URI SAN. DNS names and addresses may stand beside it.
    #[error("the certificate must have exactly one URI name, the SPIFFE ID, but has {found}")]
    UriCount {
        /// How many URI names it has.
        found: usize,
    },
    /// The URI SAN is not a SPIFFE ID of a workload, which has a path.
    #[error("the certificate's URI name is not a SPIFFE ID: {0}")]
    NotSpiffe(String),
    /// A leaf must not be able to sign other certificates.
    #[error("the certificate is a certificate authority, not a leaf")]
    IsAuthority,
    /// `keyUsage` is missing or lacks `digitalSignature`.
    #[error("the certificate's key usage lacks digitalSignature")]
    NoDigitalSignature,
    /// `keyUsage` contains `keyCertSign` or `cRLSign`.
    #[error("the certificate's key usage allows signing certificates or revocation lists")]
    SigningUsage,
    /// `extendedKeyUsage` is present, but lacks `serverAuth` or `clientAuth`.
    #[error("the certificate's extended key usage must contain both serverAuth and clientAuth")]
    OneSidedUsage,
}

/// Reads the SPIFFE ID of a leaf.
///
/// # Errors
/// Any rule of the X509-SVID standard that the certificate breaks.
pub fn identity(leaf: &CertificateDer<'_>) -> Result<SpiffeId, SvidError> {
    let certificate = parse(leaf)?;
    let id = uri_name(&certificate)?;
    check_usage(&certificate)?;
    Ok(id)
}

fn parse<'a>(leaf: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, SvidError> {
    match X509Certificate::from_der(leaf.as_ref()) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) | Err(_) => Err(SvidError::Malformed),
    }
}

fn uri_name(certificate: &X509Certificate<'_>) -> Result<SpiffeId, SvidError> {
    let names = certificate.subject_alternative_name().map_err(|_| SvidError::Malformed)?;
    let uris: Vec<&str> = names
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None })
        .collect();
    let [uri] = uris.as_slice() else { return Err(SvidError::UriCount { found: uris.len() }) };
    uri.parse().map_err(|rule: tributary_model::id::InvalidId| SvidError::NotSpiffe(rule.to_string()))
}

fn check_usage(certificate: &X509Certificate<'_>) -> Result<(), SvidError> {
    let basic = certificate.basic_constraints().map_err(|_| SvidError::Malformed)?;
    if basic.is_some_and(|extension| extension.value.ca) {
        return Err(SvidError::IsAuthority);
    }
    let usage = certificate.key_usage().map_err(|_| SvidError::Malformed)?.map(|extension| extension.value);
    if usage.is_some_and(|usage| usage.key_cert_sign() || usage.crl_sign()) {
        return Err(SvidError::SigningUsage);
    }
    if !usage.is_some_and(|usage| usage.digital_signature()) {
        return Err(SvidError::NoDigitalSignature);
    }
    let extended = certificate.extended_key_usage().map_err(|_| SvidError::Malformed)?;
    if extended.is_some_and(|extension| !(extension.value.server_auth && extension.value.client_auth)) {
        return Err(SvidError::OneSidedUsage);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
    };

    use super::*;

    fn good() -> CertificateParams {
        let mut params = CertificateParams::new(vec!["agent.acme-fr.example".to_owned()]).unwrap();
        params.subject_alt_names.push(uri("spiffe://acme-fr.example/tributary/agent"));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params
    }

    fn uri(text: &str) -> SanType {
        SanType::URI(text.try_into().unwrap())
    }

    fn judge(change: impl FnOnce(&mut CertificateParams)) -> Result<SpiffeId, SvidError> {
        let mut params = good();
        change(&mut params);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        identity(certificate.der())
    }

    #[test]
    fn a_leaf_with_dns_names_beside_its_id_is_accepted() {
        assert_eq!(judge(|_| ()).unwrap().as_str(), "spiffe://acme-fr.example/tributary/agent");
    }

    #[test]
    fn a_leaf_without_extended_usage_is_accepted() {
        assert!(judge(|params| params.extended_key_usages.clear()).is_ok());
    }

    #[test]
    fn a_leaf_without_a_uri_name_is_refused() {
        assert_eq!(judge(|params| drop(params.subject_alt_names.pop())), Err(SvidError::UriCount { found: 0 }));
    }

    #[test]
    fn a_leaf_without_any_name_is_refused() {
        assert_eq!(judge(|params| params.subject_alt_names.clear()), Err(SvidError::UriCount { found: 0 }));
    }

    #[test]
    fn a_second_uri_name_is_refused_even_beside_a_valid_id() {
        let two = judge(|params| params.subject_alt_names.push(uri("https://acme-fr.example/")));
        assert_eq!(two, Err(SvidError::UriCount { found: 2 }));
    }

    #[test]
    fn a_uri_that_is_no_workload_id_is_refused() {
        for bad in ["https://acme-fr.example/agent", "spiffe://acme-fr.example", "spiffe://acme-fr.example/"] {
            let found = judge(|params| params.subject_alt_names = vec![uri(bad)]);
            assert!(matches!(found, Err(SvidError::NotSpiffe(_))), "{bad}");
        }
    }

    #[test]
    fn an_authority_is_refused_as_a_leaf() {
        let found = judge(|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
        assert_eq!(found, Err(SvidError::IsAuthority));
    }

    #[test]
    fn a_leaf_that_may_sign_certificates_is_refused() {
        for usage in [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign] {
            let found = judge(|params| params.key_usages.push(usage));
            assert_eq!(found, Err(SvidError::SigningUsage), "{usage:?}");
        }
    }

    #[test]
    fn a_leaf_that_may_not_sign_handshakes_is_refused() {
        let other = judge(|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
        assert_eq!(other, Err(SvidError::NoDigitalSignature));
        assert_eq!(judge(|params| params.key_usages.clear()), Err(SvidError::NoDigitalSignature));
    }

    #[test]
    fn a_leaf_for_one_side_only_is_refused() {
        for side in [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth] {
            let found = judge(|params| params.extended_key_usages = vec![side.clone()]);
            assert_eq!(found, Err(SvidError::OneSidedUsage), "{side:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_certificate_are_refused() {
        assert_eq!(identity(&CertificateDer::from(vec![0x30, 0x00])), Err(SvidError::Malformed));
    }
}
