//! An entity's record of processing, as the page takes it.

use tributary_page as page;

use crate::information::{Information, Processing, SystemInformation};

pub(super) fn information(record: &Information) -> page::Information<'_> {
    page::Information { systems: record.systems.iter().map(system).collect() }
}

fn system(system: &SystemInformation) -> page::System<'_> {
    page::System {
        key: system.system.as_str(),
        name: system.name.as_deref(),
        description: system.description.as_deref(),
        joint_controller: system.joint_controller.as_deref(),
        international_transfers: system.international_transfers,
        transfer_safeguards: texts(&system.transfer_safeguards),
        processing: system.processing.iter().map(processing).collect(),
    }
}

fn processing(processing: &Processing) -> page::Processing<'_> {
    page::Processing {
        name: processing.name.as_deref(),
        data_use: processing.data_use.as_deref(),
        categories: texts(&processing.categories),
        legal_basis: processing.legal_basis.as_deref(),
        special_category_basis: processing.special_category_basis.as_deref(),
        retention_period: processing.retention_period.as_deref(),
        recipients: texts(&processing.recipients),
        sources: texts(&processing.sources),
    }
}

fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}
