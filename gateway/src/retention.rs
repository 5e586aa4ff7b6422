//! Looks for archives whose retention is over and has them shredded (GRP-9): the merged copy is a means of delivery, and
//! no second home of the person's data.
//!
//! The store decides and drops keys and rows in one transaction; files are removed after it, and what a crash leaves of
//! them is swept later. Looking twice, or from several processes at once, changes nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use tributary_model::clock::SharedClock;

use crate::config::Retention;
use crate::object_folder;
use crate::objects::Objects;
use crate::store::{Cutoffs, Shredded, Store, StoreError};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(200);
/// How far it must have moved for another look: dates of retention are days.
const STEP: SignedDuration = SignedDuration::from_mins(1);

/// What the sweep works with.
pub(crate) struct Sweep {
    pub(crate) store: Store,
    pub(crate) objects: Arc<Objects>,
    pub(crate) clock: SharedClock,
    pub(crate) retention: Retention,
}

impl Sweep {
    /// Sweeps until asked to stop.
    pub(crate) async fn run(self, stopping: CancellationToken) {
        let mut last: Option<Timestamp> = None;
        while !stopping.is_cancelled() {
            let now = self.clock.now();
            if last.is_none_or(|last| now < last || now.duration_since(last) >= STEP) {
                last = Some(now);
                match self.look(now).await {
                    Ok(()) | Err(StoreError::Stopped) => {}
                    Err(error) => tracing::error!(%error, "retention could not be enforced; trying again"),
                }
            }
            let _ = stopping.run_until_cancelled(tokio::time::sleep(TICK)).await;
        }
    }

    async fn look(&self, now: Timestamp) -> Result<(), StoreError> {
        let cutoffs = self.retention.cutoffs(now);
        for case in self.store.over_time(cutoffs).await? {
            match self.store.shred_over_time(case, cutoffs, now).await {
                Ok(Shredded::Case) => {
                    self.objects.remove_case(case);
                    tracing::info!(%case, "a closed case was shredded: its retention is over");
                }
                Ok(Shredded::Objects(objects)) => {
                    objects.iter().for_each(|object| self.objects.remove(case, object));
                    tracing::info!(%case, "an archive was shredded: its retention is over");
                }
                // One damaged record must not keep all others beyond their time.
                Err(error @ (StoreError::Corrupt(_) | StoreError::Crypto(_))) => {
                    tracing::error!(%case, %error, "a case cannot be shredded and is passed over; restore its record");
                }
                Err(error) => return Err(error),
            }
        }
        if self.store.owes_forgetting() {
            self.store.forget_deleted().await?;
        }
        self.store.forget_sessions(now).await?;
        object_folder::sweep(&self.objects, &self.store, now).await
    }
}

impl Retention {
    /// What was delivered or written at or before these instants is over its time at `now`.
    pub(crate) fn cutoffs(self, now: Timestamp) -> Cutoffs {
        let before =
            |days: u16| now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN);
        Cutoffs { delivered: before(self.delivered_days), undelivered: before(self.undelivered_days) }
    }
}
