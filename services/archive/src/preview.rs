//! Previews: a small typed extract of each released collection, from which the page for people and the overview are
//! made, so that no part is opened to close a case. Neighbours: `table`, whose fields give the columns their meaning.
//!
//! The lines of an entity's previews, one JSON object each, sorted by dataset and collection, are the file
//! `previews.ndjson` in its folder; its SHA-256 is what the entity attests.

mod cell;
mod check;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tributary_model::id::FidesKey;

use crate::digest::Sha256Hex;
use crate::json;
use crate::part::Part;
use crate::redaction::RedactionReason;
use crate::table::Table;
pub use check::InvalidPreviews;

/// Media type of an entity's previews.
pub(crate) const MEDIA_TYPE: &str = "application/x-ndjson";
/// Most rows of one preview.
pub const MAX_ROWS: usize = 200;
/// Largest preview, in bytes of its line.
pub const MAX_BYTES: usize = 256 * 1024;
/// Largest sum of one entity's previews, in bytes of their lines.
pub const MAX_ENTITY_BYTES: usize = 1024 * 1024;
/// Longest text of a cell that is shown whole, in bytes; longer ones are cut at a character.
pub const MAX_CELL_BYTES: usize = 2048;
/// Most different values of one field in the overview.
pub const MAX_OVERVIEW_VALUES: usize = 8;
/// Longest value in the overview, in bytes.
pub const MAX_OVERVIEW_BYTES: usize = 256;

/// A preview of one collection. Personal data: it prints nothing.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    /// The dataset.
    pub dataset: FidesKey,
    /// The collection.
    pub collection: String,
    /// Rows that were handed over, of which the preview shows the first.
    pub total_rows: u64,
    /// Rows, each with one cell per field of the collection's table, in the table's order.
    pub rows: Vec<Vec<PreviewCell>>,
    /// For fields with a `user` category: their values over all rows, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overview: Vec<OverviewField>,
}

/// A cell as a person is to see it. Its type is its field's.
#[derive(Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum PreviewCell {
    /// No value.
    Null,
    /// The value: numbers in digits, dates and times in RFC 3339, bytes as `base64:`.
    Text(String),
    /// The value is a file of its own.
    File {
        /// Its path in the entity's folder.
        file: String,
    },
    /// The beginning of a long value.
    Cut {
        /// The beginning.
        cut: String,
        /// Bytes of the whole value.
        bytes: u64,
    },
    /// Hidden, whether or not there was a value.
    Redacted {
        /// Why.
        redacted: RedactionReason,
    },
}

/// The values of one field.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OverviewField {
    /// The field's name.
    pub field: String,
    /// Different values in the order of their first rows.
    pub values: Vec<String>,
    /// Whether there are more than these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// The file `previews.ndjson` of these previews: what [`digest`] digests.
pub fn to_file<'p>(previews: impl IntoIterator<Item = &'p Preview>) -> Vec<u8> {
    let mut sorted: Vec<&Preview> = previews.into_iter().collect();
    sorted.sort_by_key(|preview| (&preview.dataset, &preview.collection));
    lay_out(&sorted).0
}

/// The file of sorted previews, and the bytes of each line without its end.
fn lay_out(sorted: &[&Preview]) -> (Vec<u8>, Vec<usize>) {
    let (mut file, mut sizes) = (Vec::new(), Vec::with_capacity(sorted.len()));
    for preview in sorted {
        let before = file.len();
        // Texts and lists cannot fail to serialise, nor a vector to be written to.
        let _ = serde_json::to_writer(&mut file, preview);
        sizes.push(file.len() - before);
        file.push(b'\n');
    }
    (file, sizes)
}

/// The digest that an entity attests of its previews.
pub fn digest<'p>(previews: impl IntoIterator<Item = &'p Preview>) -> Sha256Hex {
    Sha256Hex::of(&to_file(previews))
}

/// Checks the previews of one entity, in any order, against its tables and parts: what an archive takes.
pub fn check(previews: &[Preview], tables: &[Table], parts: &[Part]) -> Result<(), InvalidPreviews> {
    to_checked_file(previews, tables, parts).map(drop)
}

/// An entity's previews as its file, checked.
pub(crate) fn to_checked_file(
    previews: &[Preview],
    tables: &[Table],
    parts: &[Part],
) -> Result<Vec<u8>, InvalidPreviews> {
    let mut sorted: Vec<&Preview> = previews.iter().collect();
    sorted.sort_by_key(|preview| (&preview.dataset, &preview.collection));
    let (file, sizes) = lay_out(&sorted);
    check::check(&sorted, sizes, tables, parts)?;
    Ok(file)
}

/// Reads an entity's `previews.ndjson` and checks it against the entity's tables and parts.
pub(crate) fn read(file: &[u8], tables: &[Table], parts: &[Part]) -> Result<Vec<Preview>, InvalidPreviews> {
    let read = (1..).zip(lines(file));
    let read = read.map(|(line, text)| json::read(text).map_err(|problem| InvalidPreviews::Form { line, problem }));
    let previews: Vec<Preview> = read.collect::<Result<_, _>>()?;
    let listed: Vec<&Preview> = previews.iter().collect();
    check::check(&listed, lines(file).map(<[u8]>::len), tables, parts)?;
    Ok(previews)
}

/// The lines without their ends.
fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    file.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}

impl std::fmt::Debug for Preview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Preview({} of {} rows)", self.rows.len(), self.total_rows)
    }
}
