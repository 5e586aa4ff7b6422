//! The payload's files that follow from the rest: `information.json`, `overview.json`, the README and the RO-Crate are
//! recomputed as the entities are checked, and must be there letter for letter.

use std::collections::BTreeMap;

use tributary_model::id::EntityId;

use super::Inspection;
use super::findings::Findings;
use super::manifests::exactly;
use crate::attestation::Attestation;
use crate::bag::README;
use crate::completeness::EntityEntry;
use crate::information::{EntityInformation, Information, InformationFile};
use crate::json;
use crate::layout;
use crate::opened::MAX_JSON;
use crate::overview::Collector;
use crate::preview::Preview;
use crate::rocrate::{self, PayloadFile};
use crate::table::Table;

/// What the files are recomputed from.
pub(super) struct Derived {
    sequence: u32,
    overview: Collector,
    /// The records that `information.json` holds, until they are checked against the attestations.
    records: BTreeMap<EntityId, Information>,
    entities: Vec<EntityInformation>,
    /// Media types in use, and which of them each file has, by its number.
    media_types: Vec<String>,
    media: Vec<Option<usize>>,
}

impl Derived {
    pub(super) fn begin(inspection: &mut Inspection<'_>, findings: &mut Findings) -> Self {
        let sequence = inspection.completeness.sequence;
        let carrying = inspection.completeness.entities.iter().filter(|entry| entry.carries_parts(sequence)).count();
        let read = inspection.read(layout::INFORMATION, MAX_JSON, findings);
        let file: Option<InformationFile> = read.and_then(|bytes| match json::read(&bytes) {
            Ok(file) => Some(file),
            Err(problem) => {
                findings.error(layout::INFORMATION, problem);
                None
            }
        });
        let entities = file.into_iter().flat_map(|file| file.entities);
        let records = entities.filter_map(|entity| Some((entity.entity, entity.record?))).collect();
        let mut derived = Self {
            sequence,
            overview: Collector::new(carrying),
            records,
            entities: Vec::new(),
            media_types: Vec::new(),
            media: vec![None; inspection.archive.files().len()],
        };
        for path in [layout::INFORMATION, layout::OVERVIEW] {
            derived.note_media(inspection, path, "application/json");
        }
        derived.note_media(inspection, layout::README, "text/plain");
        derived
    }

    /// Notes what a file is.
    pub(super) fn note_media(&mut self, inspection: &Inspection<'_>, path: &str, media_type: &str) {
        let Some(number) = inspection.archive.find(path) else { return };
        let known = self.media_types.iter().position(|known| known == media_type);
        self.media[number] = Some(known.unwrap_or_else(|| {
            self.media_types.push(media_type.to_owned());
            self.media_types.len() - 1
        }));
    }

    /// Takes what an entity said, in the order of the roster.
    pub(super) fn tell(&mut self, entry: &EntityEntry, attestation: Option<&Attestation>, findings: &mut Findings) {
        let record = self.records.remove(&entry.entity);
        match EntityInformation::compose(self.sequence, entry, attestation, record.as_ref()) {
            Ok(entity) => self.entities.push(entity),
            Err(error) => findings.error(layout::INFORMATION, format!("entity `{}`: {error}", entry.entity)),
        }
    }

    /// Takes an entity's previews, in the order of the roster.
    pub(super) fn overview(&mut self, entity: &EntityId, previews: &[Preview], tables: &[Table]) {
        self.overview.add(entity, previews, tables);
    }

    /// Checks the files against what was told.
    pub(super) fn check(self, inspection: &mut Inspection<'_>, findings: &mut Findings) {
        exactly(inspection, layout::README, README, findings);
        exactly(inspection, layout::OVERVIEW, &json::to_file(&self.overview.finish()), findings);
        let information = InformationFile::of(inspection.completeness.case, self.entities);
        exactly(inspection, layout::INFORMATION, &json::to_file(&information), findings);
        let files = inspection.archive.files().iter().enumerate().filter_map(|(number, file)| {
            let (sha256, media) = (inspection.seen[number]?, self.media[number]?);
            let (path, media_type) = (inspection.archive.path(file), &self.media_types[media]);
            Some(PayloadFile { path, bytes: file.size, sha256, media_type })
        });
        let files: Vec<PayloadFile<'_>> = files.collect();
        let expected = rocrate::to_file(&inspection.completeness, &inspection.trust, &information, &files);
        exactly(inspection, layout::CRATE, &expected, findings);
    }
}
