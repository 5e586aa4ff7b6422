//! What an archive holds, in sum, for people and scripts. Reading it verifies nothing: that is `verify`, whose report
//! carries the same summary.

mod chain;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use tributary_model::disposition::{Disposition, Source};
use tributary_model::id::{CaseId, CountryCode, EntityId, FidesKey};
use tributary_model::language::Language;
use tributary_model::right::{Right, TableFormat};

use crate::attestation::{Answer, NotSearched, PartsSummary};
use crate::completeness::{Completeness, EarlierArchive, EntityEntry, GroupRef, Observed, Predecessor};
use crate::datapackage::DataPackage;
use crate::digest::Sha256Hex;
use crate::json;
use crate::layout::{COMPLETENESS, TAGMANIFEST, datapackage};
use crate::opened::{MAX_JSON, MAX_LISTING, OpenError, Opened, ReadSeek};
use crate::part::Part;
use crate::redaction::Redaction;
use crate::table::Table;
pub use chain::{Carried, Chain, ChainError, Link, LinkState};

/// An archive cannot be shown.
#[derive(Debug, thiserror::Error)]
#[error("archive: {place}: {problem}; run `tributary archive verify` on it for all problems")]
pub struct ShowError {
    /// The file within the archive, or the archive itself.
    pub place: String,
    /// What is wrong.
    pub problem: String,
}

/// An archive in sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The case.
    pub case: CaseId,
    /// What the caller's system calls the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_ref: Option<String>,
    /// The right exercised.
    pub right: Right,
    /// How tables are written.
    pub format: TableFormat,
    /// 1 for the first archive, 2 and on for addenda.
    pub sequence: u32,
    /// The language that the person is addressed in.
    pub language: Language,
    /// The archive before this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<Predecessor>,
    /// Every archive of the case before this one, in order.
    pub earlier: Vec<EarlierArchive>,
    /// SHA-256 of its tag manifest: what a later archive names it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tagmanifest_sha256: Option<Sha256Hex>,
    /// The group file in force.
    pub group: GroupRef,
    /// When the request came.
    pub received_at: Timestamp,
    /// When the group set out to deliver.
    pub delivery_date: Timestamp,
    /// When the archive was put together.
    pub assembled_at: Timestamp,
    /// Whether every entity answered for all it holds.
    pub complete: bool,
    /// Bytes of the archive.
    pub bytes: u64,
    /// Files in it.
    pub files: u64,
    /// The entities of the roster.
    pub entities: Vec<EntitySummary>,
}

/// One entity in sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntitySummary {
    /// The entity.
    pub entity: EntityId,
    /// Its registered name.
    pub legal_name: String,
    /// Where it is established.
    pub country: CountryCode,
    /// How it stands.
    pub disposition: Disposition,
    /// Who says so.
    pub said_by: Source,
    /// Whether this is all it holds.
    pub complete: bool,
    /// Why, when the gateway says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the gateway saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// Its answers.
    pub answers: Vec<Answer>,
    /// What it did not search.
    pub not_searched: Vec<NotSearched>,
    /// What it hid because it is about others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redactions: Vec<Redaction>,
    /// The archive that carries its parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<u32>,
    /// Its parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<PartsSummary>,
    /// What its parts in this archive hold.
    pub collections: Vec<CollectionSummary>,
}

/// One collection in sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectionSummary {
    /// The dataset.
    pub dataset: FidesKey,
    /// The collection.
    pub collection: String,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Parts.
    pub parts: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes of plain content.
    pub bytes: u64,
}

impl Summary {
    pub(crate) fn new(completeness: &Completeness, archive: &Opened<'_>) -> Self {
        Self {
            case: completeness.case,
            request_ref: completeness.request_ref.clone(),
            right: completeness.right,
            format: completeness.format,
            sequence: completeness.sequence,
            language: completeness.language.clone(),
            predecessor: completeness.predecessor.clone(),
            earlier: completeness.chain.clone(),
            tagmanifest_sha256: None,
            group: completeness.group.clone(),
            received_at: completeness.received_at,
            delivery_date: completeness.delivery_date,
            assembled_at: completeness.assembled_at,
            complete: completeness.complete,
            bytes: archive.len(),
            files: archive.files().len() as u64,
            entities: completeness.entities.iter().map(EntitySummary::new).collect(),
        }
    }

    /// Notes what the parts of an entity hold.
    pub(crate) fn describe(&mut self, entity: &EntityId, parts: &[Part], tables: &[Table]) {
        if let Ok(number) = self.entities.binary_search_by(|summary| summary.entity.cmp(entity)) {
            self.entities[number].collections = collections(parts, tables);
        }
    }
}

impl EntitySummary {
    fn new(entry: &EntityEntry) -> Self {
        Self {
            entity: entry.entity.clone(),
            legal_name: entry.legal_name.clone(),
            country: entry.country.clone(),
            disposition: entry.disposition,
            said_by: entry.said_by,
            complete: entry.complete,
            reason: entry.reason.clone(),
            observed: entry.observed.clone(),
            answers: entry.answers.clone(),
            not_searched: entry.not_searched.clone(),
            redactions: entry.redactions.clone(),
            archive: entry.archive,
            parts: entry.parts,
            collections: Vec::new(),
        }
    }
}

fn collections(parts: &[Part], tables: &[Table]) -> Vec<CollectionSummary> {
    let mut sums: BTreeMap<(&FidesKey, &str), CollectionSummary> = BTreeMap::new();
    for part in parts {
        let key = (&part.dataset, part.collection.as_str());
        let sum = sums.entry(key).or_insert_with(|| {
            let table = tables.iter().find(|t| t.dataset == part.dataset && t.collection == part.collection);
            CollectionSummary {
                dataset: part.dataset.clone(),
                collection: part.collection.clone(),
                title: table.and_then(|table| table.title.clone()),
                parts: 0,
                rows: 0,
                bytes: 0,
            }
        });
        sum.parts += 1;
        sum.rows = sum.rows.saturating_add(part.rows);
        sum.bytes = sum.bytes.saturating_add(part.bytes);
    }
    sums.into_values().collect()
}

/// Sums an archive up. Nothing is verified beyond its form.
pub fn show(file: &mut dyn ReadSeek) -> Result<Summary, ShowError> {
    summary(Opened::new(file))
}

/// Sums up an archive that was unpacked to a folder.
pub fn show_folder(folder: &Path) -> Result<Summary, ShowError> {
    summary(Opened::folder(folder))
}

fn summary(opened: Result<Opened<'_>, OpenError>) -> Result<Summary, ShowError> {
    let failed = |place: &str| {
        let place = place.to_owned();
        move |error: OpenError| ShowError { place, problem: error.to_string() }
    };
    let mut archive = opened.map_err(failed("the file"))?;
    let (bytes, _) = archive.read(COMPLETENESS, MAX_JSON).map_err(failed(COMPLETENESS))?;
    let completeness: Completeness =
        json::read(&bytes).map_err(|problem| ShowError { place: COMPLETENESS.to_owned(), problem })?;
    let mut summary = Summary::new(&completeness, &archive);
    let tagmanifest = archive.find(TAGMANIFEST).ok_or(OpenError::Missing).map_err(failed(TAGMANIFEST))?;
    summary.tagmanifest_sha256 = Some(archive.digest(tagmanifest).map_err(failed(TAGMANIFEST))?.plain);
    for entry in &completeness.entities {
        let path = datapackage(&entry.entity);
        if archive.find(&path).is_some() {
            let (bytes, _) = archive.read(&path, MAX_LISTING).map_err(failed(&path))?;
            let (_, parts, tables) = DataPackage::read(&bytes).map_err(|problem| ShowError { place: path, problem })?;
            summary.describe(&entry.entity, &parts, &tables);
        }
    }
    Ok(summary)
}
