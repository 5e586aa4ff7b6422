//! Says what was done, signed with the entity's own key: one attestation per generation that came to its end.
//!
//! The walk (`collect`) knows what was found and not searched; this adds who, for which case and when.

use jiff::Timestamp;
use tributary_archive::attestation::{Attestation, Contradiction};
use tributary_archive::digest::Sha256Hex;
use tributary_model::disposition::Disposition;
use tributary_model::id::{CaseId, EntityId, InstructionId};
use tributary_model::key::{KeyInvalid, SigningKey, ValidKey};
use tributary_model::right::Right;

use crate::SOFTWARE;
use crate::collect::Collected;

/// Signs in the entity's name.
#[derive(Debug)]
pub(crate) struct Signer {
    /// The entity.
    pub(crate) entity: EntityId,
    /// Its key, born here.
    pub(crate) key: SigningKey,
    /// The same key as the group file publishes it.
    pub(crate) published: ValidKey,
    /// Version of the group file in force.
    pub(crate) group_version: u64,
    /// Its digest.
    pub(crate) group_sha256: Sha256Hex,
}

/// Which walk it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About {
    /// The case.
    pub(crate) case: CaseId,
    /// The instruction.
    pub(crate) instruction: InstructionId,
    /// The right exercised.
    pub(crate) right: Right,
    /// The generation.
    pub(crate) generation: u32,
    /// When it began.
    pub(crate) started_at: Timestamp,
    /// When it ended.
    pub(crate) finished_at: Timestamp,
}

/// Why nothing is signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignError {
    /// The key does not count now; nobody would accept the attestation.
    #[error("the entity's attestation key cannot sign: {0}; renew it in the group file and restart the agent")]
    Key(#[from] KeyInvalid),
    /// What was found contradicts itself; a defect.
    #[error("what was found contradicts itself: {0}")]
    Contradiction(#[from] Contradiction),
}

impl Signer {
    /// Whether what is signed at `now` counts.
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), SignError> {
        Ok(self.published.check(now)?)
    }

    /// Signs what was found. Returns the envelope, JSON.
    pub(crate) fn sign(&self, collected: Collected, about: About) -> Result<Vec<u8>, SignError> {
        // A clock that was set back must not make an end lie before its beginning.
        let finished_at = about.finished_at.max(about.started_at);
        self.check(finished_at)?;
        let worst = Disposition::worst(collected.answers.iter().map(|answer| answer.disposition));
        let attestation = Attestation {
            entity: self.entity.clone(),
            case: about.case,
            instruction: about.instruction,
            right: about.right,
            generation: about.generation,
            group_version: self.group_version,
            group_sha256: self.group_sha256,
            started_at: about.started_at,
            finished_at,
            identifier_types: collected.identifier_types,
            answers: collected.answers,
            disposition: worst.ok_or(Contradiction::Answers)?,
            searched: collected.searched,
            not_searched: collected.not_searched,
            redactions: collected.redactions,
            parts: collected.parts,
            tables_sha256: collected.tables_sha256,
            previews_sha256: collected.previews_sha256,
            information_sha256: collected.information_sha256,
            software: SOFTWARE.to_owned(),
        };
        attestation.check()?;
        Ok(attestation.sign(&self.key).to_json())
    }
}
