//! PostgreSQL: one read-only transaction that sees one state, binary values.
//!
//! `catalogue` looks tables up, `statement` writes the queries, `decode` reads the values, `failure` says what went wrong.

mod catalogue;
mod decode;
mod failure;
mod inventory;
mod statement;

use std::collections::HashSet;
use std::path::Path;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow, PgSslMode};
use sqlx::{Arguments, ConnectOptions, Connection, Executor, Row, ValueRef};

use tributary_model::identifier::Folding;

use super::ReadError;
use super::server::{
    Address, Bind, Column, Decoded, Engine, Fitted, Kind, Link, Mode, Pages, Server, Session, Shape, Table, Tls,
};

pub(super) use inventory::inventory;

/// PostgreSQL.
pub(super) struct Postgres;

impl Engine for Postgres {
    type Db = sqlx::Postgres;

    const INDEXED_BATCH: usize = 2000;
    const MOST_BINDS: usize = usize::MAX;
    const RECOVER: Option<&'static str> = Some("ROLLBACK TO SAVEPOINT tributary");
    const POLICIES: Option<&'static str> = Some("SELECT pg_catalog.row_security_active(CAST($1 AS text))");
    const PAGES: Option<Pages> = Some(Pages {
        begin: "DECLARE tributary NO SCROLL CURSOR FOR",
        next: "FETCH {} FROM tributary",
        end: "CLOSE tributary",
    });

    async fn connect(
        server: &Server,
        database: Option<&str>,
        password: Option<&str>,
    ) -> Result<(PgConnection, Session), sqlx::Error> {
        let mut options = PgConnectOptions::new_without_pgpass()
            .username(&server.user)
            .application_name("tributary")
            .database(database.unwrap_or(&server.user))
            .disable_statement_logging();
        options = match &server.address {
            Address::Tcp { host, port } => options.host(host).port(*port),
            Address::Socket(path) => match socket_port(path) {
                // The socket's file names the port; the driver takes the folder and makes the name of it.
                Some(port) => options.socket(path.parent().unwrap_or(path)).port(port),
                None => options.socket(path).port(5432),
            },
        };
        options = match &server.tls {
            Tls::Disabled => options.ssl_mode(PgSslMode::Disable),
            Tls::Verified { authority: None } => options.ssl_mode(PgSslMode::VerifyFull),
            Tls::Verified { authority: Some(file) } => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(file),
        };
        if let Some(password) = password {
            options = options.password(password);
        }
        let mut connection = PgConnection::connect_with(&options).await?;
        let timeout = server.limits.statement_timeout.as_millis();
        let idle = server.limits.snapshot_max.as_millis();
        // The plan of a list of values depends on how many there are, and one query is to take one core and not the
        // machine. A policy that would hide rows is an error: with rows silently left out, nobody would be known. The
        // savepoint is what a statement that fails goes back to: without it the whole transaction would be lost, and the
        // snapshot with it.
        let begin = format!(
            "SET statement_timeout = {timeout}; SET idle_in_transaction_session_timeout = {idle}; \
             SET TIME ZONE 'UTC'; SET plan_cache_mode = force_custom_plan; SET max_parallel_workers_per_gather = 0; SET jit = off; SET row_security = off; \
             SET cursor_tuple_fraction = 1; SET intervalstyle = 'iso_8601'; SET bytea_output = 'hex'; SET datestyle = 'ISO'; \
             BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1; SAVEPOINT tributary"
        );
        // By itself: a query before `BEGIN` in one message would be in its transaction, whose level is then settled.
        let row = connection.fetch_one("SELECT pg_catalog.current_setting('server_encoding')").await?;
        let encoding: String = row.try_get_unchecked(0)?;
        if encoding == "SQL_ASCII" {
            // A database that says nothing of its text sends it as it is, instead of refusing what is no UTF-8.
            connection.execute("SET client_encoding = 'SQL_ASCII'").await?;
        }
        connection.execute(sqlx::AssertSqlSafe(begin)).await?;
        let has_all_characters = ["UTF8", "SQL_ASCII"].contains(&encoding.as_str());
        Ok((connection, Session { packet: u64::MAX, id: 0, has_all_characters }))
    }

    fn table(link: &mut Link<Self>, schema: Option<&str>, name: &str) -> Result<Option<Table>, ReadError> {
        catalogue::table(link, schema, name)
    }

    fn sql(shape: &Shape<'_>, fields: &[usize], mode: Mode) -> String {
        statement::select(shape, fields, mode)
    }

    fn binds(shape: &Shape<'_>, fields: &[usize], values: &[Vec<Fitted>], mode: Mode) -> Vec<Bind> {
        let texts = |values: Vec<Fitted>| Bind::Texts(values.into_iter().map(Fitted::into_text).collect());
        let others = shape.without.iter().filter(|_| mode != Mode::All).map(|(_, others)| texts(others.clone()));
        let binds: Vec<Bind> = match mode {
            Mode::All => Vec::new(),
            Mode::One => values[0].iter().map(|value| text(value.clone())).collect(),
            Mode::Each(_) | Mode::List(_) | Mode::Spelt(..) => (0..fields.len())
                .map(|field| Bind::Texts(values.iter().map(|tuple| tuple[field].clone().into_text()).collect()))
                .collect(),
        };
        binds.into_iter().chain(others).collect()
    }

    fn finds_identifier(table: &Table, field: usize, folding: Folding) -> bool {
        statement::finds_identifier(table, field, folding)
    }

    fn lacks_characters(session: Session, _: &Column) -> bool {
        !session.has_all_characters
    }

    fn unwritable(link: &mut Link<Self>, _: &Column, texts: &[String]) -> Result<HashSet<String>, ReadError> {
        refused(link, texts)
    }

    fn slices(shape: &Shape<'_>, column: usize, row: &Decoded, _: u64, _: u64) -> (String, Vec<Bind>) {
        let sql = statement::slices(shape, column);
        (sql, shape.identity().iter().map(|&index| text(row.fitted(index))).collect())
    }

    /// Never asked for: rows are read in pages.
    fn interrupt(session: Session) -> String {
        format!("SELECT pg_catalog.pg_cancel_backend({})", session.id)
    }

    fn weight(row: &PgRow) -> usize {
        (0..row.len()).filter_map(|index| Self::raw(row, index)).map(<[u8]>::len).sum()
    }

    fn raw(row: &PgRow, index: usize) -> Option<&[u8]> {
        row.try_get_raw(index).ok().filter(|raw| !raw.is_null())?.as_bytes().ok()
    }

    fn arguments(binds: Vec<Bind>) -> Result<PgArguments, ReadError> {
        let mut arguments = PgArguments::default();
        for bind in binds {
            let added = match bind {
                Bind::Null => arguments.add(None::<String>),
                Bind::Integer(n) => arguments.add(n),
                Bind::Unsigned(n) => arguments.add(n.to_string()),
                Bind::Text(text) => arguments.add(text),
                Bind::Bytes(bytes) => arguments.add(bytes),
                Bind::Texts(texts) => arguments.add(texts),
            };
            added.map_err(|_| ReadError::NotReadable("a value cannot be bound to a statement".to_owned()))?;
        }
        Ok(arguments)
    }

    fn decode(row: &PgRow, index: usize, kind: Kind, array: bool, into: &mut Decoded) -> Result<(), ReadError> {
        decode::value(row, index, if array { Kind::Json } else { kind }, into)
    }

    fn explain(error: &sqlx::Error) -> ReadError {
        failure::explain(error)
    }

    fn is_used_up(error: &sqlx::Error) -> bool {
        failure::is_used_up(error)
    }
}

/// The texts that the database has no characters for. It takes a list or refuses it as a whole, so that one with such
/// texts in it is halved until they are left.
fn refused(link: &mut Link<Postgres>, texts: &[String]) -> Result<HashSet<String>, ReadError> {
    let list = vec![Bind::Texts(texts.iter().cloned().map(Some).collect())];
    match link.each("SELECT pg_catalog.cardinality(CAST($1 AS text[]))", list, false, &mut |_| Ok(())) {
        Err(ReadError::NotReadable(why)) if why == failure::NO_SUCH_CHARACTER => {
            if texts.len() == 1 {
                return Ok(texts.iter().cloned().collect());
            }
            let (first, rest) = texts.split_at(texts.len() / 2);
            let mut found = refused(link, first)?;
            found.extend(refused(link, rest)?);
            Ok(found)
        }
        other => other.map(|()| HashSet::new()),
    }
}

/// The port in the name of a socket's file.
fn socket_port(path: &Path) -> Option<u16> {
    path.file_name()?.to_str()?.strip_prefix(".s.PGSQL.")?.parse().ok()
}

fn text(value: Fitted) -> Bind {
    value.into_text().map_or(Bind::Null, Bind::Text)
}
