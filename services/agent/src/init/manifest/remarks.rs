//! What a proposal says beside its declarations: what it is, what it left out and why, and what is for the entity to say.

use std::fmt::Write;

use tributary_model::manifest::Direction;

use super::Manifest;
use crate::init::draft::{Link, TableDraft};
use crate::init::scalar::{remark, scalar};
use crate::init::vocabulary::Treat;
use crate::source::inventory::{ColumnKind, Table};

/// What the file is.
pub(super) fn head(manifest: &Manifest<'_>, out: &mut String) {
    let place = remark(&manifest.schema.place);
    let _ = writeln!(out, "# A first manifest, made by `tributary agent init` from {place}.");
    out.push_str("# Each line marked `# guess:` was guessed from names, types and keys. Confirm it by removing the mark, or correct it;\n");
    out.push_str("# `tributary agent check` counts what is left, and says which right of a person each missing declaration costs.\n");
    out.push_str("# What is marked `# guess, not in force:` has no effect until the `#` before it is removed.\n");
}

/// What is left out, and what only the entity knows.
pub(super) fn tail(manifest: &Manifest<'_>, out: &mut String) {
    let undeclared: Vec<&TableDraft<'_>> = manifest.drafts.iter().filter(|draft| !draft.is_declared()).collect();
    list(
        out,
        "Not declared: no identifier leads to these tables, and nothing in them looks like data about a person. If one\n# holds such data all the same, take it out of `not_personal` and declare it here: what is not declared is neither given\n# nor named as missing.",
        undeclared.iter().map(|draft| draft.table),
    );
    list(
        out,
        "Views, which show what tables hold; declare one in place of its tables if that suits better.",
        manifest.schema.views.iter().copied(),
    );
    list(
        out,
        "Tables that this user may not read. If one holds data about people, grant SELECT on it and declare it.",
        manifest.schema.unreadable.iter().copied(),
    );
    let dataset = scalar(manifest.dataset.as_str());
    let _ = write!(
        out,
        "\n# The record of processing, which a person may ask for (Art. 15(1) GDPR). Until it is filled in they are told \"not\n\
         # recorded\", and nothing is given as portable (Art. 20): that takes consent or contract as the basis. Complete it and\n\
         # remove the `#`; several processings of one system are several entries.\n\
         # system:\n\
         #   - fides_key: {dataset}_system\n\
         #     name: …                                       # the system, as people know it\n\
         #     dataset_references: [{dataset}]\n\
         #     privacy_declarations:\n\
         #       - name: …                                   # what you do with the data, in a few words\n\
         #         data_categories: [user]\n\
         #         data_use: …                               # such as essential.service\n\
         #         legal_basis_for_processing: …             # Consent, Contract, Legal obligations, Legitimate interests, …\n\
         #         retention_period: …                       # such as: ten years after the last purchase\n\
         #         data_shared_with_third_parties: false     # if true, also: third_parties: …\n"
    );
}

fn list<'t>(out: &mut String, what: &str, tables: impl Iterator<Item = &'t Table>) {
    let mut tables = tables.peekable();
    if tables.peek().is_none() {
        return;
    }
    let _ = writeln!(out, "\n# {what}");
    for table in tables {
        let rows = table.rows.map(|rows| format!(", about {rows} rows")).unwrap_or_default();
        let _ = writeln!(out, "#   {} ({} columns{rows})", remark(&table.name), table.columns.len());
    }
}

/// What there is to say of a table.
pub(super) fn of_table(manifest: &Manifest<'_>, draft: &TableDraft<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if draft.people {
        lines.push(
            "guess: each row is a person; a key of another category than user.unique_id would say that it is not"
                .to_owned(),
        );
    }
    if !draft.reached {
        lines.push(
            "no identifier leads here, so every answer names it as not searched and nobody can be told that you hold"
                .to_owned(),
        );
        lines.push(
            "nothing: declare an identity or put a reference in force, or remove it if it is not about people"
                .to_owned(),
        );
    }
    if draft.table.primary_key.is_empty() && !draft.table.is_view {
        lines.push("no primary key: rows cannot be told apart when they are erased; declare primary_key on what tells them apart".to_owned());
    }
    if !is_fideslang(&draft.table.name) {
        lines.push(INVALID.to_owned());
    }
    if draft.table.name.contains('.') && manifest.drafts.len() > 1 {
        lines.push("references to it are read up to its longest name that fits".to_owned());
    }
    lines
}

const INVALID: &str =
    "the name is no valid Fideslang key (A-Z, a-z, 0-9, _ . < > -): this product reads it, other tools may not";

/// What there is to say of a field.
pub(super) fn of_field(manifest: &Manifest<'_>, draft: &TableDraft<'_>, index: usize) -> Vec<String> {
    let (live, column) = (&draft.table.columns[index], &draft.columns[index]);
    let mut lines = Vec::new();
    let (dialect, table) = (manifest.schema.dialect, draft.table.name.as_str());
    let searched = column.identity.as_ref().filter(|identity| identity.not.is_none());
    let is_followed = |link: &Link| {
        manifest.is_declared(link) && link.columns.first() == Some(&index) && link.ways.contains(&Direction::From)
    };
    if let Some(identity) = searched {
        lines.extend(dialect.search(table, live, identity.kind.as_str()));
    } else if draft.links.iter().any(is_followed) {
        lines.extend(dialect.lookup(table, live));
    }
    let personal = draft.people || draft.own;
    if column.other && personal {
        lines.push("about somebody else than the row's person? then: tributary: { third_party: true }".to_owned());
    }
    if column.treat == Some(Treat::FreeText) && personal {
        lines.push(
            "may speak of others? then: tributary: { free_text: review } (a person looks first) or redact".to_owned(),
        );
    }
    if live.kind == ColumnKind::Json && personal {
        lines.push("JSON: declare its values under `fields` to give each a category and a label".to_owned());
    }
    if live.kind == ColumnKind::Integer && is_moment(&live.name) {
        lines.push("a date as a number? then: tributary: { represents: datetime, as: epoch_seconds }".to_owned());
    }
    if !is_fideslang(&live.name) {
        lines.push(INVALID.to_owned());
    }
    lines
}

fn is_moment(name: &str) -> bool {
    let words = crate::init::words::words(name);
    words.last().is_some_and(|word| ["at", "date", "time", "timestamp", "datum", "fecha"].contains(&word.as_str()))
}

/// Whether a name is one that Fideslang itself allows for keys.
pub(in crate::init) fn is_fideslang(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.<>-".contains(c))
}
