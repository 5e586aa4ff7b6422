//! Counts the marks in tables' files as their bytes go by, in memory that does not grow with them: of a cell no more is
//! kept than a mark could have.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::RedactionReason;

/// Marks counted, by field and reason.
pub(crate) type Tally = BTreeMap<(String, RedactionReason), u64>;

/// Bytes read at once.
const PIECE: usize = 64 * 1024;
/// Longest text of a cell that is kept: longer than any mark.
const MAX_CELL: usize = 64;
/// Longest key of a JSON object that is kept, in bytes as written: a field's name of 500 bytes with each one escaped.
const MAX_KEY: usize = 3072;

/// Reads one file.
pub(crate) struct Marks<'f> {
    fields: &'f [String],
    form: Form,
    counts: BTreeMap<(usize, RedactionReason), u64>,
}

enum Form {
    Csv(Csv),
    Ndjson(Ndjson),
}

/// A text that is kept up to a length.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    cut: bool,
}

impl Kept {
    fn push(&mut self, byte: u8, most: usize) {
        if self.bytes.len() < most {
            self.bytes.push(byte);
        } else {
            self.cut = true;
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.cut = false;
    }

    fn mark(&self) -> Option<RedactionReason> {
        // Nearly every cell is told by its first byte.
        if self.cut || self.bytes.first() != Some(&b'[') {
            return None;
        }
        RedactionReason::of_mark(std::str::from_utf8(&self.bytes).ok()?)
    }
}

/// A file of RFC 4180, with a header.
#[derive(Default)]
struct Csv {
    cell: Kept,
    quoted: bool,
    /// After a quote within quotes: it ends them, or is the first of two.
    quote: bool,
    column: usize,
    in_header: bool,
}

/// Objects, each on a line.
#[derive(Default)]
struct Ndjson {
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// Whether a string at this point is a value; else it is a key.
    after_colon: bool,
    text: Kept,
    column: Option<usize>,
}

impl<'f> Marks<'f> {
    /// For a file of a table with these fields, by the file's media type; `None` for one that is no table's.
    pub(crate) fn new(media_type: &str, fields: &'f [String]) -> Option<Self> {
        let form = match media_type {
            "text/csv" => Form::Csv(Csv { in_header: true, ..Csv::default() }),
            "application/x-ndjson" => Form::Ndjson(Ndjson::default()),
            _ => return None,
        };
        Some(Self { fields, form, counts: BTreeMap::new() })
    }

    /// Takes the next bytes of the file.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let Self { fields, form, counts } = self;
        for &byte in bytes {
            let found = match form {
                Form::Csv(csv) => csv.push(byte),
                Form::Ndjson(ndjson) => ndjson.push(byte, fields),
            };
            if let Some(place) = found.filter(|(column, _)| *column < fields.len()) {
                *counts.entry(place).or_default() += 1;
            }
        }
    }

    /// Adds what was counted.
    pub(crate) fn add_to(self, tally: &mut Tally) {
        for ((column, reason), count) in self.counts {
            *tally.entry((self.fields[column].clone(), reason)).or_default() += count;
        }
    }
}

/// Counts the marks in a table's file by field and reason; none in a file that is no table's.
///
/// # Errors
/// When it cannot be read.
pub fn count(
    media_type: &str,
    fields: &[String],
    plain: &mut dyn Read,
) -> io::Result<BTreeMap<(String, RedactionReason), u64>> {
    let mut tally = Tally::new();
    let Some(mut marks) = Marks::new(media_type, fields) else { return Ok(tally) };
    let mut piece = vec![0; PIECE];
    loop {
        match plain.read(&mut piece)? {
            0 => break,
            length => marks.push(&piece[..length]),
        }
    }
    marks.add_to(&mut tally);
    Ok(tally)
}

impl Csv {
    /// Takes a byte; at the end of a cell that is a mark, its column and reason.
    fn push(&mut self, byte: u8) -> Option<(usize, RedactionReason)> {
        if self.quoted && !self.quote {
            match byte {
                b'"' => self.quote = true,
                _ => self.cell.push(byte, MAX_CELL),
            }
            return None;
        }
        match byte {
            b'"' if self.quote => {
                self.quote = false;
                self.cell.push(byte, MAX_CELL);
            }
            b'"' if self.cell.bytes.is_empty() => self.quoted = true,
            b',' => return self.end(false),
            b'\n' => return self.end(true),
            b'\r' => {}
            _ => self.cell.push(byte, MAX_CELL),
        }
        None
    }

    fn end(&mut self, row: bool) -> Option<(usize, RedactionReason)> {
        let found = self.cell.mark().filter(|_| !self.in_header).map(|reason| (self.column, reason));
        self.cell.clear();
        (self.quoted, self.quote) = (false, false);
        self.column = if row { 0 } else { self.column + 1 };
        self.in_header &= !row;
        found
    }
}

impl Ndjson {
    /// Takes a byte; at the end of a value that is a mark, its column and reason.
    fn push(&mut self, byte: u8, fields: &[String]) -> Option<(usize, RedactionReason)> {
        if !self.in_string {
            match byte {
                b'"' => {
                    self.in_string = true;
                    self.text.clear();
                }
                b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b':' if self.depth == 1 => self.after_colon = true,
                b',' if self.depth == 1 => self.after_colon = false,
                _ => {}
            }
            if self.depth == 0 {
                self.after_colon = false;
            }
            return None;
        }
        let kept = if self.after_colon { MAX_CELL } else { MAX_KEY };
        match byte {
            _ if self.escaped => {
                self.escaped = false;
                self.text.push(byte, kept);
            }
            b'\\' => {
                self.escaped = true;
                self.text.push(byte, kept);
            }
            b'"' => {
                self.in_string = false;
                return self.end(fields);
            }
            _ => self.text.push(byte, kept),
        }
        None
    }

    fn end(&mut self, fields: &[String]) -> Option<(usize, RedactionReason)> {
        if self.depth != 1 {
            return None;
        }
        if self.after_colon {
            return Some((self.column?, self.text.mark()?));
        }
        let quoted = [b"\"", self.text.bytes.as_slice(), b"\""].concat();
        let name: Option<String> = serde_json::from_slice(&quoted).ok();
        self.column = name.and_then(|name| fields.iter().position(|field| *field == name));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::RedactionReason::{Actor, ThirdParty};
    use super::*;

    fn counted(media_type: &str, fields: &[&str], text: &str) -> Vec<(String, RedactionReason, u64)> {
        let fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
        let mut tallies = [1, 7, usize::MAX].map(|size| {
            let mut marks = Marks::new(media_type, &fields).unwrap();
            text.as_bytes().chunks(size.min(text.len())).for_each(|chunk| marks.push(chunk));
            let mut tally = Tally::new();
            marks.add_to(&mut tally);
            tally
        });
        assert!(tallies[0] == tallies[1] && tallies[1] == tallies[2], "it depends on how the bytes come");
        std::mem::take(&mut tallies[0]).into_iter().map(|((field, reason), count)| (field, reason, count)).collect()
    }

    #[test]
    fn marks_in_csv_are_counted_and_what_only_looks_like_one_is_not() {
        let text = "[redacted:ACTOR],b\r\n\
                    [redacted:ACTOR],\"a \"\"quote\"\", and\r\n[redacted:ACTOR],\"\r\n\
                    '[redacted:ACTOR],[redacted:THIRD_PARTY]\r\n\
                    [redacted:NOBODY],\"[redacted:THIRD_PARTY]\",[redacted:ACTOR]\r\n\
                    x[redacted:ACTOR],[redacted:ACTOR] and more\r\n";
        let found = counted("text/csv", &["[redacted:ACTOR]", "b"], text);
        assert_eq!(found, [("[redacted:ACTOR]".to_owned(), Actor, 1), ("b".to_owned(), ThirdParty, 2)]);
    }

    #[test]
    fn marks_in_lines_of_json_are_counted_by_their_keys() {
        let text = r#"{"a":"[redacted:ACTOR]","b \"é\"":"[redacted:THIRD_PARTY]"}
{"a":"x, \"[redacted:ACTOR]","b \"\u00e9\"":["[redacted:ACTOR]",{"a":"[redacted:ACTOR]"}]}
{"b \"é\"":null,"a":"[redacted:ACTOR]","c":"[redacted:ACTOR]"}
{"[redacted:ACTOR]":1,"a":1}
"#;
        let found = counted("application/x-ndjson", &["a", "b \"é\""], text);
        assert_eq!(found, [("a".to_owned(), Actor, 2), ("b \"é\"".to_owned(), ThirdParty, 1)]);
    }

    #[test]
    fn a_file_that_is_no_table_has_no_marks() {
        assert!(Marks::new("application/pdf", &[]).is_none());
    }
}
