//! A connection of a walk to a server, one for each way in which its datasets reach a database: a runtime of its own on the
//! walk's blocking thread, statements one at a time, rows as they come, and a look at the watch while nothing comes.

use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::stream::{BoxStream, StreamExt};
use sqlx::{Connection, Database, Either, Executor};
use tokio::runtime::{Builder, Runtime};
use tracing::dispatcher::{self, Dispatch};

use super::engine::{Bind, Engine, Pages, TOO_LATE};
use super::gate::{Gate, Permit};
use super::settings::Server;
use crate::source::ReadError;
use crate::source::stop::Watch;

/// How long nothing may come before the watch is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Rows that are taken off the connection together, and what they may weigh together: they are in memory at once.
const CHUNK: usize = 64;
const CHUNK_BYTES: usize = 1024 * 1024;
/// Rows of a page, where rows are read in pages: a tenth of a second's, within these bounds.
const PAGE: RangeInclusive<u32> = 64..=4096;
/// How long a statement that was told to end may take to do so.
const END: Duration = Duration::from_secs(10);
/// What to do about a connection that cannot be made.
const CHECK: &str = "check host, user, password and `tls` under `databases`, and that the server lets this host in";
/// What to do when there is none left.
const USED_UP: &str =
    "end some of them there, or raise the server's `max_connections` or what it allows this user or database at once";
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A row as the driver of an engine gives it.
pub(in crate::source) type Found<E> = <<E as Engine>::Db as Database>::Row;
/// A row, or at the end how many there were.
type Next<E> = Result<Either<<<E as Engine>::Db as Database>::QueryResult, Found<E>>, sqlx::Error>;
/// Rows on their way.
type Rows<'r, E> = BoxStream<'r, Next<E>>;
/// What is done with it.
pub(in crate::source) type OnFound<'f, E> = dyn FnMut(&Found<E>) -> Result<(), ReadError> + 'f;

/// What a server said of the session.
#[derive(Debug, Clone, Copy)]
pub(in crate::source) struct Session {
    /// Largest message that it sends or takes, in bytes.
    pub(in crate::source) packet: u64,
    /// Its number at the server.
    pub(in crate::source) id: u64,
    /// Whether it takes any text: PostgreSQL's databases have one character set each.
    pub(in crate::source) has_all_characters: bool,
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
    /// Whether pages of a result may be left.
    pages: bool,
    server: Server,
    database: Option<String>,
    /// What the walk's connections are made under.
    _permit: Rc<Permit>,
}

impl<E: Engine> Link<E>
where
    for<'c> &'c mut <E::Db as Database>::Connection: Executor<'c, Database = E::Db>,
{
    /// Connects beside any walk, when the gate lets it.
    pub(in crate::source) fn alone(
        server: &Server,
        database: Option<&str>,
        gate: &Arc<Gate>,
        watch: Watch,
    ) -> Result<Self, ReadError> {
        let permit = gate.enter(&watch, server.limits.connect_timeout)?;
        Self::open(server, database, Rc::new(permit), watch)
    }

    /// Connects under a permit, and takes the snapshot.
    pub(super) fn open(
        server: &Server,
        database: Option<&str>,
        permit: Rc<Permit>,
        watch: Watch,
    ) -> Result<Self, ReadError> {
        let patience = server.limits.connect_timeout;
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
            gate: Arc::clone(permit.gate()),
            cut: false,
            pages: false,
            server: server.clone(),
            database: database.map(str::to_owned),
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
        let outcome = match (self.gate.rate(), E::PAGES) {
            (None, _) => self.stream(sql, binds, Reading { may_be_large, ..Reading::default() }, on_row).map(drop),
            (Some(rate), Some(pages)) => self.paged(&pages, sql, binds, (rate, may_be_large), on_row),
            (Some(_), None) => {
                // The server's own bound counts the time in which we wait as well, and is far away: see `connect`.
                let limit = Some(self.server.limits.statement_timeout);
                self.stream(sql, binds, Reading { may_be_large, limit, pays: true, ..Reading::default() }, on_row)
                    .map(drop)
            }
        };
        self.cut = outcome.is_err();
        if let (Err(ReadError::NotReadable(_)), Some(recover)) = (&outcome, E::RECOVER) {
            self.execute(recover)?;
            self.pages = false;
        }
        outcome
    }

    /// Reads a result in pages, and waits between them: each is a statement of its own to the server's clock.
    fn paged(
        &mut self,
        pages: &Pages,
        sql: &str,
        binds: Vec<Bind>,
        (rate, may_be_large): (u32, bool),
        on_row: &mut OnFound<'_, E>,
    ) -> Result<(), ReadError> {
        if std::mem::take(&mut self.pages) {
            self.execute(pages.end)?;
        }
        self.stream(&format!("{} {sql}", pages.begin), binds, Reading::default(), &mut |_| Ok(()))?;
        self.pages = true;
        let page = (rate / 10).clamp(*PAGE.start(), *PAGE.end());
        let next = pages.next.replace("{}", &page.to_string());
        loop {
            // Remembered by the driver it would be decoded as the page before it, which may be of another table.
            let reading = Reading { may_be_large, once: true, ..Reading::default() };
            let rows = self.stream(&next, Vec::new(), reading, on_row)?;
            self.gate.spend(rows, &self.watch)?;
            if rows < page as usize {
                self.pages = false;
                return self.execute(pages.end);
            }
        }
    }

    /// Executes a statement once and gives its rows to `on_row`. Returns how many there were.
    fn stream(
        &mut self,
        sql: &str,
        binds: Vec<Bind>,
        reading: Reading,
        on_row: &mut OnFound<'_, E>,
    ) -> Result<usize, ReadError> {
        let arguments = E::arguments(binds)?;
        let Some(connection) = &mut self.connection else { return Err(gone()) };
        // Names in it are quoted and values are bound: `sql` of the engines is the only place where it is made.
        let query = sqlx::query_with(sqlx::AssertSqlSafe(sql.to_owned()), arguments).persistent(!reading.once);
        let (runtime, watch) = (&self.runtime, &self.watch);
        let (mut chunk, mut count) = (Vec::with_capacity(CHUNK), 0);
        let mut left = reading.limit;
        // The driver takes the span that it begins in with it, and enters and leaves it twice for every row: that would
        // be a third of the time of a walk. It begins without one.
        let (mut rows, mut more) = dispatcher::with_default(&Dispatch::none(), || {
            let mut rows = connection.fetch_many(query);
            let more = runtime.block_on(take::<E>(&mut rows, &mut chunk, reading.may_be_large, &mut left, watch));
            (rows, more)
        });
        loop {
            let is_more = match more {
                Err(Ended::TooLate) => {
                    let why = ReadError::NotReadable(TOO_LATE.to_owned());
                    let end = end::<E>((&self.server, self.database.as_deref(), self.session), &mut rows);
                    return runtime.block_on(end).and(Err(why));
                }
                Err(Ended::Failed(error)) => return Err(error),
                Ok(more) => more,
            };
            for row in &chunk {
                on_row(row)?;
            }
            watch.check()?;
            let rows_of_chunk = chunk.len();
            count += rows_of_chunk;
            // Before the wait and the next rows: those may be large, too.
            chunk.clear();
            if reading.pays {
                self.gate.spend(rows_of_chunk, watch)?;
            }
            if !is_more {
                return Ok(count);
            }
            more = runtime.block_on(take::<E>(&mut rows, &mut chunk, reading.may_be_large, &mut left, watch));
        }
    }

    fn execute(&mut self, sql: &'static str) -> Result<(), ReadError> {
        let Some(connection) = &mut self.connection else { return Err(gone()) };
        let done = self.runtime.block_on(async { connection.execute(sql).await });
        done.map(drop).map_err(|error| E::explain(&error))
    }
}

/// How a statement is read.
#[derive(Debug, Clone, Copy, Default)]
struct Reading {
    /// Whether its rows may be large, so that their bytes are counted.
    may_be_large: bool,
    /// Whether the driver must not remember it.
    once: bool,
    /// How long its rows may be waited for, all in all.
    limit: Option<Duration>,
    /// Whether its rows are paid for as they come.
    pays: bool,
}

/// Why no more rows are taken.
enum Ended {
    /// The statement is still under way after its time.
    TooLate,
    /// Anything else.
    Failed(ReadError),
}

/// Takes the rows that are there, and waits for one when none is. Returns whether more may come.
async fn take<E: Engine>(
    rows: &mut Rows<'_, E>,
    chunk: &mut Vec<Found<E>>,
    may_be_large: bool,
    left: &mut Option<Duration>,
    watch: &Watch,
) -> Result<bool, Ended>
where
    for<'c> &'c mut <E::Db as Database>::Connection: Executor<'c, Database = E::Db>,
{
    let explain =
        |error: &sqlx::Error| Ended::Failed(watch.check().map_or_else(ReadError::from, |()| E::explain(error)));
    let first = match rows.next().now_or_never() {
        Some(first) => first,
        None => wait::<E>(rows, left, watch).await?,
    };
    let (mut next, mut bytes) = (Some(first), 0);
    while let Some(row) = next {
        match row {
            None => return Ok(false),
            Some(Ok(Either::Right(row))) => {
                if may_be_large {
                    bytes += E::weight(&row);
                }
                chunk.push(row);
            }
            // How many there were: nothing follows but the end.
            Some(Ok(Either::Left(_))) => {}
            Some(Err(error)) => return Err(explain(&error)),
        }
        next = if chunk.len() < CHUNK && bytes < CHUNK_BYTES { rows.next().now_or_never() } else { None };
    }
    Ok(true)
}

/// Waits for what comes next, for as long as is left to the server, and looks at the watch meanwhile.
async fn wait<E: Engine>(
    rows: &mut Rows<'_, E>,
    left: &mut Option<Duration>,
    watch: &Watch,
) -> Result<Option<Next<E>>, Ended>
where
    for<'c> &'c mut <E::Db as Database>::Connection: Executor<'c, Database = E::Db>,
{
    let begun = Instant::now();
    loop {
        tokio::select! {
            biased;
            row = rows.next() => {
                *left = left.map(|left| left.saturating_sub(begun.elapsed()));
                return Ok(row);
            }
            () = tokio::time::sleep(LOOK) => watch.check().map_err(|stopped| Ended::Failed(stopped.into()))?,
        }
        if left.is_some_and(|left| begun.elapsed() >= left) {
            return Err(Ended::TooLate);
        }
    }
}

/// Has the server end a statement, by a second connection for a moment, and takes what it still says: the first one
/// goes on with the next statement.
async fn end<E: Engine>(
    (server, database, session): (&Server, Option<&str>, Session),
    rows: &mut Rows<'_, E>,
) -> Result<(), ReadError>
where
    for<'c> &'c mut <E::Db as Database>::Connection: Executor<'c, Database = E::Db>,
{
    let stuck = |why: String| ReadError::Unavailable(format!("a statement that took too long cannot be ended: {why}"));
    let password = server.password_now()?;
    let ending = async {
        let connecting = E::connect(server, database, password.as_ref().map(|password| password.expose().as_str()));
        let (mut other, _) = connecting.await.map_err(|error| stuck(E::explain(&error).to_string()))?;
        let told = other.execute(sqlx::AssertSqlSafe(E::interrupt(session))).await;
        told.map_err(|error| stuck(E::explain(&error).to_string()))?;
        // What fails here is a connection that is gone anyway.
        let _ = other.close().await;
        while let Some(Ok(_)) = rows.next().await {}
        Ok(())
    };
    let ended = tokio::time::timeout(END, ending).await;
    ended.unwrap_or_else(|_| Err(stuck(format!("it did not end within {END:?}"))))
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
