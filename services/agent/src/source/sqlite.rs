//! SQLite: a file opened read-only, one read transaction for the whole walk; the file and its mode are never changed.
//!
//! In rollback-journal mode nothing is written beside the file and an open snapshot keeps writers waiting, so it is held
//! for a bounded time. In WAL mode SQLite itself keeps its `-wal` and `-shm` there, and makes them for a first reader; the
//! `-wal` grows while a snapshot is open. `schema` looks at tables, `statement` writes the queries, `rows` reads them, and
//! `repeats` tells rows without a key apart.

mod inventory;
mod repeats;
mod rows;
mod schema;
mod seen;
mod statement;
mod wide;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, limits::Limit};
use tributary_model::clock::SharedClock;

use schema::{Column, Table};
pub use seen::Seen;

use self::seen::Known;
use self::statement::Statement;
use super::stop::Watch;
use super::{LiveColumn, LiveTable, Query, ReadError, Snapshot};
use crate::collect::StopFlag;
use crate::value::Tuple;

/// Cells above this are read in slices and become attachments.
pub const LARGE: i32 = 1024 * 1024;
/// Values of one call where an index finds them.
const INDEXED_BATCH: usize = 500;
/// Values of one call where the table must be read: one reading for all of them.
const SCAN_BATCH: usize = 50_000;
/// Pages held in memory, in KiB: the walk reads each page about once.
const CACHE_KIB: i64 = 2048;
/// Backstop for values that cannot be read in slices (in a view, or in a column declared numeric).
const MAX_VALUE: i32 = 32 * 1024 * 1024;
/// How long another connection's lock is waited for.
const BUSY: Duration = Duration::from_secs(5);
/// How much longer than one that blocks writers a snapshot in WAL mode may be held: it only keeps the `-wal` from being
/// written back.
const WAL: u32 = 30;
/// Virtual machine steps between two looks at the watch.
const STEPS: i32 = 4096;

/// A snapshot of a SQLite file.
pub struct Database {
    connection: Connection,
    taken_at: Timestamp,
    watch: Watch,
    blocks_writers: bool,
    /// Stands for a large cell in a result; random, so that no stored value equals it.
    marker: [u8; 16],
    tables: Known,
    statements: HashMap<String, Statement>,
}

impl Database {
    /// Opens the file and takes the snapshot. `snapshot_max` bounds how long it is held where that keeps writers
    /// waiting; in WAL mode it is [`WAL`] times that.
    ///
    /// # Errors
    /// `Unavailable`, with what to do.
    pub fn open(path: &Path, clock: &SharedClock, stop: &StopFlag, snapshot_max: Duration) -> Result<Self, ReadError> {
        let connection = connect(path).map_err(|error| cannot_open(path, &error))?;
        let mode: String = connection
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .map_err(|error| cannot_open(path, &error))?;
        let blocks_writers = !mode.eq_ignore_ascii_case("wal");
        // The first reading takes the snapshot; BEGIN alone would not.
        connection
            .execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;")
            .map_err(|error| cannot_open(path, &error))?;
        let most = if blocks_writers { snapshot_max } else { snapshot_max.saturating_mul(WAL) };
        let watch = Watch::new(stop, Some(most));
        let seen = watch.clone();
        connection
            .progress_handler(STEPS, Some(move || seen.check().is_err()))
            .map_err(|error| cannot_open(path, &error))?;
        let mut marker = [0; 16];
        aws_lc_rs::rand::fill(&mut marker)
            .map_err(|_| ReadError::Unavailable("the system's random source failed".to_owned()))?;
        let tables = Known::default();
        Ok(Self {
            connection,
            taken_at: clock.now(),
            watch,
            blocks_writers,
            marker,
            tables,
            statements: HashMap::new(),
        })
    }

    /// Takes what earlier snapshots have seen of the file's tables for granted, where its schema is the same, and keeps for
    /// later ones what this one sees.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn knowing(mut self, seen: &Seen) -> Result<Self, ReadError> {
        self.tables = Known::of(seen, &self.connection).map_err(|error| self.explain(&error))?;
        Ok(self)
    }

    /// What the file says of a table or view; `None` when there is none of this name.
    fn known(&mut self, name: &str) -> Result<Option<&Table>, ReadError> {
        if self.tables.get(name).is_none() {
            let Some(table) = schema::read(&self.connection, name).map_err(|error| self.explain(&error))? else {
                return Ok(None);
            };
            self.tables.insert(name, table);
        }
        Ok(self.tables.get(name))
    }

    fn statement(&mut self, query: &Query<'_>) -> Result<Statement, ReadError> {
        let key = statement::cache_key(query);
        if let Some(known) = self.statements.get(&key) {
            return Ok(known.clone());
        }
        let table = self.known(query.table)?.ok_or_else(|| query.no_table())?.clone();
        if let Some(name) = query.columns.iter().find(|name| table.column(name).is_none()) {
            return Err(query.no_column(name));
        }
        let statement = Statement::new(&self.connection, &table, query).map_err(|error| self.explain(&error))?;
        self.statements.insert(key, statement.clone());
        Ok(statement)
    }

    /// An error of SQLite in our words. Its own messages name tables and columns, never values.
    fn explain(&self, error: &rusqlite::Error) -> ReadError {
        if let Err(stopped) = self.watch.check() {
            return stopped.into();
        }
        match error.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::SystemIoFailure
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationInterrupted,
            ) => ReadError::Unavailable(format!("the database cannot be read now: {error}")),
            Some(ErrorCode::TooBig) => too_long(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                ReadError::NotReadable("the database file is damaged here".to_owned())
            }
            _ => ReadError::NotReadable(error.to_string()),
        }
    }
}

impl Snapshot for Database {
    fn taken_at(&self) -> Timestamp {
        self.taken_at
    }

    fn batch(&mut self, query: &Query<'_>) -> Result<usize, ReadError> {
        Ok(if self.scans(query)? { SCAN_BATCH } else { INDEXED_BATCH })
    }

    fn find(&mut self, query: &Query<'_>, values: &[Tuple], on_row: &mut super::OnRow<'_>) -> Result<(), ReadError> {
        let statement = self.statement(query)?;
        match wide::without(self.known(query.table)?, query, values) {
            None => rows::find(self, &statement, query, values, on_row),
            Some(left) => {
                rows::find(self, &statement, query, &left, on_row)?;
                Err(query.incomparable())
            }
        }
    }

    fn table(&mut self, name: &str) -> Result<Option<LiveTable>, ReadError> {
        let table = self.known(name)?;
        let column =
            |table: &Table, column: &Column| LiveColumn { name: column.name.clone(), kind: table.guarantees(column) };
        Ok(table.map(|table| LiveTable { columns: table.columns.iter().map(|c| column(table, c)).collect() }))
    }

    fn scans(&mut self, query: &Query<'_>) -> Result<bool, ReadError> {
        self.statement(query).map(|statement| statement.scans())
    }

    fn identifier_is_indexed(&mut self, query: &Query<'_>) -> bool {
        let Ok(statement) = self.statement(query) else { return false };
        let Some(sql) = rows::identifier_sql(self, &statement, query) else { return false };
        statement::explain(&self.connection, &sql).is_ok_and(|steps| !steps.iter().any(|step| step.starts_with("SCAN")))
    }

    /// In rollback-journal mode.
    fn blocks_writers(&self) -> bool {
        self.blocks_writers
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    // A quoted name that no column has is an error, and not a text that stands in every row: also within views.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // Sorting and lists of keys stay in memory: a temporary file would hold personal data in clear.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE)?;
    statement::add_functions(&connection)?;
    Ok(connection)
}

/// A value exceeds [`MAX_VALUE`].
fn too_long() -> ReadError {
    ReadError::NotReadable("a value is larger than 32 MiB and cannot be read in slices".to_owned())
}

fn cannot_open(path: &Path, error: &rusqlite::Error) -> ReadError {
    let hint = "check that the file exists, is a SQLite database, and that this user may read it and its folder";
    ReadError::Unavailable(format!("cannot open {}: {error}; {hint}", path.display()))
}
