//! `completeness.json`: what every entity of the roster said, what the gateway saw or decided, and what is missing.
//! It can be recomputed from the attestations and `trust.json`; `verify` does so, and no line of it can be dropped.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tributary_model::disposition::{Disposition, Source};
use tributary_model::group::{PublicEntity, PublicGroup};
use tributary_model::id::{CaseId, CountryCode, EntityId, GroupId};
use tributary_model::language::Language;
use tributary_model::right::{Right, TableFormat};
use tributary_model::scope::{Decision, Outcome};

use crate::attestation::{Answer, Attestation, NotSearched, PartsSummary, Searched};
use crate::digest::{Hasher, Sha256Hex};
use crate::former::FormerGroup;
use crate::redaction::Redaction;

/// The version of the archive profile that is written and read.
pub const PROFILE: &str = "https://tributary.dev/archive/v1";

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Completeness {
    /// Version of the archive profile.
    pub profile: String,
    /// The case.
    pub case: CaseId,
    /// What the caller's system calls the message that the case came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_ref: Option<String>,
    /// The right exercised.
    pub right: Right,
    /// How tables are written.
    pub format: TableFormat,
    /// When the request reached the group.
    #[schemars(with = "String")]
    pub received_at: Timestamp,
    /// When the group set out to deliver.
    #[schemars(with = "String")]
    pub delivery_date: Timestamp,
    /// When this archive was put together. Keys must have been valid then.
    #[schemars(with = "String")]
    pub assembled_at: Timestamp,
    /// 1 for the case's first archive, 2 and on for addenda.
    pub sequence: u32,
    /// The language that the person is addressed in.
    pub language: Language,
    /// The archive before this one; present in addenda.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<Predecessor>,
    /// Every archive of the case before this one, in order; the last is the predecessor. Empty in the first archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<EarlierArchive>,
    /// The group and the version of its file in force.
    pub group: GroupRef,
    /// Earlier versions of it, for entities that have left the group since they were asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<FormerGroup>,
    /// Digest of the roster, see [`roster_digest`].
    pub roster_sha256: Sha256Hex,
    /// Whether every entity of the roster answered for everything it holds. False means: something is missing, and
    /// the entities below say what.
    pub complete: bool,
    /// Every entity of the group file, and those taken from earlier ones, by id.
    pub entities: Vec<EntityEntry>,
    /// Name and version of the software that put the archive together.
    pub software: String,
}

/// The archive that an addendum follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Predecessor {
    /// Its sequence.
    pub sequence: u32,
    /// SHA-256 of its `tagmanifest-sha256.txt`, which covers everything in it but the gateway's signature.
    pub tagmanifest_sha256: Sha256Hex,
}

/// An archive of the same case that was written before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlierArchive {
    /// Its sequence.
    pub sequence: u32,
    /// SHA-256 of its tag manifest.
    pub tagmanifest_sha256: Sha256Hex,
    /// When it was put together.
    #[schemars(with = "String")]
    pub assembled_at: Timestamp,
    /// Whether it said to be complete.
    pub complete: bool,
}

/// The archive right before the one with this chain.
pub(crate) fn predecessor(chain: &[EarlierArchive]) -> Option<Predecessor> {
    let last = chain.last()?;
    Some(Predecessor { sequence: last.sequence, tagmanifest_sha256: last.tagmanifest_sha256 })
}

/// Whether `chain` names every archive of a case before number `sequence`: 1, 2, 3 … without a gap.
pub(crate) fn chain_is_whole(chain: &[EarlierArchive], sequence: u32) -> bool {
    let numbers = chain.iter().map(|archive| archive.sequence);
    sequence >= 1 && numbers.eq(1..sequence)
}

/// A version of a group file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRef {
    /// The group.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// The version.
    pub version: u64,
    /// SHA-256 of the whole signed group file.
    pub sha256: String,
}

/// How one entity stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityEntry {
    /// The entity.
    pub entity: EntityId,
    /// Its registered name.
    pub legal_name: String,
    /// Where it is established.
    pub country: CountryCode,
    /// Its supervisory authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Where a person reaches it about their data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// How it stands.
    pub disposition: Disposition,
    /// Who said so: the entity itself (signed), or the gateway, which observed or decided it.
    pub said_by: Source,
    /// Whether this is the whole of what the entity holds.
    pub complete: bool,
    /// Why, when the entity did not say it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The entity's answers per controller and dataset.
    pub answers: Vec<Answer>,
    /// What it searched.
    pub searched: Vec<Searched>,
    /// What is declared there and was not searched.
    pub not_searched: Vec<NotSearched>,
    /// What it hid because it is about others (Art. 15(4) GDPR), counted by field and reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redactions: Vec<Redaction>,
    /// What the gateway saw of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// Whether it was asked, and the rule that decided so.
    pub decision: Decision,
    /// Sequence of the archive of this case that first carried this answer, with the parts that go with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<u32>,
    /// Its signed attestation, within this archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<String>,
    /// When it signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub attested_at: Option<Timestamp>,
    /// Its parts in sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<PartsSummary>,
}

impl EntityEntry {
    /// Whether this archive is the one that carries the entity's answer first, and so whatever goes with it.
    pub(crate) fn is_fresh(&self, sequence: u32) -> bool {
        self.attestation.is_some() && self.archive.is_none_or(|archive| archive == sequence)
    }

    /// Whether the entity's parts are in archive number `sequence`.
    pub(crate) fn carries_parts(&self, sequence: u32) -> bool {
        self.archive == Some(sequence) && self.parts.is_some_and(|parts| parts.count > 0)
    }
}

/// What the gateway saw of an entity that has not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// Since when it has been so.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// The last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub last_attempt: Option<Timestamp>,
    /// How many attempts there were.
    pub attempts: u32,
    /// What happened, for people. No personal data.
    pub reason: String,
}

/// What is known of an entity's answer.
pub(crate) enum Said<'a> {
    /// The entity said it, signed.
    Entity { attestation: &'a Attestation, archive: Option<u32> },
    /// The gateway says it.
    Gateway { disposition: Disposition, observed: Option<&'a Observed> },
}

/// Where an entity's attestation lies in the archive.
pub(crate) fn attestation_path(entity: &EntityId) -> String {
    format!("attestations/{entity}.dsse.json")
}

impl EntityEntry {
    /// The one entry that follows from what is known.
    pub(crate) fn compose(entity: &PublicEntity, decision: &Decision, said: &Said<'_>) -> Self {
        let mut entry = Self {
            entity: entity.id.clone(),
            legal_name: entity.legal_name.clone(),
            country: entity.country.clone(),
            authority: entity.authority.clone(),
            contact: entity.contact.clone(),
            disposition: Disposition::Pending,
            said_by: Source::Observed,
            complete: false,
            reason: None,
            answers: Vec::new(),
            searched: Vec::new(),
            not_searched: Vec::new(),
            redactions: Vec::new(),
            observed: None,
            decision: decision.clone(),
            archive: None,
            attestation: None,
            attested_at: None,
            parts: None,
        };
        match said {
            Said::Entity { attestation, archive } => {
                let hidden = attestation.not_searched.iter().any(|gap| gap.reason.hides_personal_data());
                entry.disposition = attestation.disposition;
                entry.complete = attestation.disposition.is_complete() && !hidden;
                entry.answers.clone_from(&attestation.answers);
                entry.searched.clone_from(&attestation.searched);
                entry.not_searched.clone_from(&attestation.not_searched);
                entry.redactions.clone_from(&attestation.redactions);
                entry.archive = *archive;
                entry.attestation = Some(attestation_path(&entity.id));
                entry.attested_at = Some(attestation.finished_at);
                entry.parts = Some(attestation.parts);
            }
            Said::Gateway { disposition, observed } => {
                entry.disposition = *disposition;
                entry.reason = match decision.outcome {
                    Outcome::DoNotAsk => Some(decision.rule.reason().to_owned()),
                    Outcome::Ask => observed.map(|observed| observed.reason.clone()),
                };
                entry.observed = observed.cloned();
            }
        }
        entry.said_by = entry.disposition.source();
        entry
    }
}

impl GroupRef {
    pub(crate) fn of(group: &PublicGroup) -> Self {
        Self {
            id: group.group.clone(),
            name: group.name.clone(),
            version: group.version,
            sha256: group.group_file_sha256.clone(),
        }
    }
}

/// The digest of a roster: which entities a case covers and what was decided about asking them.
///
/// SHA-256 over UTF-8 text, every line ended by a line feed: `tributary roster v1`; the case id; group id, version and
/// digest of the group file between tabs; then per entity, sorted by id, between tabs: entity id, `ask` or
/// `do_not_ask`, and the rule's name.
pub fn roster_digest(case: CaseId, group: &PublicGroup, decisions: &[Decision]) -> Sha256Hex {
    let mut hasher = Hasher::new();
    let head =
        format!("tributary roster v1\n{case}\n{}\t{}\t{}\n", group.group, group.version, group.group_file_sha256);
    hasher.update(head.as_bytes());
    let mut sorted: Vec<&Decision> = decisions.iter().collect();
    sorted.sort_by_key(|decision| &decision.entity);
    for decision in sorted {
        let line = format!("{}\t{}\t{}\n", decision.entity, name(&decision.outcome), name(&decision.rule));
        hasher.update(line.as_bytes());
    }
    hasher.finish()
}

/// The name of a variant as it stands in files.
fn name(variant: &impl Serialize) -> String {
    serde_json::to_value(variant).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
