//! Questions: each sees the database as it was at one moment, and holds nobody up.

use std::sync::Arc;

use sqlx::Executor;
use sqlx::postgres::PgConnection;
use tributary_transport::tasks::Tasks;

use super::pool::{Connections, Lent};
use crate::store::StoreError;

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// Answers questions.
pub(in crate::store) struct Questions {
    connections: Arc<Connections>,
    tasks: Tasks,
}

impl Questions {
    pub(super) fn new(connections: Arc<Connections>, tasks: Tasks) -> Self {
        Self { connections, tasks }
    }

    /// A view of what is committed now.
    pub(in crate::store) async fn view(&self) -> Result<View, StoreError> {
        let mut lent = self.connections.lend().await?;
        let begun = match lent.get() {
            Ok(conn) => conn.execute(BEGIN).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = begun {
            // It had died while it was idle. Whether the database is back, a new one tells.
            tracing::debug!(%error, "an idle connection to the database was lost");
            self.connections.forget();
            drop(lent);
            lent = self.connections.lend().await?;
            lent.get()?.execute(BEGIN).await?;
        }
        Ok(View { lent: Some(lent), tasks: self.tasks.clone() })
    }
}

/// One view. Ended when it is dropped.
pub(in crate::store) struct View {
    lent: Option<Lent>,
    tasks: Tasks,
}

impl View {
    pub(in crate::store) fn conn(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.lent.as_mut().ok_or(sqlx::Error::PoolClosed)?.get()
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let Some(mut lent) = self.lent.take() else { return };
        // Without a runtime the process ends, and the connection with it.
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        self.tasks.spawn("end a view of the database", async move {
            let ended = match lent.get() {
                Ok(conn) => conn.execute("ROLLBACK").await.is_ok(),
                Err(_) => false,
            };
            if ended {
                lent.give_back();
            }
        });
    }
}
