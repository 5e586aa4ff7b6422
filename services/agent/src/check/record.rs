//! What the record of processing lacks: for each collection with personal data what a person may ask for (Art. 15(1)
//! GDPR) and no system declaration says.

use std::collections::BTreeSet;

use serde::Serialize;
use tributary_model::manifest::{Collection, Dataset, Manifests, PrivacyDeclaration, System, covers};

/// Something that a person may ask for and the entity has not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotRecorded {
    /// The purpose.
    Purpose,
    /// The legal basis.
    Basis,
    /// Recipients.
    Recipients,
    /// How long the data are kept.
    Retention,
    /// Where the data come from.
    Source,
}

impl NotRecorded {
    /// What it is called, and where the right to it stands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Purpose => "purpose (Art. 15(1)(a))",
            Self::Basis => "legal basis (Art. 6)",
            Self::Recipients => "recipients (Art. 15(1)(c))",
            Self::Retention => "retention (Art. 15(1)(d))",
            Self::Source => "source (Art. 15(1)(g))",
        }
    }
}

/// What no declaration says about a collection. Everything when none covers it; else what none of them says, recipients
/// and sources left out, since there may be none.
pub(super) fn not_recorded(manifests: &Manifests, dataset: &Dataset, collection: &Collection) -> Vec<NotRecorded> {
    use NotRecorded::{Basis, Purpose, Recipients, Retention, Source};
    let declarations = manifests.systems.iter().flat_map(|s| s.declarations.iter().map(move |d| (s, d)));
    let covering: Vec<&PrivacyDeclaration> = declarations
        .filter(|(system, declaration)| is_covered(dataset, collection, system, declaration))
        .map(|(_, declaration)| declaration)
        .collect();
    if covering.is_empty() {
        return vec![Purpose, Basis, Recipients, Retention, Source];
    }
    let lacks = |said: fn(&PrivacyDeclaration) -> bool| !covering.iter().any(|declaration| said(declaration));
    let missing = [
        (Purpose, lacks(|d| d.data_use.is_some())),
        (Basis, lacks(|d| d.legal_basis.is_some())),
        (Retention, lacks(|d| d.retention_period.is_some())),
    ];
    missing.into_iter().filter(|(_, lacks)| *lacks).map(|(what, _)| what).collect()
}

/// Whether a declaration is about a collection: it names the dataset, and one of its categories or none.
fn is_covered(dataset: &Dataset, collection: &Collection, system: &System, declaration: &PrivacyDeclaration) -> bool {
    let inherited = dataset.categories_of(collection);
    let own = collection.fields.iter().flat_map(|field| &field.categories);
    let mut held = inherited.iter().chain(own);
    system.datasets_of(declaration).contains(&dataset.key)
        && (declaration.categories.is_empty()
            || held.any(|held| declaration.categories.iter().any(|said| covers(said, held) || covers(held, said))))
}

/// Datasets that systems name and nobody declares.
pub(super) fn dangling(manifests: &Manifests) -> Vec<String> {
    let declared = |system: &System| {
        let own = system.declarations.iter().flat_map(|declaration| &declaration.datasets);
        let named: BTreeSet<_> =
            system.datasets.iter().chain(own).filter(|key| manifests.dataset(key).is_none()).collect();
        let lost = named.into_iter().map(|key| {
            format!("{}: the system `{}` names the dataset `{key}`, which no manifest declares", system.at, system.key)
        });
        lost.collect::<Vec<_>>()
    };
    manifests.systems.iter().flat_map(declared).collect()
}
