//! The proposal as a Fideslang file: what is known stands plainly, what is guessed is marked on its line, and what only the
//! entity can decide stands as a remark in its place.

mod field;
mod remarks;

pub(super) use remarks::is_fideslang;

use std::fmt::Write;

use tributary_model::id::FidesKey;

use super::Schema;
use super::draft::{Link, TableDraft, Target};
use super::label;
use super::scalar::{remark, scalar};
use super::vocabulary::{TableKind, Vocabulary};

/// Longest name of a collection or field that an archive takes, in bytes.
const MAX_NAME: usize = 500;

/// What a manifest is written from.
pub(super) struct Manifest<'m> {
    /// The dataset's key.
    pub(super) dataset: &'m FidesKey,
    /// What was read.
    pub(super) schema: &'m Schema<'m>,
    /// The proposal, table by table.
    pub(super) drafts: &'m [TableDraft<'m>],
    /// What names mean.
    pub(super) vocabulary: &'m Vocabulary,
}

impl Manifest<'_> {
    /// The whole file.
    pub(super) fn write(&self) -> String {
        let mut out = String::new();
        remarks::head(self, &mut out);
        let _ = writeln!(out, "dataset:\n  - fides_key: {}", scalar(self.dataset.as_str()));
        if let Some(name) = label::readable(self.dataset.as_str()) {
            let _ = writeln!(out, "    name: {}  # what people are told that this system is", scalar(&name));
        }
        let (declared, others): (Vec<&TableDraft<'_>>, Vec<_>) =
            self.drafts.iter().partition(|draft| draft.is_declared());
        if !others.is_empty() {
            let names: Vec<String> = others.iter().map(|draft| scalar(&draft.table.name)).collect();
            let names = names.join(", ");
            let _ = writeln!(out, "    tributary: {{ not_personal: [{names}] }}  # guess: by their names and columns");
        }
        out.push_str("    collections:");
        out.push_str(if declared.is_empty() { " []\n" } else { "\n" });
        for draft in declared {
            self.collection(draft, &mut out);
        }
        remarks::tail(self, &mut out);
        out
    }

    fn collection(&self, draft: &TableDraft<'_>, out: &mut String) {
        let table = draft.table;
        let _ = writeln!(out, "      - name: {}", scalar(&table.name));
        for line in remarks::of_table(self, draft) {
            let _ = writeln!(out, "        # {}", remark(&line));
        }
        let known = draft.named.as_ref().map(|named| (named, &self.vocabulary.table_concept(named).labels));
        let labels = label::propose(&table.name, known);
        if let Some(text) = &table.comment {
            let _ = writeln!(out, "        description: {}", scalar(&one_line(text)));
        }
        if is_unbearable(&table.name) {
            out.push_str("        fides_meta: { redact: name }\n");
        }
        let shared = draft.kind == Some(TableKind::Shared) && !draft.own;
        match (labels.is_empty(), shared) {
            (true, false) => {}
            (true, true) => out.push_str("        tributary: { shared: true }  # guess: by its name\n"),
            (false, false) => {
                let _ = writeln!(out, "        tributary: {{ label: {} }}", texts(&labels));
            }
            (false, true) => {
                let _ = writeln!(out, "        tributary:\n          label: {}", texts(&labels));
                out.push_str("          shared: true  # guess: by its name\n");
            }
        }
        out.push_str("        fields:\n");
        for index in 0..table.columns.len() {
            field::field(self, draft, index, out);
        }
    }

    /// Whether a link is declared: it has a way, no doubt about it, and a collection at its other end.
    fn is_declared(&self, link: &Link) -> bool {
        let Target::Table(to, _) = link.to else { return false };
        !link.guessed && !link.ways.is_empty() && self.drafts[to].is_declared()
    }
}

/// Texts by language, as the key `label` takes them.
fn texts(labels: &label::Labels) -> String {
    match labels.get("en") {
        Some(english) if labels.len() == 1 => scalar(english),
        _ => {
            let each = labels.iter().map(|(language, text)| format!("{language}: {}", scalar(text)));
            format!("{{ {} }}", each.collect::<Vec<_>>().join(", "))
        }
    }
}

/// An administrator's note as one line of a length that an archive takes.
fn one_line(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.truncate(line.floor_char_boundary(1000));
    line
}

fn is_unbearable(name: &str) -> bool {
    name.len() > MAX_NAME || name.chars().any(char::is_control)
}
