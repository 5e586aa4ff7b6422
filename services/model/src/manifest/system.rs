//! What manifests say of the processing: systems with their purposes, bases, recipients and periods (Art. 15(1) and (2)
//! and Art. 30 GDPR). As written, for people; what is absent was not recorded.

use super::At;
use crate::id::FidesKey;

/// A system that processes personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// Its `fides_key`.
    pub key: FidesKey,
    /// A name for people.
    pub name: Option<String>,
    /// What it is, for people.
    pub description: Option<String>,
    /// Datasets that belong to it.
    pub datasets: Vec<FidesKey>,
    /// Who is responsible besides the entity (Art. 26).
    pub joint_controller: Option<String>,
    /// Whether it sends personal data to third countries.
    pub international_transfers: Option<bool>,
    /// The safeguards of those transfers (Art. 46).
    pub transfer_safeguards: Vec<String>,
    /// Where its data go.
    pub egress: Vec<Flow>,
    /// Where its data come from.
    pub ingress: Vec<Flow>,
    /// What it processes and what for.
    pub declarations: Vec<PrivacyDeclaration>,
    /// Where it is declared.
    pub at: At,
}

/// The other end of a flow of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Its `fides_key`.
    pub key: FidesKey,
    /// What it is: `system`, `dataset`, `organization` or `user`, the person.
    pub kind: Option<String>,
}

/// One processing of a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivacyDeclaration {
    /// A name for people.
    pub name: Option<String>,
    /// Data categories processed.
    pub categories: Vec<String>,
    /// What for.
    pub data_use: Option<String>,
    /// Whose data.
    pub data_subjects: Vec<String>,
    /// Datasets in which they lie; all of the system's when empty.
    pub datasets: Vec<FidesKey>,
    /// Legal basis.
    pub legal_basis: Option<String>,
    /// Basis for special categories (Art. 9).
    pub special_category_basis: Option<String>,
    /// Retention.
    pub retention_period: Option<String>,
    /// Recipients outside.
    pub third_parties: Option<String>,
    /// Categories that recipients get.
    pub shared_categories: Vec<String>,
    /// Systems that the data go to.
    pub egress: Vec<FidesKey>,
    /// Systems that the data come from.
    pub ingress: Vec<FidesKey>,
}

impl System {
    /// The datasets in which one of its processings lies, as declared by it or by the whole system.
    pub fn datasets_of<'s>(&'s self, declaration: &'s PrivacyDeclaration) -> &'s [FidesKey] {
        if declaration.datasets.is_empty() { &self.datasets } else { &declaration.datasets }
    }
}
