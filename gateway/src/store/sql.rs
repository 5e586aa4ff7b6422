//! Statements with bound values, and rows read by column name: the one place that touches sqlx's types.
//!
//! Every statement is a constant text that SQLite and PostgreSQL both understand.

use jiff::Timestamp;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqlitePool, SqliteRow};
use sqlx::{Connection as _, Row as _, Sqlite, SqliteConnection};
use tributary_model::id::CaseId;

use super::StoreError;

/// A value bound to `$n`.
#[derive(Debug, Clone)]
pub(super) enum Val {
    Text(Option<String>),
    Int(Option<i64>),
    Bool(bool),
    Blob(Option<Vec<u8>>),
}

macro_rules! val_from {
    ($($from:ty => |$v:ident| $to:expr),+ $(,)?) => {
        $(impl From<$from> for Val { fn from($v: $from) -> Val { $to } })+
    };
}

val_from! {
    &str => |v| Val::Text(Some(v.to_owned())),
    String => |v| Val::Text(Some(v)),
    &String => |v| Val::Text(Some(v.clone())),
    Option<String> => |v| Val::Text(v),
    i64 => |v| Val::Int(Some(v)),
    i32 => |v| Val::Int(Some(v.into())),
    u32 => |v| Val::Int(Some(v.into())),
    u64 => |v| Val::Int(Some(i64::try_from(v).unwrap_or(i64::MAX))),
    Option<i64> => |v| Val::Int(v),
    bool => |v| Val::Bool(v),
    Vec<u8> => |v| Val::Blob(Some(v)),
    &[u8] => |v| Val::Blob(Some(v.to_owned())),
    Option<Vec<u8>> => |v| Val::Blob(v),
    Timestamp => |v| Val::Int(Some(v.as_millisecond())),
    Option<Timestamp> => |v| Val::Int(v.map(Timestamp::as_millisecond)),
    CaseId => |v| Val::Text(Some(v.to_string())),
    &CaseId => |v| Val::Text(Some(v.to_string())),
    tributary_model::id::InstructionId => |v| Val::Text(Some(v.to_string())),
    &tributary_model::id::EntityId => |v| Val::Text(Some(v.to_string())),
    tributary_model::disposition::Disposition => |v| Val::Text(Some(v.as_str().to_owned())),
    tributary_model::lifecycle::CaseState => |v| Val::Text(Some(v.as_str().to_owned())),
    tributary_model::lifecycle::TaskState => |v| Val::Text(Some(v.as_str().to_owned())),
}

macro_rules! vals {
    ($($value:expr),* $(,)?) => { [$($crate::store::sql::Val::from($value)),*] };
}
pub(super) use vals;

/// A row, read by column name.
pub(super) struct Row(SqliteRow);

impl Row {
    pub(super) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn text_opt(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn int_opt(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    /// A count or size, which is never negative.
    pub(super) fn count<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, StoreError> {
        T::try_from(self.int(column)?).map_err(|_| StoreError::Corrupt(column))
    }

    pub(super) fn bool_opt(&self, column: &'static str) -> Result<Option<bool>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn blob(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn blob_opt(&self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.int(column)?).map_err(|_| StoreError::Corrupt(column))
    }

    pub(super) fn time_opt(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let time = self.int_opt(column)?.map(Timestamp::from_millisecond);
        time.transpose().map_err(|_| StoreError::Corrupt(column))
    }

    /// A value that is stored under its published name.
    pub(super) fn parse<T: std::str::FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| StoreError::Corrupt(column))
    }

    /// As [`Row::parse`], where it may be absent.
    pub(super) fn parse_opt<T: std::str::FromStr>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        let text = self.text_opt(column)?;
        text.map(|text| text.parse().map_err(|_| StoreError::Corrupt(column))).transpose()
    }

    /// A value stored as JSON.
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|_| StoreError::Corrupt(column))
    }
}

fn bind<'q>(sql: &'static str, values: &[Val]) -> Query<'q, Sqlite, SqliteArguments> {
    values.iter().cloned().fold(sqlx::query(sql), |query, value| match value {
        Val::Text(value) => query.bind(value),
        Val::Int(value) => query.bind(value),
        Val::Bool(value) => query.bind(value),
        Val::Blob(value) => query.bind(value),
    })
}

/// The writer's connection. Within a job everything belongs to one savepoint.
pub(super) struct Tx {
    conn: SqliteConnection,
    /// Cases with new events since the last commit.
    pub(super) touched: Vec<CaseId>,
}

impl Tx {
    pub(super) fn new(conn: SqliteConnection) -> Self {
        Self { conn, touched: Vec::new() }
    }

    /// Runs a statement; returns how many rows it changed.
    pub(super) async fn run(&mut self, sql: &'static str, values: &[Val]) -> Result<u64, StoreError> {
        Ok(bind(sql, values).execute(&mut self.conn).await?.rows_affected())
    }

    /// All rows of a statement.
    pub(super) async fn rows(&mut self, sql: &'static str, values: &[Val]) -> Result<Vec<Row>, StoreError> {
        Ok(bind(sql, values).fetch_all(&mut self.conn).await?.into_iter().map(Row).collect())
    }

    /// The first row of a statement.
    pub(super) async fn row(&mut self, sql: &'static str, values: &[Val]) -> Result<Option<Row>, StoreError> {
        Ok(bind(sql, values).fetch_optional(&mut self.conn).await?.map(Row))
    }

    /// Checkpoints and closes the database.
    pub(super) async fn close(self) -> Result<(), StoreError> {
        Ok(self.conn.close().await?)
    }
}

/// One consistent view of the database, for questions that take several statements.
pub(super) struct Snapshot(sqlx::Transaction<'static, Sqlite>);

impl Snapshot {
    pub(super) async fn open(pool: &SqlitePool) -> Result<Self, StoreError> {
        Ok(Self(pool.begin().await?))
    }

    pub(super) async fn rows(&mut self, sql: &'static str, values: &[Val]) -> Result<Vec<Row>, StoreError> {
        Ok(bind(sql, values).fetch_all(&mut *self.0).await?.into_iter().map(Row).collect())
    }
}

/// Where questions are asked: in the writer's transaction or in a snapshot.
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
