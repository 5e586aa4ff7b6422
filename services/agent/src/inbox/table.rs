//! Whether a person's version of a table can stand in its place: the same columns, and no more rows.

use std::io::Read;

use csv_core::{ReadRecordResult, Reader};
use tributary_archive::part::Part;

/// Longest record or line, in bytes: cells that are larger are files of their own.
const MOST: usize = 64 * 1024 * 1024;

/// Why a version of a table cannot stand in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidTable {
    /// Other columns, or in another order.
    #[error("its columns are not those of the table: keep the first line, the separator and the encoding as they are")]
    Columns,
    /// Rows that were not there.
    #[error("it has more rows than the table, which has {0}: take rows or cells away, and add none")]
    Rows(u64),
    /// A row of another form.
    #[error("row {0} has another number of columns than the table")]
    Row(u64),
    /// A line that is no object with the table's fields.
    #[error("line {0} is not a JSON object with the table's fields")]
    Line(u64),
    /// A record without end.
    #[error("a row is longer than 64 MiB")]
    TooLong,
    /// The table itself cannot be read.
    #[error("the table itself cannot be read")]
    Original,
}

/// Looks at a table while it goes by.
pub(super) struct TableCheck {
    form: Form,
    most: u64,
    rows: u64,
}

enum Form {
    Csv { records: Records, header: Option<Vec<Vec<u8>>>, columns: usize },
    Lines { line: Vec<u8>, fields: Vec<String> },
}

impl TableCheck {
    /// A check against `part`, whose plain bytes `original` reads.
    pub(super) fn new(part: &Part, original: &mut dyn Read) -> Result<Self, InvalidTable> {
        let form = if part.media_type == "text/csv" {
            let header = first_record(original)?;
            Form::Csv { records: Records::new(), columns: header.len(), header: Some(header) }
        } else {
            Form::Lines { line: Vec::new(), fields: first_fields(original)? }
        };
        Ok(Self { form, most: part.rows, rows: 0 })
    }

    /// Looks at the next bytes.
    pub(super) fn look(&mut self, bytes: &[u8]) -> Result<(), InvalidTable> {
        self.feed(bytes, false)
    }

    /// Looks at the end; returns how many rows there were.
    pub(super) fn finish(mut self) -> Result<u64, InvalidTable> {
        self.feed(&[], true)?;
        match self.form {
            Form::Csv { header: Some(_), .. } => Err(InvalidTable::Columns),
            Form::Csv { .. } | Form::Lines { .. } => Ok(self.rows),
        }
    }

    fn feed(&mut self, bytes: &[u8], end: bool) -> Result<(), InvalidTable> {
        let (rows, most) = (&mut self.rows, self.most);
        match &mut self.form {
            Form::Csv { records, header, columns } => records.feed(bytes, end, &mut |record| {
                if let Some(header) = header.take() {
                    return if record == header { Ok(()) } else { Err(InvalidTable::Columns) };
                }
                if record.len() != *columns {
                    return Err(InvalidTable::Row(*rows + 1));
                }
                count(rows, most)
            }),
            Form::Lines { line, fields } => {
                let mut rest = bytes;
                while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                    line.extend_from_slice(&rest[..at]);
                    rest = &rest[at + 1..];
                    one_line(line, fields, *rows)?;
                    line.clear();
                    count(rows, most)?;
                }
                line.extend_from_slice(rest);
                if line.len() > MOST {
                    return Err(InvalidTable::TooLong);
                }
                if end && !line.is_empty() {
                    one_line(line, fields, *rows)?;
                    count(rows, most)?;
                }
                Ok(())
            }
        }
    }
}

fn count(rows: &mut u64, most: u64) -> Result<(), InvalidTable> {
    *rows += 1;
    if *rows > most { Err(InvalidTable::Rows(most)) } else { Ok(()) }
}

fn one_line(line: &[u8], fields: &[String], rows: u64) -> Result<(), InvalidTable> {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(line).map_err(|_| InvalidTable::Line(rows + 1))?;
    let is_known = object.len() == fields.len() && object.keys().all(|key| fields.contains(key));
    if is_known { Ok(()) } else { Err(InvalidTable::Line(rows + 1)) }
}

/// Records of a CSV text that comes in pieces.
struct Records {
    reader: Box<Reader>,
    content: Vec<u8>,
    ends: Vec<usize>,
    filled: (usize, usize),
}

impl Records {
    fn new() -> Self {
        Self { reader: Box::new(Reader::new()), content: vec![0; 4096], ends: vec![0; 64], filled: (0, 0) }
    }

    fn feed(
        &mut self,
        mut bytes: &[u8],
        end: bool,
        take: &mut dyn FnMut(Vec<Vec<u8>>) -> Result<(), InvalidTable>,
    ) -> Result<(), InvalidTable> {
        // No bytes mean the end to the reader, so that it is asked without any at the end only.
        while !bytes.is_empty() || end {
            let (content, ends) = (&mut self.content[self.filled.0..], &mut self.ends[self.filled.1..]);
            let (result, read, written, fields) = self.reader.read_record(bytes, content, ends);
            bytes = &bytes[read..];
            self.filled = (self.filled.0 + written, self.filled.1 + fields);
            match result {
                ReadRecordResult::InputEmpty if !end => return Ok(()),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.content.len() >= MOST => return Err(InvalidTable::TooLong),
                ReadRecordResult::OutputFull => self.content.resize(self.content.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    let mut start = 0;
                    let cells = self.ends[..self.filled.1].iter().map(|&end| {
                        let cell = self.content[start..end].to_vec();
                        start = end;
                        cell
                    });
                    let record = cells.collect();
                    self.filled = (0, 0);
                    take(record)?;
                }
                ReadRecordResult::End => return Ok(()),
            }
        }
        Ok(())
    }
}

fn first_record(original: &mut dyn Read) -> Result<Vec<Vec<u8>>, InvalidTable> {
    let mut records = Records::new();
    let mut first = None;
    let mut piece = vec![0; 16 * 1024];
    loop {
        let length = original.read(&mut piece).map_err(|_| InvalidTable::Original)?;
        records.feed(&piece[..length], length == 0, &mut |record| {
            first.get_or_insert(record);
            Ok(())
        })?;
        match first {
            Some(record) => return Ok(record),
            None if length == 0 => return Err(InvalidTable::Original),
            None => {}
        }
    }
}

fn first_fields(original: &mut dyn Read) -> Result<Vec<String>, InvalidTable> {
    let mut line = Vec::new();
    for byte in std::io::BufReader::new(original).bytes() {
        match byte.map_err(|_| InvalidTable::Original)? {
            b'\n' => break,
            byte => line.push(byte),
        }
        if line.len() > MOST {
            return Err(InvalidTable::TooLong);
        }
    }
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&line).map_err(|_| InvalidTable::Original)?;
    Ok(object.into_iter().map(|(key, _)| key).collect())
}

#[cfg(test)]
mod tests {
    use tributary_archive::digest::Sha256Hex;
    use tributary_archive::part::{Encoding, PartKind};

    use super::*;

    fn part(media_type: &str, rows: u64) -> Part {
        let digest = Sha256Hex::of(b"");
        Part {
            index: 1,
            path: "crm/letter-0001.csv".parse().unwrap(),
            dataset: "crm".parse().unwrap(),
            collection: "letter".to_owned(),
            kind: PartKind::Table,
            media_type: media_type.to_owned(),
            encoding: Encoding::Identity,
            rows,
            bytes: 0,
            encoded_bytes: 0,
            crc32: 0,
            sha256: digest,
            encoded_sha256: digest,
        }
    }

    /// Feeds `version` in pieces of every size, which must make no difference.
    fn check(media_type: &str, rows: u64, original: &str, version: &str) -> Result<u64, InvalidTable> {
        let mut outcomes = Vec::new();
        for size in [1, 2, 3, 7, 1000] {
            let mut check = TableCheck::new(&part(media_type, rows), &mut original.as_bytes()).unwrap();
            let looked = version.as_bytes().chunks(size).try_for_each(|piece| check.look(piece));
            outcomes.push(looked.and_then(|()| check.finish()));
        }
        assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "{outcomes:?}");
        outcomes.remove(0)
    }

    #[test]
    fn a_version_of_a_table_keeps_its_columns_and_has_no_more_rows() {
        let original = "id,\"the, text\"\r\n1,\"hello\r\nyou\"\r\n2,bye\r\n";
        let csv = |version: &str| check("text/csv", 2, original, version);
        assert_eq!(csv(original), Ok(2));
        assert_eq!(csv("id,\"the, text\"\r\n1,[hidden]\r\n"), Ok(1));
        assert_eq!(csv("id,\"the, text\"\n2,bye"), Ok(1), "the way lines end does not matter");
        assert_eq!(csv("id,\"the, text\"\r\n"), Ok(0));
        assert_eq!(csv("id;\"the, text\"\r\n1;x\r\n"), Err(InvalidTable::Columns));
        assert_eq!(csv(""), Err(InvalidTable::Columns));
        assert_eq!(csv("id,\"the, text\"\r\n1\r\n"), Err(InvalidTable::Row(1)));
        assert_eq!(csv("id,\"the, text\"\r\n1,a\r\n2,b\r\n3,c\r\n"), Err(InvalidTable::Rows(2)));
    }

    #[test]
    fn the_same_holds_for_lines_of_json() {
        let original = "{\"id\":1,\"text\":\"hello\"}\n{\"id\":2,\"text\":null}\n";
        let lines = |version: &str| check("application/x-ndjson", 2, original, version);
        assert_eq!(lines(original), Ok(2));
        assert_eq!(lines("{\"text\":\"[hidden]\",\"id\":1}"), Ok(1));
        assert_eq!(lines(""), Ok(0));
        assert_eq!(lines("{\"id\":1}\n"), Err(InvalidTable::Line(1)));
        assert_eq!(lines("{\"id\":1,\"note\":\"x\"}\n"), Err(InvalidTable::Line(1)));
        assert_eq!(lines("not json\n"), Err(InvalidTable::Line(1)));
        let three = "{\"id\":1,\"text\":\"\"}\n".repeat(3);
        assert_eq!(lines(&three), Err(InvalidTable::Rows(2)));
    }
}
