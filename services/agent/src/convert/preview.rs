//! Previews as the wire has them.

use tributary_archive::preview::{OverviewField, Preview, PreviewCell};
use tributary_proto::agent::v1 as wire;

use super::redaction;

pub(super) fn preview(preview: Preview) -> wire::Preview {
    let row = |cells: Vec<PreviewCell>| wire::PreviewRow { cells: cells.into_iter().map(cell).collect() };
    wire::Preview {
        dataset: preview.dataset.into(),
        collection: preview.collection,
        total_rows: preview.total_rows,
        rows: preview.rows.into_iter().map(row).collect(),
        overview: preview.overview.into_iter().map(overview).collect(),
    }
}

fn cell(cell: PreviewCell) -> wire::PreviewCell {
    use wire::preview_cell::Content;
    let content = match cell {
        PreviewCell::Null => None,
        PreviewCell::Text(text) => Some(Content::Text(text)),
        PreviewCell::File { file } => Some(Content::File(file)),
        PreviewCell::Cut { cut, bytes } => Some(Content::Cut(wire::CutText { text: cut, bytes })),
        PreviewCell::Redacted { redacted } => Some(Content::Redacted(redaction::reason(redacted).into())),
    };
    wire::PreviewCell { content }
}

fn overview(field: OverviewField) -> wire::OverviewField {
    wire::OverviewField { field: field.field, values: field.values, more: field.more }
}
