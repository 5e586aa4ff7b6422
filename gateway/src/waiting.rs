//! The scheduler of cases: looks at the clock, has the store decide what is due, and tells who is late.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tributary_model::clock::SharedClock;

use crate::group::Group;
use crate::metrics;
use crate::store::{Escalation, Late, Store, StoreError};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(200);
/// Pause after a look that failed.
const AGAIN: Duration = Duration::from_secs(1);

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
                Err(error) => {
                    tracing::error!(%error, "due cases could not be decided; trying again");
                    let _ = stopping.run_until_cancelled(tokio::time::sleep(AGAIN)).await;
                }
            }
            let _ = stopping.run_until_cancelled(tokio::time::sleep(TICK)).await;
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        // Escalated first: at the end of a window both fall on the same instant.
        for escalation in self.store.escalate(now).await? {
            self.tell(&escalation);
        }
        self.store.decide_due(now).await.map(drop)
    }

    fn tell(&self, escalation: &Escalation) {
        let case = escalation.case;
        match &escalation.late {
            Late::Entity(entity, disposition) => {
                let contact = self.group.entity(entity).and_then(|entity| entity.contact.as_deref());
                let contact = contact.unwrap_or("none recorded");
                tracing::warn!(%case, %entity, %disposition, contact, "an entity is late: escalate to its contact");
                metrics::escalated(disposition.as_str());
            }
            Late::Identity => {
                tracing::warn!(%case, "nobody has vouched for the person: confirm the identity or cancel the case");
                metrics::escalated("AWAITING_IDENTITY");
            }
        }
    }
}
