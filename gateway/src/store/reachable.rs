//! An agent is back: its tasks do not sit out a pause that was meant for an agent that is away.

use jiff::Timestamp;
use tributary_model::disposition::Disposition;
use tributary_model::id::EntityId;

use super::sql::vals;
use super::{Store, StoreError};

impl Store {
    /// Makes the tasks due that wait because the agent of `entity` was not reached.
    pub(crate) async fn reachable(&self, entity: EntityId, now: Timestamp) -> Result<(), StoreError> {
        self.write("note that an agent is back", move |tx| {
            Box::pin(async move {
                let sql = "UPDATE tasks SET next_attempt_at = $2 WHERE entity = $1 AND disposition = $3 \
                           AND state IN ('QUEUED', 'LOCATED', 'EXPORTING') AND next_attempt_at > $2 \
                           AND lease_token IS NULL";
                tx.run(sql, &vals![&entity, now, Disposition::Unreachable]).await.map(drop)
            })
        })
        .await
    }
}
