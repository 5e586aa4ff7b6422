//! SQLite on the thread that asks, over one connection: sqlx gives each connection a thread, and handing every
//! statement over to it costs several times what the statement does. For schedules by the thousand, in tests only.
//!
//! The statements, the schema, the writer and its transactions are the product's.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::types::{FromSql, ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{CachedStatement, Connection};

use super::{Row, Sql, Val};
use crate::store::StoreError;

/// Statements that stay prepared: more than there are.
const PREPARED: usize = 512;

/// The connection. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub(in crate::store) struct Inline(Arc<Shared>);

struct Shared {
    conn: Mutex<Connection>,
    /// Views that are open.
    views: AtomicUsize,
}

impl Inline {
    /// Opens the database in `file`, which has its schema already. It waits for no disk, and shares the file with nobody.
    pub(in crate::store) fn open(file: &Path) -> Result<Self, StoreError> {
        let conn = Connection::open(file).map_err(failed)?;
        conn.set_prepared_statement_cache_capacity(PREPARED);
        let pragmas = [
            ("locking_mode", "EXCLUSIVE"),
            ("journal_mode", "WAL"),
            ("synchronous", "OFF"),
            ("secure_delete", "ON"),
            ("foreign_keys", "ON"),
        ];
        for (pragma, value) in pragmas {
            conn.pragma_update(None, pragma, value).map_err(failed)?;
        }
        Ok(Self(Arc::new(Shared { conn: Mutex::new(conn), views: AtomicUsize::new(0) })))
    }

    /// Runs a statement; returns how many rows it changed.
    pub(super) fn run(&self, sql: Sql, values: &[Val]) -> Result<u64, StoreError> {
        let conn = self.conn();
        if sql.sqlite.starts_with("BEGIN") && self.0.views.load(Ordering::Relaxed) > 0 {
            // Over one connection, the view would see what is written.
            return Err(StoreError::Corrupt("a transaction was begun while a view was open"));
        }
        // Several statements at once have no values: the writer begins and ends its jobs so.
        if values.is_empty() && sql.sqlite.contains(';') {
            conn.execute_batch(sql.sqlite).map_err(failed)?;
            return Ok(0);
        }
        let mut statement = prepared(&conn, sql, values)?;
        let mut rows = statement.raw_query();
        while rows.next().map_err(failed)?.is_some() {}
        Ok(conn.changes())
    }

    /// All rows of a statement.
    pub(super) fn rows(&self, sql: Sql, values: &[Val]) -> Result<Vec<Row>, StoreError> {
        let conn = self.conn();
        let mut statement = prepared(&conn, sql, values)?;
        let columns: Arc<[Box<str>]> = statement.column_names().into_iter().map(Into::into).collect();
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let values = (0..columns.len()).map(|column| row.get(column)).collect::<Result<_, _>>().map_err(failed)?;
            found.push(Row::Inline(Cells { columns: Arc::clone(&columns), values }));
        }
        Ok(found)
    }

    /// How many rows were ever changed over this connection: while it stays the same, so does what the database holds.
    pub(in crate::store) fn changes(&self) -> u64 {
        self.conn().total_changes()
    }

    /// Empties the log, so that it holds nothing of what was before.
    pub(in crate::store) fn cut_log(&self) -> Result<(), StoreError> {
        let cut = self.conn().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        cut.map_err(failed)
    }

    fn conn(&self) -> MutexGuard<'_, Connection> {
        self.0.conn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What does not change while somebody reads.
pub(in crate::store) struct View(Inline);

impl View {
    pub(super) fn open(inline: &Inline) -> Self {
        inline.0.views.fetch_add(1, Ordering::Relaxed);
        Self(inline.clone())
    }

    pub(super) fn rows(&self, sql: Sql, values: &[Val]) -> Result<Vec<Row>, StoreError> {
        self.0.rows(sql, values)
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.0.0.views.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a row holds, read by column name.
pub(in crate::store) struct Cells {
    columns: Arc<[Box<str>]>,
    values: Box<[Value]>,
}

impl Cells {
    pub(super) fn get<T: FromSql>(&self, column: &'static str) -> Result<T, StoreError> {
        let at = self.columns.iter().position(|name| **name == *column).ok_or(StoreError::Corrupt(column))?;
        T::column_result(ValueRef::from(&self.values[at])).map_err(|_| StoreError::Corrupt(column))
    }
}

/// A statement with its values. What is named `$2` gets the second, wherever it stands.
fn prepared<'c>(conn: &'c Connection, sql: Sql, values: &[Val]) -> Result<CachedStatement<'c>, StoreError> {
    let mut statement = conn.prepare_cached(sql.sqlite).map_err(failed)?;
    for index in 1..=statement.parameter_count() {
        let number = statement.parameter_name(index).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let value = number.and_then(|number| values.get(number.checked_sub(1)?));
        let value = value.ok_or(StoreError::Corrupt("a statement has more parameters than values"))?;
        statement.raw_bind_parameter(index, value).map_err(failed)?;
    }
    Ok(statement)
}

impl ToSql for Val {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Text(value) => value.to_sql(),
            Self::Int(value) => value.to_sql(),
            Self::Bool(value) => value.to_sql(),
            Self::Blob(value) => value.to_sql(),
        }
    }
}

fn failed(error: rusqlite::Error) -> StoreError {
    StoreError::Database(sqlx::Error::AnyDriverError(Box::new(error)))
}
