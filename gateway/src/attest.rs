//! Whether an entity's attestation ends its task: signed by its own key, about this order, and about exactly what is
//! staged. Neighbours: `stage`, which received the parts, and `entity`, which brought the envelope.

use jiff::Timestamp;
use tributary_archive::attestation::{Attestation, AttestationError, PartsMismatch};
use tributary_archive::information::{self, Information};
use tributary_archive::part::Part;
use tributary_archive::preview::{self, InvalidPreviews, Preview};
use tributary_archive::table::Table;
use tributary_model::group::Entity;
use tributary_model::group::signed::InForce;
use tributary_model::id::{CaseId, InstructionId};
use tributary_model::key::KeyInvalid;
use tributary_model::mandate::CLOCK_SKEW;
use tributary_model::right::Right;

/// What an attestation must be about.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The case.
    pub case: CaseId,
    /// The right exercised.
    pub right: Right,
    /// The instruction of the export.
    pub instruction: InstructionId,
    /// The generation that is staged.
    pub generation: u32,
    /// Every staged part of it, in order.
    pub parts: &'a [Part],
    /// The tables it announced.
    pub tables: &'a [Table],
    /// Every preview that came.
    pub previews: &'a [Preview],
    /// The record of processing, if one came.
    pub information: Option<&'a Information>,
    /// The group file in force here.
    pub group: &'a InForce,
}

/// Why an attestation does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationFault {
    /// Not signed by a key that counts, not readable, or it contradicts itself.
    #[error(transparent)]
    Envelope(#[from] AttestationError),
    /// Its key counted when it was signed, and does not now.
    #[error("attestation: {0} meanwhile; renew the entity's attestation key in the group file")]
    Key(KeyInvalid),
    /// About something else.
    #[error("attestation: it is about another {0} than the one asked for")]
    Other(&'static str),
    /// Signed in the future.
    #[error("attestation: it was signed in the future; check the clock of the entity's agent")]
    Early,
    /// Other parts than those received.
    #[error("attestation: {0}")]
    Parts(#[from] PartsMismatch),
    /// Previews that no archive takes.
    #[error("attestation: the previews do not fit what they show: {0}")]
    Unfit(InvalidPreviews),
    /// Other previews than those received, or none where some came.
    #[error("attestation: the previews are not the attested ones")]
    Previews,
    /// Another record of processing than the one received, or none where one came.
    #[error("attestation: the record of processing is not the attested one")]
    Information,
}

/// Opens the attestation that `entity` gave, and checks that it is what was asked for and covers what is staged.
///
/// An agent may have another version of the group file in force, since versions reach gateway and agents at their own
/// pace; of the same version it must be the same file.
///
/// # Errors
/// Why it does not count. Nothing here quotes what the agent wrote.
pub fn verify_attestation(
    envelope: &[u8],
    entity: &Entity,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Attestation, AttestationFault> {
    let attestation = open(envelope, entity, now)?;
    let other = |what| Err(AttestationFault::Other(what));
    if attestation.entity != entity.id {
        return other("entity");
    }
    if attestation.case != expected.case {
        return other("case");
    }
    if attestation.right != expected.right {
        return other("right");
    }
    if attestation.instruction != expected.instruction {
        return other("instruction");
    }
    if attestation.generation != expected.generation {
        return other("generation");
    }
    let same_version = attestation.group_version == expected.group.version;
    if same_version && attestation.group_sha256.to_string() != expected.group.digest {
        return other("group file");
    }
    if attestation.finished_at > now.checked_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX) {
        return Err(AttestationFault::Early);
    }
    attestation.check_parts_given(expected.parts, expected.tables)?;
    preview::check(expected.previews, expected.tables, expected.parts).map_err(AttestationFault::Unfit)?;
    let previews = (!expected.previews.is_empty()).then(|| preview::digest(expected.previews));
    if attestation.previews_sha256 != previews {
        return Err(AttestationFault::Previews);
    }
    if attestation.information_sha256 != expected.information.map(information::digest) {
        return Err(AttestationFault::Information);
    }
    Ok(attestation)
}

/// Only keys that count now are tried: an archive that is closed next would refuse the others.
fn open(envelope: &[u8], entity: &Entity, now: Timestamp) -> Result<Attestation, AttestationFault> {
    let keys = &entity.attestation_keys;
    let valid: Vec<_> = keys.iter().filter(|key| key.check(now).is_ok()).cloned().collect();
    match Attestation::open(envelope, &valid, now) {
        Ok(attestation) => Ok(attestation),
        Err(error) => match keys.iter().find_map(|key| outlived(envelope, key, now)) {
            Some(invalid) => Err(AttestationFault::Key(invalid)),
            None => Err(error.into()),
        },
    }
}

/// Why `key`, which did sign the envelope while it counted, no longer does.
fn outlived(envelope: &[u8], key: &tributary_model::key::ValidKey, now: Timestamp) -> Option<KeyInvalid> {
    let invalid = key.check(now).err()?;
    Attestation::open(envelope, std::slice::from_ref(key), now).ok().map(|_| invalid)
}

#[cfg(test)]
mod tests;
