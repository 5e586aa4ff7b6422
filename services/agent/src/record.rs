//! What the entity has recorded about its processing, from its `system` manifests, in the words of an archive: purposes,
//! bases, recipients, sources and periods (Art. 15(1) and (2) GDPR). What they lack stays absent.

use tributary_archive::information::{Information, Processing, SystemInformation};
use tributary_model::id::FidesKey;
use tributary_model::manifest::{Flow, Manifests, PrivacyDeclaration, System};

/// Most systems, processings of a system, and entries of a list in them that an archive takes.
const MOST: usize = 256;
/// Largest record as JSON, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// Why a record cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordTooLarge {
    /// Too long a list.
    #[error("a record of processing may have {MOST} systems, and as many processings of one, categories or recipients")]
    List,
    /// Too much text.
    #[error("the systems' texts together are larger than {MAX_BYTES} bytes; shorten them")]
    Text,
}

/// The record; `None` when no system is declared.
pub(crate) fn information(manifests: &Manifests) -> Result<Option<Information>, RecordTooLarge> {
    if manifests.systems.is_empty() {
        return Ok(None);
    }
    let systems: Vec<SystemInformation> = manifests.systems.iter().map(|system| of(manifests, system)).collect();
    let fits = |system: &SystemInformation| {
        let lists = [system.datasets.len(), system.transfer_safeguards.len(), system.processing.len()];
        lists.into_iter().chain(system.processing.iter().map(longest)).all(|length| length <= MOST)
    };
    if systems.len() > MOST || !systems.iter().all(fits) {
        return Err(RecordTooLarge::List);
    }
    let information = Information { systems };
    // Texts and lists cannot fail to serialise.
    let bytes = serde_json::to_vec(&information).unwrap_or_default().len();
    if bytes > MAX_BYTES { Err(RecordTooLarge::Text) } else { Ok(Some(information)) }
}

fn longest(processing: &Processing) -> usize {
    let Processing { categories, data_subjects, recipients, shared_categories, sources, datasets, .. } = processing;
    let texts = [categories, data_subjects, recipients, shared_categories, sources];
    texts.into_iter().map(Vec::len).chain([datasets.len()]).max().unwrap_or_default()
}

fn of(manifests: &Manifests, system: &System) -> SystemInformation {
    SystemInformation {
        system: system.key.clone(),
        name: system.name.clone(),
        description: system.description.clone(),
        datasets: shown(manifests, &system.datasets),
        joint_controller: system.joint_controller.clone(),
        international_transfers: system.international_transfers,
        transfer_safeguards: system.transfer_safeguards.clone(),
        processing: system.declarations.iter().map(|declaration| processing(manifests, system, declaration)).collect(),
    }
}

fn processing(manifests: &Manifests, system: &System, declaration: &PrivacyDeclaration) -> Processing {
    let third_parties = declaration.third_parties.iter().cloned();
    let recipients = third_parties.chain(ends(manifests, &declaration.egress, &system.egress));
    Processing {
        name: declaration.name.clone(),
        data_use: declaration.data_use.clone(),
        categories: declaration.categories.clone(),
        data_subjects: declaration.data_subjects.clone(),
        legal_basis: declaration.legal_basis.clone(),
        special_category_basis: declaration.special_category_basis.clone(),
        retention_period: declaration.retention_period.clone(),
        recipients: recipients.collect(),
        shared_categories: declaration.shared_categories.clone(),
        sources: ends(manifests, &declaration.ingress, &system.ingress),
        datasets: shown(manifests, &declaration.datasets),
    }
}

/// The other ends of a processing's flows: its own, or all of its system's. The person is neither recipient nor source
/// in the sense of Art. 15(1)(c) and (g).
fn ends(manifests: &Manifests, own: &[FidesKey], all: &[Flow]) -> Vec<String> {
    let is_person = |key: &FidesKey| all.iter().any(|flow| flow.key == *key && flow.kind.as_deref() == Some("user"));
    let keys: Vec<&FidesKey> =
        if own.is_empty() { all.iter().map(|flow| &flow.key).collect() } else { own.iter().collect() };
    keys.into_iter().filter(|key| !is_person(key)).map(|key| named(manifests, key)).collect()
}

/// The name for people of a system or dataset, or its key.
fn named(manifests: &Manifests, key: &FidesKey) -> String {
    let system = manifests.systems.iter().find(|system| system.key == *key).and_then(|system| system.name.clone());
    let dataset = || {
        let dataset = manifests.dataset(key)?;
        let english = dataset.wording.labels.get(&tributary_model::language::Language::english());
        Some(english.unwrap_or(dataset.shown.as_str()).to_owned())
    };
    system.or_else(dataset).unwrap_or_else(|| key.to_string())
}

/// Datasets by the keys that people see.
fn shown(manifests: &Manifests, keys: &[FidesKey]) -> Vec<FidesKey> {
    keys.iter().map(|key| manifests.dataset(key).map_or(key, |dataset| &dataset.shown).clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> Result<Option<Information>, RecordTooLarge> {
        information(&Manifests::from_yaml(&[("m.yml".to_owned(), text.to_owned())]).unwrap())
    }

    #[test]
    fn recipients_and_sources_are_named_and_the_person_is_neither() {
        let found = record(
            "
dataset: [{fides_key: secret, collections: [], fides_meta: {redact: name}}]
system:
  - fides_key: sales
    dataset_references: [secret]
    egress: [{fides_key: mail, type: system}, {fides_key: user, type: user}, {fides_key: auditor, type: organization}]
    ingress: [{fides_key: user, type: user}]
    privacy_declarations:
      - {data_use: essential, third_parties: Banks, dataset_references: [secret]}
      - {data_use: marketing, egress: [auditor]}
  - {fides_key: mail, name: Mailings}
",
        );
        let found = found.unwrap().unwrap();
        let [essential, marketing] = found.systems[0].processing.as_slice() else { panic!("{found:?}") };
        assert_eq!(essential.recipients, ["Banks", "Mailings", "auditor"]);
        assert_eq!(marketing.recipients, ["auditor"]);
        assert!(essential.sources.is_empty());
        assert_eq!(essential.datasets[0].as_str(), "dataset-1");
        assert_eq!((essential.legal_basis.as_ref(), found.systems[1].international_transfers), (None, None));
    }

    #[test]
    fn no_system_is_no_record_and_one_that_no_archive_takes_is_told_apart() {
        assert_eq!(record("dataset: []"), Ok(None));
        let many: String = (0..257).map(|n| format!("  - {{fides_key: s{n}}}\n")).collect();
        assert_eq!(record(&format!("system:\n{many}")), Err(RecordTooLarge::List));
        let text = "x".repeat(4000);
        let large: String = (0..70).map(|n| format!("  - {{fides_key: s{n}, description: {text}}}\n")).collect();
        assert_eq!(record(&format!("system:\n{large}")), Err(RecordTooLarge::Text));
    }
}
