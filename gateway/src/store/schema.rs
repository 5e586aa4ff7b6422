//! The schema of a database that no store is open on: what it is, and bringing it up to date.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, Executor, SqliteConnection};

use super::lock::DirLock;
use super::{FILE, StoreError, migrations, postgres};
use crate::config::Postgres;

/// Where the schema is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// SQLite in this folder.
    Folder(&'a Path),
    /// PostgreSQL.
    Postgres(&'a Postgres),
}

/// What this version needs.
pub(crate) fn newest() -> i64 {
    migrations::newest()
}

/// What the database has, 0 for nothing. One of a newer version, and one made by other steps, is an error.
pub(crate) async fn standing(place: Place<'_>) -> Result<i64, StoreError> {
    match place {
        Place::Folder(folder) => {
            let path = folder.join(FILE);
            if !path.exists() {
                return Ok(0);
            }
            let mut conn = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await?;
            let standing = migrations::standing_sqlite(&mut conn).await;
            conn.close().await?;
            standing
        }
        Place::Postgres(settings) => migrations::standing_postgres(&mut postgres::connect(settings).await?).await,
    }
}

/// Brings the database up to date; returns what it had before. Whoever comes second waits, and finds it done.
pub(crate) async fn migrate(place: Place<'_>) -> Result<i64, StoreError> {
    match place {
        Place::Folder(folder) => {
            let _lock = DirLock::take(folder)?;
            let before = standing(place).await?;
            let options = SqliteConnectOptions::new().filename(folder.join(FILE)).create_if_missing(true);
            let mut conn = SqliteConnection::connect_with(&options).await?;
            migrations::run(&mut conn).await?;
            conn.close().await?;
            Ok(before)
        }
        Place::Postgres(settings) => {
            let mut conn = postgres::connect(settings).await?;
            // A step over a large table takes its time, and so does waiting for another who is at it.
            conn.execute("SET statement_timeout = 0; SET lock_timeout = 0").await?;
            let before = migrations::standing_postgres(&mut conn).await?;
            migrations::run(&mut conn).await?;
            conn.close().await?;
            Ok(before)
        }
    }
}
