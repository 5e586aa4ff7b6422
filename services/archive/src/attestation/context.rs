//! Whether an attestation belongs into an archive: the entity, case and right it is about, the keys that count there,
//! and the parts and tables that are to be the attested ones.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tributary_model::group::{PublicEntity, PublicGroup};
use tributary_model::id::CaseId;
use tributary_model::key::PublicKey;
use tributary_model::mandate::CLOCK_SKEW;
use tributary_model::right::Right;

use super::{Attestation, AttestationError};
use crate::part::{InvalidPart, Part, PartKind, PartListDigest};
use crate::redaction::{self, InvalidRedactions};
use crate::table::{self, Table};

/// How parts differ from the attested ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartsMismatch {
    /// A descriptor that contradicts itself, or a gap in the list.
    #[error(transparent)]
    Part(#[from] InvalidPart),
    /// Other parts than those attested, or the same in another order.
    #[error("the parts are not the attested ones: their {0} differs")]
    Parts(&'static str),
    /// Other descriptions of tables than those attested.
    #[error("the descriptions of the parts' tables are not the attested ones")]
    Tables,
    /// Counts of what was hidden that do not fit the tables.
    #[error("the counts of what was hidden do not fit the tables: {0}")]
    Redactions(#[from] InvalidRedactions),
}

impl Attestation {
    /// Checks that `parts` are exactly the attested ones, and `tables` describe them as attested. Tables without
    /// table parts are left out of account.
    pub fn check_parts_given(&self, parts: &[Part], tables: &[Table]) -> Result<(), PartsMismatch> {
        let mut sums = (0_u64, 0_u64, 0_u64);
        let mut list = PartListDigest::new();
        for (expected, part) in (1..).zip(parts) {
            part.check(expected)?;
            list.push(part);
            let add = |a: u64, b: u64| a.checked_add(b).ok_or(PartsMismatch::Parts("size"));
            sums = (add(sums.0, part.bytes)?, add(sums.1, part.encoded_bytes)?, add(sums.2, part.rows)?);
        }
        let said = &self.parts;
        if u64::from(said.count) != parts.len() as u64 {
            return Err(PartsMismatch::Parts("number"));
        }
        if sums != (said.bytes, said.encoded_bytes, said.rows) {
            return Err(PartsMismatch::Parts("sum of sizes or rows"));
        }
        if list.finish() != said.sha256 {
            return Err(PartsMismatch::Parts("list digest"));
        }
        let described: BTreeMap<_, _> = tables.iter().map(|t| ((&t.dataset, t.collection.as_str()), t)).collect();
        let used: BTreeMap<_, _> = parts
            .iter()
            .filter(|part| part.kind == PartKind::Table)
            .filter_map(|part| described.get_key_value(&(&part.dataset, part.collection.as_str())))
            .collect();
        let digest = table::digest(used.into_values().copied());
        if digest != self.tables_sha256 {
            return Err(PartsMismatch::Tables);
        }
        Ok(redaction::check(&self.redactions, tables, parts)?)
    }
}

/// Opens the attestation that `entity` contributes to an archive assembled at `assembled_at`; returns it with the key
/// that signed it.
///
/// `fresh`: it speaks for this archive. Its key must then still have been valid at that time; one that an addendum
/// repeats from an earlier archive may have expired since, but not been revoked.
pub(crate) fn check_context(
    envelope: &[u8],
    entity: &PublicEntity,
    group: &PublicGroup,
    case: CaseId,
    right: Right,
    assembled_at: Timestamp,
    fresh: bool,
) -> Result<(Attestation, PublicKey), AttestationError> {
    let (attestation, key) = Attestation::open_signed(envelope, &entity.attestation_keys, assembled_at)?;
    let other = |what| Err(AttestationError::Other(what));
    if attestation.entity != entity.id {
        return other("entity");
    }
    if attestation.case != case {
        return other("case");
    }
    if attestation.right != right {
        return other("right");
    }
    let same_version = attestation.group_version == group.version;
    if same_version && attestation.group_sha256.to_string() != group.group_file_sha256 {
        return other("group file");
    }
    if attestation.finished_at > assembled_at.checked_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX) {
        return other("time: it was signed after the archive was assembled");
    }
    match key.check(assembled_at) {
        Err(invalid) if fresh => Err(AttestationError::Key { invalid, at: assembled_at }),
        _ => Ok((attestation, key.public_key)),
    }
}
