//! Attestations: what an entity says it did, signed with its own key, as in-toto statements in DSSE envelopes.
//! Neighbours: `part` and `table`, whose digests it covers, and `bag`, which puts it into the archive.

mod check;
mod closing;
mod context;
mod statement;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tributary_model::disposition::Disposition;
use tributary_model::dsse::{Envelope, EnvelopeError, payload_type};
use tributary_model::id::{CaseId, EntityId, FidesKey, IdentifierType, InstructionId};
use tributary_model::key::{KeyInvalid, SigningKey, ValidKey};
use tributary_model::right::Right;

use crate::digest::Sha256Hex;
use crate::redaction::Redaction;
pub use check::{Contradiction, weaken};
pub use closing::CLOSING_PREDICATE_TYPE;
pub(crate) use closing::Closing;
pub use context::PartsMismatch;
pub(crate) use context::check_context;
pub(crate) use statement::Statement;

/// The predicate type of an entity's attestation.
pub const PREDICATE_TYPE: &str = "https://tributary.dev/attestation/disposition/v1";
/// The name of the statement's one subject: the list of parts.
pub const SUBJECT: &str = "parts";

/// What an entity says it did for one case: one generation, one snapshot per database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// The entity that says it.
    pub entity: EntityId,
    /// The case.
    pub case: CaseId,
    /// The instruction that was carried out.
    pub instruction: InstructionId,
    /// The right exercised.
    pub right: Right,
    /// Which walk of the instruction this is: 1, 2, 3 … The parts all come from this one.
    pub generation: u32,
    /// Version of the group file in force at the agent.
    pub group_version: u64,
    /// Digest of that group file.
    pub group_sha256: Sha256Hex,
    /// When the walk began.
    pub started_at: Timestamp,
    /// When it ended and this was signed. The signing key must be valid at this instant.
    pub finished_at: Timestamp,
    /// Kinds of identifiers that were searched for. Never their values.
    pub identifier_types: Vec<IdentifierType>,
    /// One answer per (controller, dataset).
    pub answers: Vec<Answer>,
    /// The worst of the answers.
    pub disposition: Disposition,
    /// What was searched.
    pub searched: Vec<Searched>,
    /// What is declared and was not searched. With anything personal here, `NO_DATA` and `FULFILLED` cannot be said.
    pub not_searched: Vec<NotSearched>,
    /// What was hidden because it is about others, counted by field and reason, in the order of [`Redaction`]. Where data of
    /// the person may be hidden with it, `NO_DATA` and `FULFILLED` cannot be said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redactions: Vec<Redaction>,
    /// The parts.
    pub parts: PartsSummary,
    /// Digest of the tables that the parts belong to, see [`crate::table::digest`].
    pub tables_sha256: Sha256Hex,
    /// Digest of the previews, see [`crate::preview::digest`]; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previews_sha256: Option<Sha256Hex>,
    /// Digest of what is recorded about the processing, see [`crate::information::digest`]; absent when nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub information_sha256: Option<Sha256Hex>,
    /// Name and version of the software that did it.
    pub software: String,
}

/// What is answered for one controller and dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The controller of the data: the entity itself, or the one it processes for.
    pub controller: EntityId,
    /// The dataset.
    pub dataset: FidesKey,
    /// How it stands. Only what an entity may say.
    pub disposition: Disposition,
    /// Why, for people. Needed for `REFUSED` and `WITHHELD`, and for `PARTLY_FULFILLED` unless what is missing is
    /// named in `not_searched`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Rows handed over in parts.
    pub rows: u64,
    /// The instant whose state the rows show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub snapshot_at: Option<Timestamp>,
}

/// A collection that was searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Searched {
    /// The dataset.
    pub dataset: FidesKey,
    /// The collection.
    pub collection: String,
    /// Rows of the person found there.
    pub rows: u64,
}

/// A declared system or collection that was not searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotSearched {
    /// The dataset.
    pub dataset: FidesKey,
    /// The collection; absent for the whole dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// Why.
    pub reason: NotSearchedReason,
    /// Why, for people. No personal data.
    pub detail: String,
}

/// Why something declared was not searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NotSearchedReason {
    /// No identifier of a type that leads there was given.
    NoIdentifierOfType,
    /// The agent has no connection configured to the system.
    NotConnected,
    /// The system did not answer.
    Unavailable,
    /// Part of it could not be read.
    NotReadable,
    /// The snapshot would have been held longer than the system's owner allows.
    SnapshotTooLong,
    /// The manifest says to leave it out.
    SkippedByManifest,
    /// Rows of a store that several entities share do not say whose they are, so none of them hands these over.
    ControllerUnknown,
    /// A person at the entity has to search it, and could not, or has not in time.
    NotAnswered,
    /// The manifest declares no personal data there. The only reason that does not stand in the way of `NO_DATA`.
    NotPersonal,
}

impl NotSearchedReason {
    /// Whether personal data may lie there unseen.
    pub fn hides_personal_data(self) -> bool {
        self != Self::NotPersonal
    }
}

/// The parts in sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartsSummary {
    /// How many.
    pub count: u32,
    /// Bytes of plain content.
    pub bytes: u64,
    /// Bytes as carried.
    pub encoded_bytes: u64,
    /// Rows.
    pub rows: u64,
    /// The list's digest, see [`crate::part::PartListDigest`].
    pub sha256: Sha256Hex,
}

/// Why an attestation is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// Not an envelope, of another type, or not signed by one of the entity's keys.
    #[error("attestation: {0}; it must be signed by a key that the group file lists for the entity")]
    Envelope(#[from] EnvelopeError),
    /// Signed by a key that did not count.
    #[error("attestation: {invalid} at {at}; renew the entity's attestation key in the group file")]
    Key {
        /// Why it did not count.
        invalid: KeyInvalid,
        /// When.
        at: Timestamp,
    },
    /// Signed, but not a statement of this kind.
    #[error("attestation: the signed content cannot be read: {0}")]
    Content(String),
    /// About something else than it is used for.
    #[error("attestation: it is about another {0}")]
    Other(&'static str),
    /// It contradicts itself.
    #[error("attestation: {0}")]
    Contradiction(#[from] Contradiction),
}

impl Attestation {
    /// Signs the attestation. Call [`Attestation::check`] first: whoever opens it does.
    pub fn sign(&self, key: &SigningKey) -> Envelope {
        let statement = Statement::new(SUBJECT, self.parts.sha256, PREDICATE_TYPE, self);
        Envelope::sign(payload_type::IN_TOTO, &statement.to_json(), key)
    }

    /// Opens an envelope (JSON) with the keys of the entity that is to have signed it.
    ///
    /// One of them must have signed, been valid at `finished_at`, and not be revoked at `at`. The attestation is
    /// checked for contradictions. Whether it is about the right entity, case and instruction is the caller's to check.
    pub fn open(envelope: &[u8], keys: &[ValidKey], at: Timestamp) -> Result<Self, AttestationError> {
        Self::open_signed(envelope, keys, at).map(|(attestation, _)| attestation)
    }

    /// As [`Attestation::open`], with the key that signed.
    pub(crate) fn open_signed<'k>(
        envelope: &[u8],
        keys: &'k [ValidKey],
        at: Timestamp,
    ) -> Result<(Self, &'k ValidKey), AttestationError> {
        let envelope = Envelope::from_json(envelope)?;
        let mut refused = AttestationError::Envelope(EnvelopeError::Signatures { valid: 0, needed: 1 });
        for key in keys {
            let payload = match envelope.verify(payload_type::IN_TOTO, &[key.public_key], 1) {
                Ok(payload) => payload,
                Err(EnvelopeError::Signatures { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let statement: Statement<Self> = Statement::from_json(&payload).map_err(AttestationError::Content)?;
            let attestation = statement.predicate_of(SUBJECT, PREDICATE_TYPE).map_err(AttestationError::Content)?;
            let subject = statement.digest();
            // Revocation counts from its own instant on, expiry only for signatures: an old answer stays an answer.
            if let Err(invalid) = key.check(attestation.finished_at) {
                refused = AttestationError::Key { invalid, at: attestation.finished_at };
                continue;
            }
            if key.revoked_at.is_some_and(|revoked| at >= revoked) {
                refused = AttestationError::Key { invalid: KeyInvalid::Revoked, at };
                continue;
            }
            attestation.check()?;
            if subject != Some(attestation.parts.sha256) {
                return Err(Contradiction::Subject.into());
            }
            return Ok((attestation.clone(), key));
        }
        Err(refused)
    }
}

#[cfg(test)]
mod tests;
