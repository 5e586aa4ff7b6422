//! References between tables, and which way each may be walked so that what is the person's is found and what is others'
//! is not.
//!
//! Rows that refer to a person's rows are the person's (`from`), and so on down. What those refer to explains them (`to`), unless
//! it is somebody else's: people, and tables with contact data. Who handles a row is not whom it is about.

use std::collections::HashMap;

use tributary_model::manifest::Direction;

use super::draft::{Link, TableDraft, Target};
use super::vocabulary::{TableKind, Vocabulary};
use super::words::words;
use crate::source::inventory::ColumnKind;

/// Foreign keys as links, and references that names suggest where there is none.
pub(super) fn find(drafts: &mut [TableDraft<'_>], vocabulary: &Vocabulary) {
    let by_name: HashMap<&str, usize> = drafts.iter().enumerate().map(|(i, d)| (d.table.name.as_str(), i)).collect();
    let folded: HashMap<String, usize> =
        drafts.iter().enumerate().map(|(i, d)| (d.table.name.to_lowercase(), i)).collect();
    let declared: Vec<Vec<Link>> = drafts
        .iter()
        .map(|draft| {
            let keys = draft.table.references.iter();
            keys.map(|reference| {
                let name = reference.table.as_str();
                let found = by_name.get(name).or_else(|| folded.get(&name.to_lowercase())).copied();
                let to = found.filter(|_| reference.schema.is_none()).and_then(|to| {
                    let other = drafts[to].table;
                    let columns: Option<Vec<usize>> = if reference.to.is_empty() {
                        Some(other.primary_key.clone())
                    } else {
                        let position = |name: &String| {
                            other
                                .column(name)
                                .or_else(|| other.columns.iter().position(|c| c.name.eq_ignore_ascii_case(name)))
                        };
                        reference.to.iter().map(position).collect()
                    };
                    columns.filter(|columns| columns.len() == reference.columns.len()).map(|c| Target::Table(to, c))
                });
                let elsewhere = || {
                    let schema = reference.schema.as_deref().map(|s| format!("{s}.")).unwrap_or_default();
                    Target::Elsewhere(format!("{schema}{name}"))
                };
                let to = to.unwrap_or_else(elsewhere);
                Link { columns: reference.columns.clone(), to, ways: Vec::new(), why: None, guessed: false }
            })
            .collect()
        })
        .collect();
    for (draft, links) in drafts.iter_mut().zip(declared) {
        draft.links = links;
    }
    guess(drafts, vocabulary);
}

/// `klant_nr` of one table and the one-column key of `klanten`; or two columns of one name, one of them a key.
fn guess(drafts: &mut [TableDraft<'_>], vocabulary: &Vocabulary) {
    let key = |draft: &TableDraft<'_>| match draft.table.primary_key.as_slice() {
        [key] => Some(*key),
        _ => None,
    };
    let mut by_name: HashMap<String, Option<usize>> = HashMap::new();
    let mut by_key: HashMap<String, Option<usize>> = HashMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        let Some(key) = key(draft) else { continue };
        for name in singulars(&words(&draft.table.name).concat()) {
            by_name.entry(name).and_modify(|known| *known = None).or_insert(Some(index));
        }
        let name = words(&draft.table.columns[key].name).concat();
        by_key.entry(name).and_modify(|known| *known = None).or_insert(Some(index));
    }
    for from in 0..drafts.len() {
        let draft = &drafts[from];
        let mut found = Vec::new();
        for (index, column) in draft.table.columns.iter().enumerate() {
            let is_key = draft.table.primary_key == [index];
            if is_key || draft.links.iter().any(|link| link.columns.contains(&index)) {
                continue;
            }
            let (all, base) = (words(&column.name), vocabulary.without_key(&column.name));
            let named = (base.len() < all.len()).then(|| by_name.get(&base.concat())).flatten();
            let same = (all.len() > 1 || all.concat().len() > 4).then(|| by_key.get(&all.concat())).flatten();
            let Some(to) = named.or(same).copied().flatten().filter(|to| *to != from) else { continue };
            let Some(key) = key(&drafts[to]) else { continue };
            if is_like(column.kind, drafts[to].table.columns[key].kind) {
                let to = Target::Table(to, vec![key]);
                found.push(Link { columns: vec![index], to, ways: Vec::new(), why: None, guessed: true });
            }
        }
        drafts[from].links.extend(found);
    }
}

fn is_like(a: ColumnKind, b: ColumnKind) -> bool {
    a == b || [a, b].contains(&ColumnKind::Other)
}

/// A name, and what it may be the plural of.
fn singulars(name: &str) -> Vec<String> {
    let mut all = vec![name.to_owned()];
    for (end, instead) in [("ies", "y"), ("es", ""), ("s", ""), ("en", ""), ("n", ""), ("e", ""), ("y", "a"), ("i", "")]
    {
        if let Some(stem) = name.strip_suffix(end).filter(|stem| stem.len() > 2) {
            all.push(format!("{stem}{instead}"));
        }
    }
    all
}

/// Decides the ways of all links, and which rows belong to people.
pub(super) fn orient(drafts: &mut [TableDraft<'_>], vocabulary: &Vocabulary) {
    let known = owned(drafts, vocabulary, false);
    let guessed = owned(drafts, vocabulary, true);
    for index in 0..drafts.len() {
        let links: Vec<Link> = drafts[index].links.clone();
        let decided = links.iter().map(|link| {
            let own = if link.guessed { &guessed } else { &known };
            let (ways, why) = decide(drafts, index, link, own, vocabulary);
            Link { ways, why, ..link.clone() }
        });
        drafts[index].links = decided.collect();
    }
    for (index, draft) in drafts.iter_mut().enumerate() {
        draft.own = guessed[index];
    }
    mark_reached(drafts);
}

/// Which tables' rows belong to people: people themselves, and what refers to their rows.
fn owned(drafts: &[TableDraft<'_>], vocabulary: &Vocabulary, with_guesses: bool) -> Vec<bool> {
    let mut own: Vec<bool> = drafts.iter().map(|draft| draft.people || draft.is_seed()).collect();
    loop {
        let owns = |index: usize, link: &Link| {
            let Target::Table(to, _) = link.to else { return false };
            to != index
                && own[to]
                && (with_guesses || !link.guessed)
                && obstacle(drafts, index, link, vocabulary).is_none()
        };
        let more = |index: &usize| !own[*index] && drafts[*index].links.iter().any(|link| owns(*index, link));
        let found: Vec<usize> = (0..drafts.len()).filter(more).collect();
        if found.is_empty() {
            return own;
        }
        for index in found {
            own[index] = true;
        }
    }
}

/// Why a row does not belong to whom it refers to.
fn obstacle(drafts: &[TableDraft<'_>], from: usize, link: &Link, vocabulary: &Vocabulary) -> Option<&'static str> {
    let Target::Table(to, _) = link.to else { return Some("it leads out of this dataset") };
    let (draft, other) = (&drafts[from], &drafts[to]);
    if to == from {
        return Some("it relates rows of one table to each other, which may be other people's");
    }
    let is_one_to_one = draft.table.is_unique(&link.columns);
    if draft.people && other.people && !is_one_to_one {
        return Some("it relates people to each other");
    }
    if draft.kind == Some(TableKind::Organisation) && !draft.people {
        return Some("it would make an organisation a person's");
    }
    let named = |column: &usize| draft.table.columns[*column].name.as_str();
    if other.people
        && link
            .columns
            .iter()
            .map(named)
            .any(|name| vocabulary.is_actor(name) && !is_called_after(name, other, vocabulary))
    {
        return Some("it names who handles the row, not whom it is about");
    }
    let about_others = |l: &Link| matches!(l.to, Target::Table(t, _) if t != to && drafts[t].people && drafts[t].kind != Some(TableKind::Staff));
    if other.kind == Some(TableKind::Staff) && other.people && draft.links.iter().any(about_others) {
        return Some("it names who handles the row, not whom it is about");
    }
    None
}

/// Whether a column is called after the table that it refers to: `employee_id` of `employees`.
fn is_called_after(column: &str, other: &TableDraft<'_>, vocabulary: &Vocabulary) -> bool {
    let base = vocabulary.without_key(column).concat();
    singulars(&words(&other.table.name).concat()).contains(&base)
}

fn decide(
    drafts: &[TableDraft<'_>],
    from: usize,
    link: &Link,
    own: &[bool],
    vocabulary: &Vocabulary,
) -> (Vec<Direction>, Option<String>) {
    let not = |why: &str| (Vec::new(), Some(why.to_owned()));
    let Target::Table(to, columns) = &link.to else {
        return not("it leads to another schema: declare that as a dataset of its own");
    };
    let (draft, other) = (&drafts[from], &drafts[*to]);
    if !other.table.is_unique(columns) {
        return not("no key says that what it refers to is one row, so it finds others' rows");
    }
    if !other.table.is_readable || columns.iter().any(|&column| !other.table.columns[column].is_readable) {
        return not("what it refers to cannot be read by this user");
    }
    if own[*to] {
        if let Some(why) = obstacle(drafts, from, link, vocabulary) {
            return not(why);
        }
        let has_person =
            draft.links.iter().any(|l| matches!(l.to, Target::Table(t, _) if t != *to && drafts[t].people));
        if other.kind == Some(TableKind::Shared) && has_person {
            return not("the row is found through its person; an address may be another's");
        }
        let both = (draft.people && other.people) || leads_to_person(draft, other);
        let ways = if both { vec![Direction::From, Direction::To] } else { vec![Direction::From] };
        return (ways, None);
    }
    if from != *to && holds_contacts(drafts, *to, vocabulary) {
        return not("it leads to what is probably data of somebody else");
    }
    (vec![Direction::To], None)
}

/// Whether a row that an identifier finds stands for the person that it refers to: an e-mail address in a table of its
/// own. A person's table that has a column for that identifier says itself who is meant.
fn leads_to_person(draft: &TableDraft<'_>, other: &TableDraft<'_>) -> bool {
    let found_by = draft.columns.iter().filter_map(|column| column.identity.as_ref().filter(|i| i.not.is_none()));
    let mut missing = found_by.filter(|identity| !other.is_found_by(&identity.kind));
    other.people && missing.next().is_some()
}

/// Whether a table that is nobody's in particular has data with which people are reached.
fn holds_contacts(drafts: &[TableDraft<'_>], index: usize, vocabulary: &Vocabulary) -> bool {
    let draft = &drafts[index];
    let is_contact = |column: &super::draft::ColumnDraft| {
        column.named.as_ref().is_some_and(|named| {
            let category = vocabulary.concept(named).category.as_str();
            let about = [
                "user.name",
                "user.contact.email",
                "user.demographic",
                "user.government_id",
                "user.financial.bank_account",
            ];
            about.iter().any(|prefix| tributary_model::manifest::covers(prefix, category))
                && !vocabulary.concept(named).only_people
                || (category == "user.contact.phone_number" && draft.kind != Some(TableKind::Shared))
        })
    };
    draft.people || draft.columns.iter().any(is_contact)
}

/// Follows what is declared from the columns that identifiers find.
fn mark_reached(drafts: &mut [TableDraft<'_>]) {
    let mut open: Vec<usize> = (0..drafts.len()).filter(|&index| drafts[index].is_seed()).collect();
    let mut ways: Vec<Vec<usize>> = vec![Vec::new(); drafts.len()];
    for (from, draft) in drafts.iter().enumerate() {
        for link in draft.links.iter().filter(|link| !link.guessed) {
            let Target::Table(to, _) = link.to else { continue };
            for way in &link.ways {
                match way {
                    Direction::From => ways[to].push(from),
                    Direction::To => ways[from].push(to),
                }
            }
        }
    }
    while let Some(index) = open.pop() {
        if !std::mem::replace(&mut drafts[index].reached, true) {
            open.extend(&ways[index]);
        }
    }
}
