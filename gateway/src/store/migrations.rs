//! The schema's history, append-only. A database that knows a newer step than we do is not touched.

use std::borrow::Cow;

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{PgConnection, SqlSafeStr, SqliteConnection};

use super::StoreError;

const STEPS: &[(i64, &str, &str)] = &[
    (1, "initial", include_str!("../../migrations/0001_initial.sql")),
    (2, "delivery", include_str!("../../migrations/0002_delivery.sql")),
    (3, "presentation", include_str!("../../migrations/0003_presentation.sql")),
    (4, "replicas", include_str!("../../migrations/0004_replicas.sql")),
];

/// The table in which a database keeps what it knows.
const TABLE: &str = "_sqlx_migrations";

fn migrator() -> Migrator {
    let steps = STEPS.iter().map(|(version, name, text)| {
        Migration::new(*version, Cow::Borrowed(name), MigrationType::Simple, text.into_sql_str(), false)
    });
    Migrator::with_migrations(steps.collect())
}

/// The schema that this version needs.
pub(super) fn newest() -> i64 {
    STEPS.iter().map(|(version, ..)| *version).max().unwrap_or_default()
}

/// Brings the schema up to date. Two processes that try at the same time follow one another.
pub(super) async fn run<C: Migrate>(conn: &mut C) -> Result<(), StoreError> {
    match migrator().run_direct(None, conn, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(version)) => Err(StoreError::NewerSchema(version)),
        Err(MigrateError::VersionMismatch(version)) => Err(StoreError::OtherSchema(version)),
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => Err(error.into()),
        Err(other) => Err(StoreError::Database(sqlx::Error::Migrate(Box::new(other)))),
    }
}

/// The schema that a PostgreSQL database has, 0 for none.
pub(super) async fn standing_postgres(conn: &mut PgConnection) -> Result<i64, StoreError> {
    let known: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&mut *conn).await?;
    if known { standing(conn).await } else { Ok(0) }
}

/// The schema that a SQLite database has, 0 for none.
pub(super) async fn standing_sqlite(conn: &mut SqliteConnection) -> Result<i64, StoreError> {
    let known = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')";
    let known: bool = sqlx::query_scalar(known).fetch_one(&mut *conn).await?;
    if known { standing(conn).await } else { Ok(0) }
}

/// Refuses a PostgreSQL database whose schema is not the one that this version knows.
pub(super) async fn check_postgres(conn: &mut PgConnection) -> Result<(), StoreError> {
    let (found, newest) = (standing_postgres(conn).await?, newest());
    if found == newest { Ok(()) } else { Err(StoreError::OlderSchema { found, newest }) }
}

async fn standing<C: Migrate>(conn: &mut C) -> Result<i64, StoreError> {
    let applied = conn.list_applied_migrations(TABLE).await;
    let applied = applied.map_err(|error| StoreError::Database(sqlx::Error::Migrate(Box::new(error))))?;
    let ours = migrator();
    let mut newest = 0;
    for step in &applied {
        let known = ours.iter().find(|known| known.version == step.version);
        let known = known.ok_or(StoreError::NewerSchema(step.version))?;
        if known.checksum != step.checksum {
            return Err(StoreError::OtherSchema(step.version));
        }
        newest = newest.max(step.version);
    }
    Ok(newest)
}
