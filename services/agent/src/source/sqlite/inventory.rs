//! What a SQLite file says of all its tables.

use rusqlite::{Connection, OptionalExtension};

use super::Database;
use crate::source::ReadError;
use crate::source::inventory::{Column, ColumnKind, Inventory, Reference, Table};

const TABLES: &str = "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'view', 'virtual') \
    AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";

/// Hidden columns of virtual tables (1) are no content.
const COLUMNS: &str = "SELECT name, type, pk FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid";

/// In the order in which they are declared: SQLite numbers them backwards.
const REFERENCES: &str =
    "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id DESC, seq";

/// The columns of each index; an expression has no column, but its text.
const INDEXES: &str = "SELECT l.name, l.\"unique\" AND NOT l.partial, i.name, m.sql, i.coll = 'NOCASE' \
    FROM pragma_index_list(?1) AS l JOIN pragma_index_xinfo(l.name) AS i \
    LEFT JOIN sqlite_schema AS m ON m.type = 'index' AND m.name = l.name \
    WHERE i.key = 1 ORDER BY l.name, i.seqno";

impl Database {
    /// All tables and views.
    pub(in crate::source) fn inventory(&self) -> Result<Inventory, ReadError> {
        let tables = tables(&self.connection).map_err(|error| self.explain(&error))?;
        Ok(Inventory { tables, ..Inventory::default() })
    }
}

fn tables(connection: &Connection) -> rusqlite::Result<Vec<Table>> {
    let mut names = connection.prepare(TABLES)?;
    let names: Vec<(String, String)> =
        names.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let one = |(name, kind): (String, String)| {
        let is_view = kind == "view";
        // A view may ask for what is gone: it is there, and cannot be read.
        match table(connection, &name) {
            Err(_) if is_view => Ok(Table { name, is_view, ..Table::default() }),
            found => found.map(|table| Table { is_view, ..table }),
        }
    };
    names.into_iter().map(one).collect()
}

fn table(connection: &Connection, name: &str) -> rusqlite::Result<Table> {
    let mut table = Table { name: name.to_owned(), is_readable: true, ..Table::default() };
    let mut keys = Vec::new();
    let mut statement = connection.prepare_cached(COLUMNS)?;
    let mut rows = statement.query([name])?;
    while let Some(row) = rows.next()? {
        let (column, declared, key): (String, String, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if key > 0 {
            keys.push((key, table.columns.len()));
        }
        table.columns.push(Column {
            name: column,
            kind: kind(&declared.to_ascii_uppercase()),
            is_readable: true,
            is_indexed: key == 1,
            is_folded: false,
            comment: None,
            values: Vec::new(),
        });
    }
    keys.sort_unstable();
    table.primary_key = keys.into_iter().map(|(_, column)| column).collect();
    indexes(connection, &mut table)?;
    references(connection, &mut table)?;
    table.rows = rows_of(connection, name)?;
    Ok(table)
}

fn indexes(connection: &Connection, table: &mut Table) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(INDEXES)?;
    let mut rows = statement.query([&table.name])?;
    let mut index: Option<(String, bool, Vec<Option<usize>>)> = None;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, unique): (String, bool) = (row.get(0)?, row.get(1)?);
        let column: Option<String> = row.get(2)?;
        let column = column.and_then(|column| table.columns.iter().position(|c| c.name.eq_ignore_ascii_case(&column)));
        if index.as_ref().is_none_or(|(last, ..)| *last != name) {
            all.extend(index.take());
            if let Some(column) = column {
                table.columns[column].is_folded |= row.get::<_, Option<bool>>(4)?.unwrap_or_default();
            }
            if column.is_none() {
                let sql: Option<String> = row.get(3)?;
                mark_expression(table, &sql.unwrap_or_default());
            }
        }
        index.get_or_insert_with(|| (name, unique, Vec::new())).2.push(column);
    }
    all.extend(index);
    for (_, unique, parts) in all {
        if let Some(Some(first)) = parts.first() {
            table.columns[*first].is_indexed = true;
        }
        let parts: Option<Vec<usize>> = parts.into_iter().collect();
        table.unique.extend(parts.filter(|parts| unique && *parts != table.primary_key));
    }
    Ok(())
}

/// An index on an expression: whichever column its text names.
fn mark_expression(table: &mut Table, sql: &str) {
    let Some((_, expression)) = sql.split_once('(') else { return };
    let words: Vec<&str> = expression.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    for column in &mut table.columns {
        column.is_indexed |= words.iter().any(|word| word.eq_ignore_ascii_case(&column.name));
    }
}

fn references(connection: &Connection, table: &mut Table) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(REFERENCES)?;
    let mut rows = statement.query([&table.name])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        let (id, other, from): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let to: Option<String> = row.get(3)?;
        let Some(column) = table.columns.iter().position(|c| c.name.eq_ignore_ascii_case(&from)) else { continue };
        if last != Some(id) {
            table.references.push(Reference { columns: Vec::new(), schema: None, table: other, to: Vec::new() });
            last = Some(id);
        }
        if let Some(reference) = table.references.last_mut() {
            reference.columns.push(column);
            reference.to.extend(to);
        }
    }
    Ok(())
}

/// About how many rows: what `ANALYZE` counted, or the last rowid.
fn rows_of(connection: &Connection, name: &str) -> rusqlite::Result<Option<u64>> {
    let counted = "SELECT stat FROM sqlite_stat1 WHERE tbl = ?1 LIMIT 1";
    // Nobody ran `ANALYZE` on most files.
    let counted: Option<String> = match connection.prepare_cached(counted) {
        Ok(mut statement) => statement.query_row([name], |row| row.get(0)).optional()?,
        Err(_) => None,
    };
    if let Some(rows) = counted.and_then(|stat| stat.split(' ').next()?.parse().ok()) {
        return Ok(Some(rows));
    }
    let last = format!("SELECT max(rowid) FROM \"{}\"", name.replace('"', "\"\""));
    let last = connection.query_row(&last, [], |row| row.get::<_, Option<i64>>(0));
    Ok(last.ok().map(|last| last.unwrap_or(0).unsigned_abs()))
}

/// By what the declared type says, which need not be one that SQLite knows.
fn kind(declared: &str) -> ColumnKind {
    let has = |parts: &[&str]| parts.iter().any(|part| declared.contains(part));
    match declared {
        _ if has(&["BOOL"]) || declared == "TINYINT(1)" => ColumnKind::Boolean,
        _ if has(&["INT"]) => ColumnKind::Integer,
        _ if has(&["JSON"]) => ColumnKind::Json,
        _ if has(&["CHAR", "CLOB", "TEXT"]) => ColumnKind::Text,
        _ if has(&["BLOB"]) => ColumnKind::Bytes,
        _ if has(&["DATETIME", "TIMESTAMP"]) => ColumnKind::Datetime,
        _ if has(&["DATE"]) => ColumnKind::Date,
        _ if has(&["UUID", "GUID"]) => ColumnKind::Uuid,
        _ if has(&["REAL", "FLOA", "DOUB", "DEC", "NUM", "MONEY"]) => ColumnKind::Decimal,
        _ => ColumnKind::Other,
    }
}
