//! MySQL and MariaDB: one read-only transaction that sees one state, in as far as the tables keep states (InnoDB does).
//!
//! `catalogue` looks tables up, `statement` writes the queries, `decode` reads the values, `failure` says what went wrong.

mod catalogue;
mod decode;
mod failure;
mod inventory;
mod statement;

use std::collections::HashSet;

use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode};
use sqlx::{Arguments, ConnectOptions, Connection, Decode, Executor, Row};

use tributary_model::identifier::Folding;

use super::ReadError;
use super::server::{
    Address, Bind, Column, Decoded, Engine, Fitted, Kind, Link, Mode, Pages, Server, Session, Shape, Table, Tls,
};

pub(super) use inventory::inventory;

/// What is asked of the server first.
const ABOUT: &str =
    "SELECT CAST(VERSION() AS CHAR), CAST(@@max_allowed_packet AS SIGNED), CAST(CONNECTION_ID() AS SIGNED)";

/// MySQL or MariaDB.
pub(super) struct MySql;

impl Engine for MySql {
    type Db = sqlx::MySql;

    const INDEXED_BATCH: usize = 512;
    // The protocol takes 65,535; lists are filled up to a power of two.
    const MOST_BINDS: usize = 32_768;
    const RECOVER: Option<&'static str> = None;
    const PAGES: Option<Pages> = None;

    async fn connect(
        server: &Server,
        database: Option<&str>,
        password: Option<&str>,
    ) -> Result<(MySqlConnection, Session), sqlx::Error> {
        let mut options = MySqlConnectOptions::new()
            .username(&server.user)
            .charset("utf8mb4")
            .timezone("+00:00".to_owned())
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .disable_statement_logging();
        options = match &server.address {
            Address::Tcp { host, port } => options.host(host).port(*port),
            Address::Socket(file) => options.socket(file),
        };
        options = match &server.tls {
            Tls::Disabled => options.ssl_mode(MySqlSslMode::Disabled),
            Tls::Verified { authority: None } => options.ssl_mode(MySqlSslMode::VerifyIdentity),
            Tls::Verified { authority: Some(file) } => options.ssl_mode(MySqlSslMode::VerifyIdentity).ssl_ca(file),
        };
        if let Some(database) = database {
            options = options.database(database);
        }
        if let Some(password) = password {
            options = options.password(password);
        }
        let mut connection = MySqlConnection::connect_with(&options).await?;
        let row = connection.fetch_one(ABOUT).await?;
        let (version, packet): (String, i64) = (row.try_get_unchecked(0)?, row.try_get_unchecked(1)?);
        let id: i64 = row.try_get_unchecked(2)?;
        let limits = &server.limits;
        // The server counts the time in which its rows are waited for by us. Where we wait for our own rate, the time of a
        // statement is measured here, and this only ends what is left behind.
        let timeout = match limits.rows_per_second {
            None => limits.statement_timeout,
            Some(_) => limits.statement_timeout.max(limits.snapshot_max),
        };
        // The two have gone their own ways here: seconds there, milliseconds here.
        let timeout = if version.contains("MariaDB") {
            format!("max_statement_time = {}", timeout.as_secs_f64())
        } else {
            format!("max_execution_time = {}", timeout.as_millis())
        };
        let patience = server.limits.snapshot_max.as_secs().max(60);
        // A sink that is slow must not cost the connection (net_write_timeout), and keys are sorted to their end.
        let session = format!(
            "SET SESSION {timeout}, SESSION net_write_timeout = {patience}, SESSION wait_timeout = {patience}, \
             SESSION max_sort_length = 8192, SESSION sql_mode = ''"
        );
        connection.execute(sqlx::AssertSqlSafe(session)).await?;
        connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
        connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
        Ok((connection, Session { packet: packet.unsigned_abs(), id: id.unsigned_abs(), has_all_characters: true }))
    }

    fn table(link: &mut Link<Self>, schema: Option<&str>, name: &str) -> Result<Option<Table>, ReadError> {
        catalogue::table(link, schema, name)
    }

    fn sql(shape: &Shape<'_>, fields: &[usize], mode: Mode) -> String {
        statement::select(shape, fields, mode)
    }

    fn binds(shape: &Shape<'_>, fields: &[usize], values: &[Vec<Fitted>], mode: Mode) -> Vec<Bind> {
        statement::binds(shape, fields, values, mode)
    }

    fn finds_identifier(table: &Table, field: usize, folding: Folding) -> bool {
        statement::finds_identifier(table, field, folding)
    }

    fn lacks_characters(_: Session, column: &Column) -> bool {
        column.collation.as_ref().is_some_and(|(charset, _)| !statement::ALL_CHARACTERS.contains(&charset.as_str()))
    }

    fn unwritable(link: &mut Link<Self>, column: &Column, texts: &[String]) -> Result<HashSet<String>, ReadError> {
        let mut found = HashSet::new();
        let Some((charset, _)) = &column.collation else { return Ok(found) };
        for texts in texts.chunks(statement::ROUND_TRIPS) {
            let sql = statement::round_trips(charset, texts.len());
            let marks =
                (0..texts.len().next_power_of_two()).map(|n| texts.get(n).cloned().map_or(Bind::Null, Bind::Text));
            let twice = marks.flat_map(|bind| [bind.clone(), bind]).collect();
            link.each(&sql, twice, false, &mut |row| {
                let at = catalogue::number(row, 0)?.and_then(|n| usize::try_from(n).ok());
                if let (Some(text), Some(0)) = (at.and_then(|n| texts.get(n)), catalogue::number(row, 1)?) {
                    found.insert(text.clone());
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    fn slices(shape: &Shape<'_>, column: usize, row: &Decoded, bytes: u64, packet: u64) -> (String, Vec<Bind>) {
        let sql = statement::slices(shape, column, bytes, packet);
        (sql, shape.identity().iter().map(|&index| bind(row.fitted(index))).collect())
    }

    fn interrupt(session: Session) -> String {
        format!("KILL QUERY {}", session.id)
    }

    fn weight(row: &MySqlRow) -> usize {
        (0..row.len()).filter_map(|index| Self::raw(row, index)).map(<[u8]>::len).sum()
    }

    fn raw(row: &MySqlRow, index: usize) -> Option<&[u8]> {
        Decode::<sqlx::MySql>::decode(row.try_get_raw(index).ok()?).ok()
    }

    fn arguments(binds: Vec<Bind>) -> Result<MySqlArguments, ReadError> {
        let mut arguments = MySqlArguments::default();
        for value in binds {
            let added = match value {
                Bind::Integer(n) => arguments.add(n),
                Bind::Unsigned(n) => arguments.add(n),
                Bind::Text(text) => arguments.add(text),
                Bind::Bytes(bytes) => arguments.add(bytes),
                Bind::Null | Bind::Texts(_) => arguments.add(None::<String>),
            };
            added.map_err(|_| ReadError::NotReadable("a value cannot be bound to a statement".to_owned()))?;
        }
        Ok(arguments)
    }

    fn decode(row: &MySqlRow, index: usize, kind: Kind, _: bool, into: &mut Decoded) -> Result<(), ReadError> {
        decode::value(row, index, kind, into)
    }

    fn explain(error: &sqlx::Error) -> ReadError {
        failure::explain(error)
    }

    fn is_used_up(error: &sqlx::Error) -> bool {
        failure::is_used_up(error)
    }
}

fn bind(value: Fitted) -> Bind {
    match value {
        Fitted::Null | Fitted::Word(_) => Bind::Null,
        Fitted::Bool(b) => Bind::Integer(i64::from(b)),
        Fitted::Integer(n) => Bind::Integer(n),
        Fitted::Unsigned(n) => Bind::Unsigned(n),
        Fitted::Text(text) => Bind::Text(text),
        Fitted::Bytes(bytes) => Bind::Bytes(bytes),
    }
}
