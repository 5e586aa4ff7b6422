//! What tables and columns are called in six languages, and what they then probably hold: read from the files in `names`.
//!
//! What is found is a guess and says so. Neighbours: `words`, which takes names apart; `people` and `links`, which ask.

mod read;

use std::collections::{BTreeMap, HashMap, HashSet};

use tributary_model::id::IdentifierType;
use tributary_model::yaml::Problems;

use super::words::words;
use crate::source::inventory::ColumnKind;

/// Shortest name that is found at the end of a longer word, as Dutch and German make them: `klantadres`.
const SHORTEST_END: usize = 5;
/// Languages in which what a thing is comes before what it is for: `commande_client`.
const HEAD_FIRST: [&str; 3] = ["fr", "es", "pl"];

/// What a column probably holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Concept {
    /// Fideslang data category.
    pub(super) category: String,
    /// What it is called, by language.
    pub(super) labels: BTreeMap<String, String>,
    /// Identifier types that it may be found by, the likeliest first.
    pub(super) identity: Vec<IdentifierType>,
    /// Column types that it has.
    pub(super) kinds: Vec<ColumnKind>,
    /// Whether a table with it is probably one of people.
    pub(super) tells_person: bool,
    /// Whether the name means this in a table of people only.
    pub(super) only_people: bool,
    /// Whether the name means this in rows about people only.
    pub(super) only_personal: bool,
    /// What is special about it.
    pub(super) treat: Option<Treat>,
}

/// What is special about a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treat {
    /// It opens something, and belongs in no copy of data.
    Secret,
    /// It may speak of others.
    FreeText,
}

/// What rows of a table probably are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableKind {
    /// People.
    People,
    /// People who also handle others' rows.
    Staff,
    /// Companies, shops and the like.
    Organisation,
    /// Rows that several people may refer to.
    Shared,
    /// About whoever they refer to.
    Records,
    /// About nobody.
    Technical,
}

/// What a table probably holds.
#[derive(Debug, Clone)]
pub(super) struct TableConcept {
    /// What its rows are.
    pub(super) kind: TableKind,
    /// Fideslang data category of what nothing else tells.
    pub(super) category: String,
    /// What it is called, by language.
    pub(super) labels: BTreeMap<String, String>,
}

/// A name that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// Which concept.
    pub(super) concept: usize,
    /// In which language the name is.
    pub(super) language: String,
    /// Whether the whole name means it, and not just its end.
    pub(super) whole: bool,
}

/// Names by how they are written without spaces.
#[derive(Debug, Default)]
struct Names {
    /// The concept, its language, and whether it is found at the end of a name too.
    known: HashMap<String, (usize, String, bool)>,
}

/// All that is known of names.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    columns: Vec<Concept>,
    column_names: Names,
    tables: Vec<TableConcept>,
    table_names: Names,
    /// Words of whoever handles a row.
    actors: Vec<Vec<String>>,
    /// Words of whoever else a row is about.
    others: Vec<Vec<String>>,
    qualifiers: HashSet<String>,
    keys: HashSet<String>,
}

impl Names {
    fn add(&mut self, name: &str, concept: usize, language: &str, at_end: bool) {
        let key: String = name.split(' ').collect();
        self.known.entry(key).or_insert((concept, language.to_owned(), at_end));
    }

    fn exact(&self, words: &[String]) -> Option<Named> {
        let (concept, language, _) = self.known.get(&words.concat())?;
        Some(Named { concept: *concept, language: language.clone(), whole: true })
    }

    fn at_end(&self, words: &[String]) -> Option<Named> {
        let known = |from: usize| self.known.get(&words[from..].concat()).filter(|(.., at_end)| *at_end);
        let (concept, language, _) = (1..words.len()).find_map(known)?;
        Some(Named { concept: *concept, language: language.clone(), whole: false })
    }

    fn at_start(&self, words: &[String]) -> Option<Named> {
        let known = |to: usize| {
            self.known.get(&words[..to].concat()).filter(|(_, language, _)| HEAD_FIRST.contains(&language.as_str()))
        };
        let (concept, language, _) = (1..words.len()).rev().find_map(known)?;
        Some(Named { concept: *concept, language: language.clone(), whole: false })
    }

    /// The longest name at the end of one long word.
    fn within(&self, words: &[String]) -> Option<Named> {
        let [word] = words else { return None };
        let ends = |from: &usize| word.is_char_boundary(*from) && word.len() - from >= SHORTEST_END;
        let known = |from: usize| self.known.get(&word[from..]).filter(|(.., at_end)| *at_end);
        let (concept, language, _) = (2..word.len()).filter(ends).find_map(known)?;
        Some(Named { concept: *concept, language: language.clone(), whole: false })
    }
}

impl Vocabulary {
    /// What is shipped.
    ///
    /// # Errors
    /// None that a test has not ruled out.
    pub(super) fn shipped() -> Result<Self, Problems> {
        read::read([
            ("columns.yml", include_str!("names/columns.yml")),
            ("tables.yml", include_str!("names/tables.yml")),
            ("roles.yml", include_str!("names/roles.yml")),
        ])
    }

    /// A column's concept.
    pub(super) fn concept(&self, named: &Named) -> &Concept {
        &self.columns[named.concept]
    }

    /// A table's concept.
    pub(super) fn table_concept(&self, named: &Named) -> &TableConcept {
        &self.tables[named.concept]
    }

    /// What a column's name and type say, in a table of this name.
    pub(super) fn column(&self, name: &str, kind: ColumnKind, table: &str) -> Option<Named> {
        let all = words(name);
        let names = &self.column_names;
        let core = self.without_qualifiers(&all, &words(table));
        let found = names
            .exact(&all)
            .or_else(|| names.exact(&core).map(|named| Named { whole: core.len() == all.len(), ..named }))
            .or_else(|| names.at_end(&all))
            .or_else(|| names.within(&all))?;
        // A file without types may hold anything.
        let fits = kind == ColumnKind::Other || self.columns[found.concept].kinds.contains(&kind);
        fits.then_some(found)
    }

    /// What a table's name says.
    pub(super) fn table(&self, name: &str) -> Option<Named> {
        let (words, names) = (words(name), &self.table_names);
        names
            .exact(&words)
            .or_else(|| names.at_start(&words))
            .or_else(|| names.at_end(&words))
            .or_else(|| names.within(&words))
    }

    /// Whether a name says that somebody handles the row.
    pub(super) fn is_actor(&self, name: &str) -> bool {
        says(&self.actors, &self.without_key(name))
    }

    /// Whether a name says that it is about somebody else.
    pub(super) fn is_other(&self, name: &str) -> bool {
        says(&self.others, &words(name))
    }

    /// The words of a name without `id`, `nr` and the like at its end.
    pub(super) fn without_key(&self, name: &str) -> Vec<String> {
        let mut words = words(name);
        while words.len() > 1 && words.last().is_some_and(|word| self.keys.contains(word)) {
            words.pop();
        }
        words
    }

    /// The words of a name without those that only say which of several it is.
    fn without_qualifiers(&self, words: &[String], table: &[String]) -> Vec<String> {
        let spare = |word: &String| self.qualifiers.contains(word) || table.contains(word);
        let (mut from, mut to) = (0, words.len());
        while from + 1 < to && spare(&words[from]) {
            from += 1;
        }
        while to > from + 1 && spare(&words[to - 1]) {
            to -= 1;
        }
        words[from..to].to_vec()
    }
}

/// Whether one of the phrases stands in the words.
fn says(phrases: &[Vec<String>], words: &[String]) -> bool {
    phrases.iter().any(|phrase| {
        let run = |run: &[String]| run == phrase.as_slice();
        words.windows(phrase.len()).any(run) || (phrase.len() > 1 && *words == [phrase.concat()])
    })
}

#[cfg(test)]
mod tests;
