//! One connection: how it is protected and what every session is set to.

use std::path::Path;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection, Executor};
use tributary_model::database::{Address, Tls};

use crate::config::Postgres;
use crate::store::StoreError;
use crate::store::error::words;

/// Statements that a connection keeps prepared: more than the store has.
const PREPARED: usize = 400;

/// What a session is set to. A gateway that froze or lost its network must not hold a case from the others for long, and
/// a statement that waits for one is given up before its caller is.
const SESSION: &str = "SET statement_timeout = '30s'; SET lock_timeout = '10s'; \
                       SET idle_in_transaction_session_timeout = '60s'; SET tcp_keepalives_idle = '20s'; \
                       SET tcp_keepalives_interval = '5s'; SET tcp_keepalives_count = 4; SET jit = off";

/// A new connection, with the password as it is now.
pub(in crate::store) async fn connect(settings: &Postgres) -> Result<PgConnection, StoreError> {
    let options = options(settings)?;
    let connecting = async {
        let mut conn = PgConnection::connect_with(&options).await?;
        conn.execute(SESSION).await?;
        Ok::<_, sqlx::Error>(conn)
    };
    match tokio::time::timeout(settings.connect_timeout, connecting).await {
        Ok(Ok(conn)) => Ok(conn),
        Ok(Err(error)) => Err(match StoreError::from(error) {
            StoreError::Database(error) => unreachable(settings, &words(&error)),
            StoreError::Unavailable(why) | StoreError::Denied(why) => unreachable(settings, &why),
            other => other,
        }),
        Err(_) => Err(unreachable(settings, &format_args!("no answer within {:?}", settings.connect_timeout))),
    }
}

pub(super) fn options(settings: &Postgres) -> Result<PgConnectOptions, StoreError> {
    let mut options = PgConnectOptions::new_without_pgpass()
        .username(&settings.user)
        .database(&settings.database)
        .application_name("tributary-gateway")
        .statement_cache_capacity(PREPARED)
        .disable_statement_logging();
    options = match &settings.address {
        Address::Tcp { host, port } => options.host(host).port(*port),
        Address::Socket(path) => match socket_port(path) {
            // The socket's file names the port; the driver takes the folder and makes the name of it.
            Some(port) => options.socket(path.parent().unwrap_or(path)).port(port),
            None => options.socket(path).port(5432),
        },
    };
    options = match &settings.tls {
        Tls::Disabled => options.ssl_mode(PgSslMode::Disable),
        Tls::Verified { authority: None } => options.ssl_mode(PgSslMode::VerifyFull),
        Tls::Verified { authority: Some(file) } => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(file),
    };
    let password = settings.password.as_ref().map(|secret| secret.read()).transpose();
    match password.map_err(|error| unreachable(settings, &error))?.flatten() {
        Some(password) => Ok(options.password(password.expose())),
        None => Ok(options),
    }
}

/// The port in the name of a socket's file.
fn socket_port(path: &Path) -> Option<u16> {
    path.file_name()?.to_str()?.strip_prefix(".s.PGSQL.")?.parse().ok()
}

fn unreachable(settings: &Postgres, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("{} cannot be reached: {why}", settings.place()))
}
