//! The signed group file: m of n offline keys, versions that only rise, and the public part signed beside it.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;

use super::{GroupFile, PublicGroup};
use crate::dsse::{Envelope, EnvelopeError, payload_type};
use crate::key::{PublicKey, SigningKey};

/// The group's keys that a process or a verifier trusts, and how many of them must have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pins {
    /// Trusted keys.
    pub keys: Vec<PublicKey>,
    /// How many distinct ones must sign; at least 1.
    pub threshold: usize,
}

/// Why a group file is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupFileError {
    /// Signatures missing or wrong.
    #[error("group file: {0}; sign it with the group's keys (`tributary group sign`) and pin those keys")]
    Envelope(#[from] EnvelopeError),
    /// The payload is not a group file of this version of the software.
    #[error("group file: the signed content cannot be read: {0}")]
    Content(String),
    /// Older than the one in force.
    #[error("group file: version {found} is older than version {in_force}, which is in force")]
    Older {
        /// Version offered.
        found: u64,
        /// Version in force.
        in_force: u64,
    },
    /// Same version, other content.
    #[error("group file: version {0} is in force with other content; raise the version")]
    SameVersion(u64),
    /// Past its expiry.
    #[error("group file: version {version} expired at {expires_at}; sign a new one")]
    Expired {
        /// Its version.
        version: u64,
        /// When it expired.
        expires_at: Timestamp,
    },
    /// The public part belongs to another group file.
    #[error("group file: the public part belongs to another file; use the two envelopes of one signing")]
    Mismatch,
}

/// A group file whose signatures were checked. Exists only verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedGroup {
    file: GroupFile,
    digest: String,
}

/// The version and digest of a group file: what is remembered so that versions only rise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// Its version.
    pub version: u64,
    /// SHA-256 of its signed payload, hex.
    pub digest: String,
}

impl VerifiedGroup {
    /// Verifies `envelope` (JSON) against the pins, the time and what was in force before.
    pub fn open(
        envelope: &[u8],
        pins: &Pins,
        now: Timestamp,
        in_force: Option<&InForce>,
    ) -> Result<Self, GroupFileError> {
        let payload = Envelope::from_json(envelope)?.verify(payload_type::GROUP, &pins.keys, pins.threshold)?;
        let file: GroupFile =
            serde_json::from_slice(&payload).map_err(|error| GroupFileError::Content(error.to_string()))?;
        let digest = hex::encode(digest(&SHA256, &payload));
        if let Some(in_force) = in_force {
            if file.version < in_force.version {
                return Err(GroupFileError::Older { found: file.version, in_force: in_force.version });
            }
            if file.version == in_force.version && digest != in_force.digest {
                return Err(GroupFileError::SameVersion(file.version));
            }
        }
        if now >= file.expires_at {
            return Err(GroupFileError::Expired { version: file.version, expires_at: file.expires_at });
        }
        Ok(Self { file, digest })
    }

    /// The group file.
    pub fn file(&self) -> &GroupFile {
        &self.file
    }

    /// SHA-256 of the signed payload, hex: names this version in mandates, attestations and archives.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What to remember of it.
    pub fn in_force(&self) -> InForce {
        InForce { version: self.file.version, digest: self.digest.clone() }
    }

    /// Checks that `public` (JSON envelope) is this file's public part, signed by the same pins.
    pub fn check_public_part(&self, public: &[u8], pins: &Pins) -> Result<PublicGroup, GroupFileError> {
        let public = open_public(public, pins)?;
        if public == self.file.public_part(self.digest.clone()) { Ok(public) } else { Err(GroupFileError::Mismatch) }
    }
}

/// Verifies the public part alone, as `archive verify` does. An old one is fine: the archive was made under it.
pub fn open_public(envelope: &[u8], pins: &Pins) -> Result<PublicGroup, GroupFileError> {
    let payload = Envelope::from_json(envelope)?.verify(payload_type::PUBLIC_GROUP, &pins.keys, pins.threshold)?;
    serde_json::from_slice(&payload).map_err(|error| GroupFileError::Content(error.to_string()))
}

/// The two envelopes that one signing makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPair {
    /// The whole file, for agents and gateways.
    pub whole: Envelope,
    /// The public part, for archives.
    pub public: Envelope,
}

/// Signs `file` with the first of the group's keys; further signers use [`SignedPair::add_signature`].
pub fn sign(file: &GroupFile, key: &SigningKey) -> Result<SignedPair, GroupFileError> {
    let content = |error: serde_json::Error| GroupFileError::Content(error.to_string());
    let payload = serde_json::to_vec(file).map_err(content)?;
    let public = file.public_part(hex::encode(digest(&SHA256, &payload)));
    let public = serde_json::to_vec(&public).map_err(content)?;
    Ok(SignedPair {
        whole: Envelope::sign(payload_type::GROUP, &payload, key),
        public: Envelope::sign(payload_type::PUBLIC_GROUP, &public, key),
    })
}

impl SignedPair {
    /// Adds another signer's signatures to both envelopes.
    pub fn add_signature(&mut self, key: &SigningKey) -> Result<(), EnvelopeError> {
        self.whole.add_signature(key)?;
        self.public.add_signature(key)
    }
}
