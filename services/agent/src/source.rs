//! Where rows come from: one snapshot of one system, asked for the rows whose fields have certain values.
//!
//! `sqlite` reads files, `server` databases behind a server: `postgres` and `mysql`. The trait is synchronous: a walk runs on
//! a blocking thread, and a driver that is asynchronous blocks on its own runtime there. Neighbours: `walk`, which asks,
//! and `stop`, which ends it early.

mod inside;
pub mod inventory;
mod mysql;
mod nested;
mod normal;
mod postgres;
pub mod server;
pub mod sqlite;
mod stop;

use std::io;

use jiff::Timestamp;
use tributary_archive::table::FieldKind;
use tributary_model::identifier::Folding;

use crate::collect::SinkError;
use crate::controller::Owned;
use crate::graph::FieldPath;
use crate::spill::SpillError;
use crate::value::{Cell, Tuple};

pub(crate) use nested::lookup;
pub use nested::values_at;
pub use normal::Sought;
pub use stop::Stopped;

/// Most values that a statement compares to leave others' rows out. Beyond it that is not cheap any more.
const MOST_OTHERS: usize = 64;

/// The rows of one collection that are sought.
#[derive(Debug, Clone, Copy)]
pub struct Query<'q> {
    /// The collection's name in the system.
    pub table: &'q str,
    /// Names of its declared columns, in order: cells are numbered by it.
    pub columns: &'q [String],
    /// Declared primary key, for systems that have no key of their own.
    pub primary_key: &'q [usize],
    /// The fields that must have the values.
    pub fields: &'q [FieldPath],
    /// How values are compared.
    pub matching: Matching,
    /// How a row shows whose it is: those of others may be left out.
    pub owned: Option<&'q Owned>,
}

impl<'q> Query<'q> {
    /// That the system has no such table, or none any more.
    pub(crate) fn no_table(&self) -> ReadError {
        ReadError::NotReadable(format!("the database has no table `{}` any more", self.table))
    }

    /// That the table has no such column, or none any more.
    pub(crate) fn no_column(&self, name: &str) -> ReadError {
        ReadError::NotReadable(format!("the table `{}` has no column `{name}` any more", self.table))
    }

    /// That rows may be missing, since a value cannot be compared with the columns that are sought in.
    pub(crate) fn incomparable(&self) -> ReadError {
        let names: Vec<String> = self.fields.iter().map(|field| format!("`{}`", self.columns[field.column])).collect();
        ReadError::Incomparable(format!(
            "not every value that leads to {} can be compared with it, so rows may be missing; declare the `data_type` that \
             the values have on both sides",
            names.join(", ")
        ))
    }

    /// How rows show whose they are, where a statement may leave out those of others.
    fn leaves_out(&self) -> Option<&'q Owned> {
        self.owned.filter(|owned| (1..=MOST_OTHERS).contains(&owned.others().len()))
    }
}

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// As the system compares the column with them.
    Exact,
    /// As an identifier in several spellings, under this folding of the column.
    Identifier(Folding),
}

/// A row under the cursor.
pub trait Row {
    /// The cell of a declared column.
    fn cell(&self, column: usize) -> Cell<'_>;
    /// Reads a large cell in slices.
    fn read_large(&self, column: usize, out: &mut OnSlice<'_>) -> Result<(), ReadError>;
    /// Appends bytes that tell the row from every other one of its collection.
    fn write_identity(&self, out: &mut Vec<u8>);
}

/// What is done with a row.
pub type OnRow<'r> = dyn FnMut(&dyn Row) -> Result<(), ReadError> + 'r;

/// What is done with a slice of a large cell.
pub type OnSlice<'s> = dyn FnMut(&[u8]) -> Result<(), ReadError> + 's;

/// One snapshot of one system.
pub trait Snapshot {
    /// The instant whose state it shows.
    fn taken_at(&self) -> Timestamp;
    /// How many values one call of [`Snapshot::find`] takes for this query.
    fn batch(&mut self, query: &Query<'_>) -> Result<usize, ReadError>;
    /// Calls `on_row` for the rows in which the fields have one of `values`: in the order of the values where the
    /// system has an index for them, and by the row's key otherwise and within one value.
    fn find(&mut self, query: &Query<'_>, values: &[Tuple], on_row: &mut OnRow<'_>) -> Result<(), ReadError>;
    /// What the system says of a table or view; `None` when there is none of this name.
    fn table(&mut self, name: &str) -> Result<Option<LiveTable>, ReadError>;
    /// Whether a lookup has to read the whole table.
    fn scans(&mut self, query: &Query<'_>) -> Result<bool, ReadError>;
    /// Whether an index spares a search by identifier from reading the whole table.
    fn identifier_is_indexed(&mut self, query: &Query<'_>) -> bool;
    /// Whether the open snapshot keeps the system's writers waiting.
    fn blocks_writers(&self) -> bool;
    /// What keeps the agent's user from reading all of a query's table, in words. No row is read for it.
    fn refused(&mut self, _query: &Query<'_>) -> Result<Option<String>, ReadError> {
        Ok(None)
    }
}

/// A table or view as its system describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveTable {
    /// Its columns.
    pub columns: Vec<LiveColumn>,
}

/// A column as its system describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveColumn {
    /// Its name.
    pub name: String,
    /// What the system guarantees of its values; of days and instants, that they are such or none at all.
    pub kind: FieldKind,
}

impl LiveTable {
    /// Finds a column. Case that some systems do not tell apart is not told apart here.
    pub fn column(&self, name: &str) -> Option<&LiveColumn> {
        let exact = self.columns.iter().find(|column| column.name == name);
        exact.or_else(|| self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)))
    }
}

/// The connections of one walk to servers: datasets of one database share one.
#[derive(Default)]
pub(crate) struct Links {
    postgres: server::Shared<postgres::Postgres>,
    mysql: server::Shared<mysql::MySql>,
}

/// Opens the snapshot of a server's database by itself.
///
/// # Errors
/// `Unavailable`, with what to do.
pub fn open_server(opening: &server::Opening<'_>) -> Result<Box<dyn Snapshot>, ReadError> {
    share_server(opening, &mut Links::default())
}

/// Opens the snapshot of a server's database, or takes part in the one that the walk has open.
pub(crate) fn share_server(opening: &server::Opening<'_>, links: &mut Links) -> Result<Box<dyn Snapshot>, ReadError> {
    Ok(match opening.server.engine {
        server::EngineKind::Postgres => {
            Box::new(server::Database::<postgres::Postgres>::open(opening, &mut links.postgres)?)
        }
        server::EngineKind::MySql => Box::new(server::Database::<mysql::MySql>::open(opening, &mut links.mysql)?),
    })
}

/// Why rows could not be read. Says nothing of their content.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system does not answer; another time it may.
    #[error("{0}")]
    Unavailable(String),
    /// This collection, or part of it, cannot be read.
    #[error("{0}")]
    NotReadable(String),
    /// All rows that could be found were; others may be missing, since a value cannot be compared with the column.
    #[error("{0}")]
    Incomparable(String),
    /// The reading was stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// Nothing more needs to be read.
    #[error("enough was read")]
    Enough,
    /// What the walk must remember could not be kept.
    #[error(transparent)]
    Spill(#[from] SpillError),
    /// What was read could not be handed on.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::NotReadable(error.kind().to_string())
    }
}
