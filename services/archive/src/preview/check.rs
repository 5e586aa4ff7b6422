//! Whether previews tell of the tables and parts that they come with, and of nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::{MAX_BYTES, MAX_ENTITY_BYTES, MAX_OVERVIEW_BYTES, MAX_OVERVIEW_VALUES, MAX_ROWS, Preview, PreviewCell};
use crate::part::{Part, PartKind};
use crate::table::Table;

/// How previews lie, or break their limits. Names places by number, since names of collections are a stranger's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPreviews {
    /// Not one JSON object of the right form on each line.
    #[error("line {line}: {problem}")]
    Form {
        /// The line.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// Two of one collection, or not in the order of dataset and collection.
    #[error("line {0}: previews must be sorted by dataset and collection, one for each")]
    Order(usize),
    /// Of a collection that no table part belongs to.
    #[error("line {0}: it is of a collection without table parts")]
    Stray(usize),
    /// Other counts than the parts have.
    #[error("line {line}: its {what} are not those of the collection's parts")]
    Counts {
        /// The line.
        line: usize,
        /// What differs.
        what: &'static str,
    },
    /// A file that is not among the entity's parts.
    #[error("line {0}: a cell names a file that is not among the entity's parts")]
    File(usize),
    /// Hidden for a reason whose mark its table cannot have.
    #[error("line {0}: a cell is hidden for a reason that its table has no mark of")]
    Mark(usize),
    /// An overview of a field that is not there, or twice the same.
    #[error("line {0}: its overview names a field that the table lacks, or one twice")]
    Field(usize),
    /// More than may be previewed.
    #[error("line {line}: more {what} than a preview may have")]
    TooMuch {
        /// The line.
        line: usize,
        /// Of what.
        what: &'static str,
    },
}

/// Checks the previews of one entity, in the order of their lines, against its tables and parts. `sizes` are the bytes
/// of their lines without the line feeds.
pub(crate) fn check(
    previews: &[&Preview],
    sizes: impl IntoIterator<Item = usize>,
    tables: &[Table],
    parts: &[Part],
) -> Result<(), InvalidPreviews> {
    let tables: BTreeMap<_, _> =
        tables.iter().map(|table| ((&table.dataset, table.collection.as_str()), table)).collect();
    let mut rows: BTreeMap<_, u64> = BTreeMap::new();
    let mut files = BTreeSet::new();
    for part in parts {
        match part.kind {
            PartKind::Table => {
                let sum = rows.entry((&part.dataset, part.collection.as_str())).or_default();
                *sum = sum.saturating_add(part.rows);
            }
            PartKind::Attachment => drop(files.insert(part.path.as_str())),
        }
    }
    let (mut before, mut total) = (None, 0_usize);
    for ((line, preview), size) in (1..).zip(previews).zip(sizes) {
        let key = (&preview.dataset, preview.collection.as_str());
        if before.replace(key).is_some_and(|before| before >= key) {
            return Err(InvalidPreviews::Order(line));
        }
        total = total.saturating_add(size);
        if size > MAX_BYTES || total > MAX_ENTITY_BYTES {
            return Err(InvalidPreviews::TooMuch { line, what: "bytes" });
        }
        let (Some(table), Some(rows)) = (tables.get(&key), rows.get(&key)) else {
            return Err(InvalidPreviews::Stray(line));
        };
        if preview.total_rows != *rows || preview.rows.len() as u64 > *rows {
            return Err(InvalidPreviews::Counts { line, what: "rows" });
        }
        check_cells(line, preview, table, &files)?;
        check_overview(line, preview, table)?;
    }
    Ok(())
}

fn check_cells(line: usize, preview: &Preview, table: &Table, files: &BTreeSet<&str>) -> Result<(), InvalidPreviews> {
    if preview.rows.len() > MAX_ROWS {
        return Err(InvalidPreviews::TooMuch { line, what: "rows" });
    }
    if preview.rows.iter().any(|row| row.len() != table.fields.len()) {
        return Err(InvalidPreviews::Counts { line, what: "cells" });
    }
    let unknown = |cell: &PreviewCell| matches!(cell, PreviewCell::File { file } if !files.contains(file.as_str()));
    if preview.rows.iter().flatten().any(unknown) {
        return Err(InvalidPreviews::File(line));
    }
    let unmarked =
        |cell: &PreviewCell| matches!(cell, PreviewCell::Redacted { redacted } if !table.marks.contains(redacted));
    if preview.rows.iter().flatten().any(unmarked) { Err(InvalidPreviews::Mark(line)) } else { Ok(()) }
}

fn check_overview(line: usize, preview: &Preview, table: &Table) -> Result<(), InvalidPreviews> {
    let names: BTreeSet<&str> = table.fields.iter().map(|field| field.name.as_str()).collect();
    let mut seen = BTreeSet::new();
    for field in &preview.overview {
        if !names.contains(field.field.as_str()) || !seen.insert(field.field.as_str()) {
            return Err(InvalidPreviews::Field(line));
        }
        let too_long = field.values.iter().any(|value| value.len() > MAX_OVERVIEW_BYTES);
        if field.values.len() > MAX_OVERVIEW_VALUES || too_long {
            return Err(InvalidPreviews::TooMuch { line, what: "overview" });
        }
    }
    Ok(())
}
