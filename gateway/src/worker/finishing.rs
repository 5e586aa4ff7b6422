//! Tells agents that exports are over, so that they drop their spools: off the path of the case, until it worked.

use tributary_model::id::EntityId;
use tributary_model::right::Right;

use super::Worker;
use crate::case::after;
use crate::entity::{EntityError, Order};
use crate::store::{Finish, StoreError};

/// Exports of one entity that are finished at once.
const AT_ONCE: usize = 32;
/// After this many tries the agent's own expiry does it.
const TRIES: u32 = 64;

impl Worker {
    /// Starts telling every agent that is due to be told and is reached from here.
    pub(super) async fn finish_due(&self) -> Result<(), StoreError> {
        let due = self.0.store.finishing(self.0.clock.now()).await?;
        for entity in self.finishable(due).await? {
            let (now, hold) = (self.0.clock.now(), self.0.limits.lease);
            for finish in self.0.store.claim_finishes(entity, AT_ONCE, hold, now).await? {
                let worker = self.clone();
                self.0.tasks.spawn("finish an export", async move {
                    let stopping = worker.0.tasks.stopping();
                    if let Some(Err(error)) = stopping.run_until_cancelled(worker.finish(finish)).await {
                        tracing::error!(%error, "the end of an export could not be recorded");
                    }
                });
            }
        }
        Ok(())
    }

    /// Those of `due` whose agents this process can tell, and those that no process can: their tries are counted.
    async fn finishable(&self, due: Vec<EntityId>) -> Result<Vec<EntityId>, StoreError> {
        let (mut ours, away): (Vec<_>, Vec<_>) = due.into_iter().partition(|entity| self.reaches(entity));
        if !away.is_empty() {
            let linked = self.0.store.linked(self.0.clock.now()).await?;
            ours.extend(away.into_iter().filter(|entity| !linked.contains(entity)));
        }
        Ok(ours)
    }

    async fn finish(&self, finish: Finish) -> Result<(), StoreError> {
        self.0.partials.forget(finish.instruction, None);
        // An entity that is not listed any more cannot be told; its agent's expiry does it.
        let Some(client) = self.client(&finish.entity) else { return self.0.store.finished(finish.instruction).await };
        let order = Order {
            case: finish.case,
            right: Right::Access,
            instruction: finish.instruction,
            identifiers: Vec::new().into(),
        };
        match client.finish_export(&order).await {
            Ok(()) | Err(EntityError::Gone) => self.0.store.finished(finish.instruction).await,
            Err(error) if finish.attempts >= TRIES => {
                tracing::warn!(case = %finish.case, entity = %finish.entity, reason = %error,
                    "the agent could not be told that an export is over; it expires there by itself");
                self.0.store.finished(finish.instruction).await
            }
            Err(_) => {
                let next = after(self.0.clock.now(), self.pause(finish.attempts, false));
                self.0.store.finish_later(finish.instruction, next).await
            }
        }
    }
}
