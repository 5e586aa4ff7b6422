//! Certificates that no honest authority issues, to show that they are refused.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use tributary_model::clock::{Clock, SystemClock};
use tributary_model::spiffe::SpiffeId;
use tributary_transport::identity::Identity;
use tributary_transport::pki::{Authority, Subject};

use crate::wait::until;

/// Replaces `svid.pem` and `svid-key.pem` in `folder` by a leaf for `id` that the authority in `authority` signed,
/// whatever trust domain `id` is in: what a compromised authority would do.
///
/// # Errors
/// When the authority cannot be read or the files cannot be written.
pub fn foreign_domain(authority: &Path, id: &SpiffeId, folder: &Path) -> Result<()> {
    let ca_key = KeyPair::from_pem(&std::fs::read_to_string(authority.join("ca-key.pem"))?)?;
    let issuer = Issuer::from_ca_cert_pem(&std::fs::read_to_string(authority.join("ca.pem"))?, ca_key)?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.subject_alt_names.push(SanType::URI(id.as_str().try_into()?));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let leaf = params.signed_by(&key, &issuer)?;
    std::fs::write(folder.join("svid.pem"), leaf.pem())?;
    // Written over the file that is there, so that its mode stays.
    Ok(std::fs::write(folder.join("svid-key.pem"), key.serialize_pem())?)
}

/// Replaces `svid.pem` and `svid-key.pem` in `folder` by a leaf for `id` that stopped being valid a while ago.
///
/// # Errors
/// When the authority cannot be read or the files cannot be written.
pub fn expired(authority: &Path, id: &SpiffeId, folder: &Path) -> Result<()> {
    leaf(authority, id, folder, SystemClock.now() - SignedDuration::from_mins(2), Duration::from_secs(60))
}

/// Replaces `svid.pem` and `svid-key.pem` in `folder` by a leaf for `id` that is valid for `life` from now.
///
/// # Errors
/// When the authority cannot be read or the files cannot be written.
pub fn short(authority: &Path, id: &SpiffeId, folder: &Path, life: Duration) -> Result<()> {
    leaf(authority, id, folder, SystemClock.now(), life)
}

fn leaf(authority: &Path, id: &SpiffeId, folder: &Path, from: Timestamp, life: Duration) -> Result<()> {
    let subject = Subject { id: id.clone(), dns_names: vec!["localhost".to_owned()], ip_addresses: Vec::new() };
    let issued = Authority::load(authority)?.issue(&subject, life, from)?;
    std::fs::write(folder.join("svid.pem"), &issued.certificate_pem)?;
    Ok(std::fs::write(folder.join("svid-key.pem"), issued.key_pem.as_bytes())?)
}

/// Waits until the certificate in `folder` is no longer valid.
///
/// # Errors
/// When it cannot be read, or is valid for longer than a minute.
pub async fn until_expired(folder: &Path) -> Result<()> {
    let identity = Identity::load(&folder.join("svid.pem"), &folder.join("svid-key.pem"))?;
    until("the certificate expires", Duration::from_secs(60), || async {
        // Certificates count in whole seconds, the last one included.
        (SystemClock.now() > identity.not_after() + SignedDuration::from_secs(1)).then_some(())
    })
    .await
}
