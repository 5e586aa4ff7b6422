//! The data of one entity, as the page takes it: columns, rows, and the files that hold all of it.

use std::collections::BTreeMap;

use tributary_model::id::{EntityId, FidesKey};
use tributary_model::language::Language;
use tributary_page::{self as page, Text};

use super::hidden;
use super::share::Shares;
use crate::bag::{Contribution, Member};
use crate::overview::Source;
use crate::part::{Part, PartKind};
use crate::preview::{Preview, PreviewCell};
use crate::redaction::Redaction;
use crate::table::{Field, FieldKind, Table};

type Key<'a> = (&'a FidesKey, &'a str);

/// The collections whose parts are in the archive, by dataset and name.
pub(super) fn collections<'a>(
    contribution: &'a Contribution,
    redactions: &[Redaction],
    shares: &Shares,
    language: &Language,
) -> Vec<page::Collection<'a>> {
    let previews: BTreeMap<Key<'_>, &Preview> =
        contribution.previews.iter().map(|p| ((&p.dataset, p.collection.as_str()), p)).collect();
    let mut parts: BTreeMap<Key<'_>, Vec<&Part>> = BTreeMap::new();
    for part in contribution.parts.iter().filter(|part| part.kind == PartKind::Table) {
        parts.entry((&part.dataset, &part.collection)).or_default().push(part);
    }
    let tables = contribution.tables.iter().filter_map(|table| {
        let key = (&table.dataset, table.collection.as_str());
        Some((key, table, parts.get(&key)?))
    });
    let mut shown: Vec<page::Collection<'_>> = tables
        .map(|(key, table, parts)| {
            let preview = previews.get(&key).copied();
            let rows = preview.map_or(&[][..], |preview| &preview.rows[..shares.rows(preview)]);
            page::Collection {
                dataset: table.dataset.as_str(),
                dataset_title: Text::choose(&table.dataset_labels.titles, None, language),
                dataset_description: Text::choose(&table.dataset_labels.descriptions, None, language),
                name: &table.collection,
                title: Text::choose(&table.labels.titles, table.title.as_deref(), language),
                description: Text::choose(&table.labels.descriptions, table.description.as_deref(), language),
                columns: table.fields.iter().map(|field| column(field, language)).collect(),
                rows: rows.iter().map(|row| row.iter().map(cell).collect()).collect(),
                total_rows: parts.iter().map(|part| part.rows).fold(0, u64::saturating_add),
                files: parts.iter().map(|part| link(part)).collect(),
                sealed: false,
                hidden: hidden::sums_of(redactions, table),
            }
        })
        .collect();
    shown.sort_by_key(|collection| (collection.dataset, collection.name));
    shown
}

/// The person's other files.
pub(super) fn attachments<'a>(contribution: &'a Contribution, shares: &Shares) -> page::Attachments<'a> {
    let files = || contribution.parts.iter().filter(|part| part.kind == PartKind::Attachment);
    page::Attachments {
        files: files().take(shares.links).map(link).collect(),
        total: files().count() as u64,
        bytes: files().map(|part| part.bytes).fold(0, u64::saturating_add),
    }
}

fn link(part: &Part) -> page::FileLink<'_> {
    page::FileLink {
        path: part.path.as_str().into(),
        rows: (part.kind == PartKind::Table).then_some(part.rows),
        bytes: part.bytes,
    }
}

fn column<'a>(field: &'a Field, language: &Language) -> page::Column<'a> {
    let code = |code: &'a crate::table::Code| {
        let label = Text::choose(&code.labels, None, language)?;
        Some(page::Code { value: &code.value, label })
    };
    page::Column {
        name: &field.name,
        title: Text::choose(&field.labels.titles, field.title.as_deref(), language),
        description: Text::choose(&field.labels.descriptions, field.description.as_deref(), language),
        kind: match field.shown_as.unwrap_or(field.kind) {
            FieldKind::String | FieldKind::Any | FieldKind::Object => page::Kind::Text,
            FieldKind::Integer => page::Kind::Integer,
            FieldKind::Number => page::Kind::Number,
            FieldKind::Boolean => page::Kind::Boolean,
            FieldKind::Date => page::Kind::Date,
            FieldKind::Datetime => page::Kind::Datetime,
        },
        unit: field.unit.as_deref(),
        codes: field.codes.iter().filter_map(code).collect(),
        categories: field.categories.iter().map(String::as_str).collect(),
    }
}

fn cell(cell: &PreviewCell) -> page::Cell<'_> {
    match cell {
        PreviewCell::Null => page::Cell::Null,
        PreviewCell::Text(text) => page::Cell::Text(text),
        PreviewCell::File { file } => page::Cell::File { path: file },
        PreviewCell::Cut { cut, bytes } => page::Cell::Cut { text: cut, bytes: *bytes },
        PreviewCell::Redacted { redacted } => page::Cell::Hidden(hidden::reason(*redacted)),
    }
}

/// The tables of all entities, to name what the overview lists.
pub(super) struct Tables<'a>(BTreeMap<(&'a EntityId, &'a FidesKey, &'a str), &'a Table>);

impl<'a> Tables<'a> {
    pub(super) fn of(members: &[Member<'a>]) -> Self {
        let contributions = members.iter().map(|member| member.contribution);
        let tables = contributions.flat_map(|contribution| {
            contribution
                .tables
                .iter()
                .map(move |table| ((&contribution.entity, &table.dataset, table.collection.as_str()), table))
        });
        Self(tables.collect())
    }

    /// The names for people of a source's collection and field.
    pub(super) fn names(&self, source: &'a Source, language: &Language) -> (Text<'a>, Text<'a>) {
        let table = self.0.get(&(&source.entity, &source.dataset, source.collection.as_str())).copied();
        let field = table.and_then(|table| table.fields.iter().find(|field| field.name == source.field));
        let of_table = table.and_then(|t| Text::choose(&t.labels.titles, t.title.as_deref(), language));
        let of_field = field.and_then(|f| Text::choose(&f.labels.titles, f.title.as_deref(), language));
        (of_table.unwrap_or(Text::plain(&source.collection)), of_field.unwrap_or(Text::plain(&source.field)))
    }
}
