//! The schema's history, append-only. A database that knows a newer step than we do is not touched.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::SqliteConnection;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::StoreError;

const STEPS: &[(i64, &str, &str)] = &[
    (1, "initial", include_str!("../../migrations/0001_initial.sql")),
    (2, "delivery", include_str!("../../migrations/0002_delivery.sql")),
    (3, "presentation", include_str!("../../migrations/0003_presentation.sql")),
];

/// Brings the schema up to date.
pub(super) async fn run(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let steps = STEPS.iter().map(|(version, name, text)| {
        Migration::new(*version, Cow::Borrowed(name), MigrationType::Simple, text.into_sql_str(), false)
    });
    match Migrator::with_migrations(steps.collect()).run_direct(None, conn, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(version)) => Err(StoreError::NewerSchema(version)),
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => Err(error.into()),
        Err(other) => Err(StoreError::Database(sqlx::Error::Migrate(Box::new(other)))),
    }
}
