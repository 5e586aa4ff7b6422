//! What an entity has recorded about its processing: purposes, bases, recipients, periods (Art. 15(1) and (2) GDPR),
//! as its `system` manifests say. What they lack stays absent here, and is shown as not recorded by that entity.

mod file;
mod missing;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tributary_model::id::FidesKey;

use crate::digest::Sha256Hex;
use crate::json;
pub use file::{EntityInformation, InformationFile, OtherRecord, RecordState, RightOfPerson};
pub use missing::NotRecorded;

/// The record of one entity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Information {
    /// Its systems, in the order of its manifests.
    pub systems: Vec<SystemInformation>,
}

/// One system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SystemInformation {
    /// Its `fides_key`.
    pub system: FidesKey,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Datasets that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<FidesKey>,
    /// Who is responsible besides the entity, Art. 26.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joint_controller: Option<String>,
    /// Whether it sends personal data to third countries, Art. 15(2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub international_transfers: Option<bool>,
    /// The safeguards of those transfers, Art. 46, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfer_safeguards: Vec<String>,
    /// What it processes and what for.
    pub processing: Vec<Processing>,
}

/// One processing of a system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Processing {
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The purpose, a Fideslang data use, Art. 15(1)(a).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_use: Option<String>,
    /// Fideslang data categories, Art. 15(1)(b).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Whose data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_subjects: Vec<String>,
    /// Legal basis as written, Art. 6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<String>,
    /// Basis for special categories as written, Art. 9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub special_category_basis: Option<String>,
    /// Period or the criteria for it, as written, Art. 15(1)(d).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_period: Option<String>,
    /// Recipients, Art. 15(1)(c): third parties as written, and systems that the data go to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// Categories that those recipients get, where they are fewer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared_categories: Vec<String>,
    /// Where the data come from when not from the person, Art. 15(1)(g).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Datasets in which they lie; all of the system's when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<FidesKey>,
}

/// The digest that an entity attests of its record: SHA-256 of it as JSON on one line, in the fields' order, absent and
/// empty ones left out.
pub fn digest(information: &Information) -> Sha256Hex {
    Sha256Hex::of(&json::line(information))
}
