//! Archives: built from what entities signed, the same whoever builds them, and unchanged once they are written.

use std::collections::BTreeMap;

use tributary_archive::bag::Bag;
use tributary_archive::digest::Sha256Hex;
use tributary_model::disposition::Source;
use tributary_model::id::{CaseId, EntityId};

use super::Violation;
use super::agent::Agent;
use super::look::Seen;
use super::oracle::Stats;
use crate::case::Archive;
use crate::store::drafts::DraftEntity;
use crate::store::{ArchiveFacts, Store, StoreError};

#[derive(Default)]
pub(super) struct Archives {
    written: BTreeMap<(CaseId, u32), Kept>,
    /// What the archive of a draft is, from the first time it was built.
    built: BTreeMap<(CaseId, u32), (Sha256Hex, u64)>,
}

/// Everything that makes an archive's bytes.
#[derive(Debug, Clone, PartialEq)]
struct Kept {
    archive: Archive,
    object: String,
    pieces: Sha256Hex,
    objects: Vec<(EntityId, u32, String)>,
}

impl Archives {
    /// What an archive is to be built from is what the entities signed, and nothing else.
    pub(super) fn gathered(&self, facts: &ArchiveFacts, agents: &[Agent]) -> Result<(), Violation> {
        for entity in &facts.entities {
            let standing = &entity.standing;
            let name = &standing.entity;
            let says = standing.disposition.source() == Source::Entity;
            let (Some(instruction), Some(envelope)) = (standing.instruction, &entity.attestation) else {
                if says {
                    return Err(Violation(format!("{name} is made to say {} without having", standing.disposition)));
                }
                continue;
            };
            let agent = agents.iter().find(|agent| agent.entity == *name);
            let export = agent.and_then(|agent| agent.exports.get(&instruction));
            let signed = export.and_then(|export| export.signed.as_ref());
            if signed != Some(&(envelope.clone(), standing.disposition)) {
                return Err(Violation(format!("an archive has {name} say something else than it signed")));
            }
            let (Some(agent), true) = (agent, standing.archive == Some(facts.draft.sequence)) else { continue };
            if entity.parts != agent.parts(instruction) {
                return Err(Violation(format!("an archive has other parts of {name} than it handed over")));
            }
        }
        Ok(())
    }

    /// The same draft gives the same archive, and only a whole one says that it is.
    pub(super) fn built(
        &mut self,
        facts: &ArchiveFacts,
        standings: &[DraftEntity],
        bag: &Bag,
        voided: &[(EntityId, String)],
    ) -> Result<(), Violation> {
        let draft = (facts.case.id, facts.draft.sequence);
        let made = (bag.tagmanifest_sha256, bag.len);
        if *self.built.entry(draft).or_insert(made) != made {
            return Err(Violation("one draft gave two archives".into()));
        }
        let asked = facts.case.decisions.iter().all(|decision| standings.iter().any(|s| s.entity == decision.entity));
        let whole = asked && voided.is_empty() && standings.iter().all(|standing| standing.disposition.is_complete());
        if bag.complete != whole {
            return Err(Violation(format!("an archive says complete: {}, and is not so", bag.complete)));
        }
        Ok(())
    }

    /// Reads the archives of a case: each is as it was when it was written, or gone for good.
    pub(super) async fn check(
        &mut self,
        store: &Store,
        case: CaseId,
        seen: &Seen,
        stats: &mut Stats,
    ) -> Result<(), Violation> {
        let keyed = seen.cases[&case].keyed;
        for ((_, sequence), row) in seen.archives.range((case, 0)..=(case, u32::MAX)) {
            if row.object.is_none() {
                continue;
            }
            let read = store.archive(case, *sequence).await;
            let stored = match (read, row.shredded_at, keyed) {
                (Err(StoreError::Shredded(_)), Some(_), _) | (Err(StoreError::NoArchive), _, false) => continue,
                (Ok(stored), None, true) => stored,
                (Err(error), ..) => return Err(Violation(format!("archive {sequence} cannot be read: {error}"))),
                (Ok(_), ..) => return Err(Violation(format!("archive {sequence} can be read after it was shredded"))),
            };
            let mut now = Kept {
                pieces: Sha256Hex::of(&stored.pieces),
                archive: stored.archive,
                object: stored.object,
                objects: stored.objects,
            };
            now.archive.delivered_at = None;
            let first = self.written.entry((case, *sequence)).or_insert_with(|| {
                stats.archives += 1;
                now.clone()
            });
            if *first != now {
                let first = first.clone();
                return Err(Violation(format!("archive {sequence} is {now:?}, and was written as {first:?}")));
            }
        }
        let gone =
            self.written.keys().find(|(of, sequence)| *of == case && !seen.archives.contains_key(&(case, *sequence)));
        match gone {
            Some((_, sequence)) => Err(Violation(format!("archive {sequence} was written and has left no trace"))),
            None => Ok(()),
        }
    }
}
