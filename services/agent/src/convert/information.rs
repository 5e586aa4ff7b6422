//! The record of processing as the wire has it: what is absent stays absent, since the entity signs the difference.

use tributary_archive::information::{Information, Processing, SystemInformation};
use tributary_model::id::FidesKey;
use tributary_proto::agent::v1 as wire;

pub(super) fn information(information: Information) -> wire::Information {
    wire::Information { systems: information.systems.into_iter().map(system).collect() }
}

fn system(system: SystemInformation) -> wire::SystemInformation {
    wire::SystemInformation {
        system: system.system.into(),
        name: system.name,
        description: system.description,
        datasets: keys(system.datasets),
        joint_controller: system.joint_controller,
        international_transfers: system.international_transfers,
        transfer_safeguards: system.transfer_safeguards,
        processing: system.processing.into_iter().map(processing).collect(),
    }
}

fn processing(processing: Processing) -> wire::Processing {
    wire::Processing {
        name: processing.name,
        data_use: processing.data_use,
        categories: processing.categories,
        data_subjects: processing.data_subjects,
        legal_basis: processing.legal_basis,
        special_category_basis: processing.special_category_basis,
        retention_period: processing.retention_period,
        recipients: processing.recipients,
        shared_categories: processing.shared_categories,
        sources: processing.sources,
        datasets: keys(processing.datasets),
    }
}

fn keys(keys: Vec<FidesKey>) -> Vec<String> {
    keys.into_iter().map(String::from).collect()
}
