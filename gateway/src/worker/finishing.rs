//! Tells agents that exports are over, so that they drop their spools: off the path of the case, until it worked.

use std::sync::PoisonError;

use tributary_model::right::Right;

use super::Worker;
use crate::case::after;
use crate::entity::{EntityError, Order};
use crate::store::{Finish, StoreError};

/// Exports that are finished at once.
const AT_ONCE: usize = 32;
/// After this many tries the agent's own expiry does it.
const TRIES: u32 = 64;

impl Worker {
    /// Starts telling every agent that is due to be told.
    pub(super) async fn finish_due(&self) {
        let due = match self.0.store.finishes_due(self.0.clock.now(), AT_ONCE).await {
            Ok(due) => due,
            Err(error) => return tracing::error!(%error, "exports to be finished could not be read"),
        };
        for finish in due {
            if !self.0.finishing.lock().unwrap_or_else(PoisonError::into_inner).insert(finish.instruction) {
                continue;
            }
            let worker = self.clone();
            self.0.tasks.spawn("finish an export", async move {
                let stopping = worker.0.tasks.stopping();
                let instruction = finish.instruction;
                if let Some(Err(error)) = stopping.run_until_cancelled(worker.finish(finish)).await {
                    tracing::error!(%error, "the end of an export could not be recorded");
                }
                worker.0.finishing.lock().unwrap_or_else(PoisonError::into_inner).remove(&instruction);
            });
        }
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
