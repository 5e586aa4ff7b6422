//! Connections that are kept open, at most so many at once. Whoever waits is served in order.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::postgres::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connect;
use crate::config::Postgres;
use crate::store::StoreError;

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

    /// Keeps the connection for the next. Nothing may be open on it.
    pub(in crate::store) fn give_back(mut self) {
        if let Some(conn) = self.conn.take() {
            self.home.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        }
    }
}
