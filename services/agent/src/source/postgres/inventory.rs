//! What PostgreSQL's catalogue says of a whole schema. It says so to everyone, and also what they may read.

use std::collections::HashMap;
use std::sync::Arc;

use super::Postgres;
use super::catalogue::{builtin, get};
use super::statement::quote;
use crate::source::ReadError;
use crate::source::inventory::{Column, ColumnKind, Inventory, Reference, Table};
use crate::source::server::{Bind, Gate, Link, Server};
use crate::source::stop::Watch;

/// Parts of a partitioned table are read through it; what an extension brought is nobody's data.
const TABLES: &str = "SELECT c.oid::int8, c.relname::text, c.relkind::text, c.reltuples::int8, \
        pg_catalog.obj_description(c.oid, 'pg_class'), pg_catalog.has_any_column_privilege(c.oid, 'SELECT') \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass \
        AND d.objid = c.oid AND d.deptype = 'e')";

/// A domain stands for the type that it is over.
const COLUMNS: &str = "WITH RECURSIVE type (relid, attnum, oid) AS ( \
        SELECT a.attrelid, a.attnum, a.atttypid FROM pg_catalog.pg_attribute a \
        JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
          AND a.attnum > 0 AND NOT a.attisdropped \
      UNION ALL SELECT d.relid, d.attnum, t.typbasetype FROM type d JOIN pg_catalog.pg_type t ON t.oid = d.oid \
        WHERE t.typtype = 'd') \
    SELECT d.relid::int8, d.attnum::int8, a.attname::text, t.typname::text, t.typcategory::text, n.nspname::text, \
        pg_catalog.col_description(d.relid, d.attnum), pg_catalog.has_column_privilege(d.relid, d.attnum, 'SELECT'), \
        (SELECT pg_catalog.array_agg(e.enumlabel::text ORDER BY e.enumsortorder) \
         FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid) \
    FROM type d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.relid AND a.attnum = d.attnum \
    JOIN pg_catalog.pg_type t ON t.oid = d.oid AND t.typtype <> 'd' \
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace ORDER BY d.relid, d.attnum";

/// The first key of an index as it is written, for expressions; whole indexes only.
const INDEXES: &str = "SELECT i.indrelid::int8, i.indisprimary, i.indisunique, \
        (SELECT pg_catalog.array_agg(k::int8 ORDER BY n) FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY AS u (k, n) \
         WHERE n <= i.indnkeyatts), pg_catalog.pg_get_indexdef(i.indexrelid, 1, true) \
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = $1 AND i.indisvalid AND i.indpred IS NULL ORDER BY i.indrelid, i.indexrelid";

const REFERENCES: &str = "SELECT f.conrelid::int8, f.conkey::int8[], n.nspname::text, c.relname::text, \
        (SELECT pg_catalog.array_agg(a.attname::text ORDER BY u.n) \
         FROM pg_catalog.unnest(f.confkey) WITH ORDINALITY AS u (k, n) \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = u.k) \
    FROM pg_catalog.pg_constraint f JOIN pg_catalog.pg_class c ON c.oid = f.confrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_class o ON o.oid = f.conrelid JOIN pg_catalog.pg_namespace m ON m.oid = o.relnamespace \
    WHERE f.contype = 'f' AND m.nspname = $1 ORDER BY f.conrelid, f.conkey, f.conname";

const BESIDE: &str = "SELECT n.nspname::text, pg_catalog.count(*)::int8 FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname <> $1 AND n.nspname <> 'information_schema' \
      AND n.nspname NOT LIKE 'pg\\_%' AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT') GROUP BY 1 ORDER BY 1";

/// A table and the numbers of its columns, which are not their places where columns were dropped.
#[derive(Default)]
struct Found {
    table: Table,
    numbers: Vec<i64>,
}

impl Found {
    fn positions(&self, numbers: &[i64]) -> Option<Vec<usize>> {
        numbers.iter().map(|number| self.numbers.iter().position(|n| n == number)).collect()
    }
}

/// Tables by number.
type Tables = HashMap<i64, Found>;

/// The schema's tables and views.
pub(in crate::source) fn inventory(
    server: &Server,
    schema: Option<&str>,
    gate: &Arc<Gate>,
    watch: Watch,
) -> Result<Inventory, ReadError> {
    let mut link = Link::<Postgres>::alone(server, server.database.as_deref(), gate, watch)?;
    let schema = match schema {
        Some(schema) => schema.to_owned(),
        None => current(&mut link)?,
    };
    let mut tables = Tables::new();
    link.each(TABLES, named(&schema), false, &mut |row| {
        let (oid, kind): (i64, String) = (get(row, 0)?, get(row, 2)?);
        let table = Table {
            name: get(row, 1)?,
            is_view: kind == "v",
            is_readable: get(row, 5)?,
            rows: u64::try_from(get::<i64>(row, 3)?).ok(),
            comment: get(row, 4)?,
            ..Table::default()
        };
        tables.insert(oid, Found { table, numbers: Vec::new() });
        Ok(())
    })?;
    columns(&mut link, &mut tables, &schema)?;
    indexes(&mut link, &mut tables, &schema)?;
    references(&mut link, &mut tables, &schema)?;
    let mut beside = Vec::new();
    link.each(BESIDE, named(&schema), false, &mut |row| {
        beside.push((get(row, 0)?, get::<i64>(row, 1)?.unsigned_abs()));
        Ok(())
    })?;
    let tables = tables.into_values().map(|found| found.table).collect();
    Ok(Inventory { schema: Some(schema), beside, tables })
}

fn named(schema: &str) -> Vec<Bind> {
    vec![Bind::Text(schema.to_owned())]
}

fn columns(link: &mut Link<Postgres>, tables: &mut Tables, schema: &str) -> Result<(), ReadError> {
    link.each(COLUMNS, named(schema), false, &mut |row| {
        let Some(found) = tables.get_mut(&get(row, 0)?) else { return Ok(()) };
        let (type_name, category): (String, String) = (get(row, 3)?, get(row, 4)?);
        found.numbers.push(get(row, 1)?);
        found.table.columns.push(Column {
            name: get(row, 2)?,
            kind: kind(&type_name, &category, &get::<String>(row, 5)?),
            is_readable: get(row, 7)?,
            is_indexed: false,
            is_folded: type_name == "citext",
            comment: get(row, 6)?,
            values: get::<Option<Vec<String>>>(row, 8)?.unwrap_or_default(),
        });
        Ok(())
    })
}

fn indexes(link: &mut Link<Postgres>, tables: &mut Tables, schema: &str) -> Result<(), ReadError> {
    link.each(INDEXES, named(schema), false, &mut |row| {
        let Some(found) = tables.get_mut(&get(row, 0)?) else { return Ok(()) };
        let (primary, unique): (bool, bool) = (get(row, 1)?, get(row, 2)?);
        mark_indexed(&mut found.table, &get::<String>(row, 4)?);
        match found.positions(&get::<Vec<i64>>(row, 3)?) {
            Some(columns) if primary => found.table.primary_key = columns,
            Some(columns) if unique => found.table.unique.push(columns),
            _ => {}
        }
        Ok(())
    })
}

fn references(link: &mut Link<Postgres>, tables: &mut Tables, schema: &str) -> Result<(), ReadError> {
    link.each(REFERENCES, named(schema), false, &mut |row| {
        let Some(found) = tables.get_mut(&get(row, 0)?) else { return Ok(()) };
        let Some(columns) = found.positions(&get::<Vec<i64>>(row, 1)?) else { return Ok(()) };
        let other = Some(get::<String>(row, 2)?).filter(|other| other != schema);
        found.table.references.push(Reference { columns, schema: other, table: get(row, 3)?, to: get(row, 4)? });
        Ok(())
    })
}

fn current(link: &mut Link<Postgres>) -> Result<String, ReadError> {
    let mut schema: Option<String> = None;
    link.each("SELECT pg_catalog.current_schema()::text", Vec::new(), false, &mut |row| {
        schema = get(row, 0)?;
        Ok(())
    })?;
    Ok(schema.unwrap_or_else(|| "public".to_owned()))
}

/// The column that the first key of an index is, or is an expression of: `email`, `lower(email)`, `lower(email::text)`.
fn mark_indexed(table: &mut Table, first: &str) {
    let inner = first.rsplit_once('(').map_or(first, |(_, inner)| inner);
    let inner = inner.split([')', ':', ' ']).next().unwrap_or_default();
    for column in &mut table.columns {
        if inner == column.name || inner == quote(&column.name) || first == quote(&column.name) {
            column.is_indexed = true;
            column.is_folded |= first.starts_with("lower(");
        }
    }
}

fn kind(type_name: &str, category: &str, schema: &str) -> ColumnKind {
    match (schema, type_name) {
        _ if category == "A" => ColumnKind::List,
        _ if category == "E" || type_name == "citext" => ColumnKind::Text,
        ("pg_catalog", name) => builtin(name).into(),
        _ => ColumnKind::Other,
    }
}
