//! Rows compared: what plain SQL says against what an archive holds.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::archive::{Row, cell};

/// A row as text by column; `None` is NULL.
pub type Plain = BTreeMap<String, Option<String>>;

/// The rows of a query, sorted.
///
/// # Errors
/// When SQLite refuses the query.
pub fn select(database: &Path, sql: &str) -> Result<Vec<Plain>> {
    let db = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = db.prepare(sql)?;
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let mut plain = Plain::new();
        for (index, column) in columns.iter().enumerate() {
            let value = match row.get_ref(index)? {
                ValueRef::Null => None,
                ValueRef::Integer(number) => Some(number.to_string()),
                ValueRef::Real(number) => Some(number.to_string()),
                ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Some(hex::encode(bytes)),
            };
            plain.insert(column.clone(), value);
        }
        all.push(plain);
    }
    all.sort();
    Ok(all)
}

/// The rows of an archive's table, sorted.
pub fn plain(rows: &[Row]) -> Vec<Plain> {
    let mut all: Vec<Plain> =
        rows.iter().map(|row| row.keys().map(|column| (column.clone(), cell(row, column))).collect()).collect();
    all.sort();
    all
}

/// The same rows with NULL and empty text taken for one, as CSV does.
pub fn without_null(rows: Vec<Plain>) -> Vec<Plain> {
    let full = |row: Plain| row.into_iter().map(|(column, value)| (column, Some(value.unwrap_or_default()))).collect();
    let mut all: Vec<Plain> = rows.into_iter().map(full).collect();
    all.sort();
    all
}
