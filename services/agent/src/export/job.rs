//! One export's job: waits for its turn, walks, and after a failure waits and walks again; after a walk waits for people
//! where it must, until it is attested or ended.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tributary_model::id::InstructionId;

use super::generation::{self, Outcome};
use super::held::{self, Waited};
use super::{Exports, Inner, blocking};
use crate::collect::StopFlag;

/// How often a wait looks at the clock, which may run faster than this machine's.
const LOOK: Duration = Duration::from_millis(200);

/// How often a wait for room looks whether there is any.
const ROOM: Duration = Duration::from_secs(1);

/// A running job, to be stopped. Clones are the same job.
#[derive(Debug, Clone)]
pub(super) struct Job {
    ended: CancellationToken,
    flag: StopFlag,
    done: CancellationToken,
}

/// Raises its flag when dropped.
#[derive(Debug)]
pub(super) struct StopOnDrop(StopFlag);

impl Job {
    pub(super) fn new() -> Self {
        Self { ended: CancellationToken::new(), flag: StopFlag::new(), done: CancellationToken::new() }
    }

    /// Ends the job; a walk stops at its next row.
    pub(super) fn stop(&self) {
        self.flag.raise();
        self.ended.cancel();
    }
}

impl StopOnDrop {
    pub(super) fn new() -> Self {
        Self(StopFlag::new())
    }

    pub(super) fn flag(&self) -> StopFlag {
        self.0.clone()
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.raise();
    }
}

/// Runs the job to its end, once the one before has ended: an export has one job at a time. A process that stops leaves
/// the export waiting in the ledger.
pub(super) async fn run(exports: Exports, instruction: InstructionId, job: Job, before: Option<Job>) {
    let _done = job.done.clone().drop_guard();
    if let Some(before) = before {
        before.done.cancelled().await;
    }
    let inner = Arc::clone(&exports.0);
    loop {
        // At once for one that an earlier process left waiting; nothing for any other.
        let waited = job.ended.run_until_cancelled(held::wait_for_people(&exports, instruction)).await;
        if waited.is_none_or(|waited| waited == Waited::Ended) {
            return;
        }
        let Some(Ok(turn)) = job.ended.run_until_cancelled(inner.setup.turns.walks.acquire()).await else { return };
        // Not cut short: a walk that is told to stop clears its files away, and only then is the job over.
        let outcome = walk(&inner, instruction, &job).await;
        drop(turn);
        let (until, room) = match outcome {
            Outcome::Ended => return,
            Outcome::Held => continue,
            Outcome::Waits { until, room } => (until, room),
        };
        let waits = async {
            wait(&inner, until).await;
            wait_for_room(&exports, instruction, room).await;
        };
        if job.ended.run_until_cancelled(waits).await.is_none() {
            return;
        }
    }
}

async fn walk(inner: &Arc<Inner>, instruction: InstructionId, job: &Job) -> Outcome {
    let (own, flag) = (Arc::clone(inner), job.flag.clone());
    match blocking(move || generation::run(&own, instruction, &flag)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let own = Arc::clone(inner);
            blocking(move || generation::broke_off(&own, instruction)).await.unwrap_or(Outcome::Ended)
        }
    }
}

pub(super) async fn wait(inner: &Inner, until: Timestamp) {
    loop {
        let left = Duration::try_from(until.duration_since(inner.now())).unwrap_or(Duration::ZERO);
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK)).await;
    }
}

/// Waits until the spool has room for so many bytes. To look costs a system call; to walk in vain costs the entity's
/// databases all that the person has in them.
async fn wait_for_room(exports: &Exports, instruction: InstructionId, bytes: u64) {
    let mut said = false;
    while exports.blocking(move |inner| Ok(inner.setup.spool.room() < bytes)).await.unwrap_or(false) {
        if !said {
            said = true;
            let told = exports.blocking(move |inner| Ok(generation::waits_for_room(inner, instruction)?)).await;
            if let Err(error) = told {
                tracing::warn!(%instruction, %error, "the ledger cannot say that an export waits for room");
            }
        }
        tokio::time::sleep(ROOM).await;
    }
}
