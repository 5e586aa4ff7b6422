//! What is hidden from a person because it is about others (Art. 15(4) GDPR, ACC-9): the reasons, the marks that stand
//! where a value was, and the counts that an entity signs.
//!
//! A mark says that something is hidden and why, and neither whether there was a value nor how long it was. `marks` counts
//! them in tables' files. Neighbours: `attestation`, which carries the counts, and `table`, which names the marks.

mod check;
mod marks;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tributary_model::id::FidesKey;

pub use check::{InvalidRedactions, check};
pub use marks::count;
pub(crate) use marks::{Marks, Tally};

/// What every mark begins with. Data that begin so have an apostrophe in front, in tables that may have marks.
pub const MARK_START: &str = "[redacted:";

/// Why something is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RedactionReason {
    /// The field is about someone else.
    ThirdParty,
    /// It names others with whom the person shares the row.
    Shared,
    /// The person acted on the row, at work for instance, and this part of it is about others.
    Actor,
    /// It is text that may speak of others.
    FreeText,
}

impl RedactionReason {
    /// All reasons.
    pub const ALL: [Self; 4] = [Self::ThirdParty, Self::Shared, Self::Actor, Self::FreeText];

    /// The name in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ThirdParty => "THIRD_PARTY",
            Self::Shared => "SHARED",
            Self::Actor => "ACTOR",
            Self::FreeText => "FREE_TEXT",
        }
    }

    /// What stands in a table's files where a value was.
    pub fn mark(self) -> &'static str {
        match self {
            Self::ThirdParty => "[redacted:THIRD_PARTY]",
            Self::Shared => "[redacted:SHARED]",
            Self::Actor => "[redacted:ACTOR]",
            Self::FreeText => "[redacted:FREE_TEXT]",
        }
    }

    /// The reason whose mark this is.
    pub fn of_mark(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.mark() == text)
    }

    /// Whether data of the person may be hidden with those of others. Then the answer is partial: only what is about
    /// others alone may be missing from a full one (ACC-9: redact the minimum).
    pub fn hides_own_data(self) -> bool {
        self == Self::FreeText
    }

    /// The reason in a sentence, in English.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::ThirdParty => "it is about someone else",
            Self::Shared => "it names others with whom you share it",
            Self::Actor => "you acted on it, and it is about others",
            Self::FreeText => "it is text that may speak of others",
        }
    }
}

/// How much of one field, or how many rows of one collection, an entity hid for one reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redaction {
    /// The dataset.
    pub dataset: FidesKey,
    /// The collection.
    pub collection: String,
    /// The field; absent for whole rows that were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Why.
    pub reason: RedactionReason,
    /// Marks in the field, one a row whether or not there was a value; without a field, rows that are not in the files.
    pub count: u64,
}

impl Redaction {
    /// Whether data of the person may be hidden: see [`RedactionReason::hides_own_data`]. A row that was left out says
    /// at least that the person had to do with it.
    pub fn hides_own_data(&self) -> bool {
        self.field.is_none() || self.reason.hides_own_data()
    }
}
