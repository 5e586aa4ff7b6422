//! PostgreSQL: one read-only transaction that sees one state, binary values.
//!
//! `catalogue` looks tables up, `statement` writes the queries, `decode` reads the values, `failure` says what went wrong.

mod catalogue;
mod decode;
mod failure;
mod inventory;
mod statement;

use std::path::Path;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow, PgSslMode};
use sqlx::{Arguments, ConnectOptions, Connection, Executor};

use tributary_model::identifier::Folding;

use super::ReadError;
use super::server::{Address, Bind, Decoded, Engine, Fitted, Kind, Link, Mode, Server, Session, Shape, Table, Tls};

pub(super) use inventory::inventory;

/// PostgreSQL.
pub(super) struct Postgres;

impl Engine for Postgres {
    type Db = sqlx::Postgres;

    const INDEXED_BATCH: usize = 2000;
    const MOST_BINDS: usize = usize::MAX;
    const RECOVER: Option<&'static str> = Some("ROLLBACK TO SAVEPOINT tributary");
    const POLICIES: Option<&'static str> = Some("SELECT pg_catalog.row_security_active(CAST($1 AS text))");

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
        // A database that says nothing of its text sends it as it is, instead of refusing what is no UTF-8.
        let as_stored = "SELECT pg_catalog.set_config('client_encoding', 'SQL_ASCII', false) \
            WHERE pg_catalog.current_setting('server_encoding') = 'SQL_ASCII'";
        // The plan of a list of values depends on how many there are, and one query is to take one core and not the
        // machine. The savepoint is what a statement that fails goes
        // back to: without it the whole transaction would be lost, and the snapshot with it.
        let begin = format!(
            "SET statement_timeout = {timeout}; SET idle_in_transaction_session_timeout = {idle}; \
             SET TIME ZONE 'UTC'; SET plan_cache_mode = force_custom_plan; SET max_parallel_workers_per_gather = 0; SET jit = off; SET intervalstyle = 'iso_8601'; \
             SET bytea_output = 'hex'; SET datestyle = 'ISO'; \
             BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1; SAVEPOINT tributary"
        );
        // By itself: a query before `BEGIN` in one message would be in its transaction, whose level is then settled.
        connection.execute(as_stored).await?;
        connection.execute(sqlx::AssertSqlSafe(begin)).await?;
        Ok((connection, Session { packet: u64::MAX }))
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

    fn slices(shape: &Shape<'_>, column: usize, row: &Decoded, bytes: u64, _: u64) -> (String, Vec<Bind>) {
        let sql = statement::slices(shape, column, bytes);
        (sql, shape.identity().iter().map(|&index| text(row.fitted(index))).collect())
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

/// The port in the name of a socket's file.
fn socket_port(path: &Path) -> Option<u16> {
    path.file_name()?.to_str()?.strip_prefix(".s.PGSQL.")?.parse().ok()
}

fn text(value: Fitted) -> Bind {
    value.into_text().map_or(Bind::Null, Bind::Text)
}
