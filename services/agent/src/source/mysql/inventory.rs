//! What MySQL's catalogue says of a whole database: only of what the user may read, and of some more.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::MySql;
use super::catalogue::{kind, number, required, text};
use crate::source::ReadError;
use crate::source::inventory::{Column, ColumnKind, Inventory, Reference, Table};
use crate::source::server::{Gate, Link, Server};
use crate::source::stop::Watch;

const TABLES: &str = "SELECT CAST(table_name AS CHAR), CAST(table_type AS CHAR), CAST(table_rows AS SIGNED), \
    CAST(table_comment AS CHAR), CAST(DATABASE() AS CHAR) FROM information_schema.tables \
    WHERE table_schema = DATABASE() AND table_type <> 'SEQUENCE'";

const COLUMNS: &str = "SELECT CAST(table_name AS CHAR), CAST(column_name AS CHAR), CAST(data_type AS CHAR), \
    CAST(column_type AS CHAR), CAST(column_comment AS CHAR), CAST(privileges AS CHAR), CAST(column_key AS CHAR) \
    FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position";

const INDEXES: &str = "SELECT CAST(table_name AS CHAR), CAST(index_name AS CHAR), CAST(column_name AS CHAR), \
    CAST(sub_part AS SIGNED) FROM information_schema.statistics \
    WHERE table_schema = DATABASE() AND non_unique = 0 ORDER BY table_name, index_name, seq_in_index";

const REFERENCES: &str = "SELECT CAST(table_name AS CHAR), CAST(constraint_name AS CHAR), CAST(column_name AS CHAR), \
    CAST(referenced_table_schema AS CHAR), CAST(referenced_table_name AS CHAR), CAST(referenced_column_name AS CHAR) \
    FROM information_schema.key_column_usage WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL \
    ORDER BY table_name, constraint_name, ordinal_position";

const BESIDE: &str = "SELECT CAST(table_schema AS CHAR), COUNT(*) FROM information_schema.tables \
    WHERE table_type = 'BASE TABLE' AND table_schema <> DATABASE() \
      AND table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys') GROUP BY 1 ORDER BY 1";

/// Tables by name.
type Tables = BTreeMap<String, Table>;

/// The database's tables and views.
pub(in crate::source) fn inventory(server: &Server, gate: &Arc<Gate>, watch: Watch) -> Result<Inventory, ReadError> {
    let mut link = Link::<MySql>::alone(server, server.database.as_deref(), gate, watch)?;
    let (mut tables, mut schema) = (Tables::new(), None);
    link.each(TABLES, Vec::new(), false, &mut |row| {
        let (name, kind) = (required(row, 0)?, required(row, 1)?);
        schema = text(row, 4)?;
        let is_view = kind.contains("VIEW");
        // Of a view it says "VIEW" where the comment is.
        let comment = text(row, 3)?.filter(|comment| !comment.is_empty() && !is_view);
        let rows = number(row, 2)?.map(i64::unsigned_abs);
        tables.insert(name.clone(), Table { name, is_view, rows, comment, ..Table::default() });
        Ok(())
    })?;
    columns(&mut link, &mut tables)?;
    keys(&mut link, &mut tables)?;
    references(&mut link, &mut tables, schema.as_deref())?;
    let mut beside = Vec::new();
    link.each(BESIDE, Vec::new(), false, &mut |row| {
        beside.push((required(row, 0)?, number(row, 1)?.unwrap_or(0).unsigned_abs()));
        Ok(())
    })?;
    Ok(Inventory { schema, beside, tables: tables.into_values().collect() })
}

fn columns(link: &mut Link<MySql>, tables: &mut Tables) -> Result<(), ReadError> {
    link.each(COLUMNS, Vec::new(), false, &mut |row| {
        let Some(table) = tables.get_mut(&required(row, 0)?) else { return Ok(()) };
        let (data_type, declared) = (required(row, 2)?.to_ascii_lowercase(), required(row, 3)?);
        let is_readable = required(row, 5)?.split(',').any(|privilege| privilege == "select");
        table.is_readable |= is_readable;
        table.columns.push(Column {
            name: required(row, 1)?,
            kind: column_kind(&data_type, &declared.to_ascii_lowercase()),
            is_readable,
            is_indexed: !required(row, 6)?.is_empty(),
            // Nearly every collation here takes small and capital letters for the same.
            is_folded: true,
            comment: text(row, 4)?.filter(|comment| !comment.is_empty()),
            values: if data_type == "enum" { values(&declared) } else { Vec::new() },
        });
        Ok(())
    })
}

/// The unique keys. One on part of a column is none on the column.
fn keys(link: &mut Link<MySql>, tables: &mut Tables) -> Result<(), ReadError> {
    let mut keys: BTreeMap<(String, String), Vec<Option<usize>>> = BTreeMap::new();
    link.each(INDEXES, Vec::new(), false, &mut |row| {
        let (name, index) = (required(row, 0)?, required(row, 1)?);
        let Some(table) = tables.get(&name) else { return Ok(()) };
        let (column, part) = (text(row, 2)?, number(row, 3)?);
        let column = column.and_then(|column| table.column(&column)).filter(|_| part.is_none());
        keys.entry((name, index)).or_default().push(column);
        Ok(())
    })?;
    for ((name, index), columns) in keys {
        let columns: Option<Vec<usize>> = columns.into_iter().collect();
        if let (Some(table), Some(columns)) = (tables.get_mut(&name), columns) {
            if index == "PRIMARY" { table.primary_key = columns } else { table.unique.push(columns) }
        }
    }
    Ok(())
}

fn references(link: &mut Link<MySql>, tables: &mut Tables, schema: Option<&str>) -> Result<(), ReadError> {
    let mut last = None;
    link.each(REFERENCES, Vec::new(), false, &mut |row| {
        let own = (required(row, 0)?, required(row, 1)?);
        let Some(table) = tables.get_mut(&own.0) else { return Ok(()) };
        let Some(column) = table.column(&required(row, 2)?) else { return Ok(()) };
        if last.as_ref() != Some(&own) {
            let (other, table_name) = (text(row, 3)?, required(row, 4)?);
            let other = other.filter(|other| Some(other.as_str()) != schema);
            table.references.push(Reference { columns: Vec::new(), schema: other, table: table_name, to: Vec::new() });
            last = Some(own);
        }
        if let Some(reference) = table.references.last_mut() {
            reference.columns.push(column);
            reference.to.push(required(row, 5)?);
        }
        Ok(())
    })
}

fn column_kind(data_type: &str, declared: &str) -> ColumnKind {
    match declared {
        "tinyint(1)" => ColumnKind::Boolean,
        _ => kind(data_type, declared).into(),
    }
}

/// The values of `enum('a','it''s')`.
fn values(declared: &str) -> Vec<String> {
    let inner = declared.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or_default();
    let (mut values, mut value, mut rest) = (Vec::new(), String::new(), inner.chars().peekable());
    let mut quoted = false;
    while let Some(c) = rest.next() {
        match c {
            '\'' if quoted && rest.peek() == Some(&'\'') => {
                rest.next();
                value.push('\'');
            }
            '\'' => {
                quoted = !quoted;
                if !quoted {
                    values.push(std::mem::take(&mut value));
                }
            }
            c if quoted => value.push(c),
            _ => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_an_enumeration_are_read_with_their_quotes_and_commas() {
        assert_eq!(values("enum('new','it''s, well','')"), ["new", "it's, well", ""]);
        assert!(values("enum").is_empty());
    }
}
