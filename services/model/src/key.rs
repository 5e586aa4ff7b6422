//! Ed25519 keys: of the group, the gateway and each entity. Neighbours: `dsse`, which signs with them, and `group`,
//! which publishes the public ones with their validity.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::InvalidId;

/// An Ed25519 public key. As text: `ed25519:` and the 32 bytes in base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct PublicKey([u8; 32]);

/// Names a public key: SHA-256 of its 32 bytes, in hex. Derived, so that an id can never point at another key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct KeyId(String);

impl PublicKey {
    /// The key's id.
    pub fn id(&self) -> KeyId {
        KeyId(hex::encode(digest(&SHA256, &self.0)))
    }

    /// Whether `signature` is this key's over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl KeyId {
    /// The id as 64 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId { what: "a public key", rule: "'ed25519:' and 32 bytes in base64" };
        let encoded = text.trim().strip_prefix("ed25519:").ok_or_else(invalid)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| invalid())?;
        Ok(Self(bytes.try_into().map_err(|_| invalid())?))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ed25519:{}", BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> String {
        key.to_string()
    }
}

/// A private key was not usable.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not a PKCS#8 PEM file of an Ed25519 key.
    #[error("not an Ed25519 private key in PKCS#8 PEM; make one with `tributary agent keygen`")]
    NotEd25519,
    /// The system's random source failed.
    #[error("the system's random source failed")]
    Random,
}

/// An Ed25519 private key. `Debug` shows the key's id only.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// A new key from the system's random source.
    pub fn generate() -> Result<Self, KeyError> {
        Self::from_pair(Ed25519KeyPair::generate().map_err(|_| KeyError::Random)?)
    }

    /// Reads a PKCS#8 PEM text (`-----BEGIN PRIVATE KEY-----`).
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::NotEd25519)?;
        Self::from_pair(
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map_err(|_| KeyError::NotEd25519)?,
        )
    }

    fn from_pair(pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        let public = PublicKey(pair.public_key().as_ref().try_into().map_err(|_| KeyError::NotEd25519)?);
        Ok(Self { pair, public })
    }

    /// The key as PKCS#8 PEM, for a file that only its owner reads.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let der = self.pair.to_pkcs8v1().map_err(|_| KeyError::Random)?;
        let body = BASE64_STANDARD.encode(der.as_ref());
        let lines: Vec<&str> = body.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        Ok(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs `message` (64 bytes, deterministic, RFC 8032).
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.id())
    }
}

/// A published key with the time in which its signatures count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidKey {
    /// The key.
    pub public_key: PublicKey,
    /// First instant at which a signature counts.
    #[schemars(with = "String")]
    pub not_before: Timestamp,
    /// First instant at which it no longer counts.
    #[schemars(with = "String")]
    pub not_after: Timestamp,
    /// When the key was revoked. A signature made at or after this instant does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub revoked_at: Option<Timestamp>,
}

/// Why a key does not count at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyInvalid {
    /// Before `not_before`.
    #[error("the key was not valid yet")]
    NotYet,
    /// At or after `not_after`.
    #[error("the key had expired")]
    Expired,
    /// At or after `revoked_at`.
    #[error("the key was revoked")]
    Revoked,
}

impl ValidKey {
    /// Whether a signature made at `at` counts.
    pub fn check(&self, at: Timestamp) -> Result<(), KeyInvalid> {
        if self.revoked_at.is_some_and(|revoked| at >= revoked) {
            Err(KeyInvalid::Revoked)
        } else if at < self.not_before {
            Err(KeyInvalid::NotYet)
        } else if at >= self.not_after {
            Err(KeyInvalid::Expired)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_pem_file() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_pem(&key.to_pem().unwrap()).unwrap();
        assert_eq!(again.public(), key.public());
        assert!(key.public().verifies(b"m", &again.sign(b"m")));
        assert!(!key.public().verifies(b"n", &again.sign(b"m")));
        assert_eq!(key.public().to_string().parse::<PublicKey>().unwrap(), key.public());
    }

    #[test]
    fn a_key_counts_only_within_its_time() {
        let at = |s: i64| Timestamp::from_second(s).unwrap();
        let public_key = SigningKey::generate().unwrap().public();
        let key = ValidKey { public_key, not_before: at(10), not_after: at(20), revoked_at: Some(at(15)) };
        assert_eq!(key.check(at(9)), Err(KeyInvalid::NotYet));
        assert_eq!(key.check(at(10)), Ok(()));
        assert_eq!(key.check(at(15)), Err(KeyInvalid::Revoked));
        let key = ValidKey { revoked_at: None, ..key };
        assert_eq!(key.check(at(20)), Err(KeyInvalid::Expired));
    }
}
