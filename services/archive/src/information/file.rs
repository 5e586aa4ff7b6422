//! `information.json`: per entity its record as attested, what that lacks, and the authority to complain to; and once the
//! rights of the person. `verify` recomputes everything in it but the records, whose digests the entities signed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tributary_model::id::{CaseId, EntityId};

use super::missing::{NotRecorded, missing};
use super::{Information, digest};
use crate::attestation::Attestation;
use crate::completeness::{EntityEntry, PROFILE};
use crate::redaction::{Redaction, RedactionReason};

/// The choice that Art. 77(1) gives (PRC-5).
const CHOICE: &str = "You may complain to the supervisory authority of the place where you live, where you work, or \
where you think your rights were infringed, whichever of them you prefer (Art. 77). The authority named for an entity \
is the one of its own establishment.";

/// Rights of the person whose data are processed: article and what it gives (ACC-5).
const RIGHTS: [(&str, &str); 9] = [
    ("7(3)", "to withdraw a consent at any time"),
    ("16", "to have inaccurate data corrected and incomplete data completed"),
    ("17", "to have data erased, on the grounds that the article names"),
    ("18", "to have the processing restricted, on the grounds that the article names"),
    ("20", "to receive data that you provided in a machine-readable form, or to have them sent to another controller"),
    ("21", "to object to processing on grounds relating to your situation, and to direct marketing in any case"),
    ("22", "not to be subject to a decision taken by machine alone that significantly affects you"),
    ("77", "to complain to a supervisory authority"),
    ("79", "to go to court"),
];

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InformationFile {
    /// Version of the archive profile.
    pub profile: String,
    /// The case.
    pub case: CaseId,
    /// The rights of the person under the GDPR.
    pub rights: Vec<RightOfPerson>,
    /// Which authority the person may choose.
    pub choice_of_authority: String,
    /// Every entity of the roster, by id.
    pub entities: Vec<EntityInformation>,
}

/// One right of the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RightOfPerson {
    /// The article of the GDPR.
    pub article: String,
    /// What it gives.
    pub text: String,
}

/// What is known of one entity's processing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityInformation {
    /// The entity.
    pub entity: EntityId,
    /// Its registered name.
    pub legal_name: String,
    /// Its supervisory authority, or that none is recorded.
    pub authority: String,
    /// Where a person reaches the entity about their data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Where its record stands.
    pub state: RecordState,
    /// Sequence of the archive with the record, when it is an earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<u32>,
    /// Its record as attested: digested as the profile says, it gives the attestation's `information_sha256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Information>,
    /// What the law asks for and the record lacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_recorded: Vec<NotRecorded>,
    /// What it hid because it is about others, summed up by reason; `completeness.json` has it by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restrictions: Vec<Restriction>,
}

/// Something that is hidden, and the law that allows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restriction {
    /// Why.
    pub reason: RedactionReason,
    /// Article of the GDPR that allows it.
    pub article: String,
    /// Why, in a sentence.
    pub text: String,
    /// Values in whose place a mark stands, whether or not there was one.
    pub values: u64,
    /// Rows that were left out.
    pub rows: u64,
}

/// What is hidden, summed up by reason.
fn restrictions(redactions: &[Redaction]) -> Vec<Restriction> {
    let sum = |reason: RedactionReason| {
        let of = |whole: bool| {
            let hidden = redactions.iter().filter(|r| r.reason == reason && r.field.is_none() == whole);
            hidden.map(|r| r.count).fold(0, u64::saturating_add)
        };
        Restriction {
            reason,
            article: "15(4)".to_owned(),
            text: reason.explanation().to_owned(),
            values: of(false),
            rows: of(true),
        }
    };
    RedactionReason::ALL.into_iter().map(sum).filter(|sum| sum.values > 0 || sum.rows > 0).collect()
}

/// Where an entity's record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordState {
    /// In this file.
    Here,
    /// The entity handed data over and has recorded nothing about their processing.
    NothingRecorded,
    /// The entity answered, handed nothing over, and gave no record.
    NotGiven,
    /// In an earlier archive of the case.
    Earlier,
    /// The entity has not answered.
    NotAnswered,
}

/// The record that is to stand in the file is not the attested one, or missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its record of processing is not the one that it attested")]
pub struct OtherRecord;

impl InformationFile {
    /// The file about these entities, in the order of the roster.
    pub(crate) fn of(case: CaseId, entities: Vec<EntityInformation>) -> Self {
        let right =
            |(article, text): (&str, &str)| RightOfPerson { article: article.to_owned(), text: text.to_owned() };
        Self {
            profile: PROFILE.to_owned(),
            case,
            rights: RIGHTS.map(right).into(),
            choice_of_authority: CHOICE.to_owned(),
            entities,
        }
    }
}

impl EntityInformation {
    /// The one entry that follows from what an entity said in archive number `sequence`, and from its record there.
    pub(crate) fn compose(
        sequence: u32,
        entry: &EntityEntry,
        attestation: Option<&Attestation>,
        record: Option<&Information>,
    ) -> Result<Self, OtherRecord> {
        let mut out = Self {
            entity: entry.entity.clone(),
            legal_name: entry.legal_name.clone(),
            authority: entry.authority.clone().unwrap_or_else(|| format!("not recorded by {}", entry.legal_name)),
            contact: entry.contact.clone(),
            state: RecordState::NotAnswered,
            archive: None,
            record: None,
            not_recorded: Vec::new(),
            restrictions: Vec::new(),
        };
        let Some(attestation) = attestation else { return Ok(out) };
        if !entry.is_fresh(sequence) {
            out.state = RecordState::Earlier;
            out.archive = entry.archive;
            return Ok(out);
        }
        out.restrictions = restrictions(&attestation.redactions);
        if record.map(digest) != attestation.information_sha256 {
            return Err(OtherRecord);
        }
        if record.is_none() && attestation.parts.count == 0 {
            // The law asks for these facts where data are processed, and nothing was handed over that they go with.
            out.state = RecordState::NotGiven;
            return Ok(out);
        }
        out.state = if record.is_some() { RecordState::Here } else { RecordState::NothingRecorded };
        out.record = record.cloned();
        out.not_recorded = missing(record, attestation, &entry.legal_name);
        Ok(out)
    }
}
