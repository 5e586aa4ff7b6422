//! What Art. 15(1) and (2) ask for and an entity's record lacks, so that a gap reads as a gap and never as nothing.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tributary_model::id::FidesKey;

use super::{Information, Processing, SystemInformation};
use crate::attestation::Attestation;

/// Something that the law asks for and the entity has not recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotRecorded {
    /// Where the law asks for it, for example `15(1)(d)`.
    pub article: String,
    /// What is missing, in English.
    pub what: String,
    /// The dataset that it is missing for; absent for the whole record, a system or a processing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<FidesKey>,
    /// The system that it is missing for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<FidesKey>,
    /// Which of the system's processings it is missing for: 1, 2, 3 …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processing: Option<u32>,
    /// The gap as it is to be shown: "not recorded by" and the entity's registered name.
    pub text: String,
}

/// Everything missing, by place and then by article. `legal_name` is the entity's.
pub(super) fn missing(record: Option<&Information>, attestation: &Attestation, legal_name: &str) -> Vec<NotRecorded> {
    let text = format!("not recorded by {legal_name}");
    let mut found = Missing { text, list: Vec::new() };
    let systems = record.map_or(&[][..], |record| &record.systems);
    if systems.is_empty() {
        found.everything(&Place::default());
    }
    for system in systems {
        found.of_system(system);
    }
    for dataset in datasets(attestation) {
        if !systems.is_empty() && !systems.iter().any(|system| covers(system, dataset)) {
            found.everything(&Place { dataset: Some(dataset), ..Place::default() });
        }
    }
    // No manifest has a word for it yet.
    found.add("15(1)(h)", "whether decisions are taken by machine alone, and by what logic", &Place::default());
    found.list
}

/// Every dataset that the entity answered for or searched.
fn datasets(attestation: &Attestation) -> BTreeSet<&FidesKey> {
    let answered = attestation.answers.iter().map(|answer| &answer.dataset);
    answered.chain(attestation.searched.iter().map(|searched| &searched.dataset)).collect()
}

fn covers(system: &SystemInformation, dataset: &FidesKey) -> bool {
    system.datasets.contains(dataset) || system.processing.iter().any(|p| p.datasets.contains(dataset))
}

#[derive(Default)]
struct Place<'r> {
    dataset: Option<&'r FidesKey>,
    system: Option<&'r FidesKey>,
    processing: Option<u32>,
}

struct Missing {
    text: String,
    list: Vec<NotRecorded>,
}

impl Missing {
    fn add(&mut self, article: &str, what: &str, place: &Place<'_>) {
        self.list.push(NotRecorded {
            article: article.to_owned(),
            what: what.to_owned(),
            dataset: place.dataset.cloned(),
            system: place.system.cloned(),
            processing: place.processing,
            text: self.text.clone(),
        });
    }

    fn everything(&mut self, place: &Place<'_>) {
        self.of_processing(&Processing::default(), place);
        self.transfers(None, &[], place);
    }

    fn of_system(&mut self, system: &SystemInformation) {
        let place = Place { system: Some(&system.system), ..Place::default() };
        if system.processing.is_empty() {
            self.of_processing(&Processing::default(), &place);
        }
        for (number, processing) in (1..).zip(&system.processing) {
            self.of_processing(processing, &Place { processing: Some(number), ..place });
        }
        self.transfers(system.international_transfers, &system.transfer_safeguards, &place);
    }

    fn of_processing(&mut self, processing: &Processing, place: &Place<'_>) {
        let absent = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
        let asked = [
            ("15(1)(a)", "the purpose of the processing", absent(&processing.data_use)),
            ("15(1)(b)", "the categories of data", processing.categories.is_empty()),
            ("15(1)(c)", "the recipients", processing.recipients.is_empty()),
            ("15(1)(d)", "the period of storage, or the criteria for it", absent(&processing.retention_period)),
            (
                "15(1)(g)",
                "the source, where the data were not collected from the person",
                processing.sources.is_empty(),
            ),
        ];
        for (article, what, _) in asked.into_iter().filter(|(_, _, is_missing)| *is_missing) {
            self.add(article, what, place);
        }
    }

    fn transfers(&mut self, transfers: Option<bool>, safeguards: &[String], place: &Place<'_>) {
        match transfers {
            None => self.add("15(2)", "whether data are sent to third countries, and under which safeguards", place),
            Some(true) if safeguards.is_empty() => {
                self.add("15(2)", "the safeguards under which data are sent to third countries", place);
            }
            Some(_) => {}
        }
    }
}
