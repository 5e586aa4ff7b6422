//! Whether a stored value is an identifier that is sought, however either of the two is spelt.
//!
//! The connectors' statements compare in the same way: with each spelling, or under a [`Folding`] of the column. Here it is
//! done for values within JSON, and to tell which of several identifiers a row was found by.

use std::borrow::Cow;

use tributary_model::id::{CountryCode, IdentifierType};
use tributary_model::identifier::{Folding, Identifier, Spellings};

use crate::value::{Tuple, Value};

/// One identifier in all its spellings.
#[derive(Clone)]
pub struct Sought(Spellings);

impl Sought {
    /// The spellings of an identifier at an entity in `country`.
    pub fn new(identifier: &Identifier, country: Option<&CountryCode>) -> Self {
        Self(Spellings::new(identifier, country))
    }

    /// Its type.
    pub fn kind(&self) -> &IdentifierType {
        self.0.kind()
    }

    /// The values to look up.
    pub fn values(&self) -> impl Iterator<Item = Value> + '_ {
        self.0.all().iter().map(|spelling| Value::Text(spelling.expose().clone().into_bytes()))
    }

    /// Whether a stored value is this identifier.
    pub fn is(&self, stored: &Value, folding: Folding) -> bool {
        match stored {
            Value::Integer(n) => self.0.contains_number(*n, folding),
            Value::Text(bytes) => self.0.contains(&String::from_utf8_lossy(bytes), folding),
            Value::Real(_) | Value::Blob(_) => false,
        }
    }
}

/// The text that a value is folded from.
pub(super) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Integer(n) => Some(n.to_string().into()),
        Value::Text(bytes) => Some(String::from_utf8_lossy(bytes)),
        Value::Real(_) | Value::Blob(_) => None,
    }
}

/// The folded forms of spellings, each once. What nothing is left of equals nothing.
pub(super) fn folded(values: &[Tuple], folding: Folding) -> Vec<Tuple> {
    let mut all: Vec<Tuple> = Vec::new();
    for value in values.iter().flatten().filter_map(text) {
        let tuple = vec![Value::Text(folding.fold(&value).into_owned().into_bytes())];
        if tuple[0].text() != Some("") && !all.contains(&tuple) {
            all.push(tuple);
        }
    }
    all
}
