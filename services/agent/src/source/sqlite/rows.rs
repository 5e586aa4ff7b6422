//! Reads the rows of a query: streamed, large cells in slices.

use std::cell;
use std::io::Read;

use rusqlite::blob::Blob;
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, MAIN_DB, ToSql};

use tributary_archive::digest::Sha256Hex;
use tributary_model::identifier::Folding;

use super::repeats::Repeats;
use super::schema::TableKind;
use super::statement::{How, Statement, add_to_list, make_list, quote};
use super::{Database, LARGE, MAX_VALUE, Query, too_long};
use crate::controller::Owned;
use crate::source::inside::Inside;
use crate::source::{Matching, OnRow, OnSlice, ReadError, Row, normal};
use crate::value::{Cell, Large, Tuple, Value};

/// Slice in which a large cell is read.
const SLICE: usize = 64 * 1024;
/// Rows between two looks at the watch, for rows that cost the database little and us much.
const ROWS: u64 = 64;
/// Bytes of a value from which on its digest stands for it in what tells rows apart.
const LONG: usize = 1024;

pub(super) fn find(
    database: &Database,
    statement: &Statement,
    query: &Query<'_>,
    values: &[Tuple],
    on_row: &mut OnRow<'_>,
) -> Result<(), ReadError> {
    let reading = Reading::of(database, statement, query);
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
            let counts = (exact.len(), folded.len());
            let all: Tuple = exact.into_iter().chain(folded).flatten().collect();
            let sql = |select: &str| statement.spelt(select, folding, counts, reading.rowid());
            reading.run(&sql, &[all], on_row)
        }
        (How::Each, _) => reading.run(&|select| statement.each(select), values, on_row),
        (How::EachByKey, _) => {
            let alias = reading.rowid().unwrap_or("rowid");
            reading.run(&|select| statement.each_by_key(select, alias), values, on_row)
        }
        (How::List, _) => {
            reading.list(values).map_err(|error| database.explain(&error))?;
            reading.run(&|select| statement.listed(select), &[Tuple::new()], on_row)
        }
    }
}

/// The statement that looks one spelling of an identifier up; `None` for a query that is something else.
pub(super) fn identifier_sql(database: &Database, statement: &Statement, query: &Query<'_>) -> Option<String> {
    let Matching::Identifier(folding) = query.matching else { return None };
    let reading = Reading::of(database, statement, query);
    (statement.how != How::Inside).then(|| statement.spelt(&statement.guarded, folding, (1, 1), reading.rowid()))
}

struct Reading<'d> {
    database: &'d Database,
    statement: &'d Statement,
    query: &'d Query<'d>,
    /// Values that mean others' rows.
    others: Tuple,
    /// For rows that have no key.
    repeats: Option<Repeats>,
}

/// How a statement came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    /// With all rows.
    End,
    /// At a cell or value longer than SQLite may handle at the time.
    LongCell,
}

/// While it lives, SQLite takes nothing longer than what is read as a whole.
struct Short<'c>(&'c Connection);

impl<'c> Short<'c> {
    fn of(connection: &'c Connection) -> rusqlite::Result<Self> {
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LARGE)?;
        Ok(Self(connection))
    }
}

impl Drop for Short<'_> {
    fn drop(&mut self) {
        // Only a limit that SQLite does not know could be refused.
        let _ = self.0.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE);
    }
}

impl<'d> Reading<'d> {
    fn of(database: &'d Database, statement: &'d Statement, query: &'d Query<'d>) -> Self {
        let others = query.leaves_out().map(Owned::others).unwrap_or_default();
        let others = others.iter().map(|other| Value::Text(other.clone().into_bytes())).collect();
        let repeats = (statement.identity == 0).then(Repeats::new);
        Self { database, statement, query, others, repeats }
    }

    /// Executes the statement that `sql` makes of a `SELECT`, once for each of `sets` of values.
    ///
    /// Cells are not asked for their length first: a large one is too long for SQLite here, and then the rows from there on
    /// are read with the statement that tells large cells. It is the same snapshot and order, so what was given is skipped.
    fn run(&self, sql: &dyn Fn(&str) -> String, sets: &[Tuple], on_row: &mut OnRow<'_>) -> Result<(), ReadError> {
        let mut sets = sets.iter();
        let mut begun = None;
        if let Some(bare) = self.statement.bare.as_ref().filter(|_| !self.statement.has_large.get()) {
            let mut statement = self.prepare(&sql(bare))?;
            let _short = Short::of(&self.database.connection).map_err(|error| self.database.explain(&error))?;
            for values in sets.by_ref() {
                let mut given = 0;
                if self.execute(&mut statement, values, &mut given, on_row)? == Met::LongCell {
                    self.statement.has_large.set(true);
                    begun = Some((values, given));
                    break;
                }
            }
            if begun.is_none() {
                return Ok(());
            }
        }
        let mut statement = self.prepare(&sql(&self.statement.guarded))?;
        for (values, given) in begun.into_iter().chain(sets.map(|values| (values, 0))) {
            let mut skipped = 0;
            let mut after = |row: &dyn Row| {
                skipped += 1;
                if skipped > given { on_row(row) } else { Ok(()) }
            };
            if self.execute(&mut statement, values, &mut 0, &mut after)? == Met::LongCell {
                return Err(too_long());
            }
        }
        Ok(())
    }

    /// Prepares a statement and binds what stays the same: the first two parameters, to which nothing refers where no column
    /// may be large.
    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, ReadError> {
        let explain = |error: rusqlite::Error| self.database.explain(&error);
        let mut statement = self.database.connection.prepare_cached(sql).map_err(explain)?;
        let parameters = statement.parameter_count();
        if parameters >= 1 {
            statement.raw_bind_parameter(1, LARGE).map_err(explain)?;
        }
        if parameters >= 2 {
            statement.raw_bind_parameter(2, self.database.marker.as_slice()).map_err(explain)?;
        }
        Ok(statement)
    }

    /// Executes a statement with these values. `given` counts the rows.
    fn execute(
        &self,
        statement: &mut rusqlite::Statement<'_>,
        values: &Tuple,
        given: &mut u64,
        on_row: &mut OnRow<'_>,
    ) -> Result<Met, ReadError> {
        let is_long = |error: &rusqlite::Error| error.sqlite_error_code() == Some(ErrorCode::TooBig);
        for (value, at) in values.iter().chain(&self.others).zip(3..) {
            match statement.raw_bind_parameter(at, Bound(value)) {
                Err(error) if is_long(&error) => return Ok(Met::LongCell),
                bound => bound.map_err(|error| self.database.explain(&error))?,
            }
        }
        if let Some(repeats) = &self.repeats {
            repeats.forget();
        }
        let mut rows = statement.raw_query();
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    *given += 1;
                    if given.is_multiple_of(ROWS) {
                        self.database.watch.check()?;
                    }
                    on_row(&Current { reading: self, row, repeat: cell::Cell::new(None) })?;
                    if self.repeats.as_ref().is_some_and(Repeats::is_full) {
                        return Err(self.too_many());
                    }
                }
                Ok(None) => break,
                Err(error) if is_long(&error) => return Ok(Met::LongCell),
                Err(error) => return Err(self.database.explain(&error)),
            }
        }
        self.database.watch.check()?;
        Ok(Met::End)
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
        self.run(&|select| self.statement.all(select), &[Tuple::new()], &mut |row| inside.pass(row, on_row))
    }

    /// There are more rows than can be told apart by all of their values.
    fn too_many(&self) -> ReadError {
        let (table, what) = (self.query.table, "gives more different rows than can be told apart without a key");
        ReadError::NotReadable(format!("`{table}` {what}; declare one (`primary_key: true`)"))
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
    /// Its number among rows that are alike and have no key, once it was asked for.
    repeat: cell::Cell<Option<u32>>,
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
        match rows.next().map_err(explain)?.map(|row| row.get_ref(0)) {
            Some(Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes))) => bytes.chunks(SLICE).try_for_each(out),
            _ => Err(ReadError::NotReadable("a large value is not found by the declared key of its row".to_owned())),
        }
    }
}

impl Reading<'_> {
    fn identity_names(&self) -> Vec<String> {
        let table = self.database.tables.get(self.query.table);
        match table.map(|table| (&table.kind, table)) {
            Some((TableKind::Rowid(alias), _)) => vec![format!("\"{alias}\"")],
            Some((TableKind::WithoutRowid, table)) => table.key().into_iter().map(quote).collect(),
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
        let Some(repeats) = &self.reading.repeats else {
            return (0..self.reading.statement.identity).for_each(|index| write_key(self.value(index), out));
        };
        let begin = out.len();
        (0..self.reading.query.columns.len()).for_each(|index| write_key(self.value(index), out));
        let number = self.repeat.get().unwrap_or_else(|| repeats.number(&out[begin..]));
        self.repeat.set(Some(number));
        out.extend_from_slice(&number.to_be_bytes());
    }
}

/// Appends a form in which equal values have equal bytes.
fn write_key(value: ValueRef<'_>, out: &mut Vec<u8>) {
    let cell = match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(n) => Cell::Integer(n),
        ValueRef::Real(n) => Cell::Real(n),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) if bytes.len() > LONG => {
            out.push(if matches!(value, ValueRef::Text(_)) { b'T' } else { b'B' });
            return out.extend_from_slice(Sha256Hex::of(bytes).as_bytes());
        }
        ValueRef::Text(bytes) => Cell::Text(bytes),
        ValueRef::Blob(bytes) => Cell::Blob(bytes),
    };
    match Value::of(cell) {
        Some(value) => value.write_key(out),
        None => out.push(b'n'),
    }
}
