//! CSV as RFC 4180 has it: CRLF, quotes where needed, a header in every part. No value is an empty field, empty text is
//! a pair of quotes. Text that a spreadsheet would take for a formula gets an apostrophe in front.

use tributary_model::manifest::Collection;

use super::cell::{Files, Written, digits};
use super::kinds::Kinds;
use crate::value::Cell;

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
pub(super) fn row(out: &mut Vec<u8>, cells: &[Cell<'_>], files: &Files<'_>) -> bool {
    for (column, &cell) in cells.iter().enumerate() {
        if column > 0 {
            out.push(b',');
        }
        // Most cells by far, without a look at what they could be otherwise.
        if let Cell::Text(bytes) = cell
            && bytes.len() as u64 <= files.largest
            && stands_for_itself(bytes)
        {
            out.extend_from_slice(bytes);
            continue;
        }
        let Some(cell) = files.written(cell, column) else { return false };
        match cell {
            // A line with nothing on it would be no row to most readers.
            Written::Null if cells.len() == 1 => out.extend_from_slice(b"\"\""),
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

/// Whether a text is certain to be written as it is: nothing in it needs quotes, no spreadsheet runs it, and it is no mark.
fn stands_for_itself(bytes: &[u8]) -> bool {
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    // The full-width forms of formulas begin with EF.
    if matches!(first, b'=' | b'+' | b'-' | b'@' | b'[' | b'\t' | b' ' | 0xef) || *last == b' ' {
        return false;
    }
    match Kinds::of(bytes) {
        Kinds { special: true, .. } => false,
        Kinds { ascii: true, .. } => true,
        Kinds { ascii: false, .. } => simdutf8::basic::from_utf8(bytes).is_ok(),
    }
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
    let kinds = Kinds::of(bytes);
    if !bytes.is_empty() && !edges && !kinds.special {
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    if kinds.quote {
        for (index, piece) in bytes.split(|&byte| byte == b'"').enumerate() {
            if index > 0 {
                out.extend_from_slice(b"\"\"");
            }
            out.extend_from_slice(piece);
        }
    } else {
        out.extend_from_slice(bytes);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_stands_for_itself_is_what_every_other_look_would_write() {
        let paths = BTreeMap::new();
        let files = Files { paths: &paths, largest: 1024, marked: true };
        let long = "x".repeat(100);
        let around =
            ["", "=", "+1", "-", "-5", "@", "[redacted:", "[", " ", "\t", "\r", "\n", ",", "\"", "é", "＝", "a"];
        let middles = [long.as_str(), "b", ""];
        let texts = around.iter().flat_map(|start| middles.map(|middle| format!("{start}{middle}")));
        let texts = texts.flat_map(|text| around.map(|end| format!("{text}{end}")));
        let mut itself = 0;
        for value in texts {
            let cell = Cell::Text(value.as_bytes());
            let Some(Written::Text(told)) = files.written(cell, 0) else { panic!("text is text") };
            let mut slow = Vec::new();
            text(&mut slow, &if is_formula(&told) { format!("'{told}") } else { told.into_owned() });
            if stands_for_itself(value.as_bytes()) {
                itself += 1;
                assert_eq!(slow, value.as_bytes(), "{value:?}");
            }
            slow.extend_from_slice(b"\r\n");
            let mut out = Vec::new();
            assert!(row(&mut out, &[cell], &files));
            assert_eq!(out, slow, "{value:?}");
        }
        assert!(itself > 0);
        assert!(!stands_for_itself(b"a\xff") && !stands_for_itself(b""));
        assert!(stands_for_itself("première".as_bytes()), "text that is not ASCII");
    }
}
