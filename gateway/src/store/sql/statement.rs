//! Statements: constant texts, one for both databases wherever their dialects allow.

use sqlx::query::Query;
use sqlx::{Database, Encode, Type};

use super::value::Val;

/// A statement. Where only one text is given, both databases understand it.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Sql {
    pub(in crate::store) sqlite: &'static str,
    pub(in crate::store) postgres: &'static str,
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }
}

/// A question whose rows stay as they are until the transaction ends. SQLite has one writer and needs no such lock.
macro_rules! locking {
    ($($text:expr),+ $(,)?) => {
        $crate::store::sql::Sql { sqlite: concat!($($text),+), postgres: concat!($($text),+, " FOR UPDATE") }
    };
}
pub(in crate::store) use locking;

/// A statement that takes rows for its process alone: `$these` is a question for rows, `$then` what is done with them.
/// Rows that another process is taking are passed over instead of waited for. SQLite has one writer.
macro_rules! taking {
    ($these:expr, $then:expr $(,)?) => {
        $crate::store::sql::Sql {
            sqlite: concat!("WITH due AS MATERIALIZED (", $these, ") ", $then),
            postgres: concat!("WITH due AS MATERIALIZED (", $these, " FOR UPDATE SKIP LOCKED) ", $then),
        }
    };
}
pub(in crate::store) use taking;

/// A statement with its values.
pub(super) fn bind<DB>(sql: &'static str, values: &[Val]) -> Query<'static, DB, DB::Arguments>
where
    DB: Database,
    Option<String>: Encode<'static, DB> + Type<DB>,
    Option<i64>: Encode<'static, DB> + Type<DB>,
    bool: Encode<'static, DB> + Type<DB>,
    Option<Vec<u8>>: Encode<'static, DB> + Type<DB>,
{
    values.iter().cloned().fold(sqlx::query(sql), |query, value| match value {
        Val::Text(value) => query.bind(value),
        Val::Int(value) => query.bind(value),
        Val::Bool(value) => query.bind(value),
        Val::Blob(value) => query.bind(value),
    })
}
