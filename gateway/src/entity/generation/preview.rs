//! Whether a preview fits what the generation announced before it: its table, its rows, the files it points at.

use std::collections::HashSet;

use tributary_archive::digest::Sha256Hex;
use tributary_archive::preview::{MAX_BYTES, MAX_ENTITY_BYTES, Preview, PreviewCell};

use super::{Generation, table_name};
use crate::entity::Fault;

impl Generation {
    /// Takes a preview; no part of its collection may follow.
    pub(in crate::entity) fn preview(&mut self, preview: Preview) -> Result<Preview, Fault> {
        let table = table_name(preview.dataset.as_str(), &preview.collection);
        let known = self.tables.get_mut(&table).ok_or(Fault::Preview("its table was not described before it"))?;
        if std::mem::replace(&mut known.previewed, true) {
            return Err(Fault::Preview("the collection has one already"));
        }
        let rows = known.rows.ok_or(Fault::Preview("no part of its table came before it"))?;
        if preview.total_rows != rows {
            return Err(Fault::Preview("it counts other rows than the collection's parts have"));
        }
        if preview.rows.len() as u64 > preview.total_rows {
            return Err(Fault::Preview("it shows more rows than there are"));
        }
        if preview.rows.iter().any(|row| row.len() != known.columns.len()) {
            return Err(Fault::Preview("a row has not one cell for each column"));
        }
        let mut columns: HashSet<&Sha256Hex> = known.columns.iter().collect();
        if !preview.overview.iter().all(|field| columns.remove(&Sha256Hex::of(field.field.as_bytes()))) {
            return Err(Fault::Preview("its overview names a column twice, or one that the table does not have"));
        }
        let mut files = preview.rows.iter().flatten().filter_map(|cell| match cell {
            PreviewCell::File { file } => Some(file_name(&table, file)),
            PreviewCell::Null | PreviewCell::Text(_) | PreviewCell::Cut { .. } | PreviewCell::Redacted { .. } => None,
        });
        if !files.all(|file| self.attachments.contains(&file)) {
            return Err(Fault::Preview("it points at a file that is no part of the collection"));
        }
        self.measure(&preview)?;
        Ok(preview)
    }

    fn measure(&mut self, preview: &Preview) -> Result<(), Fault> {
        // Its texts and lists cannot fail to serialise.
        let line = serde_json::to_vec(preview).unwrap_or_default().len();
        if line > MAX_BYTES {
            return Err(Fault::TooMuch("bytes in a preview"));
        }
        // With its line feed.
        self.previewed += line + 1;
        if self.previewed > MAX_ENTITY_BYTES { Err(Fault::TooMuch("bytes of previews")) } else { Ok(()) }
    }
}

/// Names a file of a collection.
pub(super) fn file_name(table: &Sha256Hex, path: &str) -> Sha256Hex {
    Sha256Hex::of(format!("{table}\n{path}").as_bytes())
}
