//! A first manifest from a live schema: keys and references as the database has them, categories, labels and identities
//! guessed from names and marked as guesses.
//!
//! `vocabulary` knows names, `people` tells whom tables are about, `links` which way references are walked, `manifest` writes
//! it all down. No row is read. Neighbours: `source::inventory`, which asks the database, and `check`, which judges the result.

mod agent_file;
mod draft;
mod index;
mod label;
mod links;
mod manifest;
mod people;
mod scalar;
mod vocabulary;
mod words;

use serde::Serialize;
use tributary_model::clock::SharedClock;
use tributary_model::id::{FidesKey, IdentifierType, InvalidId};
use tributary_model::yaml::Problems;

use self::draft::TableDraft;
use self::index::Dialect;
use self::manifest::Manifest;
use self::vocabulary::Vocabulary;
use crate::collect::{Database, StopFlag};
use crate::source::ReadError;
use crate::source::inventory::{Inventory, Table, inventory};

pub use self::agent_file::{AgentFile, Connection, ConnectionError, GroupPins, Tls, Way, placeholder_key};
pub(crate) use self::agent_file::{PLACEHOLDER_ENTITY, PLACEHOLDER_GATEWAY};

/// What is wished of a proposal.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// The dataset's key; otherwise made of the database's name.
    pub dataset: Option<FidesKey>,
    /// PostgreSQL: the schema.
    pub schema: Option<String>,
    /// The identifier types that the group knows; others are proposed as remarks only.
    pub identifier_types: Option<Vec<IdentifierType>>,
}

/// Why there is no proposal.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The database cannot be asked.
    #[error("{0}")]
    Database(#[from] ReadError),
    /// There is nothing in it, as far as this user may see.
    #[error("{0} has no table that this user may see; check the database, the schema (--schema) and the user's rights")]
    Empty(String),
    /// The database's name makes no key.
    #[error("the dataset needs a key of its own; give it one with --dataset")]
    Key(#[from] InvalidId),
    /// A defect.
    #[error("the shipped names cannot be read: {0}")]
    Names(#[from] Problems),
}

/// A manifest as proposed.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The dataset's key.
    pub dataset: FidesKey,
    /// The Fideslang file.
    pub manifest: String,
    /// What is in it.
    pub summary: Summary,
}

/// What a proposal is made of, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Tables in the database.
    pub tables: usize,
    /// Tables that are declared.
    pub declared: Vec<String>,
    /// Of these, those that identifiers lead to.
    pub reached: usize,
    /// Tables taken for people.
    pub people: Vec<String>,
    /// Columns by which people are found, as `table.column (type)`.
    pub identities: Vec<String>,
    /// Lines that are guessed.
    pub guesses: usize,
    /// Views, which are not declared.
    pub views: Vec<String>,
    /// Tables that this user may not read.
    pub unreadable: Vec<String>,
    /// Names that are no Fideslang keys.
    pub odd_names: usize,
    /// Other schemas with tables, and how many.
    pub beside: Vec<(String, u64)>,
}

/// An inventory sorted by what can be made of it.
struct Schema<'i> {
    /// What was read and where, for people.
    place: String,
    dialect: Dialect,
    tables: Vec<&'i Table>,
    views: Vec<&'i Table>,
    unreadable: Vec<&'i Table>,
}

/// Reads a database's schema into a proposed manifest. It blocks, and not on a thread of a runtime.
///
/// # Errors
/// When the database cannot be asked, or has nothing.
pub fn propose(database: &Database, wishes: &Wishes, clock: &SharedClock) -> Result<Proposal, InitError> {
    let found = inventory(database, wishes.schema.as_deref(), clock, &StopFlag::new())?;
    let described =
        Described { place: place(database, &found), name: name(database, &found), dialect: Dialect::of(database) };
    from_inventory(&found, &described, wishes)
}

/// Which database it is.
struct Described {
    /// Where it is, for people.
    place: String,
    /// What it is called.
    name: String,
    dialect: Dialect,
}

fn from_inventory(found: &Inventory, described: &Described, wishes: &Wishes) -> Result<Proposal, InitError> {
    let schema = sort(found, described);
    if schema.tables.is_empty() {
        return Err(InitError::Empty(described.place.clone()));
    }
    let vocabulary = Vocabulary::shipped()?;
    let mut drafts = people::drafts(&schema.tables, &vocabulary);
    people::mark_people(&mut drafts, &vocabulary);
    links::find(&mut drafts, &vocabulary);
    people::propose_identities(&mut drafts, &vocabulary, wishes.identifier_types.as_deref());
    links::orient(&mut drafts, &vocabulary);
    people::propose_categories(&mut drafts, &vocabulary);
    let dataset = match &wishes.dataset {
        Some(key) => key.clone(),
        None => key(&described.name)?,
    };
    let manifest = Manifest { dataset: &dataset, schema: &schema, drafts: &drafts, vocabulary: &vocabulary }.write();
    let summary = summary(found, &schema, &drafts, &manifest);
    Ok(Proposal { dataset, manifest, summary })
}

fn sort<'i>(found: &'i Inventory, described: &Described) -> Schema<'i> {
    let (unreadable, readable): (Vec<&Table>, Vec<&Table>) =
        found.tables.iter().partition(|table| !table.is_readable || table.columns.is_empty());
    let (views, tables): (Vec<&Table>, Vec<&Table>) = readable.into_iter().partition(|table| table.is_view);
    // A user who may read views only was given those instead of the tables.
    let (tables, views) = if tables.is_empty() { (views, Vec::new()) } else { (tables, views) };
    Schema { place: described.place.clone(), dialect: described.dialect, tables, views, unreadable }
}

fn summary(found: &Inventory, schema: &Schema<'_>, drafts: &[TableDraft<'_>], manifest: &str) -> Summary {
    let names = |tables: &[&Table]| tables.iter().map(|table| table.name.clone()).collect();
    let declared: Vec<&TableDraft<'_>> = drafts.iter().filter(|draft| draft.is_declared()).collect();
    let identities = declared.iter().flat_map(|draft| {
        let found = draft.columns.iter().enumerate().filter_map(|(index, column)| {
            let identity = column.identity.as_ref().filter(|identity| identity.not.is_none())?;
            Some(format!("{}.{} ({})", draft.table.name, draft.table.columns[index].name, identity.kind))
        });
        found.collect::<Vec<_>>()
    });
    let odd = |table: &&Table| {
        let columns = table.columns.iter().map(|column| column.name.as_str());
        columns.chain([table.name.as_str()]).filter(|name| !manifest::is_fideslang(name)).count()
    };
    Summary {
        tables: schema.tables.len(),
        reached: declared.iter().filter(|draft| draft.reached).count(),
        people: declared.iter().filter(|draft| draft.people).map(|draft| draft.table.name.clone()).collect(),
        identities: identities.collect(),
        declared: declared.iter().map(|draft| draft.table.name.clone()).collect(),
        guesses: crate::check::guesses(manifest).len(),
        views: names(&schema.views),
        unreadable: names(&schema.unreadable),
        odd_names: schema.tables.iter().map(odd).sum(),
        beside: found.beside.clone(),
    }
}

/// What a database is called.
fn name(database: &Database, found: &Inventory) -> String {
    match database {
        Database::Sqlite(path) => path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
        Database::Server(server) => {
            let schema = found.schema.clone().filter(|schema| schema != "public");
            server.database.clone().or(schema).unwrap_or_default()
        }
    }
}

fn place(database: &Database, found: &Inventory) -> String {
    let schema = found.schema.as_ref().map(|schema| format!(", schema `{schema}`")).unwrap_or_default();
    match database {
        Database::Sqlite(path) => format!("the SQLite file {}", path.display()),
        Database::Server(server) => format!("{}{schema}", server.place()),
    }
}

/// A key made of a name.
fn key(name: &str) -> Result<FidesKey, InvalidId> {
    let text = words::words(name).join("_");
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(100).collect::<String>().parse()
}
