//! What a person is known by: typed values, normalised by type, compared and digested without being printed.
//!
//! An [`Identifier`] is what was given, and what mandates bind. `spelling` is what is sought for it, made by the `form` of
//! its type (a file each) and compared under a `folding`. Vectors: `tests/vectors`.

mod date;
mod email;
mod folding;
mod form;
mod iban;
mod national;
mod phone;
mod spelling;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

pub use folding::{Folding, PUNCTUATION, SPACES};
pub use form::CheckDigits;
pub use spelling::Spellings;

use crate::id::IdentifierType;
use crate::sensitive::Sensitive;

/// Longest identifier value, in bytes.
pub const MAX_VALUE: usize = 512;
/// Most identifiers of one case.
pub const MAX_IDENTIFIERS: usize = 32;

/// One identifier, for example (`email`, `anna@example.org`), as the caller gave it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identifier {
    /// What kind of value it is.
    #[serde(rename = "type")]
    pub kind: IdentifierType,
    /// The value as given, with white space at its ends removed.
    pub value: Sensitive<String>,
}

/// Why an identifier was refused. Never quotes the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentifier {
    /// No value after trimming.
    #[error("the value of identifier `{0}` is empty")]
    Empty(IdentifierType),
    /// More than [`MAX_VALUE`] bytes.
    #[error("the value of identifier `{0}` is longer than 512 bytes")]
    TooLong(IdentifierType),
    /// Control characters.
    #[error("the value of identifier `{0}` contains control characters")]
    Control(IdentifierType),
}

impl Identifier {
    /// Trims `value` and checks it.
    pub fn new(kind: IdentifierType, value: &str) -> Result<Self, InvalidIdentifier> {
        let value = value.trim();
        if value.is_empty() {
            return Err(InvalidIdentifier::Empty(kind));
        }
        if value.len() > MAX_VALUE {
            return Err(InvalidIdentifier::TooLong(kind));
        }
        if value.chars().any(char::is_control) {
            return Err(InvalidIdentifier::Control(kind));
        }
        Ok(Self { kind, value: Sensitive::new(value.to_owned()) })
    }
}

/// A digest that binds a set of identifiers without revealing them: SHA-256 over `salt` and the sorted, distinct
/// (type, value) pairs, each field preceded by its length as 8 bytes, big endian.
pub fn digest(salt: &[u8], identifiers: &[Identifier]) -> [u8; 32] {
    let mut sorted: Vec<&Identifier> = identifiers.iter().collect();
    sorted.sort();
    sorted.dedup();
    let mut context = Context::new(&SHA256);
    let mut field = |bytes: &[u8]| {
        context.update(&(bytes.len() as u64).to_be_bytes());
        context.update(bytes);
    };
    field(salt);
    for identifier in sorted {
        field(identifier.kind.as_str().as_bytes());
        field(identifier.value.expose().as_bytes());
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(value: &str) -> Identifier {
        Identifier::new("email".parse().unwrap(), value).unwrap()
    }

    #[test]
    fn the_digest_does_not_depend_on_order_and_binds_the_salt() {
        let (a, b) = (email("a@x.org"), email("b@x.org"));
        let both = digest(b"s", &[a.clone(), b.clone()]);
        assert_eq!(both, digest(b"s", &[b.clone(), a.clone(), b.clone()]));
        assert_ne!(both, digest(b"t", &[a.clone(), b]));
        assert_ne!(both, digest(b"s", &[a]));
    }

    #[test]
    fn an_empty_or_unprintable_value_is_refused_without_quoting_it() {
        let kind: IdentifierType = "email".parse().unwrap();
        assert!(matches!(Identifier::new(kind.clone(), "  "), Err(InvalidIdentifier::Empty(_))));
        let error = Identifier::new(kind, "se\u{0}cret").unwrap_err();
        assert!(!error.to_string().contains("cret"));
    }
}
