//! One field of the proposal.

use std::fmt::Write;

use tributary_model::manifest::Direction;

use super::{Manifest, is_unbearable, one_line, remarks, texts};
use crate::init::draft::{Link, TableDraft, Target};
use crate::init::label;
use crate::init::scalar::{remark, scalar};
use crate::init::vocabulary::Treat;
use crate::source::inventory::ColumnKind;

/// Writes a column as a field.
pub(super) fn field(manifest: &Manifest<'_>, draft: &TableDraft<'_>, index: usize, out: &mut String) {
    let (live, column) = (&draft.table.columns[index], &draft.columns[index]);
    let name = scalar(&live.name);
    if !live.is_readable {
        let _ = writeln!(out, "          # - name: {}  left out: this user may not read it", remark(&name));
        return;
    }
    if column.treat == Some(Treat::Secret) {
        let why = "left out: a secret belongs in no copy of data";
        let _ = writeln!(out, "          # - name: {}  {why}", remark(&name));
        return;
    }
    let _ = writeln!(out, "          - name: {name}");
    if let Some((category, why)) = &column.category {
        let _ = writeln!(out, "            data_categories: [{category}]  # guess: {why}");
    }
    if let Some(text) = &live.comment {
        let _ = writeln!(out, "            description: {}", scalar(&one_line(text)));
    }
    words(manifest, draft, index, out);
    meta(manifest, draft, index, out);
    for line in remarks::of_field(manifest, draft, index) {
        let _ = writeln!(out, "            # {}", remark(&line));
    }
}

/// What people are told.
fn words(manifest: &Manifest<'_>, draft: &TableDraft<'_>, index: usize, out: &mut String) {
    let (live, column) = (&draft.table.columns[index], &draft.columns[index]);
    let concept = column.named.as_ref().map(|named| (named, &manifest.vocabulary.concept(named).labels));
    let labels = label::propose(&live.name, concept);
    let codes: Vec<(String, String)> =
        live.values.iter().filter_map(|value| Some((scalar(value), scalar(&label::readable(value)?)))).collect();
    let decoded = !codes.is_empty() && codes.len() == live.values.len();
    let label = (!labels.is_empty()).then(|| texts(&labels));
    match (label, decoded) {
        (Some(label), false) => {
            let _ = writeln!(out, "            tributary: {{ label: {label} }}");
        }
        (label, true) => {
            out.push_str("            tributary:\n");
            if let Some(label) = label {
                let _ = writeln!(out, "              label: {label}");
            }
            out.push_str("              codes:\n");
            for (value, meaning) in codes {
                let _ = writeln!(out, "                {value}: {meaning}");
            }
        }
        (None, false) => {}
    }
    if !decoded && !live.values.is_empty() {
        let values: Vec<String> = live.values.iter().map(|value| format!("{}: …", scalar(value))).collect();
        let values = remark(&values.join(", "));
        let _ = writeln!(out, "            # codes that only you can read: tributary: {{ codes: {{ {values} }} }}");
    }
}

/// Keys, types, identities and references.
fn meta(manifest: &Manifest<'_>, draft: &TableDraft<'_>, index: usize, out: &mut String) {
    let (live, column) = (&draft.table.columns[index], &draft.columns[index]);
    let (mut lines, mut remarks) = (Vec::new(), Vec::new());
    if is_unbearable(&live.name) {
        lines.push("redact: name".to_owned());
    }
    if draft.table.primary_key.contains(&index) {
        lines.push("primary_key: true".to_owned());
    }
    if let Some(data_type) = data_type(live.kind) {
        lines.push(format!("data_type: {data_type}"));
    }
    if let Some(identity) = &column.identity {
        match &identity.not {
            None => lines.push(format!("identity: {}  # guess: by its name", identity.kind)),
            Some(why) => remarks.push(format!("identity: {}  # guess, not in force: {why}", identity.kind)),
        }
    }
    let links = || draft.links.iter().filter(|link| link.columns.contains(&index));
    let declared: Vec<&Link> = links().filter(|link| manifest.is_declared(link)).collect();
    if !declared.is_empty() {
        lines.push("references:".to_owned());
        for link in declared {
            lines.extend(references(manifest, draft, link, index).map(|reference| format!("  - {reference}")));
        }
    }
    for link in links().filter(|link| !manifest.is_declared(link)) {
        remarks.push(undeclared(manifest, draft, link, index));
    }
    if !lines.is_empty() {
        out.push_str("            fides_meta:\n");
    } else if !remarks.is_empty() {
        out.push_str("            # fides_meta:\n");
    }
    for line in lines {
        let _ = writeln!(out, "              {line}");
    }
    for line in remarks {
        let _ = writeln!(out, "              # {}", remark(&line));
    }
}

/// The entries of a link for one of its columns, one per way.
fn references<'m>(
    manifest: &'m Manifest<'_>,
    draft: &'m TableDraft<'_>,
    link: &'m Link,
    index: usize,
) -> impl Iterator<Item = String> + 'm {
    let ways: &[Direction] = if link.ways.is_empty() { &[Direction::From] } else { &link.ways };
    let name = target(manifest, draft, link, index);
    let dataset = scalar(manifest.dataset.as_str());
    let key =
        key(draft, link).map(|key| format!(", tributary: {{ foreign_key: {} }}", scalar(&key))).unwrap_or_default();
    ways.iter().map(move |way| {
        let way = match way {
            Direction::From => "from",
            Direction::To => "to",
        };
        format!("{{ dataset: {dataset}, field: {}, direction: {way}{key} }}", scalar(&name))
    })
}

/// Longest name of a key that is made of its columns, in bytes.
const MAX_KEY: usize = 200;

/// What tells which columns belong together: for a link of several columns, and for one beside which another leads to other
/// columns of the same table.
fn key(draft: &TableDraft<'_>, link: &Link) -> Option<String> {
    let Target::Table(to, columns) = &link.to else { return None };
    let beside = |other: &Link| matches!(&other.to, Target::Table(t, other) if t == to && other != columns);
    if link.columns.len() < 2 && !draft.links.iter().any(beside) {
        return None;
    }
    let names: Vec<&str> = link.columns.iter().map(|&column| draft.table.columns[column].name.as_str()).collect();
    let name = names.join("+");
    let at = || draft.links.iter().position(|other| std::ptr::eq(other, link)).unwrap_or_default() + 1;
    let fits = name.len() <= MAX_KEY && !name.chars().any(char::is_control);
    Some(if fits { name } else { format!("key {}", at()) })
}

/// A link that is not in force, as a remark that can be put in force, and why it is not.
fn undeclared(manifest: &Manifest<'_>, draft: &TableDraft<'_>, link: &Link, index: usize) -> String {
    let Target::Table(to, _) = link.to else {
        let why = link.why.as_deref().unwrap_or_default();
        return format!("refers to {}; {why}", target(manifest, draft, link, index));
    };
    let entries = references(manifest, draft, link, index).collect::<Vec<_>>().join(", ");
    let why = match &link.why {
        Some(why) => why.clone(),
        None if !manifest.drafts[to].is_declared() => {
            let other = &manifest.drafts[to].table.name;
            format!("the collection `{other}` is not declared, since no identifier leads to it")
        }
        None => "no foreign key says so; it is called like one".to_owned(),
    };
    format!("references: [{entries}]  # guess, not in force: {why}")
}

fn target(manifest: &Manifest<'_>, draft: &TableDraft<'_>, link: &Link, index: usize) -> String {
    match &link.to {
        Target::Elsewhere(name) => name.clone(),
        Target::Table(to, columns) => {
            let other = manifest.drafts[*to].table;
            let at = link.columns.iter().position(|&column| column == index).unwrap_or_default();
            let column = columns.get(at).map_or("", |&column| other.columns[column].name.as_str());
            debug_assert!(at < draft.table.columns.len());
            format!("{}.{column}", other.name)
        }
    }
}

/// The type to which values are cast that arrive along references; none where the store's own is as good.
fn data_type(kind: ColumnKind) -> Option<&'static str> {
    match kind {
        ColumnKind::Text => Some("string"),
        ColumnKind::Integer => Some("integer"),
        ColumnKind::Boolean => Some("boolean"),
        _ => None,
    }
}
