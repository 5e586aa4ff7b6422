//! The scheduler of cases: looks at the clock, has the store decide what is due, and tells who is late.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tributary_model::clock::SharedClock;

use crate::group::Group;
use crate::store::{Store, StoreError};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(200);

/// What the scheduler works with.
pub(crate) struct Scheduler {
    pub(crate) store: Store,
    pub(crate) group: Arc<Group>,
    pub(crate) clock: SharedClock,
}

impl Scheduler {
    /// Decides until asked to stop.
    pub(crate) async fn run(self, stopping: CancellationToken) {
        while !stopping.is_cancelled() {
            match self.look().await {
                Ok(()) | Err(StoreError::Stopped) => {}
                Err(error) => tracing::error!(%error, "due cases could not be decided; trying again"),
            }
            let _ = stopping.run_until_cancelled(tokio::time::sleep(TICK)).await;
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        // Escalated first: at the end of a window both fall on the same instant.
        for late in self.store.escalate(now).await? {
            let contact = self.group.entity(&late.entity).and_then(|entity| entity.contact.as_deref());
            tracing::warn!(
                case = %late.case,
                entity = %late.entity,
                disposition = %late.disposition,
                contact = contact.unwrap_or("none recorded"),
                "an entity is late: escalate to its contact"
            );
        }
        self.store.decide_due(now).await.map(drop)
    }
}
