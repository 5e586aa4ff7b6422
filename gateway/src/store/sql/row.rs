//! Rows, read by column name.

use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};

use crate::store::StoreError;

/// A row, read by column name.
pub(in crate::store) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
    #[cfg(test)]
    Inline(super::inline::Cells),
}

/// What a column of either database is read as.
trait Cell: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> + Tested {}
impl<T> Cell for T where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> + Tested
{
}

/// What tests need besides.
#[cfg(test)]
use rusqlite::types::FromSql as Tested;

#[cfg(not(test))]
trait Tested {}
#[cfg(not(test))]
impl<T> Tested for T {}

impl Row {
    fn get<T: Cell>(&self, column: &'static str) -> Result<T, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
            #[cfg(test)]
            Self::Inline(cells) => cells.get(column)?,
        })
    }

    pub(in crate::store) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.get(column)
    }

    pub(in crate::store) fn text_opt(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub(in crate::store) fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        self.get(column)
    }

    pub(in crate::store) fn int_opt(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.get(column)
    }

    /// A count or size, which is never negative.
    pub(in crate::store) fn count<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, StoreError> {
        T::try_from(self.int(column)?).map_err(|_| StoreError::Corrupt(column))
    }

    pub(in crate::store) fn bool_opt(&self, column: &'static str) -> Result<Option<bool>, StoreError> {
        self.get(column)
    }

    pub(in crate::store) fn blob(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.get(column)
    }

    pub(in crate::store) fn blob_opt(&self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(column)
    }

    pub(in crate::store) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.int(column)?).map_err(|_| StoreError::Corrupt(column))
    }

    pub(in crate::store) fn time_opt(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let time = self.int_opt(column)?.map(Timestamp::from_millisecond);
        time.transpose().map_err(|_| StoreError::Corrupt(column))
    }

    /// A value that is stored under its published name.
    pub(in crate::store) fn parse<T: std::str::FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| StoreError::Corrupt(column))
    }

    /// As [`Row::parse`], where it may be absent.
    pub(in crate::store) fn parse_opt<T: std::str::FromStr>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let text = self.text_opt(column)?;
        text.map(|text| text.parse().map_err(|_| StoreError::Corrupt(column))).transpose()
    }

    /// A value stored as JSON.
    pub(in crate::store) fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|_| StoreError::Corrupt(column))
    }
}
