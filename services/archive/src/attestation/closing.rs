//! The gateway's own statement, over the archive as a whole: which case, which roster, which predecessor.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tributary_model::dsse::{Envelope, EnvelopeError, payload_type};
use tributary_model::id::CaseId;
use tributary_model::key::{KeyInvalid, SigningKey, ValidKey};

use super::Statement;
use crate::completeness::{Completeness, Predecessor};
use crate::digest::Sha256Hex;

/// The predicate type of the gateway's statement.
pub const CLOSING_PREDICATE_TYPE: &str = "https://tributary.dev/attestation/archive/v1";
/// The file it is about.
const SUBJECT: &str = "tagmanifest-sha256.txt";

/// What the gateway signs when it closes an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Closing {
    case: CaseId,
    sequence: u32,
    assembled_at: Timestamp,
    roster_sha256: Sha256Hex,
    group_version: u64,
    group_sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    predecessor: Option<Predecessor>,
}

/// Why the gateway's statement is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClosingError {
    /// Not an envelope or not signed by a gateway key of `trust.json`.
    #[error("not signed by a gateway key of trust.json: {0}")]
    Envelope(#[from] EnvelopeError),
    /// Signed by a key that did not count.
    #[error("{0} when the archive was assembled")]
    Key(KeyInvalid),
    /// It says something else than the archive.
    #[error("it is not the statement that this archive calls for")]
    Other,
}

impl Closing {
    /// The statement that an archive with this `completeness.json` calls for.
    pub(crate) fn of(completeness: &Completeness) -> Self {
        Self {
            case: completeness.case,
            sequence: completeness.sequence,
            assembled_at: completeness.assembled_at,
            roster_sha256: completeness.roster_sha256,
            group_version: completeness.group.version,
            group_sha256: completeness.group.sha256.clone(),
            predecessor: completeness.predecessor.clone(),
        }
    }

    fn statement(&self, tagmanifest: Sha256Hex) -> Vec<u8> {
        Statement::new(SUBJECT, tagmanifest, CLOSING_PREDICATE_TYPE, self).to_json()
    }

    /// Signs it over the tag manifest.
    pub(crate) fn sign(&self, tagmanifest: Sha256Hex, key: &SigningKey) -> Envelope {
        Envelope::sign(payload_type::IN_TOTO, &self.statement(tagmanifest), key)
    }

    /// Checks that `file` is this statement, in its one spelling, signed by one of `keys` that counted when the
    /// archive was assembled. Nothing else covers the file, so not a byte of it may be free.
    pub(crate) fn check(&self, file: &[u8], tagmanifest: Sha256Hex, keys: &[ValidKey]) -> Result<(), ClosingError> {
        let envelope = Envelope::from_json(file)?;
        if envelope.to_json() != file || envelope.key_ids().count() != 1 {
            return Err(ClosingError::Other);
        }
        let mut refused = ClosingError::Envelope(EnvelopeError::Signatures { valid: 0, needed: 1 });
        for key in keys {
            match envelope.verify(payload_type::IN_TOTO, &[key.public_key], 1) {
                Ok(payload) if payload != self.statement(tagmanifest) => return Err(ClosingError::Other),
                Ok(_) => match key.check(self.assembled_at) {
                    Ok(()) => return Ok(()),
                    Err(invalid) => refused = ClosingError::Key(invalid),
                },
                Err(EnvelopeError::Signatures { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(refused)
    }
}
