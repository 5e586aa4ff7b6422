//! How a cell is written, whatever the table's format.
//!
//! Numbers are exact: whole ones in all their digits, others in the shortest form that reads back to the same value.
//! Decimals are digits in CSV and text in NDJSON, whose readers would round them.
//! Bytes are base64 after `base64:`. Text that is not valid UTF-8 stands with U+FFFD in place of what is wrong,
//! followed by all its bytes. A hidden cell is its reason's mark. A cell that became a file of its own is `file:` and the file's path in the entity's folder.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

use tributary_archive::redaction::{MARK_START, RedactionReason};

use crate::value::Cell;

/// How the cells of a table's rows are written.
pub(super) struct Files<'f> {
    /// Paths of those that do, by column.
    pub(super) paths: &'f BTreeMap<usize, String>,
    /// Cells above this must, in bytes.
    pub(super) largest: u64,
    /// Whether the table may have marks of what is hidden, so that data must not look like one.
    pub(super) marked: bool,
}

impl Files<'_> {
    /// The cell as it is written; `None` when it must be in a file and is not.
    pub(super) fn written<'c>(&self, cell: Cell<'c>, column: usize) -> Option<Written<'c>> {
        if !is_large(cell, self.largest) {
            return Some(self.told_apart(written(cell, None)));
        }
        let path = self.paths.get(&column)?;
        Some(written(cell, Some(path)))
    }

    /// Text that begins as a mark does gets an apostrophe in front.
    fn told_apart<'c>(&self, written: Written<'c>) -> Written<'c> {
        match written {
            Written::Text(text) if self.marked && text.starts_with(MARK_START) => {
                Written::Text(format!("'{text}").into())
            }
            other => other,
        }
    }
}

/// Whether a cell must be a file of its own, when those above `largest` bytes must.
pub(super) fn is_large(cell: Cell<'_>, largest: u64) -> bool {
    match cell {
        Cell::Large(_) => true,
        Cell::Text(bytes) | Cell::Blob(bytes) => bytes.len() as u64 > largest,
        _ => false,
    }
}

/// Appends a number in JSON's form, which is the shortest that reads back to the same value.
pub(super) fn digits(out: &mut Vec<u8>, number: impl Serialize) {
    // Writing a number into a vector cannot fail.
    let _ = serde_json::to_writer(out, &number);
}

/// A cell as it is written.
pub(super) enum Written<'c> {
    /// Nothing.
    Null,
    /// A whole number.
    Whole(i64),
    /// A finite number with a fraction.
    Real(f64),
    /// Digits that a reader of JSON numbers would round.
    Exact(&'c str),
    /// True or false.
    Bool(bool),
    /// Text of the database, or in its place.
    Text(Cow<'c, str>),
    /// Hidden.
    Redacted(RedactionReason),
}

impl<'c> Written<'c> {
    /// The value as text; `None` for no value.
    pub(super) fn into_text(self) -> Option<Cow<'c, str>> {
        match self {
            Self::Null => None,
            Self::Whole(n) => Some(n.to_string().into()),
            Self::Real(n) => Some(serde_json::Number::from_f64(n).map_or_else(String::new, |n| n.to_string()).into()),
            Self::Exact(digits) => Some(digits.into()),
            Self::Bool(b) => Some(if b { "true" } else { "false" }.into()),
            Self::Text(text) => Some(text),
            Self::Redacted(reason) => Some(reason.mark().into()),
        }
    }
}

pub(super) fn written<'c>(cell: Cell<'c>, file: Option<&String>) -> Written<'c> {
    if let Some(path) = file {
        return Written::Text(format!("file:{path}").into());
    }
    match cell {
        Cell::Null => Written::Null,
        Cell::Integer(n) => Written::Whole(n),
        Cell::Real(n) if n.is_finite() => Written::Real(n),
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
        Cell::Redacted(reason) => Written::Redacted(reason),
    }
}
