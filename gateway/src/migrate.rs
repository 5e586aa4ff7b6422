//! Brings the schema of a gateway's database up to date, apart from any start.
//!
//! A gateway on SQLite does this itself when it starts. On PostgreSQL, where several processes start in any order, one job
//! does it before them.

use futures::future::BoxFuture;

use crate::config::Config;
use crate::store::StoreError;
use crate::store::schema::{self, Place};

/// How the schema stands, as numbers of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What the database has; 0 for nothing.
    pub found: i64,
    /// What this version needs.
    pub newest: i64,
}

/// Why a schema was not looked at or not changed. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database does not answer now; the same may be tried again.
    #[error("{0}")]
    Unavailable(String),
    /// The database is not one for this version, or is in use.
    #[error("{0}")]
    Refused(String),
}

impl From<StoreError> for MigrateError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Contended(_) | StoreError::Unknown(_) | StoreError::Full => {
                Self::Unavailable(error.to_string())
            }
            _ => Self::Refused(error.to_string()),
        }
    }
}

fn place(config: &Config) -> Place<'_> {
    match &config.database {
        None => Place::Folder(&config.data_dir),
        Some(settings) => Place::Postgres(settings),
    }
}

/// How the schema of the configured database stands. Changes nothing.
///
/// # Errors
/// When the database cannot be reached, was written by a newer version or made by other steps.
pub fn standing(config: &Config) -> BoxFuture<'_, Result<Standing, MigrateError>> {
    // Boxed, so that the whole of it is compiled here and not again in every program that awaits it.
    Box::pin(async { Ok(Standing { found: schema::standing(place(config)).await?, newest: schema::newest() }) })
}

/// Brings the schema up to date; returns how it stood before. Repeating it changes nothing.
///
/// # Errors
/// As [`standing`]; also when a gateway uses the data directory.
pub fn migrate(config: &Config) -> BoxFuture<'_, Result<Standing, MigrateError>> {
    Box::pin(async { Ok(Standing { found: schema::migrate(place(config)).await?, newest: schema::newest() }) })
}
