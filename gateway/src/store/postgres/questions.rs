//! Questions: each sees the database as it was at one moment, and holds nobody up.

use std::sync::Arc;

use sqlx::Postgres;
use sqlx::postgres::PgRow;
use sqlx::query::Query;
use tributary_transport::tasks::Tasks;

use super::pool::{Connections, Lent, PATIENCE, within};
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
        if let Err(error) = lent.say(BEGIN).await {
            // It had died while it was idle. Whether the database is back, a new one tells.
            tracing::debug!(%error, "an idle connection to the database was lost");
            drop(lent);
            lent = self.connections.lend().await?;
            lent.say(BEGIN).await?;
        }
        Ok(View { lent: Some(lent), connections: Arc::clone(&self.connections), tasks: self.tasks.clone() })
    }
}

/// One view. Ended when it is dropped.
pub(in crate::store) struct View {
    /// Gone once it was of no use any more.
    lent: Option<Lent>,
    connections: Arc<Connections>,
    tasks: Tasks,
}

impl View {
    /// All rows of a statement.
    pub(in crate::store) async fn rows(
        &mut self,
        statement: Query<'_, Postgres, sqlx::postgres::PgArguments>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let lent = self.lent.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let rows = within(PATIENCE, statement.fetch_all(lent.get()?)).await.map_err(StoreError::from);
        if matches!(rows, Err(StoreError::Unavailable(_))) {
            self.connections.forget();
            self.lent = None;
        }
        rows
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
            if lent.say("ROLLBACK").await.is_ok() {
                lent.give_back();
            }
        });
    }
}
