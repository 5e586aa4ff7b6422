//! A development hierarchy: one authority per trust domain, short leaves that are proper X509-SVIDs.
//!
//! Meant for trying things out and for tests; a company brings its own (SPIRE, cert-manager, a corporate PKI). What it
//! makes is exactly what `svid` and `trust` accept.

mod issued;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use time::OffsetDateTime;
use tributary_model::spiffe::{SpiffeId, TrustDomain};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use zeroize::Zeroizing;

pub use self::issued::Issued;
use crate::secret_file::{self, FileError};

/// File names of an authority in its folder.
const CERTIFICATE_FILE: &str = "ca.pem";
const KEY_FILE: &str = "ca-key.pem";

/// Certificates begin a little in the past, since clocks of different machines differ.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// Why the hierarchy cannot do what is asked.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder's files are not an authority of ours.
    #[error("{} is not an authority made by `tributary pki init`: {reason}", path.display())]
    NotAuthority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An authority vouches for its own trust domain only.
    #[error("{id} is not in the trust domain {domain} of this authority: use the authority of {}", id.trust_domain())]
    ForeignDomain {
        /// What was asked for.
        id: SpiffeId,
        /// The authority's own domain.
        domain: TrustDomain,
    },
    /// A leaf must not be valid longer than who signs it.
    #[error(
        "the certificate would be valid until {leaf}, longer than its authority ({authority}): ask for a shorter time"
    )]
    Outlives {
        /// The end of the leaf.
        leaf: Timestamp,
        /// The end of the authority.
        authority: Timestamp,
    },
    /// A DNS name or a duration that no certificate can carry.
    #[error("the certificate cannot be made: {0}")]
    Certificate(String),
}

/// The certificate authority of one trust domain.
pub struct Authority {
    domain: TrustDomain,
    not_after: Timestamp,
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What a leaf is issued for.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The identity, as the only URI name.
    pub id: SpiffeId,
    /// DNS names beside it, for ordinary gRPC clients that check the host they dialled.
    pub dns_names: Vec<String>,
    /// Addresses beside it, for the same.
    pub ip_addresses: Vec<IpAddr>,
}

impl Authority {
    /// Makes a new authority for `domain`, valid from `now` for `valid_for`.
    ///
    /// # Errors
    /// When the duration cannot be written into a certificate.
    pub fn create(domain: &TrustDomain, valid_for: Duration, now: Timestamp) -> Result<Self, PkiError> {
        let key = new_key()?;
        let (not_before, not_after) = validity(now, valid_for)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(&format!("development authority of {domain}"));
        params.subject_alt_names = vec![uri(&format!("spiffe://{domain}"))?];
        params.not_before = date(not_before)?;
        params.not_after = date(not_after)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate_pem = params.self_signed(&key).map_err(|e| PkiError::Certificate(e.to_string()))?.pem();
        Ok(Self { domain: domain.clone(), not_after, certificate_pem, issuer: Issuer::new(params, key) })
    }

    /// Writes the authority into `folder` as `ca.pem` and `ca-key.pem`, the key readable by its owner only.
    ///
    /// # Errors
    /// When one of the files exists, or cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), PkiError> {
        let key = Zeroizing::new(self.issuer.key().serialize_pem());
        issued::save_pair(folder.join(CERTIFICATE_FILE), &self.certificate_pem, folder.join(KEY_FILE), &key)?;
        Ok(())
    }

    /// Reads the authority that [`save`](Self::save) wrote into `folder`.
    ///
    /// # Errors
    /// When a file is missing, the key is readable by others, or the two are not an authority.
    pub fn load(folder: &Path) -> Result<Self, PkiError> {
        let (path, key_path) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
        let not_authority =
            |path: &Path, reason: &str| PkiError::NotAuthority { path: path.to_owned(), reason: reason.to_owned() };
        let certificate_pem = String::from_utf8(secret_file::read_public(&path)?)
            .map_err(|_| not_authority(&path, "it is not PEM text"))?;
        let secret = secret_file::read_secret(&key_path)?;
        let key = std::str::from_utf8(&secret)
            .ok()
            .and_then(|pem| KeyPair::from_pem(pem).ok())
            .ok_or_else(|| not_authority(&key_path, "it holds no private key"))?;
        let facts = Facts::read(&certificate_pem, &key).map_err(|reason| not_authority(&path, reason))?;
        let issuer = Issuer::from_ca_cert_pem(&certificate_pem, key)
            .map_err(|error| not_authority(&path, &error.to_string()))?;
        Ok(Self { domain: facts.domain, not_after: facts.not_after, certificate_pem, issuer })
    }

    /// Issues a leaf with a new key, valid from `now` for `ttl`.
    ///
    /// # Errors
    /// When the identity belongs to another trust domain, or the leaf would outlive this authority.
    pub fn issue(&self, subject: &Subject, ttl: Duration, now: Timestamp) -> Result<Issued, PkiError> {
        if subject.id.trust_domain() != &self.domain {
            return Err(PkiError::ForeignDomain { id: subject.id.clone(), domain: self.domain.clone() });
        }
        let (not_before, not_after) = validity(now, ttl)?;
        if not_after > self.not_after {
            return Err(PkiError::Outlives { leaf: not_after, authority: self.not_after });
        }
        let failed = |error: rcgen::Error| PkiError::Certificate(error.to_string());
        let mut params = CertificateParams::new(subject.dns_names.clone()).map_err(failed)?;
        params.subject_alt_names.extend(subject.ip_addresses.iter().map(|address| SanType::IpAddress(*address)));
        params.subject_alt_names.push(uri(subject.id.as_str())?);
        params.distinguished_name = common_name("tributary");
        params.not_before = date(not_before)?;
        params.not_after = date(not_after)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let key = new_key()?;
        let certificate_pem = params.signed_by(&key, &self.issuer).map_err(failed)?.pem();
        Ok(Issued { certificate_pem, key_pem: Zeroizing::new(key.serialize_pem()), not_after })
    }

    /// The trust domain that this authority vouches for.
    pub fn domain(&self) -> &TrustDomain {
        &self.domain
    }

    /// Its certificate as PEM: what others list as the roots of this trust domain.
    pub fn root_pem(&self) -> &str {
        &self.certificate_pem
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("domain", &self.domain)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// What an authority's certificate says about itself.
struct Facts {
    domain: TrustDomain,
    not_after: Timestamp,
}

impl Facts {
    fn read(pem: &str, key: &KeyPair) -> Result<Self, &'static str> {
        let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|_| "it is not a PEM certificate")?;
        let (_, certificate) =
            X509Certificate::from_der(&block.contents).map_err(|_| "it is not a valid certificate")?;
        if certificate.public_key().subject_public_key.data.as_ref() != key.public_key_raw() {
            return Err("its key is not the one in ca-key.pem");
        }
        if !certificate.is_ca() {
            return Err("it is not a certificate authority");
        }
        let not_after = Timestamp::from_second(certificate.validity().not_after.timestamp())
            .map_err(|_| "its end of validity is out of range")?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let domain = names
            .iter()
            .flat_map(|names| &names.value.general_names)
            .find_map(|name| if let GeneralName::URI(uri) = name { uri.strip_prefix("spiffe://") } else { None })
            .and_then(|domain| domain.parse().ok())
            .ok_or("it does not name its trust domain")?;
        Ok(Self { domain, not_after })
    }
}

fn new_key() -> Result<KeyPair, PkiError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|error| PkiError::Certificate(error.to_string()))
}

fn validity(now: Timestamp, length: Duration) -> Result<(Timestamp, Timestamp), PkiError> {
    let out_of_range = |_| PkiError::Certificate("the time of validity is out of range".to_owned());
    let not_before = now.checked_sub(SKEW).map_err(out_of_range)?;
    let not_after = now.checked_add(length).map_err(out_of_range)?;
    Ok((not_before, not_after))
}

fn date(at: Timestamp) -> Result<OffsetDateTime, PkiError> {
    OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|error| PkiError::Certificate(error.to_string()))
}

fn uri(text: &str) -> Result<SanType, PkiError> {
    Ok(SanType::URI(text.try_into().map_err(|error: rcgen::Error| PkiError::Certificate(error.to_string()))?))
}

fn common_name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}
