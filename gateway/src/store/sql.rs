//! Transactions and snapshots over either database: the one place, with its parts, that touches sqlx's types.
//!
//! `value` is what is bound, `row` what is read, `statement` the texts. Neighbours: `writer` and `postgres`, which run
//! what is written.

#[cfg(test)]
pub(super) mod inline;
mod row;
mod statement;
mod value;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Connection as _, Postgres, Sqlite, SqliteConnection};
use tokio::sync::Mutex;
use tributary_model::id::CaseId;

use super::StoreError;
use super::postgres::{Lent, Questions, View};

pub(super) use row::Row;
use statement::bind;
pub(super) use statement::{Sql, locking, taking};
pub(super) use value::{Val, vals};

/// What a job writes with. Everything a job does belongs to one transaction (PostgreSQL) or savepoint (SQLite).
pub(super) struct Tx {
    conn: Conn,
    /// Cases with new events since the last commit.
    pub(super) touched: Vec<CaseId>,
    /// Whether the draft of an archive was made since the last commit.
    pub(super) drafted: bool,
    /// Whether a statement failed: PostgreSQL answers a commit after that as if it were done.
    spoilt: bool,
}

enum Conn {
    Sqlite(SqliteConnection),
    Postgres(Lent),
    #[cfg(test)]
    Inline(inline::Inline),
}

impl Tx {
    /// Over the writer's connection.
    pub(super) fn new(conn: SqliteConnection) -> Self {
        Self { conn: Conn::Sqlite(conn), touched: Vec::new(), drafted: false, spoilt: false }
    }

    /// Over one connection of a pool.
    pub(super) fn postgres(conn: Lent) -> Self {
        Self { conn: Conn::Postgres(conn), touched: Vec::new(), drafted: false, spoilt: false }
    }

    /// Over the one connection of a simulated world.
    #[cfg(test)]
    pub(super) fn inline(conn: inline::Inline) -> Self {
        Self { conn: Conn::Inline(conn), touched: Vec::new(), drafted: false, spoilt: false }
    }

    /// Runs a statement; returns how many rows it changed.
    pub(super) async fn run(&mut self, sql: impl Into<Sql>, values: &[Val]) -> Result<u64, StoreError> {
        let sql = sql.into();
        let done = match &mut self.conn {
            Conn::Sqlite(conn) => bind(sql.sqlite, values).execute(conn).await.map(|done| done.rows_affected()),
            Conn::Postgres(conn) => {
                bind(sql.postgres, values).execute(conn.get()?).await.map(|done| done.rows_affected())
            }
            #[cfg(test)]
            Conn::Inline(conn) => return conn.run(sql, values),
        };
        self.noted(done)
    }

    /// All rows of a statement.
    pub(super) async fn rows(&mut self, sql: impl Into<Sql>, values: &[Val]) -> Result<Vec<Row>, StoreError> {
        let sql = sql.into();
        let rows = match &mut self.conn {
            Conn::Sqlite(conn) => sqlite_rows(conn, sql, values).await,
            Conn::Postgres(conn) => postgres_rows(conn.get()?, sql, values).await,
            #[cfg(test)]
            Conn::Inline(conn) => return conn.rows(sql, values),
        };
        self.noted(rows)
    }

    /// The first row of a statement.
    pub(super) async fn row(&mut self, sql: impl Into<Sql>, values: &[Val]) -> Result<Option<Row>, StoreError> {
        let sql = sql.into();
        let row = match &mut self.conn {
            Conn::Sqlite(conn) => bind(sql.sqlite, values).fetch_optional(conn).await.map(|row| row.map(Row::Sqlite)),
            Conn::Postgres(conn) => {
                bind(sql.postgres, values).fetch_optional(conn.get()?).await.map(|row| row.map(Row::Postgres))
            }
            #[cfg(test)]
            Conn::Inline(conn) => return Ok(conn.rows(sql, values)?.into_iter().next()),
        };
        self.noted(row)
    }

    fn noted<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        self.spoilt |= outcome.is_err();
        Ok(outcome?)
    }

    /// Whether some statement of the transaction failed, also when the job took it for nothing.
    pub(super) fn is_spoilt(&self) -> bool {
        self.spoilt
    }

    /// Gives the connection back, if it is still in order: nothing may be open on it.
    pub(super) fn give_back(self) {
        if let Conn::Postgres(conn) = self.conn {
            conn.give_back();
        }
    }

    /// Checkpoints and closes the database, if it is this connection's own.
    pub(super) async fn close(self) -> Result<(), StoreError> {
        match self.conn {
            Conn::Sqlite(conn) => Ok(conn.close().await?),
            Conn::Postgres(_) => Ok(()),
            #[cfg(test)]
            Conn::Inline(_) => Ok(()),
        }
    }
}

async fn sqlite_rows(conn: &mut SqliteConnection, sql: Sql, values: &[Val]) -> Result<Vec<Row>, sqlx::Error> {
    let rows = bind::<Sqlite>(sql.sqlite, values).fetch_all(conn).await?;
    Ok(rows.into_iter().map(Row::Sqlite).collect())
}

async fn postgres_rows(conn: &mut PgConnection, sql: Sql, values: &[Val]) -> Result<Vec<Row>, sqlx::Error> {
    let rows = bind::<Postgres>(sql.postgres, values).fetch_all(conn).await?;
    Ok(rows.into_iter().map(Row::Postgres).collect())
}

async fn view_rows(view: &mut View, sql: Sql, values: &[Val]) -> Result<Vec<Row>, StoreError> {
    let rows = view.rows(bind::<Postgres>(sql.postgres, values)).await?;
    Ok(rows.into_iter().map(Row::Postgres).collect())
}

/// Where questions are answered.
pub(super) enum Readers {
    Sqlite {
        /// For snapshots.
        pool: SqlitePool,
        /// For questions of one statement. A pool would ask each connection whether it is well, before and after.
        single: Mutex<SqliteConnection>,
    },
    Postgres(Questions),
    #[cfg(test)]
    Inline(inline::Inline),
}

impl Readers {
    /// All rows of one quick statement, as of now. What takes several statements needs a [`Snapshot`].
    pub(super) async fn rows(&self, sql: impl Into<Sql>, values: &[Val]) -> Result<Vec<Row>, StoreError> {
        let sql = sql.into();
        Ok(match self {
            Self::Sqlite { single, .. } => sqlite_rows(&mut *single.lock().await, sql, values).await?,
            Self::Postgres(questions) => {
                let mut view = questions.view().await?;
                view_rows(&mut view, sql, values).await?
            }
            #[cfg(test)]
            Self::Inline(inline) => inline.rows(sql, values)?,
        })
    }
}

/// One consistent view of the database, for questions that take several statements.
pub(super) enum Snapshot {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(View),
    #[cfg(test)]
    Inline(inline::View),
}

impl Snapshot {
    pub(super) async fn open(readers: &Readers) -> Result<Self, StoreError> {
        match readers {
            Readers::Sqlite { pool, .. } => Ok(Self::Sqlite(pool.begin().await?)),
            Readers::Postgres(questions) => questions.view().await.map(Self::Postgres),
            #[cfg(test)]
            Readers::Inline(inline) => Ok(Self::Inline(inline::View::open(inline))),
        }
    }

    pub(super) async fn rows(&mut self, sql: impl Into<Sql>, values: &[Val]) -> Result<Vec<Row>, StoreError> {
        let sql = sql.into();
        Ok(match self {
            Self::Sqlite(tx) => sqlite_rows(tx, sql, values).await?,
            Self::Postgres(view) => view_rows(view, sql, values).await?,
            #[cfg(test)]
            Self::Inline(view) => view.rows(sql, values)?,
        })
    }
}

/// Where questions are asked: in a job's transaction or in a snapshot.
pub(super) trait Ask {
    /// All rows of a statement.
    fn ask(&mut self, sql: &'static str, values: &[Val]) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;
}

impl Ask for Tx {
    async fn ask(&mut self, sql: &'static str, values: &[Val]) -> Result<Vec<Row>, StoreError> {
        self.rows(sql, values).await
    }
}

impl Ask for Snapshot {
    async fn ask(&mut self, sql: &'static str, values: &[Val]) -> Result<Vec<Row>, StoreError> {
        self.rows(sql, values).await
    }
}
