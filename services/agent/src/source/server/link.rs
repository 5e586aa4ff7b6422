//! The one connection of a walk to a server: a runtime of its own on the walk's blocking thread, statements one at a
//! time, rows as they come, and a look at the watch while nothing comes.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{BoxStream, StreamExt};
use sqlx::{Connection, Database, Either, Executor};
use tokio::runtime::{Builder, Runtime};
use tracing::dispatcher::{self, Dispatch};

use super::engine::{Bind, Engine};
use super::gate::{Gate, Permit};
use super::settings::Server;
use crate::source::ReadError;
use crate::source::stop::Watch;

/// How long nothing may come before the watch is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Rows that are taken off the connection together, and fewer where each may be large: they are in memory at once.
const CHUNK: usize = 64;
const CHUNK_OF_LARGE: usize = 16;
/// What to do about a connection that cannot be made.
const CHECK: &str = "check host, user, password and `tls` under `databases`, and that the server lets this host in";
/// What to do when there is none left.
const USED_UP: &str =
    "end some of them there, or raise the server's `max_connections` or what it allows this user or database at once";
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A row as the driver of an engine gives it.
pub(in crate::source) type Found<E> = <<E as Engine>::Db as Database>::Row;
/// Rows on their way, and at the end how many there were.
type Rows<'r, E> = BoxStream<'r, Result<Either<<<E as Engine>::Db as Database>::QueryResult, Found<E>>, sqlx::Error>>;
/// What is done with it.
pub(in crate::source) type OnFound<'f, E> = dyn FnMut(&Found<E>) -> Result<(), ReadError> + 'f;

/// What a server said of the session.
#[derive(Debug, Clone, Copy)]
pub(in crate::source) struct Session {
    /// Largest message that it sends or takes, in bytes.
    pub(in crate::source) packet: u64,
}

/// A connection with an open snapshot.
pub(in crate::source) struct Link<E: Engine>
where
    for<'c> &'c mut <E::Db as Database>::Connection: Executor<'c, Database = E::Db>,
{
    connection: Option<<E::Db as Database>::Connection>,
    // After the connection, which must go while it is there.
    runtime: Runtime,
    session: Session,
    watch: Watch,
    gate: Arc<Gate>,
    /// Whether a result was left before its end, so that a goodbye would have to wait for the rest.
    cut: bool,
    _permit: Permit,
}

impl<E: Engine> Link<E>
where
    for<'c> &'c mut <E::Db as Database>::Connection: Executor<'c, Database = E::Db>,
{
    /// Connects and takes the snapshot.
    pub(in crate::source) fn open(
        server: &Server,
        database: Option<&str>,
        gate: &Arc<Gate>,
        watch: Watch,
    ) -> Result<Self, ReadError> {
        let patience = server.limits.connect_timeout;
        let permit = gate.enter(&watch, patience)?;
        let password = server.password_now()?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| ReadError::Unavailable(format!("{}: {error}", server.place())))?;
        let connecting = E::connect(server, database, password.as_ref().map(|password| password.expose().as_str()));
        let outcome = runtime.block_on(async { tokio::time::timeout(patience, connecting).await });
        let (connection, session) = match outcome {
            Ok(Ok(connected)) => connected,
            Ok(Err(error)) => {
                let hint = if E::is_used_up(&error) { USED_UP } else { CHECK };
                return Err(cannot_connect(server, &E::explain(&error).to_string(), hint));
            }
            Err(_) => return Err(cannot_connect(server, &format!("no answer within {patience:?}"), CHECK)),
        };
        Ok(Self {
            connection: Some(connection),
            runtime,
            session,
            watch,
            gate: Arc::clone(gate),
            cut: false,
            _permit: permit,
        })
    }

    pub(in crate::source) fn session(&self) -> Session {
        self.session
    }

    /// Executes a statement and gives its rows to `on_row`.
    pub(in crate::source) fn each(
        &mut self,
        sql: &str,
        binds: Vec<Bind>,
        may_be_large: bool,
        on_row: &mut OnFound<'_, E>,
    ) -> Result<(), ReadError> {
        self.watch.check()?;
        let most = if may_be_large { CHUNK_OF_LARGE } else { CHUNK };
        let outcome = self.stream(sql, binds, most, on_row);
        self.cut = outcome.is_err();
        if let (Err(ReadError::NotReadable(_)), Some(recover)) = (&outcome, E::RECOVER) {
            self.recover(recover)?;
        }
        outcome
    }

    fn stream(
        &mut self,
        sql: &str,
        binds: Vec<Bind>,
        most: usize,
        on_row: &mut OnFound<'_, E>,
    ) -> Result<(), ReadError> {
        let arguments = E::arguments(binds)?;
        let Some(connection) = &mut self.connection else { return Err(gone()) };
        // Names in it are quoted and values are bound: `sql` of the engines is the only place where it is made.
        let query = sqlx::query_with(sqlx::AssertSqlSafe(sql.to_owned()), arguments);
        let (runtime, watch) = (&self.runtime, &self.watch);
        let mut chunk = Vec::with_capacity(most);
        // The driver takes the span that it begins in with it, and enters and leaves it twice for every row: that would
        // be a third of the time of a walk. It begins without one.
        let (mut rows, mut more) = dispatcher::with_default(&Dispatch::none(), || {
            let mut rows = connection.fetch_many(query);
            let more = runtime.block_on(take::<E>(&mut rows, &mut chunk, most, watch))?;
            Ok::<_, ReadError>((rows, more))
        })?;
        loop {
            for row in &chunk {
                on_row(row)?;
            }
            watch.check()?;
            self.gate.spend(chunk.len(), watch)?;
            chunk.clear();
            if !more {
                return Ok(());
            }
            more = runtime.block_on(take::<E>(&mut rows, &mut chunk, most, watch))?;
        }
    }

    fn recover(&mut self, sql: &'static str) -> Result<(), ReadError> {
        let Some(connection) = &mut self.connection else { return Err(gone()) };
        let done = self.runtime.block_on(async { connection.execute(sql).await });
        done.map(drop).map_err(|error| E::explain(&error))
    }
}

/// Takes the rows that are there, and waits for one when none is. Returns whether more may come.
async fn take<E: Engine>(
    rows: &mut Rows<'_, E>,
    chunk: &mut Vec<Found<E>>,
    most: usize,
    watch: &Watch,
) -> Result<bool, ReadError>
where
    for<'c> &'c mut <E::Db as Database>::Connection: Executor<'c, Database = E::Db>,
{
    let explain = |error: &sqlx::Error| watch.check().map_or_else(ReadError::from, |()| E::explain(error));
    let first = loop {
        tokio::select! {
            biased;
            row = rows.next() => break row,
            () = tokio::time::sleep(LOOK) => watch.check()?,
        }
    };
    let mut next = Some(first);
    while let Some(row) = next {
        match row {
            None => return Ok(false),
            Some(Ok(Either::Right(row))) => chunk.push(row),
            // How many there were: nothing follows but the end.
            Some(Ok(Either::Left(_))) => {}
            Some(Err(error)) => return Err(explain(&error)),
        }
        next = if chunk.len() < most { rows.next().now_or_never() } else { None };
    }
    Ok(true)
}

fn cannot_connect(server: &Server, why: &str, hint: &str) -> ReadError {
    ReadError::Unavailable(format!("cannot connect to {}: {why}; {hint}", server.place()))
}

fn gone() -> ReadError {
    ReadError::Unavailable("the connection to the database is gone".to_owned())
}

impl<E: Engine> Drop for Link<E>
where
    for<'c> &'c mut <E::Db as Database>::Connection: Executor<'c, Database = E::Db>,
{
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.cut {
            let _guard = self.runtime.enter();
            drop(connection);
        } else {
            // What fails here is a connection that is gone anyway.
            let _ = self.runtime.block_on(async { tokio::time::timeout(GOODBYE, connection.close()).await });
        }
    }
}
