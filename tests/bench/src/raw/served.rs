//! Rows of a server as deflated CSV, by the plainest loop over the driver that the product has too: one connection, one
//! statement a table, each value decoded from the driver's row and written.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use csv::{Terminator, WriterBuilder};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow, PgSslMode};
use sqlx::{AssertSqlSafe, Column, Connection, Row, TypeInfo};

use super::encode::Counted;
use crate::child::Took;
use crate::cpu;

/// A database on a server of this machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Source {
    pub(crate) is_postgres: bool,
    pub(crate) port: u16,
    /// Of the server's certificate.
    pub(crate) authority: PathBuf,
    /// The reader's name, which is that of the database.
    pub(crate) user: String,
    /// A file with the reader's password.
    pub(crate) password: PathBuf,
}

type Table = csv::Writer<Counted<std::io::Sink>>;

/// Encodes every query's rows and drops the bytes.
pub(super) fn run(source: &Source, queries: &[String]) -> Result<Took> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // The first random bytes of a process take tens of milliseconds: an agent has had its own long before.
    aws_lc_rs::rand::fill(&mut [0; 1]).map_err(|_| anyhow::anyhow!("no random bytes"))?;
    let (cpu, wall) = (cpu::own(), Instant::now());
    let (bytes, count) = runtime.block_on(read(source, queries))?;
    Ok(Took { cpu: cpu::own() - cpu, wall: wall.elapsed(), bytes, count })
}

async fn read(source: &Source, queries: &[String]) -> Result<(u64, u64)> {
    let password = std::fs::read_to_string(&source.password)?;
    let (mut bytes, mut count) = (0, 0);
    if source.is_postgres {
        let options = PgConnectOptions::new_without_pgpass().host("localhost").port(source.port).username(&source.user);
        let options = options.password(password.trim()).database(&source.user);
        let options = options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(&source.authority);
        let mut connection = PgConnection::connect_with(&options).await?;
        for query in queries {
            let mut table = begin();
            let mut rows = sqlx::query(AssertSqlSafe(query.clone())).fetch(&mut connection);
            while let Some(row) = rows.try_next().await? {
                postgres(&row, &mut table)?;
                count += 1;
            }
            bytes += end(table)?;
        }
    } else {
        let options = MySqlConnectOptions::new().host("localhost").port(source.port).username(&source.user);
        let options = options.password(password.trim()).database(&source.user);
        let options = options.ssl_mode(MySqlSslMode::VerifyIdentity).ssl_ca(&source.authority);
        let mut connection = MySqlConnection::connect_with(&options).await?;
        for query in queries {
            let mut table = begin();
            let mut rows = sqlx::query(AssertSqlSafe(query.clone())).fetch(&mut connection);
            while let Some(row) = rows.try_next().await? {
                mysql(&row, &mut table)?;
                count += 1;
            }
            bytes += end(table)?;
        }
    }
    Ok((bytes, count))
}

fn begin() -> Table {
    let deflate = DeflateEncoder::new(std::io::sink(), Compression::new(1));
    WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Counted::new(deflate))
}

fn end(mut table: Table) -> Result<u64> {
    table.flush()?;
    table.into_inner().ok().context("the table was not written")?.finish()
}

fn postgres(row: &PgRow, table: &mut Table) -> Result<()> {
    let mut number = Vec::with_capacity(32);
    for (at, column) in row.columns().iter().enumerate() {
        match column.type_info().name() {
            "INT4" => write!(number, "{}", row.try_get_unchecked::<i32, _>(at)?)?,
            "FLOAT8" => write!(number, "{}", row.try_get_unchecked::<f64, _>(at)?)?,
            "BOOL" => write!(number, "{}", row.try_get_unchecked::<bool, _>(at)?)?,
            _ => {
                table.write_field(row.try_get_unchecked::<&str, _>(at)?)?;
                continue;
            }
        }
        table.write_field(&number)?;
        number.clear();
    }
    Ok(table.write_record(None::<&[u8]>)?)
}

fn mysql(row: &MySqlRow, table: &mut Table) -> Result<()> {
    let mut number = Vec::with_capacity(32);
    for (at, column) in row.columns().iter().enumerate() {
        match column.type_info().name() {
            "INT" => write!(number, "{}", row.try_get_unchecked::<i32, _>(at)?)?,
            "DOUBLE" => write!(number, "{}", row.try_get_unchecked::<f64, _>(at)?)?,
            "BOOLEAN" | "TINYINT" => write!(number, "{}", row.try_get_unchecked::<i8, _>(at)?)?,
            _ => {
                table.write_field(row.try_get_unchecked::<&str, _>(at)?)?;
                continue;
            }
        }
        table.write_field(&number)?;
        number.clear();
    }
    Ok(table.write_record(None::<&[u8]>)?)
}
