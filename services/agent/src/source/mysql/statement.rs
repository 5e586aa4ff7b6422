//! The queries of the MySQL connector. Names are quoted, values are bound. Lists of values are filled up to a power of two,
//! so that a handful of statements serve all lengths.

use std::fmt::Write;

use super::bind;
use tributary_model::identifier::{Folding, PUNCTUATION, SPACES};

use crate::source::server::{Bind, Column, Fitted, HELD, Kind, LARGE, Mode, Shape, Table};

/// Largest slice of a large cell, in bytes or characters.
const SLICE: u64 = 1024 * 1024;

/// Character sets that have every character.
pub(super) const ALL_CHARACTERS: [&str; 4] = ["utf8mb4", "utf16", "utf16le", "utf32"];
/// Most texts of one statement of [`round_trips`].
pub(super) const ROUND_TRIPS: usize = 256;

/// A statement that says of texts, each bound twice, whether they come back from a character set as they were. What does not
/// would be compared as a question mark, and find rows that have one.
pub(super) fn round_trips(charset: &str, count: usize) -> String {
    let back = format!("CAST(CONVERT(CONVERT(? USING {charset}) USING utf8mb4) AS BINARY) = CAST(? AS BINARY)");
    let all: Vec<String> =
        (0..count.next_power_of_two()).map(|n| format!("SELECT {n} AS n, CAST({back} AS SIGNED) AS same")).collect();
    all.join(" UNION ALL ")
}

/// A statement for a query.
pub(super) fn select(shape: &Shape<'_>, fields: &[usize], mode: Mode) -> String {
    let select = format!("SELECT {}", results(shape).join(", "));
    let table = format!("{} AS t", shape.table.sql);
    let columns: Vec<String> = fields.iter().map(|&field| name(shape.column(field))).collect();
    let marks: Vec<String> = fields.iter().map(|&field| mark(shape.column(field))).collect();
    let (order, own) = (order(shape), own(shape));
    let by_key = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
    match mode {
        Mode::All => format!("{select} FROM {table}{by_key}"),
        Mode::One => {
            let equal: Vec<String> =
                columns.iter().zip(&marks).map(|(column, mark)| format!("{column} = {mark}")).collect();
            format!("{select} FROM {table} WHERE {}{own}{by_key}", equal.join(" AND "))
        }
        Mode::Each(count) => {
            let equal = columns.iter().enumerate().map(|(n, column)| format!("{column} = v.v{n}"));
            let on = equal.collect::<Vec<_>>().join(" AND ");
            let by: Vec<String> = std::iter::once("v.n".to_owned()).chain(order).collect();
            // Joined from the values: a search of the table for each, in an index.
            let values = listed(shape, fields, count.next_power_of_two());
            format!("{select} FROM ({values}) AS v STRAIGHT_JOIN {table} ON {on}{own} ORDER BY {}", by.join(", "))
        }
        Mode::List(count) => {
            let values = vec![tuple(&marks); count.next_power_of_two()].join(", ");
            format!("{select} FROM {table} WHERE {} IN ({values}){own}{by_key}", tuple(&columns))
        }
        Mode::Spelt(folding, count) => {
            let condition = spelt(shape.column(fields[0]), &columns[0], folding, count);
            format!("{select} FROM {table} WHERE ({condition}){own}{by_key}")
        }
    }
}

/// That the row's owner is none of the others, whose values are bound last: as bytes, whatever the column takes for equal, or
/// as the numbers they are.
fn own(shape: &Shape<'_>) -> String {
    let Some((column, others)) = &shape.without else { return String::new() };
    let column = shape.column(*column);
    let (mark, value) = match column.kind {
        Kind::Text => ("CAST(? AS BINARY)", format!("CAST(CONVERT({} USING utf8mb4) AS BINARY)", name(column))),
        _ => ("?", name(column)),
    };
    format!(" AND ({value} IN ({})) IS NOT TRUE", vec![mark; others.len()].join(", "))
}

/// A value that is compared with a column. Digits are sent as text: several of them, or several beside each other, would be
/// compared with a column of decimals as floating-point numbers, and find those of others.
fn mark(column: &Column) -> String {
    match column.kind {
        Kind::Decimal { decimals } => format!("CAST(? AS DECIMAL(65, {}))", decimals.unwrap_or(30)),
        _ => "?".to_owned(),
    }
}

fn tuple(parts: &[String]) -> String {
    if parts.len() == 1 { parts[0].clone() } else { format!("({})", parts.join(", ")) }
}

/// The values as a table, each with its number. What is bound has no type or collation of its own here: both are the
/// column's, so that its index is used and nothing else is compared.
fn listed(shape: &Shape<'_>, fields: &[usize], count: usize) -> String {
    let value = |field: usize| {
        let column = shape.column(field);
        match (column.kind, &column.collation) {
            (_, Some((charset, collation))) => format!("CONVERT(? USING {charset}) COLLATE {collation}"),
            (Kind::Integer { min: 0, .. } | Kind::Bits, _) => "CAST(? AS UNSIGNED)".to_owned(),
            (Kind::Integer { .. }, _) => "CAST(? AS SIGNED)".to_owned(),
            (Kind::Decimal { .. }, _) => mark(column),
            (Kind::Single | Kind::Double, _) => "CAST(? AS DOUBLE)".to_owned(),
            (Kind::Date, _) => "CAST(? AS DATE)".to_owned(),
            (Kind::Local | Kind::Instant, _) => "CAST(? AS DATETIME(6))".to_owned(),
            (Kind::Time, _) => "CAST(? AS TIME(6))".to_owned(),
            (Kind::Bytes, _) => "CAST(? AS BINARY)".to_owned(),
            _ => "?".to_owned(),
        }
    };
    let all: Vec<String> = fields.iter().map(|&field| value(field)).collect();
    let named = all.iter().enumerate().map(|(at, value)| format!("{value} AS v{at}"));
    let (first, others) = (named.collect::<Vec<_>>().join(", "), all.join(", "));
    (1..count).fold(format!("SELECT 0 AS n, {first}"), |mut list, n| {
        let _ = write!(list, " UNION ALL SELECT {n}, {others}");
        list
    })
}

/// The values of a statement. A list is filled up with nothing, which equals nothing.
pub(super) fn binds(shape: &Shape<'_>, fields: &[usize], values: &[Vec<Fitted>], mode: Mode) -> Vec<Bind> {
    let mut binds = bound(shape, fields, values, mode);
    if let (Some((_, others)), true) = (&shape.without, mode != Mode::All) {
        binds.extend(others.iter().cloned().map(bind));
    }
    binds
}

fn bound(shape: &Shape<'_>, fields: &[usize], values: &[Vec<Fitted>], mode: Mode) -> Vec<Bind> {
    let all = || values.iter().flatten().cloned().map(bind);
    let filling =
        |count: usize| (values.len()..count.next_power_of_two()).flat_map(|_| fields.iter().map(|_| Bind::Null));
    match mode {
        Mode::All => Vec::new(),
        Mode::One => all().collect(),
        Mode::Each(count) | Mode::List(count) => all().chain(filling(count)).collect(),
        Mode::Spelt(folding, _) => {
            let spelling = |value: &Fitted| match value {
                Fitted::Text(text) if folding == Folding::Case => Bind::Text(text.to_lowercase()),
                value => bind(value.clone()),
            };
            let exact = values.iter().flatten().map(spelling);
            let first: Vec<Bind> = if narrows(shape.column(fields[0]), folding) { all().collect() } else { Vec::new() };
            first.into_iter().chain(exact).collect()
        }
    }
}

/// Whether the column's own comparison finds at least what is sought, so that its index may be used first.
fn narrows(column: &Column, folding: Folding) -> bool {
    match folding {
        Folding::Exact => true,
        Folding::Case => column.collation.as_ref().is_some_and(|(_, collation)| collation.ends_with("_ci")),
        Folding::Punctuation | Folding::Digits | Folding::Alphanumeric => false,
    }
}

/// The column's own comparison may take `rené` for `rene`: what it finds is compared once more, byte by byte.
fn spelt(column: &Column, name: &str, folding: Folding, count: usize) -> String {
    let marks = vec!["?"; count].join(", ");
    let bytes = vec!["CAST(? AS BINARY)"; count].join(", ");
    let exact = format!("CAST({} AS BINARY) IN ({bytes})", folded(name, folding));
    if narrows(column, folding) { format!("{name} IN ({marks}) AND {exact}") } else { exact }
}

/// A column of text in its folded form.
fn folded(name: &str, folding: Folding) -> String {
    let text = format!("CONVERT({name} USING utf8mb4)");
    // The letters of a pattern are those letters only, whatever the column takes for them.
    let keep = |kept: &str| format!("REGEXP_REPLACE({text} COLLATE utf8mb4_bin, '[^{kept}]', '')");
    match folding {
        Folding::Exact => text,
        Folding::Case => format!("LOWER({text})"),
        Folding::Punctuation => {
            PUNCTUATION.iter().chain(&SPACES).fold(text, |inner, c| format!("REPLACE({inner}, '{c}', '')"))
        }
        Folding::Digits => keep("0-9"),
        Folding::Alphanumeric => format!("LOWER({})", keep("0-9A-Za-z")),
    }
}

/// Whether an index finds rows by what [`spelt`] compares first.
pub(super) fn finds_identifier(table: &Table, field: usize, folding: Folding) -> bool {
    narrows(&table.columns[field], folding) && table.finds_by(&[field])
}

/// A statement that gives one cell of one row in slices. The key makes the row a constant, which is read once.
pub(super) fn slices(shape: &Shape<'_>, column: usize, bytes: u64, packet: u64) -> String {
    let column = shape.column(shape.columns[column]);
    let name = name(column);
    // A character takes up to four bytes in the message.
    let (width, value) = match column.kind {
        Kind::Bytes => (1, name),
        Kind::Json => (4, format!("CAST({name} AS CHAR)")),
        // Bytes are found at once, characters by counting from the start of the value for every slice.
        _ if bytes < packet && column.collation.as_ref().is_some_and(|(charset, _)| charset.starts_with("utf8")) => {
            (1, format!("CAST({name} AS BINARY)"))
        }
        _ => (4, name),
    };
    let slice = SLICE.min(packet / 2).max(4) / width;
    let keys: Vec<String> = shape
        .key
        .iter()
        .map(|&key| shape.column(key))
        .map(|key| format!("{} = {}", self::name(key), mark(key)))
        .collect();
    // Characters are no more than bytes: slices after the last are empty and left out.
    let last = bytes.saturating_sub(1) / slice;
    let numbers: Vec<String> = (0..=last).map(|n| format!("SELECT {n} AS n")).collect();
    // Blanks alone are equal to nothing, and are not nothing.
    let part = format!("SUBSTRING({value}, s.n * {slice} + 1, {slice})");
    format!(
        "SELECT s.n, {part} AS b, CAST(OCTET_LENGTH({part}) AS SIGNED) FROM ({}) AS s CROSS JOIN {} AS t \
         WHERE {} HAVING OCTET_LENGTH(b) > 0 ORDER BY s.n",
        numbers.join(" UNION ALL "),
        shape.table.sql,
        keys.join(" AND ")
    )
}

fn results(shape: &Shape<'_>) -> Vec<String> {
    let mut results: Vec<String> = shape.apart.iter().map(|&key| shown(shape.column(key))).collect();
    for &column in &shape.columns {
        let column = shape.column(column);
        let value = shown(column);
        if column.may_be_large {
            let bytes = format!("OCTET_LENGTH({value})");
            let large = if shape.keyed { shape.inline } else { LARGE };
            let away = if shape.keyed { String::new() } else { format!(" AND {} > {HELD}", together(shape)) };
            results.push(format!("IF({bytes} > {large}{away}, NULL, {value})"));
            results.push(format!("IF({bytes} > {large}, CAST({bytes} AS SIGNED), NULL)"));
        } else {
            results.push(value);
        }
    }
    results
}

/// How large the values of a row are together.
fn together(shape: &Shape<'_>) -> String {
    let large = shape.columns.iter().map(|&column| shape.column(column)).filter(|column| column.may_be_large);
    let bytes: Vec<String> = large.map(|column| format!("COALESCE(OCTET_LENGTH({}), 0)", shown(column))).collect();
    format!("({})", bytes.join(" + "))
}

/// A column as it is read: days and times in their text form, which has room for those that are none.
fn shown(column: &Column) -> String {
    let name = name(column);
    match column.kind {
        Kind::Date | Kind::Time | Kind::Local | Kind::Instant | Kind::Uuid | Kind::Other => {
            format!("CAST({name} AS CHAR)")
        }
        _ => name,
    }
}

/// What rows are ordered by: the key as numbers or bytes, whatever collation its columns have.
fn order(shape: &Shape<'_>) -> Vec<String> {
    let by = |column: &Column| match column.kind {
        Kind::Text | Kind::Json => format!("CAST(CONVERT({} USING utf8mb4) AS BINARY)", name(column)),
        _ => name(column),
    };
    if shape.identity().is_empty() {
        // Without any key, rows that are alike must stand together, and a sort looks at the beginnings of values only.
        let digest = |column: &Column| match column.kind {
            Kind::Text | Kind::Json | Kind::Bytes => format!("MD5({})", name(column)),
            _ => name(column),
        };
        return shape.columns.iter().map(|&column| digest(shape.column(column))).collect();
    }
    shape.key.iter().map(|&key| by(shape.column(key))).collect()
}

fn name(column: &Column) -> String {
    format!("t.{}", quote(&column.name))
}

/// Quotes a name for SQL.
pub(super) fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
