//! The values of a collection's fields about a person, each once, over all of its rows: for the overview across entities.
//!
//! A column is looked at until its list is full and more are known to exist; until then a row costs a comparison with the
//! few values that are listed. Neighbours: `preview`, which carries the overview and bounds it.

use tributary_archive::preview::{MAX_OVERVIEW_BYTES, MAX_OVERVIEW_VALUES, OverviewField};
use tributary_model::manifest::{Collection, Dataset, Field, covers};

use super::preview::{json_len, shown};
use crate::value::Cell;

/// Most bytes of a collection's overview in its preview's line, so that rows have room beside it.
const MOST: usize = tributary_archive::preview::MAX_BYTES / 2;
/// Bytes around a field's name and values in the line.
const AROUND: usize = r#"{"field":,"values":[],"more":true},"#.len();

/// What is listed of one collection.
pub(super) struct Overview {
    columns: Vec<Column>,
    bytes: usize,
}

struct Column {
    index: usize,
    listed: Vec<Listed>,
    more: bool,
    /// Whether there is anything left to learn of it.
    open: bool,
}

struct Listed {
    /// Differs for most values that differ, and is compared first.
    tag: u64,
    raw: Raw,
    text: String,
}

/// A cell as the store has it, to tell it again without writing it out.
enum Raw {
    Integer(i64),
    Real(u64),
    Bytes(Vec<u8>),
    /// Known by its text only.
    Other,
}

impl Overview {
    /// An overview of the fields in a `user` category, their own or inherited.
    pub(super) fn of(dataset: &Dataset, collection: &Collection) -> Self {
        let about = |categories: &[String]| categories.iter().any(|category| covers("user", category));
        let inherited = about(&dataset.categories_of(collection));
        let (mut columns, mut bytes) = (Vec::new(), 0);
        for (index, field) in collection.fields.iter().enumerate() {
            let head = AROUND + json_len(&field.shown);
            if (inherited || about(&field.categories)) && bytes + head <= MOST / 2 {
                bytes += head;
                columns.push(Column { index, listed: Vec::new(), more: false, open: true });
            }
        }
        Self { columns, bytes }
    }

    /// Most bytes of it in the preview's line.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a row's values.
    pub(super) fn look(&mut self, fields: &[Field], cells: &[Cell<'_>]) {
        for column in self.columns.iter_mut().filter(|column| column.open) {
            column.look(&fields[column.index], cells[column.index], &mut self.bytes);
        }
    }

    /// Drops the last value of the longest list. False: there is none left.
    pub(super) fn shrink(&mut self) -> bool {
        let longest = self.columns.iter_mut().max_by_key(|column| column.listed.len());
        let Some((column, dropped)) = longest.and_then(|column| column.listed.pop().map(|last| (column, last))) else {
            return false;
        };
        (column.more, column.open) = (true, false);
        self.bytes -= json_len(&dropped.text) + 1;
        true
    }

    pub(super) fn into_fields(self, fields: &[Field]) -> Vec<OverviewField> {
        let told = self.columns.into_iter().filter(|column| column.more || !column.listed.is_empty());
        told.map(|column| OverviewField {
            field: fields[column.index].shown.clone(),
            values: column.listed.into_iter().map(|listed| listed.text).collect(),
            more: column.more,
        })
        .collect()
    }
}

impl Column {
    fn look(&mut self, field: &Field, cell: Cell<'_>, bytes: &mut usize) {
        if matches!(cell, Cell::Null | Cell::Redacted(_)) {
            return;
        }
        let tag = tag(cell);
        if self.listed.iter().any(|listed| listed.tag == tag && listed.raw.is(cell)) {
            return;
        }
        match short(field, cell) {
            None => self.more = true,
            Some(text) if self.listed.iter().any(|listed| listed.text == text) => return,
            Some(_) if self.listed.len() == MAX_OVERVIEW_VALUES => self.more = true,
            Some(text) => {
                let cost = json_len(&text) + 1;
                if *bytes + cost > MOST {
                    (self.more, self.open) = (true, false);
                    return;
                }
                *bytes += cost;
                self.listed.push(Listed { tag, raw: Raw::of(cell), text });
            }
        }
        self.open = !(self.more && self.listed.len() == MAX_OVERVIEW_VALUES);
    }
}

/// The value as it is listed; `None` for one that is too long to be.
fn short(field: &Field, cell: Cell<'_>) -> Option<String> {
    match cell {
        Cell::Large(_) => return None,
        // Told before it is written out: text that is no UTF-8, and bytes, only grow by that.
        Cell::Text(bytes) | Cell::Blob(bytes) if bytes.len() > MAX_OVERVIEW_BYTES => return None,
        _ => {}
    }
    shown(field, cell).filter(|text| text.len() <= MAX_OVERVIEW_BYTES).map(String::from)
}

/// A number that equal cells have in common: of texts, their length and what they end in, where those of a column differ.
fn tag(cell: Cell<'_>) -> u64 {
    match cell {
        Cell::Integer(n) => n.cast_unsigned(),
        Cell::Real(n) => n.to_bits(),
        Cell::Text(bytes) | Cell::Decimal(bytes) => {
            let end = match bytes.last_chunk() {
                Some(end) => u64::from_le_bytes(*end),
                None => bytes.iter().fold(0, |end, byte| end << 8 | u64::from(*byte)),
            };
            end ^ (bytes.len() as u64).rotate_left(48)
        }
        _ => 0,
    }
}

impl Raw {
    fn of(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Integer(n) => Self::Integer(n),
            Cell::Real(n) => Self::Real(n.to_bits()),
            Cell::Text(bytes) | Cell::Decimal(bytes) => Self::Bytes(bytes.to_vec()),
            _ => Self::Other,
        }
    }

    fn is(&self, cell: Cell<'_>) -> bool {
        match (self, cell) {
            (Self::Integer(a), Cell::Integer(b)) => *a == b,
            (Self::Real(a), Cell::Real(b)) => *a == b.to_bits(),
            (Self::Bytes(a), Cell::Text(b) | Cell::Decimal(b)) => a == b,
            _ => false,
        }
    }
}
