//! CSV as RFC 4180 has it: CRLF, quotes where needed, a header in every part. No value is an empty field, empty text is
//! a pair of quotes. Text that a spreadsheet would take for a formula gets an apostrophe in front.

use tributary_model::manifest::Collection;

use super::cell::{Files, Written, digits};
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

/// Appends a row. False: a cell of it must be in a file and is not, and what was appended is no whole row.
pub(super) fn row(out: &mut Vec<u8>, columns: usize, row: &dyn Row, files: &Files<'_>) -> bool {
    for column in 0..columns {
        if column > 0 {
            out.push(b',');
        }
        let Some(cell) = files.written(row, column) else { return false };
        match cell {
            // A line with nothing on it would be no row to most readers.
            Written::Null if columns == 1 => out.extend_from_slice(b"\"\""),
            Written::Null => {}
            Written::Whole(n) => digits(out, n),
            Written::Real(n) => digits(out, n),
            Written::Exact(digits) => out.extend_from_slice(digits.as_bytes()),
            Written::Redacted(reason) => out.extend_from_slice(reason.mark().as_bytes()),
            Written::Bool(b) => out.extend_from_slice(if b { b"true" } else { b"false" }),
            Written::Text(value) if is_formula(&value) => text(out, &format!("'{value}")),
            Written::Text(value) => text(out, &value),
        }
    }
    out.extend_from_slice(b"\r\n");
    true
}

/// What Excel, LibreOffice or Sheets would run, full-width forms included (OWASP, CSV Injection). A negative number runs
/// nothing.
fn is_formula(text: &str) -> bool {
    if let Some(digits) = text.strip_prefix('-')
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
    {
        return false;
    }
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

fn text(out: &mut Vec<u8>, value: &str) {
    let bytes = value.as_bytes();
    let edges = bytes.first() == Some(&b' ') || bytes.last() == Some(&b' ');
    if !bytes.is_empty() && !edges && !needs_quotes(bytes) {
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    for (index, piece) in bytes.split(|&byte| byte == b'"').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(piece);
    }
    out.push(b'"');
}

/// Looks through whole blocks rather than byte by byte, as the compiler turns that into vector instructions: with long
/// texts this would otherwise cost more than to deflate them.
fn needs_quotes(bytes: &[u8]) -> bool {
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\r' | b'\n');
    bytes.chunks(64).any(|block| block.iter().fold(false, |found, byte| found | special(byte)))
}
