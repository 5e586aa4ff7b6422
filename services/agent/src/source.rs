//! Where rows come from: one snapshot of one system, asked for the rows whose fields have certain values.
//!
//! `sqlite` is the connector there is. The trait is synchronous: a walk runs on a blocking thread, and a driver that
//! is asynchronous blocks on its own runtime there. Neighbours: `walk`, which asks, and `stop`, which ends it early.

mod nested;
mod normal;
pub mod sqlite;
mod stop;

use std::io;

use jiff::Timestamp;
use tributary_model::id::IdentifierType;

use crate::collect::SinkError;
use crate::graph::FieldPath;
use crate::spill::SpillError;
use crate::value::{Cell, Tuple};

pub use nested::values_at;
pub use normal::Sought;
pub use stop::Stopped;

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
    pub matching: Matching<'q>,
}

/// How values are compared.
#[derive(Debug, Clone, Copy)]
pub enum Matching<'q> {
    /// As the system compares the column with them.
    Exact,
    /// As identifiers of this type: an e-mail address in any case, a telephone number however it is punctuated.
    Identifier(&'q IdentifierType),
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
