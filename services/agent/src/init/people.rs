//! Which tables are people, what their columns hold, and by which columns people are found. Guesses, all of them: names,
//! types, keys and indexes are all there is to go by.

use tributary_model::id::IdentifierType;

use super::draft::{ColumnDraft, Identity, TableDraft};
use super::vocabulary::{Concept, TableKind, Treat, Vocabulary};
use crate::source::inventory::{ColumnKind, Table};

/// Tables with what their names say.
pub(super) fn drafts<'i>(tables: &[&'i Table], vocabulary: &Vocabulary) -> Vec<TableDraft<'i>> {
    tables.iter().map(|&table| draft(table, vocabulary)).collect()
}

fn draft<'i>(table: &'i Table, vocabulary: &Vocabulary) -> TableDraft<'i> {
    let named = vocabulary.table(&table.name);
    let kind = named.as_ref().map(|named| vocabulary.table_concept(named).kind);
    let column = |column: &crate::source::inventory::Column| {
        let named = vocabulary.column(&column.name, column.kind, &table.name);
        let treat = named.as_ref().and_then(|named| vocabulary.concept(named).treat);
        ColumnDraft { named, treat, other: vocabulary.is_other(&column.name), ..ColumnDraft::default() }
    };
    let columns = table.columns.iter().map(column).collect();
    TableDraft { table, named, kind, people: false, own: false, reached: false, columns, links: Vec::new() }
}

/// Decides which tables are people.
pub(super) fn mark_people(drafts: &mut [TableDraft<'_>], vocabulary: &Vocabulary) {
    let by_name: Vec<bool> = drafts.iter().map(|draft| is_named_people(draft, vocabulary)).collect();
    for (draft, people) in drafts.iter_mut().zip(by_name) {
        draft.people = people;
    }
    // A second look: what holds names and refers to people is about them (an address book), and is not people itself.
    let names: Vec<String> = drafts.iter().filter(|draft| draft.people).map(|d| d.table.name.clone()).collect();
    let referenced: Vec<String> =
        drafts.iter().flat_map(|d| d.table.references.iter().map(|reference| reference.table.clone())).collect();
    for draft in drafts.iter_mut().filter(|draft| draft.kind.is_none() && !draft.people) {
        let refers = draft.table.references.iter().any(|r| names.contains(&r.table) && r.table != draft.table.name);
        draft.people = !refers && holds_people(draft, vocabulary, referenced.contains(&draft.table.name));
    }
}

/// A table that is called after people and has anything of a person in it.
fn is_named_people(draft: &TableDraft<'_>, vocabulary: &Vocabulary) -> bool {
    matches!(draft.kind, Some(TableKind::People | TableKind::Staff))
        && concepts(draft, vocabulary).any(|(_, concept)| {
            concept.tells_person || concept.only_people || concept.category.starts_with("user.name")
        })
}

/// A table that is called after nothing known and holds what a table of people does.
fn holds_people(draft: &TableDraft<'_>, vocabulary: &Vocabulary, referenced: bool) -> bool {
    let has = |category: &str| concepts(draft, vocabulary).any(|(_, concept)| concept.category == category);
    let full = |(_, concept): (usize, &Concept)| concept.category == "user.name" && concept.tells_person;
    let named = (has("user.name.first") && has("user.name.last")) || concepts(draft, vocabulary).any(full);
    let found =
        has("user.contact.email") || has("user.unique_id") || has("user.government_id.national_identification_number");
    let described = has("user.demographic.date_of_birth") || has("user.demographic.gender");
    (named && (found || described || referenced)) || (found && referenced && has("user.contact.email"))
}

fn concepts<'v>(
    draft: &'v TableDraft<'_>,
    vocabulary: &'v Vocabulary,
) -> impl Iterator<Item = (usize, &'v Concept)> + 'v {
    let named = draft.columns.iter().enumerate().filter(|(_, column)| !column.other);
    named.filter_map(|(index, column)| Some((index, vocabulary.concept(column.named.as_ref()?))))
}

/// Proposes the columns by which people are found. `known` are the group's identifier types, where they are known.
pub(super) fn propose_identities(
    drafts: &mut [TableDraft<'_>],
    vocabulary: &Vocabulary,
    known: Option<&[IdentifierType]>,
) {
    for draft in drafts.iter_mut() {
        let refers = !draft.links.is_empty();
        for index in 0..draft.columns.len() {
            draft.columns[index].identity = identity(draft, index, vocabulary, known, refers);
        }
    }
}

fn identity(
    draft: &TableDraft<'_>,
    index: usize,
    vocabulary: &Vocabulary,
    known: Option<&[IdentifierType]>,
    refers: bool,
) -> Option<Identity> {
    let (column, live) = (&draft.columns[index], &draft.table.columns[index]);
    let concept = vocabulary.concept(column.named.as_ref()?);
    let first = concept.identity.first()?;
    if !live.is_readable || (concept.only_people && !draft.people) || is_part_of_link(draft, index) {
        return None;
    }
    let kind = match known {
        None => Some(first),
        Some(known) => concept.identity.iter().find(|kind| known.contains(kind)),
    };
    let Some(kind) = kind else {
        let why = format!("the group file knows no identifier type `{first}`");
        return Some(Identity { kind: first.clone(), not: Some(why) });
    };
    let not = if column.other {
        Some("its name says that it is somebody else's".to_owned())
    } else if draft.kind == Some(TableKind::Organisation) {
        Some("the table's name says that it is an organisation's".to_owned())
    } else if draft.people || live.is_indexed || !refers {
        None
    } else {
        Some("it has no index, and rows of this table are found through what they refer to".to_owned())
    };
    Some(Identity { kind: kind.clone(), not })
}

fn is_part_of_link(draft: &TableDraft<'_>, index: usize) -> bool {
    draft.links.iter().any(|link| !link.guessed && link.columns.contains(&index))
}

/// Proposes the categories, once it is known which rows belong to people.
pub(super) fn propose_categories(drafts: &mut [TableDraft<'_>], vocabulary: &Vocabulary) {
    let people: Vec<bool> = drafts.iter().map(|draft| draft.people).collect();
    for draft in drafts.iter_mut() {
        for index in 0..draft.columns.len() {
            draft.columns[index].category = Some(category(draft, index, vocabulary, &people));
        }
    }
}

fn category(draft: &TableDraft<'_>, index: usize, vocabulary: &Vocabulary, people: &[bool]) -> (String, &'static str) {
    let operations = "system.operations".to_owned();
    let to_people = |link: &super::draft::Link| {
        link.columns.contains(&index) && matches!(link.to, super::draft::Target::Table(to, _) if people[to])
    };
    if draft.links.iter().any(to_people) {
        return ("user.unique_id".to_owned(), "refers to a person");
    }
    // The key decides whether rows are people.
    if draft.table.primary_key.contains(&index) {
        return if draft.people {
            ("user.unique_id".to_owned(), "the key of a table of people")
        } else {
            (operations, "a key of no person")
        };
    }
    let concept = draft.columns[index].named.as_ref().map(|named| vocabulary.concept(named));
    let personal = draft.people || draft.own;
    let applies = |concept: &&Concept| {
        (!concept.only_people || draft.people)
            && (!concept.only_personal || personal)
            && (personal || draft.kind != Some(TableKind::Organisation))
            // A description of a product is nobody's.
            && (personal || concept.treat != Some(Treat::FreeText))
    };
    if let Some(concept) = concept.filter(applies) {
        return (concept.category.clone(), "by its name");
    }
    let kind = draft.table.columns[index].kind;
    match (&draft.named, personal) {
        _ if draft.links.iter().any(|link| !link.guessed && link.columns.contains(&index)) => {
            (operations, "a reference")
        }
        (Some(named), true) if kind != ColumnKind::Boolean => {
            (vocabulary.table_concept(named).category.clone(), "by the table's name").or_user()
        }
        (_, true) => ("user".to_owned(), "in rows about a person"),
        (_, false) => (operations, "in rows about nobody"),
    }
}

trait OrUser {
    fn or_user(self) -> Self;
}

impl OrUser for (String, &'static str) {
    /// What belongs to a person is the person's, whatever its table is called.
    fn or_user(self) -> Self {
        if self.0.starts_with("user") { self } else { ("user".to_owned(), "in rows about a person") }
    }
}
