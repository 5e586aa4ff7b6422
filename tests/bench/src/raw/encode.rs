//! Rows of a SQLite file as deflated CSV, by the plainest loop over the driver's cursor.
//!
//! Beside it, `served` is the same loop over a server's driver.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use csv::{Terminator, WriterBuilder};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::child::Took;
use crate::cpu;

/// Encodes every query's rows and drops the bytes.
pub(super) fn run(database: &Path, queries: &[String]) -> Result<Took> {
    let (cpu, wall) = (cpu::own(), Instant::now());
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let (mut bytes, mut count) = (0, 0);
    for query in queries {
        let deflate = DeflateEncoder::new(std::io::sink(), Compression::new(1));
        let mut table = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Counted::new(deflate));
        count += encode(&connection, query, &mut table)?;
        bytes += table.into_inner()?.finish()?;
    }
    Ok(Took { cpu: cpu::own() - cpu, wall: wall.elapsed(), bytes, count })
}

/// Writes a query's rows, with a header, and gives their number.
pub(crate) fn encode<W: Write>(connection: &Connection, query: &str, table: &mut csv::Writer<W>) -> Result<u64> {
    let mut statement = connection.prepare(query)?;
    table.write_record(statement.column_names())?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let (mut count, mut number) = (0, Vec::with_capacity(32));
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            match row.get_ref(column)? {
                ValueRef::Null => table.write_field("")?,
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => table.write_field(bytes)?,
                ValueRef::Integer(n) => {
                    number.clear();
                    write!(number, "{n}")?;
                    table.write_field(&number)?;
                }
                ValueRef::Real(n) => {
                    number.clear();
                    write!(number, "{n}")?;
                    table.write_field(&number)?;
                }
            }
        }
        table.write_record(None::<&[u8]>)?;
        count += 1;
    }
    table.flush()?;
    Ok(count)
}

/// Deflates, and counts what it was given.
pub(super) struct Counted<W: Write> {
    inner: DeflateEncoder<W>,
    bytes: u64,
}

impl<W: Write> Counted<W> {
    pub(super) fn new(inner: DeflateEncoder<W>) -> Self {
        Self { inner, bytes: 0 }
    }

    /// Ends the stream and gives the bytes that went in.
    pub(super) fn finish(self) -> Result<u64> {
        self.inner.finish()?;
        Ok(self.bytes)
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes += bytes.len() as u64;
        self.inner.write_all(bytes)?;
        Ok(bytes.len())
    }

    /// The deflate stream is not cut where the table's buffer is.
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
