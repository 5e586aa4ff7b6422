//! How a cell is written, whatever the table's format.
//!
//! Numbers are exact: whole ones in all their digits, others in the shortest form that reads back to the same value.
//! Decimals are digits in CSV and text in NDJSON, whose readers would round them.
//! Bytes are base64 after `base64:`. Text that is not valid UTF-8 stands with U+FFFD in place of what is wrong,
//! followed by all its bytes. A cell that became a file of its own is `file:` and the file's path in the entity's folder.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::borrow::Cow;

use crate::value::Cell;

/// A cell as it is written.
pub(super) enum Written<'c> {
    /// Nothing.
    Null,
    /// Digits.
    Number(String),
    /// Digits that a reader of JSON numbers would round.
    Exact(&'c str),
    /// True or false.
    Bool(bool),
    /// Text of the database, or in its place.
    Text(Cow<'c, str>),
}

impl<'c> Written<'c> {
    /// The value as text; `None` for no value.
    pub(super) fn into_text(self) -> Option<Cow<'c, str>> {
        match self {
            Self::Null => None,
            Self::Number(digits) => Some(digits.into()),
            Self::Exact(digits) => Some(digits.into()),
            Self::Bool(b) => Some(if b { "true" } else { "false" }.into()),
            Self::Text(text) => Some(text),
        }
    }
}

pub(super) fn written<'c>(cell: Cell<'c>, file: Option<&String>) -> Written<'c> {
    if let Some(path) = file {
        return Written::Text(format!("file:{path}").into());
    }
    match cell {
        Cell::Null => Written::Null,
        Cell::Integer(n) => Written::Number(n.to_string()),
        Cell::Real(n) if n.is_finite() => {
            Written::Number(serde_json::Number::from_f64(n).map_or_else(String::new, |n| n.to_string()))
        }
        Cell::Real(n) => Written::Text(if n > 0.0 { "Infinity" } else { "-Infinity" }.into()),
        Cell::Bool(b) => Written::Bool(b),
        Cell::Decimal(digits) => Written::Exact(std::str::from_utf8(digits).unwrap_or_default()),
        Cell::Text(bytes) => Written::Text(match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => {
                let exact = BASE64_STANDARD.encode(bytes);
                format!("{} [not UTF-8; base64:{exact}]", String::from_utf8_lossy(bytes)).into()
            }
        }),
        Cell::Blob(bytes) => Written::Text(format!("base64:{}", BASE64_STANDARD.encode(bytes)).into()),
        Cell::Large(_) => Written::Text("file:".into()),
    }
}
