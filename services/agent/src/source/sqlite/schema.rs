//! What a SQLite file says of its tables.

use rusqlite::{Connection, OptionalExtension};
use tributary_archive::table::FieldKind;

/// A table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// Its name as the file spells it.
    pub(super) name: String,
    /// What it is.
    pub(super) kind: TableKind,
    /// Whether its columns hold what they are declared to hold.
    pub(super) strict: bool,
    /// Its columns.
    pub(super) columns: Vec<Column>,
}

/// What a table is, which decides how a row is told from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TableKind {
    /// An ordinary table: by its rowid, under the name that no column takes.
    Rowid(&'static str),
    /// A table without rowid: by its primary key.
    WithoutRowid,
    /// A view or virtual table: by the declared key.
    View,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name as the file spells it.
    pub(super) name: String,
    /// Its declared type, which may be empty.
    pub(super) declared: String,
    /// Its place in the primary key, from 1; 0 when it is not part of it.
    pub(super) key: u32,
}

impl Table {
    /// Finds a column; SQLite does not tell ASCII case apart.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Whether the column is another name of the rowid.
    pub(super) fn is_rowid(&self, column: &Column) -> bool {
        let keys = self.columns.iter().filter(|column| column.key > 0).count();
        matches!(self.kind, TableKind::Rowid(_))
            && keys == 1
            && column.key == 1
            && column.declared.eq_ignore_ascii_case("integer")
    }

    /// What SQLite guarantees of a column's values: outside of strict tables any column may hold anything, except that a
    /// rowid is a number and a text column turns numbers into text.
    pub(super) fn guarantees(&self, column: &Column) -> FieldKind {
        match column.declared.to_ascii_uppercase().as_str() {
            _ if self.is_rowid(column) => FieldKind::Integer,
            "INT" | "INTEGER" if self.strict => FieldKind::Integer,
            _ if column.is_text() => FieldKind::String,
            _ => FieldKind::Any,
        }
    }

    /// Names of the primary key's columns in its order.
    pub(super) fn key(&self) -> Vec<&str> {
        let mut key: Vec<&Column> = self.columns.iter().filter(|column| column.key > 0).collect();
        key.sort_by_key(|column| column.key);
        key.into_iter().map(|column| column.name.as_str()).collect()
    }
}

impl Column {
    /// Whether values are converted to text when stored (SQLite, "Determination Of Column Affinity").
    pub(super) fn is_text(&self) -> bool {
        let declared = self.declared.to_ascii_uppercase();
        !declared.contains("INT") && ["CHAR", "CLOB", "TEXT"].iter().any(|part| declared.contains(part))
    }

    /// Whether a number is no text to it, nor a text a number: it converts nothing.
    pub(super) fn is_untyped(&self) -> bool {
        let declared = self.declared.to_ascii_uppercase();
        declared.is_empty() || (!self.is_text() && !declared.contains("INT") && declared.contains("BLOB"))
    }

    /// Whether values of any size are to be expected: text, bytes, or no type at all.
    pub(super) fn may_be_large(&self) -> bool {
        let declared = self.declared.to_ascii_uppercase();
        self.is_text()
            || declared.is_empty()
            || (!declared.contains("INT") && declared.contains("BLOB"))
            || declared.contains("JSON")
    }
}

/// Looks a table or view up.
pub(super) fn read(connection: &Connection, name: &str) -> rusqlite::Result<Option<Table>> {
    let found = "SELECT name, type, wr, strict FROM pragma_table_list(?1) WHERE schema = 'main'";
    let found: Option<(String, String, bool, bool)> = connection
        .query_row(found, [name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let Some((name, kind, without_rowid, strict)) = found else { return Ok(None) };
    // Hidden columns of virtual tables (1) are no content; generated ones (2, 3) are.
    let mut statement =
        connection.prepare("SELECT name, type, pk FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid")?;
    let columns = statement
        .query_map([&name], |row| Ok(Column { name: row.get(0)?, declared: row.get(1)?, key: row.get(2)? }))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let taken = |alias: &str| columns.iter().any(|column| column.name.eq_ignore_ascii_case(alias));
    let alias = ["rowid", "_rowid_", "oid"].into_iter().find(|alias| !taken(alias));
    let kind = match (kind.as_str(), alias) {
        ("table", _) if without_rowid => TableKind::WithoutRowid,
        ("table", Some(alias)) => TableKind::Rowid(alias),
        _ => TableKind::View,
    };
    Ok(Some(Table { name, kind, strict, columns }))
}
