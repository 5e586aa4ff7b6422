//! What MySQL's catalogue says of a table: only of what the user may read.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::mysql::MySqlRow;

use super::MySql;
use super::statement::quote;
use crate::source::ReadError;
use crate::source::server::{Bind, Column, Index, IndexPart, Key, Kind, LARGE, Link, Table};

const COLUMNS: &str = "SELECT CAST(c.table_schema AS CHAR), CAST(c.table_name AS CHAR), CAST(c.column_name AS CHAR), \
    CAST(c.data_type AS CHAR), CAST(c.column_type AS CHAR), CAST(c.character_set_name AS CHAR), \
    CAST(c.collation_name AS CHAR), CAST(c.character_octet_length AS SIGNED), CAST(t.table_type AS CHAR) \
    FROM information_schema.columns c JOIN information_schema.tables t \
      ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
    WHERE c.table_schema = COALESCE(?, DATABASE()) AND c.table_name = ? ORDER BY c.ordinal_position";

const INDEXES: &str = "SELECT CAST(index_name AS CHAR), CAST(non_unique AS SIGNED), CAST(column_name AS CHAR), \
    CAST(nullable AS CHAR), CAST(sub_part AS SIGNED) FROM information_schema.statistics \
    WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? AND index_type IN ('BTREE', 'HASH') \
    ORDER BY index_name <> 'PRIMARY', index_name, seq_in_index";

/// Looks a table or view up. One that is hidden from the user is not missing: it is denied.
pub(super) fn table(link: &mut Link<MySql>, schema: Option<&str>, name: &str) -> Result<Option<Table>, ReadError> {
    let named = || {
        let schema = schema.map_or(Bind::Null, |schema| Bind::Text(schema.to_owned()));
        vec![schema, Bind::Text(name.to_owned())]
    };
    let (mut columns, mut place, mut view) = (Vec::<Column>::new(), None::<(String, String)>, false);
    link.each(COLUMNS, named(), false, &mut |row| {
        let own = (required(row, 0)?, required(row, 1)?);
        // Where the catalogue does not tell case apart, the very name counts.
        if place.as_ref().is_some_and(|place| *place != own) {
            if own.1 != name {
                return Ok(());
            }
            columns.clear();
        }
        view = required(row, 8)?.contains("VIEW");
        place = Some(own);
        columns.push(column(row)?);
        Ok(())
    })?;
    let Some((schema, name)) = place else { return hidden(link, schema, name).map(|()| None) };
    let mut found: BTreeMap<(bool, String), (bool, Vec<IndexPart>)> = BTreeMap::new();
    link.each(INDEXES, vec![Bind::Text(schema.clone()), Bind::Text(name.clone())], false, &mut |row| {
        let index_name = required(row, 0)?;
        let unique = number(row, 1)? == Some(0);
        let column = text(row, 2)?.and_then(|name| columns.iter().position(|column| column.name == name));
        let whole =
            text(row, 3)?.is_none_or(|nullable| nullable.is_empty() || nullable == "NO") && number(row, 4)?.is_none();
        let part = column.map_or(IndexPart::Expression(String::new()), IndexPart::Column);
        let entry = found.entry((index_name != "PRIMARY", index_name)).or_insert((unique, Vec::new()));
        entry.0 &= whole && matches!(part, IndexPart::Column(_));
        entry.1.push(part);
        Ok(())
    })?;
    let columns_of = |parts: &[IndexPart]| -> Vec<usize> {
        parts
            .iter()
            .filter_map(|part| if let IndexPart::Column(column) = part { Some(*column) } else { None })
            .collect()
    };
    // The primary key is first in the map's order.
    let unique = found.values().find(|(unique, _)| *unique).map(|(_, parts)| columns_of(parts));
    let key = unique.filter(|_| !view).map_or(Key::Nothing, Key::Columns);
    let indexes = found.into_values().map(|(_, parts)| Index { parts }).collect();
    Ok(Some(Table { sql: format!("{}.{}", quote(&schema), quote(&name)), columns, key, indexes }))
}

/// Asks whether a table that the catalogue does not show is there and may not be read.
fn hidden(link: &mut Link<MySql>, schema: Option<&str>, name: &str) -> Result<(), ReadError> {
    let qualified = schema.map_or_else(String::new, |schema| format!("{}.", quote(schema)));
    let sql = format!("SELECT 1 FROM {qualified}{} LIMIT 0", quote(name));
    match link.each(&sql, Vec::new(), false, &mut |_| Ok(())) {
        Err(ReadError::NotReadable(why)) if why == super::failure::GONE => Ok(()),
        other => other,
    }
}

fn column(row: &MySqlRow) -> Result<Column, ReadError> {
    let (name, data_type, declared) = (required(row, 2)?, required(row, 3)?, required(row, 4)?);
    let collation = text(row, 5)?.zip(text(row, 6)?);
    let kind = kind(&data_type.to_ascii_lowercase(), &declared.to_ascii_lowercase());
    let bounded = number(row, 7)?.is_some_and(|bytes| bytes.unsigned_abs() <= LARGE);
    let may_be_large = kind.is_open_ended() && kind != Kind::Other && !bounded;
    Ok(Column { name, kind, sql_type: data_type, collation, may_be_large, array: false })
}

/// What a column of a type holds; `declared` is the type with its size and sign.
pub(super) fn kind(data_type: &str, declared: &str) -> Kind {
    let whole = |bytes| if declared.contains("unsigned") { Kind::unsigned(bytes) } else { Kind::signed(bytes) };
    match data_type {
        "tinyint" => whole(1),
        "smallint" => whole(2),
        "mediumint" => whole(3),
        "int" | "integer" => whole(4),
        "bigint" => whole(8),
        "year" => Kind::signed(2),
        "decimal" | "numeric" => Kind::Decimal { decimals: decimals(declared) },
        "float" => Kind::Single,
        "double" => Kind::Double,
        "bit" => Kind::Bits,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" => Kind::Text,
        "json" => Kind::Json,
        "date" => Kind::Date,
        "time" => Kind::Time,
        "datetime" => Kind::Local,
        "timestamp" => Kind::Instant,
        "uuid" => Kind::Uuid,
        "inet4" | "inet6" => Kind::Other,
        _ => Kind::Bytes,
    }
}

/// The second of the numbers in `decimal(20,2)`.
fn decimals(declared: &str) -> Option<usize> {
    let (_, behind) = declared.split_once(',')?;
    behind.split_once(')')?.0.trim().parse().ok()
}

pub(super) fn required(row: &MySqlRow, index: usize) -> Result<String, ReadError> {
    text(row, index)?.ok_or_else(unknown)
}

pub(super) fn text(row: &MySqlRow, index: usize) -> Result<Option<String>, ReadError> {
    row.try_get_unchecked(index).map_err(|_| unknown())
}

pub(super) fn number(row: &MySqlRow, index: usize) -> Result<Option<i64>, ReadError> {
    row.try_get_unchecked(index).map_err(|_| unknown())
}

fn unknown() -> ReadError {
    ReadError::NotReadable("the server's catalogue has an unknown form".to_owned())
}
