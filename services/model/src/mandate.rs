//! The mandate: the gateway's signed proof that goes with every instruction to an agent.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::dsse::{Envelope, EnvelopeError, payload_type};
use crate::group::{GroupFile, find_key};
use crate::id::{CaseId, EntityId, InstructionId};
use crate::identifier::{Identifier, digest};
use crate::key::SigningKey;
use crate::right::Right;

/// Clock difference between gateway and agent that is tolerated.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// What the instruction asks of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Find out whether the person is known.
    Locate,
    /// Export the person's data: start, watch, read, finish, attestation.
    Export,
}

/// The claims that the gateway signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mandate {
    /// What is asked.
    pub action: Action,
    /// The instruction, the same over retries.
    pub instruction: InstructionId,
    /// The entity that is asked, and no other.
    pub entity: EntityId,
    /// The case it belongs to.
    pub case: CaseId,
    /// The right that is exercised.
    pub right: Right,
    /// Random bytes in base64 that keep the digest below from being guessed.
    pub salt: String,
    /// Salted digest of the identifiers (see [`digest`]), hex.
    pub identifiers_sha256: String,
    /// Version of the group file in force at the gateway.
    pub group_version: u64,
    /// Its digest.
    pub group_sha256: String,
    /// When the request reached the group, from which its month counts (Art. 12(3) GDPR): in mandates that start an
    /// export. An older gateway does not say it, and an older agent does not take a mandate that does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Timestamp>,
    /// First instant at which it counts.
    pub not_before: Timestamp,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

/// Why a mandate is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MandateError {
    /// Not an envelope, or not signed by a gateway key that the group file names.
    #[error("the mandate is not signed by the gateway: {0}")]
    Signature(#[from] EnvelopeError),
    /// The payload cannot be read.
    #[error("the mandate's content cannot be read")]
    Content,
    /// Its signing key was not valid at the time.
    #[error("the mandate's signing key is not valid now")]
    Key,
    /// Too early.
    #[error("the mandate is not valid before {0}; check the clocks of gateway and agent")]
    NotYet(Timestamp),
    /// Too late.
    #[error("the mandate expired at {0}")]
    Expired(Timestamp),
    /// For somebody or something else.
    #[error("the mandate is for another {0}")]
    Other(&'static str),
}

/// What an rpc needs its mandate to say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The action of the rpc.
    pub action: Action,
    /// The instruction the rpc names.
    pub instruction: InstructionId,
    /// The entity that serves it.
    pub entity: &'a EntityId,
    /// The identifiers in the rpc; `None` for rpcs that carry none.
    pub identifiers: Option<&'a [Identifier]>,
}

impl Mandate {
    /// Signs the claims.
    pub fn sign(&self, key: &SigningKey) -> Envelope {
        // A struct of strings and numbers cannot fail to serialise.
        let payload = serde_json::to_vec(self).unwrap_or_default();
        Envelope::sign(payload_type::MANDATE, &payload, key)
    }

    /// The digest that binds `identifiers` under this mandate's salt, hex.
    pub fn digest_of(salt: &[u8], identifiers: &[Identifier]) -> String {
        hex::encode(digest(salt, identifiers))
    }

    /// The entity that a mandate names, before anything of it is believed: it tells a process that serves several entities
    /// which of them is asked, against which [`Mandate::open`] then holds the mandate.
    pub fn addressee(envelope: &[u8]) -> Option<EntityId> {
        let payload = Envelope::from_json(envelope).ok()?.unverified()?;
        serde_json::from_slice::<Mandate>(&payload).ok().map(|mandate| mandate.entity)
    }

    /// Verifies `envelope` (JSON) by the gateway's keys in `group` and against what the rpc asks.
    pub fn open(
        envelope: &[u8],
        group: &GroupFile,
        now: Timestamp,
        expected: Expected<'_>,
    ) -> Result<Mandate, MandateError> {
        let envelope = Envelope::from_json(envelope)?;
        let key = envelope.key_ids().find_map(|id| find_key(&group.gateway.keys, id));
        let key = key.ok_or(EnvelopeError::Signatures { valid: 0, needed: 1 })?;
        let payload = envelope.verify(payload_type::MANDATE, &[key.public_key], 1)?;
        let mandate: Mandate = serde_json::from_slice(&payload).map_err(|_| MandateError::Content)?;
        key.check(now).map_err(|_| MandateError::Key)?;
        mandate.check_time(now)?;
        mandate.check_subject(expected)?;
        Ok(mandate)
    }

    /// Whether the rpc says of the request's reception what the mandate says, be it nothing.
    pub fn check_received_at(&self, said: Option<Timestamp>) -> Result<(), MandateError> {
        if self.received_at == said { Ok(()) } else { Err(MandateError::Other("time of reception")) }
    }

    fn check_time(&self, now: Timestamp) -> Result<(), MandateError> {
        if now + CLOCK_SKEW < self.not_before {
            return Err(MandateError::NotYet(self.not_before));
        }
        if now >= self.expires_at + CLOCK_SKEW {
            return Err(MandateError::Expired(self.expires_at));
        }
        Ok(())
    }

    fn check_subject(&self, expected: Expected<'_>) -> Result<(), MandateError> {
        if self.entity != *expected.entity {
            return Err(MandateError::Other("entity"));
        }
        if self.action != expected.action {
            return Err(MandateError::Other("action"));
        }
        if self.instruction != expected.instruction {
            return Err(MandateError::Other("instruction"));
        }
        if let Some(identifiers) = expected.identifiers {
            let salt = BASE64_STANDARD.decode(&self.salt).map_err(|_| MandateError::Content)?;
            if Self::digest_of(&salt, identifiers) != self.identifiers_sha256 {
                return Err(MandateError::Other("person: the identifiers differ"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
