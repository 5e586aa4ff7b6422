//! One JSON object a line, keys in column order. Whole numbers stand in all their digits.

use std::collections::BTreeMap;

use tributary_model::manifest::Field;

use super::cell::{Written, written};
use crate::source::Row;

/// Appends a row.
pub(super) fn row(out: &mut Vec<u8>, fields: &[Field], row: &dyn Row, files: &BTreeMap<usize, String>) {
    for (column, field) in fields.iter().enumerate() {
        out.push(if column == 0 { b'{' } else { b',' });
        text(out, &field.shown);
        out.push(b':');
        match written(row.cell(column), files.get(&column)) {
            Written::Null => out.extend_from_slice(b"null"),
            Written::Number(digits) => out.extend_from_slice(digits.as_bytes()),
            Written::Exact(digits) => text(out, digits),
            Written::Bool(b) => out.extend_from_slice(if b { b"true" } else { b"false" }),
            Written::Text(value) => text(out, &value),
        }
    }
    out.extend_from_slice(if fields.is_empty() { b"{}\n" } else { b"}\n" });
}

fn text(out: &mut Vec<u8>, value: &str) {
    // Writing text into a vector cannot fail.
    let _ = serde_json::to_writer(out, value);
}
