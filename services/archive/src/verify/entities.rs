//! The roster: every entity of `trust.json` stands in `completeness.json`, and its line follows from what it signed, from
//! what was decided, and from the parts that are there.

use tributary_model::disposition::{Disposition, Source};
use tributary_model::group::PublicEntity;
use tributary_model::id::EntityId;
use tributary_model::key::PublicKey;
use tributary_model::scope::Outcome;

use super::Inspection;
use super::derived::Derived;
use super::findings::Findings;
use super::marks::Marked;
use crate::attestation::{Attestation, check_context};
use crate::completeness::{EntityEntry, GroupRef, Said, attestation_path, chain_is_whole, predecessor, roster_digest};
use crate::datapackage::DataPackage;
use crate::digest::Sha256Hex;
use crate::layout::{self, COMPLETENESS};
use crate::opened::{MAX_JSON, MAX_LISTING};
use crate::part::{Encoding, Part, paths_collide};
use crate::preview;
use crate::show::Summary;
use crate::table::Table;

/// What is remembered of an attestation for the check against another archive.
pub(super) struct Signed {
    /// Digest of its envelope.
    pub(super) digest: Sha256Hex,
    /// The key that signed it.
    pub(super) key: PublicKey,
}

/// Checks every entity; returns what is to be remembered of the attestations, in the order of the roster.
pub(super) fn check(
    inspection: &mut Inspection<'_>,
    derived: &mut Derived,
    summary: &mut Summary,
    findings: &mut Findings,
) -> Vec<Option<Signed>> {
    check_roster(inspection, findings);
    let entries = std::mem::take(&mut inspection.completeness.entities);
    let mut attestations = Vec::with_capacity(entries.len());
    for entry in &entries {
        let Some(public) = inspection.trust.entity(&entry.entity).cloned() else {
            attestations.push(None);
            continue;
        };
        let (attestation, signed) = attested(inspection, entry, &public, findings).unzip();
        check_entry(entry, &public, attestation.as_ref(), findings);
        derived.tell(entry, attestation.as_ref(), findings);
        if let Some(attestation) = attestation.filter(|attestation| attestation.parts.count > 0) {
            check_parts(inspection, entry, &public, &attestation, derived, summary, findings);
        }
        attestations.push(signed);
    }
    inspection.completeness.entities = entries;
    attestations
}

fn check_roster(inspection: &Inspection<'_>, findings: &mut Findings) {
    let (completeness, trust) = (&inspection.completeness, &inspection.trust);
    let mut expected: Vec<&EntityId> = trust.entities.iter().map(|entity| &entity.id).collect();
    expected.sort();
    if !completeness.entities.iter().map(|entry| &entry.entity).eq(expected) {
        findings.error(COMPLETENESS, "its entities are not exactly those of trust.json, in their order");
    }
    if completeness.group != GroupRef::of(trust) {
        findings.error(COMPLETENESS, "it names another group file than trust.json belongs to");
    }
    let decisions: Vec<_> = completeness.entities.iter().map(|entry| entry.decision.clone()).collect();
    if completeness.roster_sha256 != roster_digest(completeness.case, trust, &decisions) {
        findings.error(COMPLETENESS, "the roster's digest does not fit its entities and decisions");
    }
    if completeness.complete != completeness.entities.iter().all(|entry| entry.complete) {
        findings.error(COMPLETENESS, "`complete` does not follow from the entities");
    }
    let follows = chain_is_whole(&completeness.chain, completeness.sequence);
    if !follows || completeness.predecessor != predecessor(&completeness.chain) {
        findings.error(COMPLETENESS, "its sequence does not follow its predecessor's, or its chain has a gap");
    }
}

/// Opens the attestation that the entry calls for.
fn attested(
    inspection: &mut Inspection<'_>,
    entry: &EntityEntry,
    public: &PublicEntity,
    findings: &mut Findings,
) -> Option<(Attestation, Signed)> {
    if entry.said_by != Source::Entity {
        return None;
    }
    let path = attestation_path(&entry.entity);
    let envelope = inspection.read(&path, MAX_JSON, findings)?;
    let completeness = &inspection.completeness;
    let fresh = entry.archive.is_none_or(|archive| archive == completeness.sequence);
    let opened = check_context(
        &envelope,
        public,
        &inspection.trust,
        completeness.case,
        completeness.right,
        completeness.assembled_at,
        fresh,
    );
    match opened {
        Ok((attestation, key)) => Some((attestation, Signed { digest: Sha256Hex::of(&envelope), key })),
        Err(error) => {
            findings.error(&path, error);
            None
        }
    }
}

/// The entry must be the one that follows from the attestation, or from what the gateway saw and decided.
fn check_entry(entry: &EntityEntry, public: &PublicEntity, attestation: Option<&Attestation>, findings: &mut Findings) {
    let mut wrong = |what: &str| findings.error(COMPLETENESS, format!("entity `{}`: {what}", entry.entity));
    let said = match (entry.said_by, attestation) {
        (Source::Entity, Some(attestation)) => Said::Entity { attestation, archive: entry.archive },
        // Reported already: the attestation is missing or does not count.
        (Source::Entity, None) => return,
        (Source::Observed | Source::Decided, _) => {
            Said::Gateway { disposition: entry.disposition, observed: entry.observed.as_ref() }
        }
    };
    if *entry != EntityEntry::compose(public, &entry.decision, &said) {
        wrong("its line does not follow from what it signed, or from trust.json and the decision");
    }
    if entry.decision.entity != entry.entity {
        wrong("its decision is about another entity");
    }
    if (entry.decision.outcome == Outcome::DoNotAsk) != (entry.disposition == Disposition::NotAsked) {
        wrong("an entity is NOT_ASKED exactly when the decision says so");
    }
}

/// The entity's parts, when this archive carries them, are exactly the attested ones.
fn check_parts(
    inspection: &mut Inspection<'_>,
    entry: &EntityEntry,
    public: &PublicEntity,
    attestation: &Attestation,
    derived: &mut Derived,
    summary: &mut Summary,
    findings: &mut Findings,
) {
    let sequence = inspection.completeness.sequence;
    match entry.archive {
        Some(archive) if archive == sequence => {}
        Some(archive) if archive >= 1 && archive < sequence => return,
        _ => {
            let what = format!("entity `{}`: it attests parts, and no archive of the case carries them", entry.entity);
            findings.error(COMPLETENESS, what);
            return;
        }
    }
    let path = layout::datapackage(&entry.entity);
    let Some(bytes) = inspection.read(&path, MAX_LISTING, findings) else { return };
    derived.note_media(inspection, &path, "application/json");
    let (package, parts, tables) = match DataPackage::read(&bytes) {
        Ok(read) => read,
        Err(problem) => return findings.error(&path, problem),
    };
    if !package.is_headed(&entry.entity, &public.legal_name, attestation.finished_at) {
        findings.error(&path, "its name, title or date is not the entity's");
    }
    if let Err(error) = attestation.check_parts_given(&parts, &tables) {
        findings.error(&path, error);
    }
    if let Some(part) = paths_collide(&parts) {
        findings.error(&path, format!("part {part} has the path of another, or differs from it in case only"));
    }
    let mut marks = Marked::new(&tables);
    for part in &parts {
        check_part(inspection, &entry.entity, part, &mut marks, derived, findings);
    }
    if !marks.are_those_of(attestation) {
        findings.error(&path, "the marks of what is hidden in the tables' files are not those that were attested");
    }
    check_previews(inspection, entry, attestation, (&parts, &tables), derived, findings);
    summary.describe(&entry.entity, &parts, &tables);
}

/// The part's bytes are there as described.
fn check_part(
    inspection: &mut Inspection<'_>,
    entity: &EntityId,
    part: &Part,
    marked: &mut Marked,
    derived: &mut Derived,
    findings: &mut Findings,
) {
    let path = format!("{}/{}", layout::entity_folder(entity), part.path);
    let Some(number) = inspection.archive.find(&path) else { return findings.error(&path, "missing") };
    // Read once: a list that names one large file many times must not keep the verifier busy.
    if inspection.seen[number].is_some() {
        return findings.error(&path, "it is listed twice");
    }
    derived.note_media(inspection, &path, &part.media_type);
    let stored = &inspection.archive.files()[number];
    let (size, packed) = (stored.size, stored.packed);
    match marked.digest(&mut inspection.archive, number, part) {
        Ok(digests) => {
            inspection.seen[number] = Some(digests.plain);
            if size != part.bytes || digests.crc32 != part.crc32 || digests.plain != part.sha256 {
                findings.error(&path, "its size, checksum or digest is not as described");
            }
            // The entity signed how it carried the part; another program may pack the same content otherwise.
            let as_carried = packed.is_none_or(|packed| {
                packed.deflated == (part.encoding == Encoding::Deflate)
                    && packed.compressed == part.encoded_bytes
                    && digests.encoded == part.encoded_sha256
            });
            inspection.archive.departures.recompressed += u64::from(!as_carried);
        }
        Err(error) => findings.error(&path, error),
    }
}

/// The previews are the attested ones, and there are some exactly when some were attested.
fn check_previews(
    inspection: &mut Inspection<'_>,
    entry: &EntityEntry,
    attestation: &Attestation,
    (parts, tables): (&[Part], &[Table]),
    derived: &mut Derived,
    findings: &mut Findings,
) {
    let Some(attested) = attestation.previews_sha256 else { return };
    let path = layout::previews(&entry.entity);
    let limit = (preview::MAX_ENTITY_BYTES + parts.len()) as u64;
    let Some(bytes) = inspection.read(&path, limit, findings) else { return };
    derived.note_media(inspection, &path, preview::MEDIA_TYPE);
    if !attested.matches(&bytes) {
        return findings.error(&path, "the previews are not the attested ones");
    }
    match preview::read(&bytes, tables, parts) {
        Ok(previews) => derived.overview(&entry.entity, &previews, tables),
        Err(problem) => findings.error(&path, problem),
    }
}
