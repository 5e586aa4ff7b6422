//! CSV as RFC 4180 has it: CRLF, quotes where needed, a header in every part. No value is an empty field, empty text is
//! a pair of quotes. Text that a spreadsheet would take for a formula gets an apostrophe in front.

use std::collections::BTreeMap;

use tributary_model::manifest::Collection;

use super::cell::{Written, written};
use crate::source::Row;

/// The header line.
pub(super) fn header(collection: &Collection) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, field) in collection.fields.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        text(&mut out, &field.shown);
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Appends a row.
pub(super) fn row(out: &mut Vec<u8>, columns: usize, row: &dyn Row, files: &BTreeMap<usize, String>) {
    for column in 0..columns {
        if column > 0 {
            out.push(b',');
        }
        match written(row.cell(column), files.get(&column)) {
            // A line with nothing on it would be no row to most readers.
            Written::Null if columns == 1 => out.extend_from_slice(b"\"\""),
            Written::Null => {}
            Written::Number(digits) => out.extend_from_slice(digits.as_bytes()),
            Written::Text(value) if is_formula(&value) => text(out, &format!("'{value}")),
            Written::Text(value) => text(out, &value),
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// What Excel, LibreOffice or Sheets would run, full-width forms included (OWASP, CSV Injection).
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

fn text(out: &mut Vec<u8>, value: &str) {
    let edges = value.starts_with(' ') || value.ends_with(' ');
    if !value.is_empty() && !edges && !value.contains([',', '"', '\r', '\n']) {
        out.extend_from_slice(value.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in value.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
