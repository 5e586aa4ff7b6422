//! The link of an addendum to the archive before it: the same case, the digest that was signed, and no answer of an entity
//! replaced by an older one.

use std::collections::BTreeSet;

use tributary_model::group::signed::Pins;
use tributary_model::id::EntityId;

use super::entities::Signed;
use super::findings::Findings;
use super::{Inspected, inspect};
use crate::completeness::{EarlierArchive, EntityEntry};
use crate::opened::{Opened, ReadSeek};

const PLACE: &str = "the predecessor";

/// Checks `archive` against the archive before it, which is checked itself.
pub(super) fn check(
    archive: &Inspected,
    pins: Option<&Pins>,
    before: Option<&mut dyn ReadSeek>,
    findings: &mut Findings,
) {
    match (&archive.completeness.predecessor, before) {
        (None, None) => {}
        (None, Some(_)) => findings.error(PLACE, "the archive is its case's first and has no predecessor"),
        (Some(link), None) => {
            let what =
                format!("archive {} of the case was not given, so the link to it was not checked", link.sequence);
            findings.note(PLACE, what);
        }
        (Some(link), Some(before)) => {
            let mut own = Findings::default();
            let Some(before) = inspect(Opened::new(before), pins, &mut own) else {
                return findings.error(PLACE, "it is not an archive that verifies");
            };
            if own.any_error() {
                findings.error(PLACE, "it does not verify; check it by itself for what is wrong");
            }
            if before.completeness.case != archive.completeness.case
                || before.completeness.sequence != link.sequence
                || before.tagmanifest != Some(link.tagmanifest_sha256)
            {
                findings.error(PLACE, "it is not the archive that this one names and signs as its predecessor");
            }
            if own.is_repacked() {
                findings.note(PLACE, "another program packed it anew; what is in it stands");
            }
            check_chain(archive, &before, findings);
            check_answers(archive, &before, findings);
        }
    }
}

/// What the addendum says of the archives before it is what they say of themselves.
fn check_chain(archive: &Inspected, before: &Inspected, findings: &mut Findings) {
    let earlier = &before.completeness;
    let last = before.tagmanifest.map(|tagmanifest_sha256| EarlierArchive {
        sequence: earlier.sequence,
        tagmanifest_sha256,
        assembled_at: earlier.assembled_at,
        complete: earlier.complete,
    });
    if !earlier.chain.iter().chain(&last).eq(&archive.completeness.chain) {
        findings.error(PLACE, "what this archive says of the earlier ones is not what it says itself");
    }
}

/// An answer that the addendum says an earlier archive carried first is the one that stands there, and nobody has
/// vanished: an entity that has left the group stands in the roster all the same, or a gap would close by itself (GRP-6).
fn check_answers(archive: &Inspected, before: &Inspected, findings: &mut Findings) {
    let named: BTreeSet<&EntityId> = archive.completeness.entities.iter().map(|entry| &entry.entity).collect();
    for entry in before.completeness.entities.iter().filter(|entry| !named.contains(&entry.entity)) {
        findings.error(PLACE, format!("entity `{}` stands in its roster and not in this one", entry.entity));
    }
    for (entry, attestation) in archive.completeness.entities.iter().zip(&archive.attestations) {
        let earlier = before.completeness.entities.iter().position(|other| other.entity == entry.entity);
        let repeated = entry.archive.is_some_and(|carried| carried < archive.completeness.sequence);
        let Some(number) = earlier else {
            if repeated {
                findings.error(PLACE, format!("entity `{}` is not in its roster", entry.entity));
            }
            continue;
        };
        let earlier = &before.completeness.entities[number];
        let signed = before.attestations[number].as_ref();
        let same = signed.map(|signed| signed.digest) == attestation.as_ref().map(|signed| signed.digest);
        if repeated && (!same || earlier.archive != entry.archive) {
            findings.error(PLACE, format!("entity `{}` answered otherwise there than is repeated here", entry.entity));
        }
        let older = entry.attested_at.zip(earlier.attested_at).is_some_and(|(now, then)| now < then);
        // What is final stays final; an open answer may give way to what the gateway sees now.
        let lost = earlier.disposition.is_final() && entry.attestation.is_none();
        if lost && signed.is_some_and(|signed| is_void(archive, entry, signed)) {
            let what =
                format!("what entity `{}` answered there does not count any more: its key was revoked", entry.entity);
            findings.note(PLACE, what);
        } else if older || lost {
            findings.error(PLACE, format!("entity `{}` answered later there than here", entry.entity));
        }
    }
}

/// Whether the key of an earlier answer had lost its validity when `archive` was assembled, as the group has signed.
fn is_void(archive: &Inspected, entry: &EntityEntry, signed: &Signed) -> bool {
    let keys = archive.trust.entity(&entry.entity).map(|entity| entity.attestation_keys.as_slice()).unwrap_or_default();
    let key = keys.iter().find(|key| key.public_key == signed.key);
    key.is_none_or(|key| key.revoked_at.is_some_and(|revoked| archive.completeness.assembled_at >= revoked))
}
