//! What an entity has recorded about its processing, as its agent sends it: texts of its own, within limits.

use tributary_archive::information::{Information, Processing, SystemInformation};
use tributary_model::id::FidesKey;
use tributary_proto::agent::v1;

use super::{ConversionError, MAX_LIST, invalid, list, parse, words};

/// Largest record of one entity as a line of JSON, in bytes: an archive holds those of a whole group.
const MAX_BYTES: usize = 256 * 1024;

pub(in crate::entity) fn information(wire: v1::Information) -> Result<Information, ConversionError> {
    let information = Information { systems: list("information.systems", MAX_LIST, wire.systems, system)? };
    // Its texts and lists cannot fail to serialise.
    if serde_json::to_vec(&information).unwrap_or_default().len() > MAX_BYTES {
        return Err(invalid("information", format!("must be at most {MAX_BYTES} bytes as a line of JSON")));
    }
    Ok(information)
}

fn system(wire: v1::SystemInformation) -> Result<SystemInformation, ConversionError> {
    Ok(SystemInformation {
        system: parse("information.systems.system", &wire.system)?,
        name: one("information.systems.name", wire.name)?,
        description: one("information.systems.description", wire.description)?,
        datasets: keys("information.systems.datasets", wire.datasets)?,
        joint_controller: one("information.systems.joint_controller", wire.joint_controller)?,
        international_transfers: wire.international_transfers,
        transfer_safeguards: many("information.systems.transfer_safeguards", wire.transfer_safeguards)?,
        processing: list("information.systems.processing", MAX_LIST, wire.processing, processing)?,
    })
}

fn processing(wire: v1::Processing) -> Result<Processing, ConversionError> {
    Ok(Processing {
        name: one("information.systems.processing.name", wire.name)?,
        data_use: one("information.systems.processing.data_use", wire.data_use)?,
        categories: many("information.systems.processing.categories", wire.categories)?,
        data_subjects: many("information.systems.processing.data_subjects", wire.data_subjects)?,
        legal_basis: one("information.systems.processing.legal_basis", wire.legal_basis)?,
        special_category_basis: one(
            "information.systems.processing.special_category_basis",
            wire.special_category_basis,
        )?,
        retention_period: one("information.systems.processing.retention_period", wire.retention_period)?,
        recipients: many("information.systems.processing.recipients", wire.recipients)?,
        shared_categories: many("information.systems.processing.shared_categories", wire.shared_categories)?,
        sources: many("information.systems.processing.sources", wire.sources)?,
        datasets: keys("information.systems.processing.datasets", wire.datasets)?,
    })
}

/// Absent stays absent: the entity has signed the difference.
fn one(field: &'static str, text: Option<String>) -> Result<Option<String>, ConversionError> {
    text.map(|text| words(field, text)).transpose()
}

fn many(field: &'static str, texts: Vec<String>) -> Result<Vec<String>, ConversionError> {
    list(field, MAX_LIST, texts, |text| words(field, text))
}

fn keys(field: &'static str, keys: Vec<String>) -> Result<Vec<FidesKey>, ConversionError> {
    list(field, MAX_LIST, keys, |key| parse(field, &key))
}
