//! The link of an addendum to the archive before it: the same case, the digest that was signed, and no answer of an entity
//! replaced by an older one.

use tributary_model::group::signed::Pins;

use super::findings::Findings;
use super::{Inspected, inspect};
use crate::opened::ReadSeek;

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
            let Some(before) = inspect(before, pins, &mut own) else {
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
            check_answers(archive, &before, findings);
        }
    }
}

/// An answer that the addendum says an earlier archive carried first is the one that stands there.
fn check_answers(archive: &Inspected, before: &Inspected, findings: &mut Findings) {
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
        if repeated && (before.attestations[number] != *attestation || earlier.archive != entry.archive) {
            findings.error(PLACE, format!("entity `{}` answered otherwise there than is repeated here", entry.entity));
        }
        let older = entry.attested_at.zip(earlier.attested_at).is_some_and(|(now, then)| now < then);
        // What is final stays final; an open answer may give way to what the gateway sees now.
        let lost = earlier.disposition.is_final() && entry.attestation.is_none();
        if older || lost {
            findings.error(PLACE, format!("entity `{}` answered later there than here", entry.entity));
        }
    }
}
