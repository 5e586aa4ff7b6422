//! A preview of a collection: hostile text within limits. Whether it fits its table and parts is `generation`'s to say.

use std::collections::HashSet;

use tributary_archive::part::PartPath;
use tributary_archive::preview::{
    MAX_CELL_BYTES, MAX_OVERVIEW_BYTES, MAX_OVERVIEW_VALUES, MAX_ROWS, OverviewField, Preview, PreviewCell,
};
use tributary_proto::agent::v1;

use super::{ConversionError, MAX_FIELDS, invalid, list, name, parse, redaction};

pub(in crate::entity) fn preview(wire: v1::Preview) -> Result<Preview, ConversionError> {
    Ok(Preview {
        dataset: parse("preview.dataset", &wire.dataset)?,
        collection: name("preview.collection", wire.collection)?,
        total_rows: wire.total_rows,
        rows: list("preview.rows", MAX_ROWS, wire.rows, |row| list("preview.rows.cells", MAX_FIELDS, row.cells, cell))?,
        overview: list("preview.overview", MAX_FIELDS, wire.overview, overview)?,
    })
}

/// What a cell says is the person's data: any text is taken as it is, and shown as text only.
fn cell(wire: v1::PreviewCell) -> Result<PreviewCell, ConversionError> {
    use v1::preview_cell::Content;
    let shown = |field, text: String| {
        if text.len() > MAX_CELL_BYTES {
            return Err(invalid(field, format!("must be at most {MAX_CELL_BYTES} bytes, the rest cut off")));
        }
        Ok(text)
    };
    Ok(match wire.content {
        None => PreviewCell::Null,
        Some(Content::Text(text)) => PreviewCell::Text(shown("preview.rows.cells.text", text)?),
        Some(Content::File(file)) => {
            let path: PartPath = parse("preview.rows.cells.file", &file)?;
            PreviewCell::File { file: path.to_string() }
        }
        Some(Content::Cut(v1::CutText { text, bytes })) => {
            let cut = shown("preview.rows.cells.cut", text)?;
            if bytes <= cut.len() as u64 {
                return Err(invalid("preview.rows.cells.cut", "must be the beginning of a longer value"));
            }
            PreviewCell::Cut { cut, bytes }
        }
        Some(Content::Redacted(reason)) => {
            PreviewCell::Redacted { redacted: redaction::reason("preview.rows.cells.redacted", reason)? }
        }
    })
}

fn overview(wire: v1::OverviewField) -> Result<OverviewField, ConversionError> {
    const VALUES: &str = "preview.overview.values";
    let values = list(VALUES, MAX_OVERVIEW_VALUES, wire.values, |value| {
        if value.len() > MAX_OVERVIEW_BYTES {
            return Err(invalid(VALUES, format!("must be at most {MAX_OVERVIEW_BYTES} bytes each")));
        }
        Ok(value)
    })?;
    let mut seen = HashSet::new();
    if !values.iter().all(|value| seen.insert(value)) {
        return Err(invalid(VALUES, "must be each once"));
    }
    Ok(OverviewField { field: name("preview.overview.field", wire.field)?, values, more: wire.more })
}
