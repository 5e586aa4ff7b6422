//! What manifests say to people: labels, descriptions, codes, units, dates in other forms, names that stay hidden.
//! Ours stand under the key `tributary:`, beside Fideslang's `name`, `description` and `fides_meta.redact`.

use std::collections::HashSet;
use std::str::FromStr;

use super::Manifests;
use crate::id::{FidesKey, InvalidId};
use crate::language::Texts;

/// What something is called and what it is, in several languages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wording {
    /// `tributary.label`; of a dataset in English else its Fideslang `name`.
    pub labels: Texts,
    /// `tributary.description`; in English else the Fideslang `description`.
    pub descriptions: Texts,
}

impl Wording {
    /// Whether people are told nothing but the name in the store.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.descriptions.is_empty()
    }
}

/// A value that stands for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The value as it stands in the store.
    pub value: String,
    /// What it means.
    pub labels: Texts,
}

/// A column that holds dates in another form than a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Represents {
    /// What its values are.
    pub what: Moment,
    /// How they are written.
    pub form: MomentForm,
}

/// A day or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A calendar date.
    Date,
    /// A date and a time.
    Datetime,
}

/// How a store writes dates where it has no type for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MomentForm {
    /// Seconds since 1970-01-01 UTC.
    EpochSeconds,
    /// Milliseconds since 1970-01-01 UTC.
    EpochMilliseconds,
    /// Days since 1970-01-01.
    EpochDays,
    /// Days since noon of 1 January 4713 BC (Julian), as SQLite's `julianday`.
    JulianDay,
    /// Text in a form of ISO 8601.
    Text,
}

impl FromStr for Moment {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "date" => Ok(Self::Date),
            "datetime" => Ok(Self::Datetime),
            _ => Err(InvalidId { what: "what a field represents", rule: "'date' or 'datetime'" }),
        }
    }
}

impl FromStr for MomentForm {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "epoch_seconds" => Ok(Self::EpochSeconds),
            "epoch_milliseconds" => Ok(Self::EpochMilliseconds),
            "epoch_days" => Ok(Self::EpochDays),
            "julian_day" => Ok(Self::JulianDay),
            "text" => Ok(Self::Text),
            _ => {
                let rule = "epoch_seconds, epoch_milliseconds, epoch_days, julian_day or text";
                Err(InvalidId { what: "the form of a date", rule })
            }
        }
    }
}

/// Puts neutral names in place of those that `fides_meta.redact: name` hides: `dataset-2`, `collection-2`, `field-3`,
/// numbered by their place in the manifests, so that they stay the same for as long as that does.
pub(super) fn hide_names(manifests: &mut Manifests) {
    let taken: HashSet<String> = manifests.datasets.iter().map(|dataset| dataset.key.to_string()).collect();
    for (d, dataset) in manifests.datasets.iter_mut().enumerate() {
        if dataset.redacted
            && let Ok(key) = FidesKey::from_str(&neutral("dataset", d, &taken))
        {
            dataset.shown = key;
        }
        let taken: HashSet<String> = dataset.collections.iter().map(|collection| collection.name.clone()).collect();
        for (c, collection) in dataset.collections.iter_mut().enumerate() {
            if collection.redacted {
                collection.shown = neutral("collection", c, &taken);
            }
            let taken: HashSet<String> = collection.fields.iter().map(|field| field.name.clone()).collect();
            for (f, field) in collection.fields.iter_mut().enumerate().filter(|(_, field)| field.redacted) {
                field.shown = neutral("field", f, &taken);
            }
        }
    }
}

/// A name that says its kind and place and that nothing else bears.
fn neutral(kind: &str, index: usize, taken: &HashSet<String>) -> String {
    let mut name = format!("{kind}-{}", index + 1);
    while taken.contains(&name) {
        name.push('-');
    }
    name
}
