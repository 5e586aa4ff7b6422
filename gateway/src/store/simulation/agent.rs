//! An agent as the gateway sees it: a ledger of instructions, exports that survive or do not, and signed answers.
//!
//! It executes each instruction once per generation and counts what it did; an instruction repeated is answered from
//! the ledger, and one that says something else than before is what no gateway may send.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tributary_archive::attestation::{self, Attestation, PartsSummary};
use tributary_archive::digest::Sha256Hex;
use tributary_archive::information::{self, Information};
use tributary_archive::part::{Encoding, Part, PartKind, PartListDigest};
use tributary_archive::table::{self, Table};
use tributary_model::disposition::Disposition;
use tributary_model::id::{CaseId, EntityId, InstructionId};
use tributary_model::identifier::Identifier;
use tributary_model::key::SigningKey;
use tributary_model::right::Right;

use super::Violation;
use super::schedule::{Answer, Reach};

/// What stands in entities' own words, to be looked for in the database in clear.
pub(super) const SAID: &str = "because-marker";

pub(super) struct Agent {
    pub(super) entity: EntityId,
    pub(super) reach: Reach,
    answers: Vec<Answer>,
    pub(super) exports: BTreeMap<InstructionId, Export>,
}

/// One export of the ledger.
pub(super) struct Export {
    pub(super) case: CaseId,
    identifiers: Vec<Identifier>,
    answer: Answer,
    pub(super) generation: u32,
    /// The signed answer, once it was given, with what it says.
    pub(super) signed: Option<(Vec<u8>, Disposition)>,
    /// Whether the gateway said that it is over.
    pub(super) finished: bool,
    /// Whether it was begun by an attempt that had lost its task: nobody may ever say that it is over.
    pub(super) stray: bool,
}

/// What an agent's calls may come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Unreachable,
    TimedOut,
    Failed,
}

impl Agent {
    pub(super) fn new(entity: EntityId, answers: Vec<Answer>) -> Self {
        Self { entity, reach: Reach::Up, answers, exports: BTreeMap::new() }
    }

    /// Whether a call gets through.
    pub(super) fn reached(&self) -> Result<(), Refusal> {
        match self.reach {
            Reach::Up | Reach::Waits => Ok(()),
            Reach::Down => Err(Refusal::Unreachable),
            Reach::Slow => Err(Refusal::TimedOut),
            Reach::Broken => Err(Refusal::Failed),
        }
    }

    /// Accepts an export or finds it in the ledger; says whether it is over already.
    pub(super) fn start(
        &mut self,
        instruction: InstructionId,
        case: CaseId,
        identifiers: &[Identifier],
        stray: bool,
    ) -> Result<bool, Violation> {
        if let Some(known) = self.exports.get(&instruction) {
            if known.case != case || known.identifiers != identifiers {
                return Err(Violation(format!(
                    "{} was sent an instruction again that says something else",
                    self.entity
                )));
            }
            return Ok(known.finished);
        }
        let answer = self.answers[self.exports.len() % self.answers.len()];
        let identifiers = identifiers.to_vec();
        let export = Export { case, identifiers, answer, generation: 1, signed: None, finished: false, stray };
        self.exports.insert(instruction, export);
        Ok(false)
    }

    pub(super) fn finish(&mut self, instruction: InstructionId) {
        if let Some(export) = self.exports.get_mut(&instruction) {
            export.finished = true;
        }
    }

    /// Dies and comes back: a walk that was under way begins anew.
    pub(super) fn crash(&mut self) {
        for export in self.exports.values_mut().filter(|export| export.signed.is_none() && !export.finished) {
            export.generation += 1;
        }
    }

    /// From now on it answers everything it is asked anew in full.
    pub(super) fn behave(&mut self) {
        self.reach = Reach::Up;
        self.answers = vec![Answer::Parts(1)];
    }

    /// The parts of a walk.
    pub(super) fn parts(&self, instruction: InstructionId) -> Vec<Part> {
        let export = &self.exports[&instruction];
        let count = match export.answer {
            Answer::Parts(count) => count,
            Answer::Partly | Answer::Lie => 1,
            _ => 0,
        };
        (1..=u32::from(count)).map(|index| part(instruction, export.generation, index)).collect()
    }

    pub(super) fn tables(&self, instruction: InstructionId) -> Vec<Table> {
        if self.parts(instruction).is_empty() { Vec::new() } else { vec![table()] }
    }

    /// Signs the answer, or repeats it: the walk is over with it.
    pub(super) fn sign(
        &mut self,
        instruction: InstructionId,
        key: &SigningKey,
        group: (u64, Sha256Hex),
        now: Timestamp,
    ) -> Vec<u8> {
        if let Some((envelope, _)) = &self.exports[&instruction].signed {
            return envelope.clone();
        }
        let said = self.attestation(instruction, group, now);
        let envelope = said.sign(key).to_json();
        if let Some(export) = self.exports.get_mut(&instruction) {
            export.signed = Some((envelope.clone(), said.disposition));
        }
        envelope
    }

    fn attestation(&self, instruction: InstructionId, group: (u64, Sha256Hex), now: Timestamp) -> Attestation {
        let (export, parts) = (&self.exports[&instruction], self.parts(instruction));
        let disposition = match export.answer {
            Answer::Parts(_) | Answer::Lie => Disposition::Fulfilled,
            Answer::NoData => Disposition::NoData,
            Answer::Refused => Disposition::Refused,
            Answer::Partly => Disposition::PartlyFulfilled,
            Answer::NeedsIdentity => Disposition::NeedsIdentity,
            Answer::NeedsDecision => Disposition::NeedsDecision,
        };
        let lies = export.answer == Answer::Lie;
        let signed_parts = if lies { vec![part(instruction, 0, 1)] } else { parts.clone() };
        let rows = parts.len() as u64;
        let sum = |of: fn(&Part) -> u64| parts.iter().map(of).sum();
        Attestation {
            entity: self.entity.clone(),
            case: export.case,
            instruction,
            right: Right::Access,
            generation: export.generation,
            group_version: group.0,
            group_sha256: group.1,
            started_at: now,
            finished_at: now,
            identifier_types: Vec::new(),
            answers: vec![attestation::Answer {
                controller: self.entity.clone(),
                dataset: "crm".parse().unwrap(),
                disposition,
                reason: Some(SAID.to_owned()),
                rows,
                snapshot_at: None,
            }],
            disposition,
            searched: Vec::new(),
            not_searched: Vec::new(),
            redactions: Vec::new(),
            parts: PartsSummary {
                count: parts.len() as u32,
                bytes: sum(|part| part.bytes),
                encoded_bytes: sum(|part| part.encoded_bytes),
                rows,
                sha256: PartListDigest::of(&signed_parts),
            },
            tables_sha256: table::digest(&self.tables(instruction)),
            previews_sha256: None,
            information_sha256: Some(information::digest(&Information::default())),
            software: "simulated".to_owned(),
        }
    }
}

fn table() -> Table {
    Table {
        dataset: "crm".parse().unwrap(),
        collection: "customer".to_owned(),
        title: Some(SAID.to_owned()),
        description: None,
        fields: Vec::new(),
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
        labels: table::Labels::default(),
        dataset_labels: table::Labels::default(),
        marks: Vec::new(),
    }
}

/// A part that is another in every generation of every instruction.
fn part(instruction: InstructionId, generation: u32, index: u32) -> Part {
    let content = format!("{instruction} {generation} {index}");
    let (size, sha256) = (content.len() as u64, Sha256Hex::of(content.as_bytes()));
    Part {
        index,
        path: format!("crm/customer-{index:04}.csv").parse().unwrap(),
        dataset: "crm".parse().unwrap(),
        collection: "customer".to_owned(),
        kind: PartKind::Table,
        media_type: "text/csv".to_owned(),
        encoding: Encoding::Identity,
        rows: 1,
        bytes: size,
        encoded_bytes: size,
        crc32: crc32fast::hash(content.as_bytes()),
        sha256,
        encoded_sha256: sha256,
    }
}
