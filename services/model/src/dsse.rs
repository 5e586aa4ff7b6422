//! DSSE envelopes: how group files, mandates and attestations are signed. Source: DSSE v1.0.2, protocol and envelope.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::key::{KeyId, PublicKey, SigningKey};

/// Payload types in use.
pub mod payload_type {
    /// The whole group file, for agents and gateways.
    pub const GROUP: &str = "application/vnd.tributary.group.v1+json";
    /// The public part of the group file, `trust.json` of an archive.
    pub const PUBLIC_GROUP: &str = "application/vnd.tributary.group-public.v1+json";
    /// A mandate of the gateway to an agent.
    pub const MANDATE: &str = "application/vnd.tributary.mandate.v1+json";
    /// An in-toto statement (attestations).
    pub const IN_TOTO: &str = "application/vnd.in-toto+json";
}

/// An envelope could not be read or does not carry the signatures it needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON of the envelope's form, or the payload is not base64.
    #[error("not a DSSE envelope")]
    Malformed,
    /// The envelope carries something else.
    #[error("the envelope carries {found}, expected {expected}")]
    WrongType {
        /// The payload type that was expected.
        expected: &'static str,
        /// The payload type found, cut to 100 characters.
        found: String,
    },
    /// Fewer distinct known keys signed than the threshold asks for.
    #[error("{valid} of {needed} needed signatures verify")]
    Signatures {
        /// Signatures by distinct known keys that verify.
        valid: usize,
        /// The threshold.
        needed: usize,
    },
}

/// A signed payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The payload, base64.
    payload: String,
    /// What the payload is.
    #[serde(rename = "payloadType")]
    payload_type: String,
    /// Signatures over the pre-authentication encoding of type and payload.
    signatures: Vec<Signature>,
}

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: KeyId,
    sig: String,
}

impl Envelope {
    /// Signs `payload` with `key`.
    pub fn sign(payload_type: &'static str, payload: &[u8], key: &SigningKey) -> Self {
        let mut envelope = Self {
            payload: BASE64_STANDARD.encode(payload),
            payload_type: payload_type.to_owned(),
            signatures: Vec::new(),
        };
        envelope.push(payload, key);
        envelope
    }

    /// Adds a signature over the same payload (m of n); a second one by the same key replaces the first.
    pub fn add_signature(&mut self, key: &SigningKey) -> Result<(), EnvelopeError> {
        let payload = self.decode()?;
        self.signatures.retain(|s| s.keyid != key.public().id());
        self.push(&payload, key);
        Ok(())
    }

    /// The payload, whoever signed it: nothing may be believed of it.
    pub(crate) fn unverified(&self) -> Option<Vec<u8>> {
        self.decode().ok()
    }

    fn push(&mut self, payload: &[u8], key: &SigningKey) {
        let sig = BASE64_STANDARD.encode(key.sign(&encoding(&self.payload_type, payload)));
        self.signatures.push(Signature { keyid: key.public().id(), sig });
    }

    /// Reads an envelope from JSON. Nothing is verified yet.
    pub fn from_json(json: &[u8]) -> Result<Self, EnvelopeError> {
        serde_json::from_slice(json).map_err(|_| EnvelopeError::Malformed)
    }

    /// The envelope as JSON, in one spelling.
    pub fn to_json(&self) -> Vec<u8> {
        // A struct of strings cannot fail to serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Returns the payload when it is of `expected` type and at least `threshold` distinct keys of `keys` signed it.
    pub fn verify(
        &self,
        expected: &'static str,
        keys: &[PublicKey],
        threshold: usize,
    ) -> Result<Vec<u8>, EnvelopeError> {
        if self.payload_type != expected {
            let found = self.payload_type.chars().take(100).collect();
            return Err(EnvelopeError::WrongType { expected, found });
        }
        let payload = self.decode()?;
        let signed = encoding(&self.payload_type, &payload);
        let mut distinct: Vec<&PublicKey> = keys.iter().collect();
        distinct.sort();
        distinct.dedup();
        let valid = distinct.into_iter().filter(|key| self.signed_by(key, &signed)).count();
        let needed = threshold.max(1);
        if valid < needed { Err(EnvelopeError::Signatures { valid, needed }) } else { Ok(payload) }
    }

    fn signed_by(&self, key: &PublicKey, signed: &[u8]) -> bool {
        let id = key.id();
        self.signatures
            .iter()
            .filter(|s| s.keyid == id)
            .any(|s| BASE64_STANDARD.decode(&s.sig).is_ok_and(|sig| key.verifies(signed, &sig)))
    }

    /// The payload before any verification, to find out which keys to verify with.
    pub fn unverified_payload(&self) -> Result<Vec<u8>, EnvelopeError> {
        self.decode()
    }

    /// Ids of the keys that claim to have signed.
    pub fn key_ids(&self) -> impl Iterator<Item = &KeyId> {
        self.signatures.iter().map(|s| &s.keyid)
    }

    fn decode(&self) -> Result<Vec<u8>, EnvelopeError> {
        BASE64_STANDARD.decode(&self.payload).map_err(|_| EnvelopeError::Malformed)
    }
}

/// DSSE pre-authentication encoding (PAE).
fn encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_published_one() {
        let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(encoding("http://example.com/HelloWorld", b"hello world"), expected);
    }

    #[test]
    fn one_key_never_counts_twice() {
        let (a, b) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let mut envelope = Envelope::sign(payload_type::GROUP, b"{}", &a);
        let keys = [a.public(), a.public(), b.public()];
        assert!(envelope.verify(payload_type::GROUP, &keys, 2).is_err());
        envelope.add_signature(&a).unwrap();
        assert!(envelope.verify(payload_type::GROUP, &keys, 2).is_err());
        envelope.add_signature(&b).unwrap();
        assert_eq!(envelope.verify(payload_type::GROUP, &keys, 2).unwrap(), b"{}");
    }

    #[test]
    fn an_altered_or_relabelled_payload_does_not_verify() {
        let key = SigningKey::generate().unwrap();
        let mut envelope = Envelope::sign(payload_type::GROUP, b"{}", &key);
        assert!(envelope.verify(payload_type::MANDATE, &[key.public()], 1).is_err());
        envelope.payload_type = payload_type::MANDATE.to_owned();
        assert!(envelope.verify(payload_type::MANDATE, &[key.public()], 1).is_err());
        let mut envelope = Envelope::sign(payload_type::GROUP, b"{}", &key);
        envelope.payload = BASE64_STANDARD.encode(b"{ }");
        assert!(envelope.verify(payload_type::GROUP, &[key.public()], 1).is_err());
    }
}
