//! What the entities recorded about their processing, as DPV processes: controller, purpose, legal basis, recipients.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{dpv, organization, reference};
use crate::information::{EntityInformation, InformationFile, Processing, SystemInformation};

/// The processes of all entities and what they refer to.
#[derive(Default)]
pub(super) struct Processes {
    nodes: Vec<Value>,
    /// Terms of the vocabulary in use, with their class.
    terms: BTreeSet<(&'static str, &'static str)>,
    ids: BTreeMap<String, Vec<String>>,
}

/// Collects the processes of every record in the archive.
pub(super) fn nodes(information: &InformationFile) -> Processes {
    let mut processes = Processes::default();
    for entity in &information.entities {
        let systems = entity.record.iter().flat_map(|record| &record.systems);
        let each = systems.flat_map(|system| system.processing.iter().map(move |processing| (system, processing)));
        for (number, (system, processing)) in (1..).zip(each) {
            processes.add(entity, number, system, processing);
        }
    }
    processes
}

impl Processes {
    /// Ids of an entity's processes.
    pub(super) fn of(&self, entity: &str) -> &[String] {
        self.ids.get(entity).map_or(&[], Vec::as_slice)
    }

    pub(super) fn into_nodes(mut self) -> Vec<Value> {
        for (term, class) in self.terms {
            self.nodes.push(json!({
                "@id": format!("{}{term}", dpv::NAMESPACE),
                "@type": ["DefinedTerm", format!("dpv:{class}")],
                "name": term,
            }));
        }
        self.nodes
    }

    fn add(&mut self, entity: &EntityInformation, number: u32, system: &SystemInformation, processing: &Processing) {
        let id = format!("#{}/process/{number}", entity.entity);
        let name = processing.name.as_ref().or(system.name.as_ref());
        let mut node = json!({
            "@id": id,
            "@type": "dpv:Process",
            "name": name.map_or(system.system.as_str(), String::as_str),
            "dpv:hasDataController": reference(organization(&entity.entity)),
        });
        if let Some(data_use) = &processing.data_use {
            node["fideslang:data_use"] = json!(data_use);
            if let Some(term) = dpv::purpose(data_use) {
                node["dpv:hasPurpose"] = self.term(term, "Purpose");
            }
        }
        if let Some(basis) = &processing.legal_basis {
            node["fideslang:legal_basis"] = json!(basis);
            if let Some(term) = dpv::legal_basis(basis) {
                node["dpv:hasLegalBasis"] = self.term(term, "LegalBasis");
            }
        }
        if let Some(period) = &processing.retention_period {
            node["dpv:hasStorageCondition"] = json!(period);
        }
        if !processing.categories.is_empty() {
            node["fideslang:data_categories"] = json!(processing.categories);
        }
        let recipients: Vec<Value> = (1..)
            .zip(&processing.recipients)
            .map(|(which, name)| {
                let id = format!("{id}/recipient/{which}");
                self.nodes.push(json!({ "@id": id, "@type": ["Organization", "dpv:Recipient"], "name": name }));
                reference(id)
            })
            .collect();
        if !recipients.is_empty() {
            node["dpv:hasRecipient"] = recipients.into();
        }
        self.nodes.push(node);
        self.ids.entry(entity.entity.to_string()).or_default().push(id);
    }

    fn term(&mut self, term: &'static str, class: &'static str) -> Value {
        self.terms.insert((term, class));
        reference(format!("{}{term}", dpv::NAMESPACE))
    }
}
