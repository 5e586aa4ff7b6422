//! Reads the rows of a query: streamed, large cells in slices.

use std::io::Read;

use rusqlite::blob::Blob;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{MAIN_DB, ToSql};

use tributary_model::identifier::Folding;

use super::schema::TableKind;
use super::statement::{How, Statement, add_to_list, make_list, quote};
use super::{Database, LARGE, Query};
use crate::controller::Owned;
use crate::source::inside::Inside;
use crate::source::{Matching, OnRow, OnSlice, ReadError, Row, normal};
use crate::value::{Cell, Large, Tuple, Value};

/// Slice in which a large cell is read.
const SLICE: usize = 64 * 1024;
/// Rows between two looks at the watch, for rows that cost the database little and us much.
const ROWS: u64 = 64;

pub(super) fn find(
    database: &Database,
    statement: &Statement,
    query: &Query<'_>,
    values: &[Tuple],
    on_row: &mut OnRow<'_>,
) -> Result<(), ReadError> {
    let reading = Reading { database, statement, query };
    match (statement.how, query.matching) {
        (How::Inside, _) => reading.inside(values, on_row),
        (_, Matching::Identifier(folding)) => {
            // What nothing is left of when it is folded is not sought as it stands either.
            let is_left = |tuple: &&Tuple| tuple.iter().filter_map(normal::text).all(|t| !folding.fold(&t).is_empty());
            let mut exact: Vec<Tuple> = values.iter().filter(is_left).cloned().collect();
            // What SQLite compares by itself has no folded forms: a statement takes no value that it does not name.
            let compared = matches!(folding, Folding::Exact | Folding::Case);
            let folded = if compared { Vec::new() } else { normal::folded(values, folding) };
            if statement.untyped {
                let texts = values.iter().flatten().filter_map(normal::text);
                let digits = texts.filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
                exact.extend(digits.filter_map(|digits| digits.parse().ok()).map(|n| vec![Value::Integer(n)]));
            }
            let all: Vec<&Value> = exact.iter().chain(&folded).flatten().collect();
            reading.run(&statement.spelt(folding, exact.len(), folded.len(), reading.rowid()), &all, on_row)
        }
        (How::Each, _) => reading.run_each(&statement.each(), values, on_row),
        (How::EachByKey, _) => {
            reading.run_each(&statement.each_by_key(reading.rowid().unwrap_or("rowid")), values, on_row)
        }
        (How::List, _) => {
            reading.list(values).map_err(|error| database.explain(&error))?;
            reading.run(&statement.listed(), &[], on_row)
        }
    }
}

/// The statement that looks one spelling of an identifier up; `None` for a query that is something else.
pub(super) fn identifier_sql(database: &Database, statement: &Statement, query: &Query<'_>) -> Option<String> {
    let Matching::Identifier(folding) = query.matching else { return None };
    let reading = Reading { database, statement, query };
    (statement.how != How::Inside).then(|| statement.spelt(folding, 1, 1, reading.rowid()))
}

struct Reading<'d> {
    database: &'d Database,
    statement: &'d Statement,
    query: &'d Query<'d>,
}

impl Reading<'_> {
    fn run(&self, sql: &str, values: &[&Value], on_row: &mut OnRow<'_>) -> Result<(), ReadError> {
        let mut statement = self.database.connection.prepare_cached(sql).map_err(|e| self.database.explain(&e))?;
        let others = self.others();
        self.execute(&mut statement, values.iter().copied().chain(&others), on_row)
    }

    /// Executes one statement for each of the values.
    fn run_each(&self, sql: &str, values: &[Tuple], on_row: &mut OnRow<'_>) -> Result<(), ReadError> {
        let mut statement = self.database.connection.prepare_cached(sql).map_err(|e| self.database.explain(&e))?;
        let others = self.others();
        values.iter().try_for_each(|tuple| self.execute(&mut statement, tuple.iter().chain(&others), on_row))
    }

    /// Values that mean others' rows.
    fn others(&self) -> Vec<Value> {
        let others = self.query.leaves_out().map(Owned::others).unwrap_or_default();
        others.iter().map(|other| Value::Text(other.clone().into_bytes())).collect()
    }

    fn execute<'v>(
        &self,
        statement: &mut rusqlite::Statement<'_>,
        values: impl Iterator<Item = &'v Value>,
        on_row: &mut OnRow<'_>,
    ) -> Result<(), ReadError> {
        let explain = |error: rusqlite::Error| self.database.explain(&error);
        // Without columns that may be large nothing refers to the first two.
        let parameters = statement.parameter_count();
        if parameters >= 1 {
            statement.raw_bind_parameter(1, LARGE).map_err(explain)?;
        }
        if parameters >= 2 {
            statement.raw_bind_parameter(2, self.database.marker.as_slice()).map_err(explain)?;
        }
        for (value, at) in values.zip(3..) {
            statement.raw_bind_parameter(at, Bound(value)).map_err(explain)?;
        }
        let mut rows = statement.raw_query();
        let mut count = 0_u64;
        while let Some(row) = rows.next().map_err(explain)? {
            count += 1;
            if count.is_multiple_of(ROWS) {
                self.database.watch.check()?;
            }
            on_row(&Current { reading: self, row })?;
        }
        self.database.watch.check()?;
        Ok(())
    }

    fn list(&self, values: &[Tuple]) -> rusqlite::Result<()> {
        let width = self.query.fields.len();
        self.database.connection.execute_batch(&make_list(width))?;
        let mut insert = self.database.connection.prepare(&add_to_list(width))?;
        for tuple in values {
            insert.execute(rusqlite::params_from_iter(tuple.iter().map(Bound)))?;
        }
        Ok(())
    }

    /// Reads every row and compares what lies within its structured column.
    fn inside(&self, values: &[Tuple], on_row: &mut OnRow<'_>) -> Result<(), ReadError> {
        let inside = Inside::new(self.query, values);
        let explain = |error| self.database.explain(&error);
        let mut statement = self.database.connection.prepare_cached(&self.statement.all()).map_err(explain)?;
        self.execute(&mut statement, std::iter::empty(), &mut |row| inside.pass(row, on_row))
    }

    fn rowid(&self) -> Option<&'static str> {
        match self.database.tables.get(self.query.table)?.kind {
            TableKind::Rowid(alias) => Some(alias),
            _ => None,
        }
    }
}

struct Bound<'v>(&'v Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Integer(n) => ValueRef::Integer(*n),
            Value::Real(n) => ValueRef::Real(*n),
            Value::Text(bytes) => ValueRef::Text(bytes),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// The row under the cursor.
struct Current<'d, 'r> {
    reading: &'d Reading<'d>,
    row: &'r rusqlite::Row<'r>,
}

impl Current<'_, '_> {
    fn value(&self, index: usize) -> ValueRef<'_> {
        self.row.get_ref(index).unwrap_or(ValueRef::Null)
    }

    fn large(&self, column: usize) -> rusqlite::Result<Large> {
        let name = quote(&self.reading.query.columns[column]);
        let sql = format!(
            "SELECT typeof({name}) = 'text', octet_length({name}) FROM {} WHERE {}",
            self.reading.statement.table,
            self.itself()
        );
        let mut statement = self.reading.database.connection.prepare_cached(&sql)?;
        self.bind_itself(&mut statement)?;
        let mut rows = statement.raw_query();
        let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let bytes: i64 = row.get(1)?;
        Ok(Large { text: row.get(0)?, bytes: u64::try_from(bytes).unwrap_or(0) })
    }

    /// A condition that only this row meets.
    fn itself(&self) -> String {
        let names = self.reading.identity_names();
        let equal = names.iter().zip(1..).map(|(name, n)| format!("{name} IS ?{n}"));
        equal.collect::<Vec<_>>().join(" AND ")
    }

    fn bind_itself(&self, statement: &mut rusqlite::Statement<'_>) -> rusqlite::Result<()> {
        for index in 0..self.reading.statement.identity {
            statement.raw_bind_parameter(index + 1, ToSqlOutput::Borrowed(self.value(index)))?;
        }
        Ok(())
    }

    fn blob(&self, column: usize) -> Option<rusqlite::Result<Blob<'_>>> {
        self.reading.rowid()?;
        let rowid = self.row.get::<_, i64>(0).ok()?;
        let table = self.reading.database.tables.get(self.reading.query.table)?;
        let name = &table.column(&self.reading.query.columns[column])?.name;
        Some(self.reading.database.connection.blob_open(MAIN_DB, table.name.as_str(), name.as_str(), rowid, true))
    }

    /// Tables without rowid and views: SQLite loads the value, up to the connection's limit.
    fn whole(&self, column: usize, out: &mut OnSlice<'_>) -> Result<(), ReadError> {
        let explain = |error: rusqlite::Error| self.reading.database.explain(&error);
        let name = quote(&self.reading.query.columns[column]);
        let sql = format!("SELECT {name} FROM {} WHERE {}", self.reading.statement.table, self.itself());
        let mut statement = self.reading.database.connection.prepare(&sql).map_err(explain)?;
        self.bind_itself(&mut statement).map_err(explain)?;
        let mut rows = statement.raw_query();
        if let Some(row) = rows.next().map_err(explain)?
            && let Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) = row.get_ref(0)
        {
            bytes.chunks(SLICE).try_for_each(out)?;
        }
        Ok(())
    }
}

impl Reading<'_> {
    fn identity_names(&self) -> Vec<String> {
        let table = self.database.tables.get(self.query.table);
        match table.map(|table| (&table.kind, table)) {
            Some((TableKind::Rowid(alias), _)) => vec![format!("\"{alias}\"")],
            Some((TableKind::WithoutRowid, table)) => table.key().into_iter().map(quote).collect(),
            _ if self.query.primary_key.is_empty() => self.query.columns.iter().map(|c| quote(c)).collect(),
            _ => self.query.primary_key.iter().map(|&c| quote(&self.query.columns[c])).collect(),
        }
    }
}

impl Row for Current<'_, '_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        match self.value(self.reading.statement.identity + column) {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(n) => Cell::Integer(n),
            ValueRef::Real(n) => Cell::Real(n),
            ValueRef::Text(bytes) => Cell::Text(bytes),
            ValueRef::Blob(bytes) if bytes == self.reading.database.marker => {
                Cell::Large(self.large(column).unwrap_or(Large { text: false, bytes: 0 }))
            }
            ValueRef::Blob(bytes) => Cell::Blob(bytes),
        }
    }

    fn read_large(&self, column: usize, out: &mut OnSlice<'_>) -> Result<(), ReadError> {
        let explain = |error: rusqlite::Error| self.reading.database.explain(&error);
        let Some(opened) = self.blob(column) else { return self.whole(column, out) };
        let mut blob = opened.map_err(explain)?;
        let mut slice = vec![0; SLICE];
        loop {
            self.reading.database.watch.check()?;
            match blob.read(&mut slice)? {
                0 => return Ok(()),
                read => out(&slice[..read])?,
            }
        }
    }

    fn write_identity(&self, out: &mut Vec<u8>) {
        for index in 0..self.reading.statement.identity {
            match Value::of(match self.value(index) {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(n) => Cell::Integer(n),
                ValueRef::Real(n) => Cell::Real(n),
                ValueRef::Text(bytes) => Cell::Text(bytes),
                ValueRef::Blob(bytes) => Cell::Blob(bytes),
            }) {
                Some(value) => value.write_key(out),
                None => out.push(b'n'),
            }
        }
    }
}
