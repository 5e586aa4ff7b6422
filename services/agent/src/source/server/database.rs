//! The snapshot of a server's database, as the walk asks it.

mod characters;
mod rights;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::Timestamp;
use sqlx::Executor;
use tributary_archive::table::FieldKind;
use tributary_model::clock::SharedClock;
use tributary_model::identifier::Folding;

use super::LARGE;
use super::aside::Aside;
use super::decoded::Decoded;
use super::engine::{Bind, Engine, Mode};
use super::fit::Fitted;
use super::gate::Gate;
use super::kind::Kind;
use super::link::Link;
use super::settings::Server;
use super::shape::Shape;
use super::shared::{Shared, SharedLink};
use super::table::Table;
use crate::collect::StopFlag;
use crate::source::inside::Inside;
use crate::source::{LiveColumn, LiveTable, Matching, OnRow, OnSlice, Query, ReadError, Row, Snapshot, normal};
use crate::value::{Cell, Large, NoForm, Tuple, Value};

/// Values of one call where the table must be read, as for SQLite: one reading for all of them.
const SCAN_BATCH: usize = 50_000;

/// What a snapshot is opened with.
pub struct Opening<'o> {
    /// The server.
    pub server: &'o Server,
    /// The database and schema that the manifest names.
    pub namespace: (Option<&'o str>, Option<&'o str>),
    /// What it shares with other walks over the same system.
    pub gate: &'o Arc<Gate>,
    /// Tells when the snapshot was taken.
    pub clock: &'o SharedClock,
    /// Ends the reading early.
    pub stop: &'o StopFlag,
    /// For what must wait: encrypted, without a name.
    pub temp_dir: PathBuf,
}

/// A snapshot of a server's database.
pub(in crate::source) struct Database<E: Engine>
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>,
{
    link: SharedLink<E>,
    schema: Option<String>,
    tables: HashMap<String, Arc<Table>>,
    taken_at: Timestamp,
    temp_dir: PathBuf,
}

impl<E: Engine> Database<E>
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>,
{
    /// Connects and takes the snapshot, unless the walk has one of this database.
    pub(in crate::source) fn open(opening: &Opening<'_>, shared: &mut Shared<E>) -> Result<Self, ReadError> {
        let (link, taken_at) = shared.link(opening)?;
        Ok(Self {
            link,
            schema: opening.server.schema.as_deref().or(opening.namespace.1).map(str::to_owned),
            tables: HashMap::new(),
            taken_at,
            temp_dir: opening.temp_dir.clone(),
        })
    }

    fn known(&mut self, name: &str) -> Result<Option<Arc<Table>>, ReadError> {
        if let Some(known) = self.tables.get(name) {
            return Ok(Some(Arc::clone(known)));
        }
        let found = E::table(&mut self.link.borrow_mut(), self.schema.as_deref(), name)?.map(Arc::new);
        if let Some(table) = &found {
            self.tables.insert(name.to_owned(), Arc::clone(table));
        }
        Ok(found)
    }

    fn required(&mut self, query: &Query<'_>) -> Result<Arc<Table>, ReadError> {
        self.known(query.table)?.ok_or_else(|| query.no_table())
    }

    /// Whether every row must be read and looked into: a field lies within a structured column.
    fn looks_inside(query: &Query<'_>) -> bool {
        query.fields.iter().any(|field| field.structured)
    }
}

/// The columns of the table that a query declares.
fn positions(table: &Table, query: &Query<'_>) -> Result<Vec<usize>, ReadError> {
    query.columns.iter().map(|name| table.position(name).ok_or_else(|| query.no_column(name))).collect()
}

fn fields(columns: &[usize], query: &Query<'_>) -> Vec<usize> {
    query.fields.iter().map(|field| columns[field.column]).collect()
}

/// The values to compare with: a column of text that is folded is compared with folded ones, one of numbers with what of
/// either is a number.
fn sought(matching: Matching, values: &[Tuple], is_text: bool) -> Cow<'_, [Tuple]> {
    match matching {
        Matching::Exact | Matching::Identifier(Folding::Exact | Folding::Case) => values.into(),
        Matching::Identifier(folding) if is_text => normal::folded(values, folding).into(),
        Matching::Identifier(folding) => [values, &normal::folded(values, folding)].concat().into(),
    }
}

impl<E: Engine> Snapshot for Database<E>
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>,
{
    fn taken_at(&self) -> Timestamp {
        self.taken_at
    }

    fn batch(&mut self, query: &Query<'_>) -> Result<usize, ReadError> {
        let scans = self.scans(query)?;
        let most = E::MOST_BINDS / query.fields.len().max(1);
        Ok(if scans { SCAN_BATCH.min(most) } else { E::INDEXED_BATCH.min(most) })
    }

    fn find(&mut self, query: &Query<'_>, values: &[Tuple], on_row: &mut OnRow<'_>) -> Result<(), ReadError> {
        let scans = self.scans(query)?;
        let table = self.required(query)?;
        let columns = positions(&table, query)?;
        let fields = fields(&columns, query);
        let shape = Shape::new(&table, query, columns, self.link.borrow().session().packet);
        let reading = Reading { link: &self.link, shape: &shape, temp_dir: &self.temp_dir };
        if Self::looks_inside(query) {
            let inside = Inside::new(query, values);
            return reading.run(&fields, &[], Mode::All, &mut |row| inside.pass(row, on_row));
        }
        let kinds: Vec<Kind> = fields.iter().map(|&field| table.columns[field].kind).collect();
        let mut unclear = false;
        let is_text = table.columns[fields[0]].kind == Kind::Text;
        let mut fitted: Vec<Vec<Fitted>> = Vec::new();
        for tuple in sought(query.matching, values, is_text).iter() {
            match Fitted::all(&kinds, tuple) {
                // Spellings of one number are one number to a column of numbers.
                Ok(tuple) if query.matching == Matching::Exact || !fitted.contains(&tuple) => fitted.push(tuple),
                Ok(_) | Err(NoForm::Nowhere) => {}
                Err(NoForm::Unclear) => unclear = true,
            }
        }
        self.leave_out_unwritable(&table, &fields, &mut fitted)?;
        let told = if unclear { Err(query.incomparable()) } else { Ok(()) };
        let mode = match (query.matching, fitted.len()) {
            (_, 0) => return told,
            (Matching::Identifier(folding), count) if is_text => Mode::Spelt(folding, count),
            (Matching::Identifier(_), count) => Mode::List(count),
            (Matching::Exact, count) if scans => Mode::List(count),
            (Matching::Exact, 1) => Mode::One,
            // A row without a key would come for each of its values that the column takes for equal, and count as several.
            (Matching::Exact, count) if shape.identity().is_empty() => Mode::List(count),
            (Matching::Exact, count) => Mode::Each(count),
        };
        reading.run(&fields, &fitted, mode, on_row)?;
        told
    }

    fn table(&mut self, name: &str) -> Result<Option<LiveTable>, ReadError> {
        let column = |column: &super::table::Column| LiveColumn {
            name: column.name.clone(),
            kind: if column.array { FieldKind::String } else { column.kind.guarantees() },
        };
        Ok(self.known(name)?.map(|table| LiveTable { columns: table.columns.iter().map(column).collect() }))
    }

    fn scans(&mut self, query: &Query<'_>) -> Result<bool, ReadError> {
        if Self::looks_inside(query) || matches!(query.matching, Matching::Identifier(_)) {
            return Ok(true);
        }
        let table = self.required(query)?;
        let fields = fields(&positions(&table, query)?, query);
        // What is compared in its text form is found by no index on the column.
        let as_text = |&field: &usize| {
            let column = &table.columns[field];
            column.array || matches!(column.kind, Kind::Other | Kind::Json | Kind::Jsonb)
        };
        Ok(fields.iter().any(as_text) || !table.finds_by(&fields))
    }

    fn identifier_is_indexed(&mut self, query: &Query<'_>) -> bool {
        let Matching::Identifier(folding) = query.matching else { return false };
        let Ok(table) = self.required(query) else { return false };
        let Ok(columns) = positions(&table, query) else { return false };
        let field = columns[query.fields[0].column];
        !Self::looks_inside(query)
            && match table.columns[field].kind {
                Kind::Text => E::finds_identifier(&table, field, folding),
                _ => table.finds_by(&[field]),
            }
    }

    fn blocks_writers(&self) -> bool {
        false
    }

    fn refused(&mut self, query: &Query<'_>) -> Result<Option<String>, ReadError> {
        rights::refused(self, query)
    }
}

/// One statement on its way.
struct Reading<'r, E: Engine>
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>,
{
    link: &'r RefCell<Link<E>>,
    shape: &'r Shape<'r>,
    temp_dir: &'r PathBuf,
}

impl<E: Engine> Reading<'_, E>
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>,
{
    fn run(
        &self,
        fields: &[usize],
        values: &[Vec<Fitted>],
        mode: Mode,
        on_row: &mut OnRow<'_>,
    ) -> Result<(), ReadError> {
        let sql = E::sql(self.shape, fields, mode);
        let binds = E::binds(self.shape, fields, values, mode);
        let (mut row, mut aside) = (Decoded::default(), None::<Aside>);
        let mut repeats = Repeats::default();
        let large = self.shape.columns.iter().any(|&column| self.shape.column(column).may_be_large);
        self.link.borrow_mut().each(&sql, binds, large, &mut |found| {
            self.decode(found, &mut row)?;
            match &mut aside {
                None if row.any_away() => {
                    let mut first = Aside::new(self.temp_dir)?;
                    first.push(&row)?;
                    aside = Some(first);
                    Ok(())
                }
                None => self.hand_on(&row, Some(found), &mut repeats, on_row),
                Some(aside) => Ok(aside.push(&row)?),
            }
        })?;
        match aside {
            None => Ok(()),
            // The connection is free now, so that large cells can be asked for.
            Some(aside) => aside.each(&mut row, &mut |row| {
                self.fetch_small(row)?;
                self.hand_on(row, None, &mut repeats, on_row)
            }),
        }
    }

    fn decode(&self, found: &<E::Db as sqlx::Database>::Row, row: &mut Decoded) -> Result<(), ReadError> {
        row.clear();
        let mut index = 0;
        for &key in &self.shape.apart {
            let column = self.shape.column(key);
            E::decode(found, index, column.kind, column.array, row)?;
            index += 1;
        }
        for _ in self.shape.place {
            E::decode(found, index, Kind::Text, false, row)?;
            index += 1;
        }
        let mut length = Decoded::default();
        for &column in &self.shape.columns {
            let column = self.shape.column(column);
            let at = index;
            index += 1;
            if column.may_be_large {
                length.clear();
                E::decode(found, index, Kind::signed(8), false, &mut length)?;
                index += 1;
                if let Cell::Integer(bytes) = length.cell(0) {
                    let large = Large { text: !column.kind.is_bytes(), bytes: bytes.unsigned_abs() };
                    // A copy of it would take as much memory again.
                    match E::raw(found, at) {
                        Some(_) => row.stays(large, at),
                        None => row.not_here(large),
                    }
                    continue;
                }
            }
            E::decode(found, at, column.kind, column.array, row)?;
        }
        if !self.shape.keyed && row.any_away() {
            let message = "the values of a row without a key are larger than 16 MiB and cannot be read in slices";
            return Err(ReadError::NotReadable(message.to_owned()));
        }
        Ok(())
    }

    /// Reads the cells that did not come with their row and are not large enough for a file of their own.
    fn fetch_small(&self, row: &mut Decoded) -> Result<(), ReadError> {
        for column in 0..self.shape.columns.len() {
            let index = self.shape.first() + column;
            if row.away(index).is_some_and(|large| large.bytes <= LARGE) {
                let mut bytes = Vec::new();
                self.slices(row, column, &mut |slice| {
                    bytes.extend_from_slice(slice);
                    Ok(())
                })?;
                row.fill(index, &bytes);
            }
        }
        Ok(())
    }

    fn slices(&self, row: &Decoded, column: usize, out: &mut OnSlice<'_>) -> Result<(), ReadError> {
        let Some(large) = row.away(self.shape.first() + column) else { return Ok(()) };
        // A row of this result is on its way: its values cannot be asked for on the same connection.
        let Ok(mut link) = self.link.try_borrow_mut() else {
            return Err(ReadError::NotReadable("a large value cannot be read while its row is under way".to_owned()));
        };
        let packet = link.session().packet;
        let (sql, binds): (String, Vec<Bind>) = E::slices(self.shape, column, row, large.bytes, packet);
        let (mut slice, mut next, mut length) = (Decoded::default(), 0, Some(0));
        link.each(&sql, binds, true, &mut |found| {
            slice.clear();
            E::decode(found, 0, Kind::signed(8), false, &mut slice)?;
            E::decode(found, 1, Kind::Bytes, false, &mut slice)?;
            E::decode(found, 2, Kind::signed(8), false, &mut slice)?;
            length = match slice.cell(2) {
                Cell::Integer(bytes) => length.map(|length: u64| length + bytes.unsigned_abs()),
                _ => None,
            };
            // Numbers tell that the server keeps the order that it was not bound to.
            match (slice.cell(0), slice.cell(1)) {
                (Cell::Integer(number), Cell::Blob(bytes)) if number == next => {
                    next += 1;
                    bytes.chunks(64 * 1024).try_for_each(&mut *out)
                }
                _ => Err(ReadError::NotReadable("the slices of a large value came back in disorder".to_owned())),
            }
        })?;
        match length {
            Some(length) if length != large.bytes => {
                Err(ReadError::NotReadable("a large value came back shorter than it is".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn hand_on(
        &self,
        row: &Decoded,
        found: Option<&<E::Db as sqlx::Database>::Row>,
        repeats: &mut Repeats,
        on_row: &mut OnRow<'_>,
    ) -> Result<(), ReadError> {
        let mut current = Current { reading: self, row, found, repeat: None };
        if self.shape.identity().is_empty() {
            let mut content = Vec::new();
            current.write_identity(&mut content);
            current.repeat = Some(repeats.count(content));
        }
        on_row(&current)
    }
}

/// Rows without any key that are alike are told apart by their number: alike ones stand together in the result.
#[derive(Default)]
struct Repeats {
    last: Vec<u8>,
    count: u64,
}

impl Repeats {
    fn count(&mut self, content: Vec<u8>) -> u64 {
        self.count = if content == self.last { self.count + 1 } else { 0 };
        self.last = content;
        self.count
    }
}

/// The row under the cursor, and the one that the driver has.
struct Current<'c, E: Engine>
where
    for<'d> &'d mut <E::Db as sqlx::Database>::Connection: Executor<'d, Database = E::Db>,
{
    reading: &'c Reading<'c, E>,
    row: &'c Decoded,
    found: Option<&'c <E::Db as sqlx::Database>::Row>,
    repeat: Option<u64>,
}

impl<E: Engine> Current<'_, E>
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>,
{
    /// A large value that came with its row.
    fn held(&self, index: usize) -> Option<&[u8]> {
        self.row.held(index).and_then(|at| E::raw(self.found?, at))
    }
}

impl<E: Engine> Row for Current<'_, E>
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>,
{
    fn cell(&self, column: usize) -> Cell<'_> {
        self.row.cell(self.reading.shape.first() + column)
    }

    fn read_large(&self, column: usize, out: &mut OnSlice<'_>) -> Result<(), ReadError> {
        match self.held(self.reading.shape.first() + column) {
            Some(held) => held.chunks(64 * 1024).try_for_each(out),
            None => self.reading.slices(self.row, column, out),
        }
    }

    fn write_identity(&self, out: &mut Vec<u8>) {
        let identity = self.reading.shape.identity();
        let mut write = |index| match (self.held(index), self.row.cell(index)) {
            // As its digest: a copy of it would take as much memory again.
            (Some(held), _) => {
                Value::Blob(digest::digest(&digest::SHA256, held).as_ref().to_vec()).write_key(out);
            }
            // As rows without a key are ordered: 42.0 and 42.00 are one number and not alike.
            (None, Cell::Decimal(digits)) if identity.is_empty() => Value::Text(digits.to_vec()).write_key(out),
            (None, cell) => match Value::of(cell) {
                Some(value) => value.write_key(out),
                None => out.push(b'n'),
            },
        };
        match identity {
            [] => (0..self.row.len()).for_each(&mut write),
            identity => identity.iter().copied().for_each(&mut write),
        }
        out.extend_from_slice(&self.repeat.map(u64::to_be_bytes).unwrap_or_default());
    }
}
