//! The queries of the PostgreSQL connector. Names are quoted, values are bound: lists as arrays of text, which are cast to
//! the column's type, so that a statement's text does not depend on how many there are.

use std::collections::BTreeSet;

use tributary_model::identifier::{Folding, PUNCTUATION, SPACES};

use crate::source::server::{Column, HELD, Kind, LARGE, Mode, Shape, Table};

/// Bytes of one slice of a large cell.
const SLICE: u64 = 1024 * 1024;

/// A statement for a query.
pub(super) fn select(shape: &Shape<'_>, fields: &[usize], mode: Mode) -> String {
    let select = format!("SELECT {} FROM {} AS t", results(shape).join(", "), shape.table.sql);
    let own = own(shape, fields.len());
    let compared: Vec<String> = fields.iter().map(|&field| compared(shape.column(field))).collect();
    let order = order(shape);
    let by_key = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
    let list = |n: usize| format!("CAST({} AS text[]){}", mark(n), cast(shape.column(fields[n]), "[]"));
    let lists = || (0..fields.len()).map(list).collect::<Vec<_>>().join(", ");
    let names = || (0..fields.len()).map(|n| format!("v{n}")).collect::<Vec<_>>().join(", ");
    match mode {
        Mode::All => format!("{select}{by_key}"),
        Mode::One => {
            let equal = compared.iter().enumerate().map(|(n, column)| {
                format!("{column} = CAST({} AS text){}", mark(n), cast(shape.column(fields[n]), ""))
            });
            format!("{select} WHERE {}{own}{by_key}", equal.collect::<Vec<_>>().join(" AND "))
        }
        Mode::Each(_) => {
            let equal = compared.iter().enumerate().map(|(n, column)| format!("{column} = v.v{n}"));
            let place: String = shape.place.iter().map(|place| format!("{place}, ")).collect();
            // Only what is read: the user may be allowed no more than that.
            let columns: BTreeSet<usize> = shape.key.iter().chain(&shape.columns).copied().collect();
            let columns: Vec<String> = columns.iter().map(|&column| name(shape.column(column))).collect();
            let columns = columns.join(", ");
            // OFFSET keeps it a search for each value: joined, the planner may read the whole table for every batch.
            let rows = format!(
                "SELECT {place}{columns} FROM {} AS t WHERE {}{own} OFFSET 0",
                shape.table.sql,
                equal.collect::<Vec<_>>().join(" AND ")
            );
            let by: Vec<String> = std::iter::once("v.n".to_owned()).chain(order).collect();
            let values = format!("unnest({}) WITH ORDINALITY AS v ({}, n)", lists(), names());
            let results = results(shape).join(", ");
            format!("SELECT {results} FROM {values} CROSS JOIN LATERAL ({rows}) AS t ORDER BY {}", by.join(", "))
        }
        Mode::List(_) => {
            let values = format!("SELECT * FROM unnest({}) AS v ({})", lists(), names());
            format!("{select} WHERE ({}) IN ({values}){own}{by_key}", compared.join(", "))
        }
        Mode::Spelt(folding, _) => {
            format!("{select} WHERE ({}){own}{by_key}", spelt(shape.column(fields[0]), &compared[0], folding))
        }
    }
}

/// That the row's owner is none of the others, which are the list after the values: as text without any collation of the
/// column's, or as the numbers they are.
fn own(shape: &Shape<'_>, after: usize) -> String {
    let Some((column, _)) = &shape.without else { return String::new() };
    let (column, list) = (shape.column(*column), format!("CAST({} AS text[])", mark(after)));
    let name = format!("t.{}", quote(&column.name));
    match column.kind {
        Kind::Text => format!(" AND ({name}::text COLLATE \"C\" = ANY ({list})) IS NOT TRUE"),
        _ => format!(" AND ({name} = ANY ({list}{})) IS NOT TRUE", cast(column, "[]")),
    }
}

/// Each spelling in the list $1 is compared under the folding.
fn spelt(column: &Column, name: &str, folding: Folding) -> String {
    let listed = format!("{name} = ANY (CAST($1 AS text[]){})", cast(column, "[]"));
    match folding {
        // What does not tell case apart narrows the search by its index.
        Folding::Exact if is_citext(column) => format!("{listed} AND {name}::text = ANY (CAST($1 AS text[]))"),
        Folding::Exact => listed,
        Folding::Case if is_citext(column) => listed,
        Folding::Case => format!("lower({name}) IN (SELECT lower(v) FROM unnest(CAST($1 AS text[])) AS v)"),
        _ => format!("{} = ANY (CAST($1 AS text[]))", folded(&format!("{name}::text"), folding, "")),
    }
}

/// A text in its folded form, written with or without the types that PostgreSQL shows in what it says of an index.
fn folded(text: &str, folding: Folding, typed: &str) -> String {
    let keep = |kept: &str| format!("regexp_replace({text}, '[^{kept}]'{typed}, ''{typed}, 'g'{typed})");
    match folding {
        Folding::Exact => text.to_owned(),
        Folding::Case => format!("lower({text})"),
        Folding::Punctuation => {
            let dropped: String = PUNCTUATION.into_iter().chain(SPACES).collect();
            format!("translate({text}, '{dropped}'{typed}, ''{typed})")
        }
        Folding::Digits => keep("0-9"),
        Folding::Alphanumeric => format!("lower({})", keep("0-9A-Za-z")),
    }
}

fn is_citext(column: &Column) -> bool {
    column.sql_type == "citext" || column.sql_type.ends_with(".citext")
}

/// Whether an index finds rows by what [`spelt`] compares.
pub(super) fn finds_identifier(table: &Table, field: usize, folding: Folding) -> bool {
    let column = &table.columns[field];
    if folding == Folding::Exact || (folding == Folding::Case && is_citext(column)) {
        return table.finds_by(&[field]);
    }
    let name = quote_if_needed(&column.name);
    table.finds_by_expression(&[folded(&name, folding, "::text"), folded(&format!("{name}::text"), folding, "::text")])
}

/// A statement that gives one cell of one row in slices. The value is unpacked once, and cut from there.
pub(super) fn slices(shape: &Shape<'_>, column: usize) -> String {
    let column = shape.column(shape.columns[column]);
    let name = format!("t.{}", quote(&column.name));
    let value = match column.kind {
        // Joined with nothing it is a copy, plain and in memory; by itself it would be unpacked for every slice.
        Kind::Bytes => format!("{name} || ''::bytea"),
        _ => format!("textsend({})", shown(column)),
    };
    let keys = shape.key.iter().enumerate().map(|(n, &key)| {
        let key = shape.column(key);
        format!("{} = CAST({} AS text){}", compared(key), mark(n), cast(key, ""))
    });
    let places = shape.place.iter().enumerate().map(|(n, place)| {
        let kind = if place.ends_with("ctid") { "tid" } else { "oid" };
        format!("{place} = CAST({} AS text)::{kind}", mark(n))
    });
    let row: Vec<String> = keys.chain(places).collect();
    // How many slices there are shows in the value as it is sent: a database may keep text in fewer bytes. Only where it
    // does not can the two be compared.
    format!(
        "WITH cell AS MATERIALIZED (SELECT {value} AS b FROM {} AS t WHERE {}) SELECT n, s, \
            CASE WHEN pg_catalog.current_setting('server_encoding') IN ('UTF8', 'SQL_ASCII') THEN octet_length(s)::int8 END \
         FROM (SELECT n, substring(cell.b FROM (n * {SLICE} + 1)::int4 FOR {SLICE}) AS s \
            FROM cell, generate_series(0::int8, ((octet_length(cell.b) - 1) / {SLICE})::int8) AS n OFFSET 0) AS p",
        shape.table.sql,
        row.join(" AND ")
    )
}

fn results(shape: &Shape<'_>) -> Vec<String> {
    let mut results: Vec<String> = shape.apart.iter().map(|&key| shown(shape.column(key))).collect();
    results.extend(shape.place.iter().map(|place| format!("{place}::text")));
    for &column in &shape.columns {
        let column = shape.column(column);
        let value = shown(column);
        if column.may_be_large {
            let bytes = format!("octet_length({value})");
            let large = if shape.keyed { shape.inline } else { LARGE };
            let away = if shape.keyed { String::new() } else { format!(" AND {} > {HELD}", together(shape)) };
            results.push(format!("CASE WHEN {bytes} > {large}{away} THEN NULL ELSE {value} END"));
            results.push(format!("CASE WHEN {bytes} > {large} THEN {bytes}::int8 END"));
        } else {
            results.push(value);
        }
    }
    results
}

/// How large the values of a row are together.
fn together(shape: &Shape<'_>) -> String {
    let large = shape.columns.iter().map(|&column| shape.column(column)).filter(|column| column.may_be_large);
    let bytes: Vec<String> =
        large.map(|column| format!("coalesce(octet_length({}), 0)::int8", shown(column))).collect();
    format!("({})", bytes.join(" + "))
}

/// A column as it is read.
fn shown(column: &Column) -> String {
    let name = format!("t.{}", quote(&column.name));
    match column.kind {
        _ if column.array => format!("to_jsonb({name})::text"),
        Kind::Json | Kind::Jsonb | Kind::Other => format!("{name}::text"),
        // The blanks that fill it up are no part of the value, and would be in a column of any other type.
        _ if column.sql_type == "bpchar" => format!("{name}::text"),
        _ => name,
    }
}

/// A column as it is compared with values.
fn compared(column: &Column) -> String {
    let name = format!("t.{}", quote(&column.name));
    if is_compared_as_text(column) { format!("{name}::text") } else { name }
}

fn is_compared_as_text(column: &Column) -> bool {
    column.array || matches!(column.kind, Kind::Json | Kind::Jsonb | Kind::Other)
}

/// The cast that makes text a value of the column.
fn cast(column: &Column, array: &str) -> String {
    if is_compared_as_text(column) { String::new() } else { format!("::{}{array}", column.sql_type) }
}

/// What rows are ordered by: the key as numbers or bytes, whatever collation its columns have.
fn order(shape: &Shape<'_>) -> Vec<String> {
    let by = |column: &Column| match column.kind {
        Kind::Text => format!("t.{}::text COLLATE \"C\"", quote(&column.name)),
        _ if is_compared_as_text(column) => format!("t.{}::text COLLATE \"C\"", quote(&column.name)),
        _ => format!("t.{}", quote(&column.name)),
    };
    if shape.identity().is_empty() {
        // Without any key, rows that are alike must stand together, and 1.5 and 1.50 are equal and not alike.
        let alike = |column: &Column| match column.kind {
            Kind::Decimal { .. } => format!("t.{}::text COLLATE \"C\"", quote(&column.name)),
            _ if is_compared_as_text(column) => format!("{} COLLATE \"C\"", shown(column)),
            _ => by(column),
        };
        return shape.columns.iter().map(|&column| alike(shape.column(column))).collect();
    }
    let keys = shape.key.iter().map(|&key| by(shape.column(key)));
    keys.chain(shape.place.iter().map(|&place| place.to_owned())).collect()
}

fn name(column: &Column) -> String {
    format!("t.{}", quote(&column.name))
}

fn mark(n: usize) -> String {
    format!("${}", n + 1)
}

/// Quotes a name for SQL.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name as PostgreSQL itself writes it: quoted where it must be.
fn quote_if_needed(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { name.to_owned() } else { quote(name) }
}
