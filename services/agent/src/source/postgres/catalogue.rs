//! What PostgreSQL's catalogue says of a table. It says so to everyone, whatever they may read of the table itself.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::Postgres;
use super::statement::quote;
use crate::source::ReadError;
use crate::source::server::{Bind, Column, Index, IndexPart, Key, Kind, LARGE, Link, Table};

/// Where a row lies is for those who may read the whole table. Parts of a partitioned table are no children.
const TABLE: &str = "SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relkind::text, \
        pg_catalog.has_table_privilege(c.oid, 'SELECT'), c.relkind = 'r' AND c.relhassubclass \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
      AND CASE WHEN $1::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = $1 END";

/// A domain stands for the type that it is over.
const COLUMNS: &str = "WITH RECURSIVE type (attnum, oid, typmod) AS ( \
        SELECT attnum, atttypid, atttypmod FROM pg_catalog.pg_attribute \
        WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped \
      UNION ALL SELECT d.attnum, t.typbasetype, t.typtypmod FROM type d JOIN pg_catalog.pg_type t ON t.oid = d.oid \
        WHERE t.typtype = 'd') \
    SELECT a.attnum::int8, a.attname::text, a.attnotnull, t.typname::text, t.typcategory::text, \
        pg_catalog.format_type(t.oid, -1), n.nspname::text, CASE WHEN d.typmod > 4 THEN d.typmod - 4 END::int8, \
        pg_catalog.has_column_privilege($1::oid, a.attnum, 'SELECT') \
    FROM pg_catalog.pg_attribute a JOIN type d ON d.attnum = a.attnum \
    JOIN pg_catalog.pg_type t ON t.oid = d.oid AND t.typtype <> 'd' \
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
    WHERE a.attrelid = $1::oid ORDER BY a.attnum";

/// Only whole indexes that find by equality; `indkey` is 0 for an expression.
const INDEXES: &str = "SELECT i.indisprimary, i.indisunique AND i.indimmediate, \
        (SELECT pg_catalog.array_agg(k::int8 ORDER BY n) FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY AS u (k, n) \
         WHERE n <= i.indnkeyatts), \
        (SELECT pg_catalog.array_agg(pg_catalog.pg_get_indexdef(i.indexrelid, n, true) ORDER BY n) \
         FROM pg_catalog.generate_series(1, i.indnkeyatts::int4) AS n) \
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
    JOIN pg_catalog.pg_am m ON m.oid = c.relam \
    WHERE i.indrelid = $1::oid AND i.indisvalid AND i.indpred IS NULL AND m.amname IN ('btree', 'hash') \
    ORDER BY i.indisprimary DESC, i.indnkeyatts, c.relname";

/// All that inherit from a table, however far away, a row for each index and one where there is none.
const CHILDREN: &str = "WITH RECURSIVE d (oid) AS (SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = $1::oid \
      UNION SELECT i.inhrelid FROM d JOIN pg_catalog.pg_inherits i ON i.inhparent = d.oid) \
    SELECT d.oid::int8, c.relkind::text, \
        (SELECT pg_catalog.array_agg(pg_catalog.pg_get_indexdef(x.indexrelid, n, true) ORDER BY n) \
         FROM pg_catalog.generate_series(1, x.indnkeyatts::int4) AS n) \
    FROM d JOIN pg_catalog.pg_class c ON c.oid = d.oid \
    LEFT JOIN (SELECT i.indrelid, i.indexrelid, i.indnkeyatts FROM pg_catalog.pg_index i \
        JOIN pg_catalog.pg_class k ON k.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = k.relam \
        WHERE i.indisvalid AND i.indpred IS NULL AND m.amname IN ('btree', 'hash')) AS x ON x.indrelid = d.oid";

/// Looks a table or view up.
pub(super) fn table(link: &mut Link<Postgres>, schema: Option<&str>, name: &str) -> Result<Option<Table>, ReadError> {
    let mut found = None;
    let (mut whole, mut parent) = (false, false);
    let schema = schema.map_or(Bind::Null, |schema| Bind::Text(schema.to_owned()));
    link.each(TABLE, vec![schema, Bind::Text(name.to_owned())], false, &mut |row| {
        found = Some((get::<i64>(row, 0)?, get::<String>(row, 1)?, get::<String>(row, 2)?, get::<String>(row, 3)?));
        (whole, parent) = (get(row, 4)?, get(row, 5)?);
        Ok(())
    })?;
    let Some((oid, schema, name, kind)) = found else { return Ok(None) };
    let children = if parent { Some(Children::of(link, oid)?) } else { None };
    let (mut columns, mut numbers, mut required, mut readable) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    link.each(COLUMNS, vec![Bind::Integer(oid)], false, &mut |row| {
        numbers.push(get::<i64>(row, 0)?);
        required.push(get::<bool>(row, 2)?);
        readable.push(get::<bool>(row, 8)?);
        columns.push(column(row)?);
        Ok(())
    })?;
    let position = |number: &i64| numbers.iter().position(|n| n == number);
    let (mut indexes, mut key) = (Vec::new(), None);
    link.each(INDEXES, vec![Bind::Integer(oid)], false, &mut |row| {
        let (primary, unique): (bool, bool) = (get(row, 0)?, get(row, 1)?);
        let (attributes, written): (Vec<i64>, Vec<String>) = (get(row, 2)?, get(row, 3)?);
        // A child without the index would be read as a whole for every value.
        if children.as_ref().is_some_and(|children| !children.all_find_by(&written)) {
            return Ok(());
        }
        let parts = attributes.iter().zip(written);
        let part = |(number, text)| position(number).map_or(IndexPart::Expression(text), IndexPart::Column);
        let index = Index { parts: parts.map(part).collect() };
        let plain: Option<Vec<usize>> = attributes.iter().map(position).collect();
        if let Some(plain) = plain
            .filter(|plain| primary || (unique && plain.iter().all(|&column| required[column])))
            .filter(|plain| plain.iter().all(|&column| readable[column]))
        {
            key = key.take().or(Some(plain));
        }
        indexes.push(index);
        Ok(())
    })?;
    let key = match (key, kind.as_str(), &children) {
        // What is unique in a table is not so over its children.
        (_, _, Some(children)) if whole && children.are_tables => Key::Place(vec!["t.tableoid", "t.ctid"]),
        (_, _, Some(_)) => Key::Content,
        (Some(columns), ..) => Key::Columns(columns),
        (None, "r" | "m", _) if whole => Key::Place(vec!["t.ctid"]),
        (None, "p", _) if whole => Key::Place(vec!["t.tableoid", "t.ctid"]),
        _ => Key::Nothing,
    };
    Ok(Some(Table { sql: format!("{}.{}", quote(&schema), quote(&name)), columns, key, indexes }))
}

/// The tables that inherit from one, and are read with it.
struct Children {
    /// Whether all lie here, so that the place of a row is known.
    are_tables: bool,
    /// The indexes of each, by what they are on.
    indexes: BTreeMap<i64, Vec<Vec<String>>>,
}

impl Children {
    fn of(link: &mut Link<Postgres>, oid: i64) -> Result<Self, ReadError> {
        let mut children = Self { are_tables: true, indexes: BTreeMap::new() };
        link.each(CHILDREN, vec![Bind::Integer(oid)], false, &mut |row| {
            children.are_tables &= get::<String>(row, 1)? == "r";
            let indexes = children.indexes.entry(get(row, 0)?).or_default();
            indexes.extend(get::<Option<Vec<String>>>(row, 2)?);
            Ok(())
        })?;
        Ok(children)
    }

    /// Whether each has an index on the same, in the same order.
    fn all_find_by(&self, written: &[String]) -> bool {
        self.indexes.values().all(|indexes| indexes.iter().any(|index| index.starts_with(written)))
    }
}

fn column(row: &PgRow) -> Result<Column, ReadError> {
    let (name, type_name): (String, String) = (get(row, 1)?, get(row, 3)?);
    let (category, sql_type, schema): (String, String, String) = (get(row, 4)?, get(row, 5)?, get(row, 6)?);
    let length: Option<i64> = get(row, 7)?;
    let array = category == "A";
    let kind = match (schema.as_str(), type_name.as_str()) {
        _ if array => Kind::Json,
        (_, "citext") => Kind::Text,
        ("pg_catalog", name) => builtin(name),
        _ => Kind::Other,
    };
    let bounded = length.is_some_and(|length| length.unsigned_abs().saturating_mul(4) <= LARGE);
    let may_be_large = array || (kind.is_open_ended() && category != "E" && !bounded);
    Ok(Column { name, kind, sql_type, collation: None, may_be_large, array })
}

pub(super) fn builtin(name: &str) -> Kind {
    match name {
        "bool" => Kind::Bool,
        "int2" => Kind::signed(2),
        "int4" => Kind::signed(4),
        "int8" => Kind::signed(8),
        "float4" => Kind::Single,
        "float8" => Kind::Double,
        "numeric" => Kind::Decimal { decimals: None },
        "text" | "varchar" | "bpchar" | "name" => Kind::Text,
        "bytea" => Kind::Bytes,
        "date" => Kind::Date,
        "time" => Kind::Time,
        "timestamp" => Kind::Local,
        "timestamptz" => Kind::Instant,
        "uuid" => Kind::Uuid,
        "json" => Kind::Json,
        "jsonb" => Kind::Jsonb,
        _ => Kind::Other,
    }
}

pub(super) fn get<'r, T>(row: &'r PgRow, index: usize) -> Result<T, ReadError>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(index).map_err(|_| ReadError::NotReadable("the server's catalogue has an unknown form".to_owned()))
}
