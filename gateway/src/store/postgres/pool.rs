//! Connections that are kept open, at most so many at once. Whoever waits is served in order.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connect;
use crate::config::Postgres;
use crate::store::StoreError;

/// How long anything asked may take before its connection is given up: longer than any statement may.
pub(super) const PATIENCE: Duration = Duration::from_secs(45);

/// The connections of one purpose.
pub(super) struct Connections {
    settings: Postgres,
    idle: Mutex<Vec<PgConnection>>,
    places: Arc<Semaphore>,
}

impl Connections {
    pub(super) fn new(settings: Postgres, most: u32) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(most as usize));
        Arc::new(Self { settings, idle: Mutex::new(Vec::new()), places })
    }

    /// A connection, as soon as one is free or may be made.
    pub(super) async fn lend(self: &Arc<Self>) -> Result<Lent, StoreError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| StoreError::Stopped)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match idle {
            Some(conn) => conn,
            None => connect(&self.settings).await?,
        };
        Ok(Lent { conn: Some(conn), home: Arc::clone(self), _place: place })
    }

    /// Closes what is idle: what one connection died of, the others have most likely died of too.
    pub(super) fn forget(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A borrowed connection. Dropped without being given back it is closed, which also ends what was open on it.
pub(in crate::store) struct Lent {
    conn: Option<PgConnection>,
    home: Arc<Connections>,
    _place: OwnedSemaphorePermit,
}

impl Lent {
    pub(in crate::store) fn get(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        // It is there until it is given back, which takes the whole.
        self.conn.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Says something that no lock and no disk holds up, such as a transaction's beginning. A connection that a network has
    /// forgotten says nothing for ever: the time in which a new one is made is enough here.
    pub(super) async fn say(&mut self, word: &'static str) -> Result<(), sqlx::Error> {
        let mut doubt = Doubt(Some(Arc::clone(&self.home)));
        let patience = self.home.settings.connect_timeout;
        let said = within(patience, self.get()?.execute(word)).await;
        if said.is_ok() {
            doubt.0 = None;
        }
        said.map(drop)
    }

    /// Keeps the connection for the next. Nothing may be open on it.
    pub(in crate::store) fn give_back(mut self) {
        if let Some(conn) = self.conn.take() {
            self.home.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        }
    }
}

/// Closes what is idle unless it is told not to: also when whoever asked did not wait for the answer.
struct Doubt(Option<Arc<Connections>>);

impl Drop for Doubt {
    fn drop(&mut self) {
        if let Some(home) = &self.0 {
            home.forget();
        }
    }
}

/// What the other end answers, if it does so in time. After that the connection is of no use.
pub(in crate::store) async fn within<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let silent = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "it does not answer").into());
    tokio::time::timeout(patience, answer).await.unwrap_or_else(silent)
}
