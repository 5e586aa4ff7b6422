//! One JSON object a line, keys in column order. Whole numbers stand in all their digits.

use tributary_model::manifest::Field;

use super::cell::{Files, Written, digits};
use crate::value::Cell;

/// Appends a row. False: a cell of it must be in a file and is not, and what was appended is no whole row.
pub(super) fn row(out: &mut Vec<u8>, fields: &[Field], cells: &[Cell<'_>], files: &Files<'_>) -> bool {
    for (column, (field, &cell)) in fields.iter().zip(cells).enumerate() {
        let Some(cell) = files.written(cell, column) else { return false };
        out.push(if column == 0 { b'{' } else { b',' });
        text(out, &field.shown);
        out.push(b':');
        match cell {
            Written::Null => out.extend_from_slice(b"null"),
            Written::Whole(n) => digits(out, n),
            Written::Real(n) => digits(out, n),
            Written::Exact(digits) => text(out, digits),
            Written::Redacted(reason) => text(out, reason.mark()),
            Written::Bool(b) => out.extend_from_slice(if b { b"true" } else { b"false" }),
            Written::Text(value) => text(out, &value),
        }
    }
    out.extend_from_slice(if fields.is_empty() { b"{}\n" } else { b"}\n" });
    true
}

fn text(out: &mut Vec<u8>, value: &str) {
    // Writing text into a vector cannot fail.
    let _ = serde_json::to_writer(out, value);
}
