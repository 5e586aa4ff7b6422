//! Reads the shipped names.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use tributary_model::id::InvalidId;
use tributary_model::yaml::{Fields, Node, Problems, Reader, Value, parse};

use super::{Concept, Names, TableConcept, TableKind, Treat, Vocabulary};
use crate::source::inventory::ColumnKind;

impl FromStr for ColumnKind {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Ok(match text {
            "text" => Self::Text,
            "integer" => Self::Integer,
            "decimal" => Self::Decimal,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "datetime" => Self::Datetime,
            "bytes" => Self::Bytes,
            "json" => Self::Json,
            "uuid" => Self::Uuid,
            "other" => Self::Other,
            _ => return Err(InvalidId { what: "a column's type", rule: "one of the words for it" }),
        })
    }
}

impl FromStr for TableKind {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Ok(match text {
            "people" => Self::People,
            "staff" => Self::Staff,
            "organisation" => Self::Organisation,
            "shared" => Self::Shared,
            "records" => Self::Records,
            "technical" => Self::Technical,
            _ => return Err(InvalidId { what: "what a table is", rule: "one of the words for it" }),
        })
    }
}

impl FromStr for Treat {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "secret" => Ok(Self::Secret),
            "free_text" => Ok(Self::FreeText),
            _ => Err(InvalidId { what: "how a column is treated", rule: "one of the words for it" }),
        }
    }
}

/// Reads columns, tables and roles.
pub(super) fn read([columns, tables, roles]: [(&str, &str); 3]) -> Result<Vocabulary, Problems> {
    let mut vocabulary = Vocabulary::default();
    each(columns, "columns", |r, f| {
        let concept = concept(r, f);
        let number = vocabulary.columns.len();
        names(r, f, "names", number, true, &mut vocabulary.column_names);
        names(r, f, "exactly", number, false, &mut vocabulary.column_names);
        vocabulary.columns.extend(concept);
    })?;
    each(tables, "tables", |r, f| {
        let (kind, category) = (f.required(r, "kind"), f.required(r, "category"));
        let labels = labels(r, f);
        let number = vocabulary.tables.len();
        names(r, f, "names", number, true, &mut vocabulary.table_names);
        if let (Some(kind), Some(category)) = (kind, category) {
            vocabulary.tables.push(TableConcept { kind, category, labels });
        }
    })?;
    let root = parse(roles.0, roles.1)?;
    let mut r = Reader::new(roles.0);
    if let Some(mut f) = r.fields(&root, "roles") {
        let phrase = |text: String| text.split(' ').map(str::to_owned).collect();
        vocabulary.actors = lists(&mut r, &mut f, "actor").into_iter().map(phrase).collect();
        vocabulary.others = lists(&mut r, &mut f, "other").into_iter().map(phrase).collect();
        vocabulary.qualifiers = lists(&mut r, &mut f, "qualifier").into_iter().collect();
        vocabulary.keys = lists(&mut r, &mut f, "key").into_iter().collect();
        f.deny_unknown(&mut r);
    }
    r.finish(Some(vocabulary))
}

fn each(
    (file, text): (&str, &str),
    list: &'static str,
    mut one: impl FnMut(&mut Reader, &mut Fields<'_>),
) -> Result<(), Problems> {
    let root = parse(file, text)?;
    let mut r = Reader::new(file);
    let items = r.fields(&root, file).and_then(|mut f| f.required_node(&mut r, list));
    for item in items.map(|node| r.list(node, list)).unwrap_or_default() {
        if let Some(mut f) = r.fields(item, list) {
            one(&mut r, &mut f);
            f.deny_unknown(&mut r);
        }
    }
    r.finish(Some(()))
}

fn concept(r: &mut Reader, f: &mut Fields<'_>) -> Option<Concept> {
    let category = f.required(r, "category");
    let labels = labels(r, f);
    let identity = all(r, f.node("identity"), "identity");
    let kinds = match f.node("kinds") {
        Some(node) => all(r, Some(node), "kinds"),
        None => vec![ColumnKind::Text],
    };
    let mut flag = |key| f.optional(r, key).unwrap_or(false);
    let (tells_person, only_people, only_personal) = (flag("tells_person"), flag("only_people"), flag("only_personal"));
    let treat = f.optional(r, "treat");
    Some(Concept { category: category?, labels, identity, kinds, tells_person, only_people, only_personal, treat })
}

fn labels(r: &mut Reader, f: &mut Fields<'_>) -> BTreeMap<String, String> {
    entries(f.required_node(r, "label"))
        .filter_map(|(language, node)| Some((language, node.text()?.to_owned())))
        .collect()
}

fn names(r: &mut Reader, f: &mut Fields<'_>, key: &'static str, concept: usize, at_end: bool, into: &mut Names) {
    for (language, node) in entries(f.node(key)) {
        for name in texts(r, Some(node)) {
            into.add(&name, concept, &language, at_end);
        }
    }
}

fn entries(node: Option<&Node>) -> impl Iterator<Item = (String, &Node)> {
    let entries = match node.map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|(key, _, node)| (key.clone(), node))
}

/// The texts of a list of lists, one per language.
fn lists(r: &mut Reader, f: &mut Fields<'_>, key: &'static str) -> Vec<String> {
    let Some(node) = f.required_node(r, key) else { return Vec::new() };
    r.list(node, key).iter().flat_map(|list| texts(r, Some(list))).collect()
}

fn texts(r: &mut Reader, node: Option<&Node>) -> Vec<String> {
    all(r, node, "names")
}

fn all<T: FromStr>(r: &mut Reader, node: Option<&Node>, what: &str) -> Vec<T>
where
    T::Err: fmt::Display,
{
    let Some(node) = node else { return Vec::new() };
    r.list(node, what).iter().filter_map(|item| r.scalar(item, what)).collect()
}
