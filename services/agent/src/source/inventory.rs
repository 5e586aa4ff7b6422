//! What a database says of itself as a whole: its tables with columns, keys, indexes and references, in a handful of
//! questions however many tables there are. Rows are not read.
//!
//! Each connector answers in a file of the same name; `init` makes a first manifest of it.

use std::time::Duration;

use tributary_model::clock::SharedClock;

use super::server::{EngineKind, Gate, Kind, Server};
use super::stop::Watch;
use super::{ReadError, mysql, postgres, sqlite};
use crate::collect::{Database, StopFlag};

/// How long reading a catalogue may take: a server with thousands of tables needs some seconds.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// A database, or one schema of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// PostgreSQL: the schema; MySQL: the database.
    pub schema: Option<String>,
    /// Others beside it that have tables, and how many.
    pub beside: Vec<(String, u64)>,
    /// Its tables and views, sorted by name.
    pub tables: Vec<Table>,
}

/// A table or view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Whether it shows what other tables hold.
    pub is_view: bool,
    /// Whether this user may read it.
    pub is_readable: bool,
    /// About how many rows it has, where the database keeps count.
    pub rows: Option<u64>,
    /// What the database's administrator wrote about it.
    pub comment: Option<String>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Columns of the primary key, in its order.
    pub primary_key: Vec<usize>,
    /// Columns of each other unique key.
    pub unique: Vec<Vec<usize>>,
    /// References to other tables, or to itself.
    pub references: Vec<Reference>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether this user may read it.
    pub is_readable: bool,
    /// Whether an index begins with it, or with an expression of it.
    pub is_indexed: bool,
    /// Whether such an index finds it without regard to case.
    pub is_folded: bool,
    /// What the database's administrator wrote about it.
    pub comment: Option<String>,
    /// The values that its type allows, for an enumeration.
    pub values: Vec<String>,
}

/// What a column holds, as far as that helps to guess what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// Another number.
    Decimal,
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// A day and a time.
    Datetime,
    /// Bytes.
    Bytes,
    /// JSON.
    Json,
    /// A UUID.
    Uuid,
    /// An array.
    List,
    /// Anything else.
    Other,
}

impl From<Kind> for ColumnKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Bool => Self::Boolean,
            Kind::Integer { .. } => Self::Integer,
            Kind::Single | Kind::Double | Kind::Decimal { .. } => Self::Decimal,
            Kind::Text => Self::Text,
            Kind::Bytes => Self::Bytes,
            Kind::Date => Self::Date,
            Kind::Local | Kind::Instant => Self::Datetime,
            Kind::Uuid => Self::Uuid,
            Kind::Json | Kind::Jsonb => Self::Json,
            Kind::Time | Kind::Bits | Kind::Other => Self::Other,
        }
    }
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Columns that refer.
    pub columns: Vec<usize>,
    /// The other table's schema, if it is not the same.
    pub schema: Option<String>,
    /// The other table.
    pub table: String,
    /// The columns referred to, in the same order; none for the other table's primary key.
    pub to: Vec<String>,
}

impl Table {
    /// Finds a column by its very name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Whether no two rows have the same values in these columns.
    pub fn is_unique(&self, columns: &[usize]) -> bool {
        let within = |key: &Vec<usize>| !key.is_empty() && key.iter().all(|column| columns.contains(column));
        within(&self.primary_key) || self.unique.iter().any(within)
    }
}

/// Asks a database what it has. `schema` is PostgreSQL's; without one, the first of the user's search path.
///
/// # Errors
/// `Unavailable`, with what to do.
pub fn inventory(
    database: &Database,
    schema: Option<&str>,
    clock: &SharedClock,
    stop: &StopFlag,
) -> Result<Inventory, ReadError> {
    let mut found = match database {
        Database::Sqlite(path) => sqlite::Database::open(path, clock, stop, PATIENCE)?.inventory()?,
        Database::Server(server) => of_server(server, schema.or(server.schema.as_deref()), stop)?,
    };
    found.tables.sort_by(|a, b| a.name.cmp(&b.name));
    found.beside.sort();
    Ok(found)
}

fn of_server(server: &Server, schema: Option<&str>, stop: &StopFlag) -> Result<Inventory, ReadError> {
    let (gate, watch) = (Gate::new(&server.limits, 1), Watch::new(stop, Some(PATIENCE)));
    match server.engine {
        EngineKind::Postgres => postgres::inventory(server, schema, &gate, watch),
        EngineKind::MySql => mysql::inventory(server, &gate, watch),
    }
}
