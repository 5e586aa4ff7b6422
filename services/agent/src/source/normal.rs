//! Whether a stored value is an identifier that is sought, however either of the two is spelt.
//!
//! The statements of `sqlite` compare in the same way; here it is done for values within JSON, and to tell which of
//! several identifiers a row was found by.

use std::collections::BTreeSet;

use tributary_model::id::IdentifierType;
use tributary_model::identifier::Identifier;

use crate::value::Value;

/// One identifier in all its spellings.
#[derive(Clone)]
pub struct Sought {
    kind: IdentifierType,
    folded: BTreeSet<String>,
    spellings: Vec<String>,
}

impl Sought {
    /// The spellings of an identifier.
    pub fn new(identifier: &Identifier) -> Self {
        let spellings: Vec<String> = identifier.spellings().iter().map(|s| s.expose().clone()).collect();
        let folded = spellings.iter().map(|spelling| fold(&identifier.kind, spelling)).collect();
        Self { kind: identifier.kind.clone(), folded, spellings }
    }

    /// Its type.
    pub fn kind(&self) -> &IdentifierType {
        &self.kind
    }

    /// The values to look up.
    pub fn values(&self) -> impl Iterator<Item = Value> + '_ {
        self.spellings.iter().map(|spelling| Value::Text(spelling.clone().into_bytes()))
    }

    /// Whether a stored value is this identifier.
    pub fn is(&self, stored: &Value) -> bool {
        let text = match stored {
            Value::Integer(n) => n.to_string(),
            Value::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Value::Real(_) | Value::Blob(_) => return false,
        };
        let leading = |n: &str| n.trim_start_matches('0') == text.trim_start_matches('0');
        self.folded.contains(&fold(&self.kind, &text))
            || (matches!(stored, Value::Integer(_)) && self.spellings.iter().any(|s| leading(s)))
    }
}

/// One form for all spellings of an identifier.
pub(super) fn fold(kind: &IdentifierType, text: &str) -> String {
    match kind.as_str() {
        "email" => text.trim().to_lowercase(),
        "phone_number" => text.chars().filter(|c| !PUNCTUATION.contains(c) && !c.is_whitespace()).collect(),
        _ => text.to_owned(),
    }
}

/// What people put between the digits of a telephone number.
pub(super) const PUNCTUATION: [char; 5] = ['.', '-', '/', '(', ')'];
