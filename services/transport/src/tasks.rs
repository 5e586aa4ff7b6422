//! Tasks that belong to somebody: tracked, drained with a deadline, their panics surfaced.
//!
//! A bare spawn is lost at shutdown and swallows its panic. Everything that runs beside a request is spawned here;
//! `panics` says where a panic happened without repeating what it said.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::panics;

/// How long tasks get to unwind once they are stopped by force.
const AFTER_STOP: Duration = Duration::from_secs(1);

/// The tasks of one component. Cheap to clone; all clones are the same set.
#[derive(Debug, Clone, Default)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tracker: TaskTracker,
    asked: CancellationToken,
    forced: CancellationToken,
    panics: AtomicU64,
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Tasks that did not end in time and were dropped at their next await.
    pub forced: usize,
    /// Tasks that still ran when the drain gave up on them, because they block without awaiting.
    pub stuck: usize,
}

impl Tasks {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fires when the set is asked to end. Long-running tasks watch it and finish what they have begun.
    pub fn stopping(&self) -> CancellationToken {
        self.0.asked.clone()
    }

    /// Runs `future` as a task of this set, in the current span. `name` appears in the log if it panics.
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // Boxed at once: what follows is compiled once, and not for every kind of task.
        self.spawn_boxed(name, Box::pin(future));
    }

    fn spawn_boxed(&self, name: &'static str, future: BoxFuture<'static, ()>) {
        let set = Arc::clone(&self.0);
        let body = async move {
            let Some(outcome) = set.forced.run_until_cancelled(panics::catch(future)).await else { return };
            if let Err(panic) = outcome {
                set.panics.fetch_add(1, Ordering::Relaxed);
                panics::surface("task", name, &panic);
            }
        };
        spawn(self.0.tracker.track_future(body.in_current_span()));
    }

    /// How many tasks have panicked so far.
    pub fn panics(&self) -> u64 {
        self.0.panics.load(Ordering::Relaxed)
    }

    /// How many tasks run now.
    pub fn running(&self) -> usize {
        self.0.tracker.len()
    }

    /// Asks the tasks to end, waits up to `limit`, then stops the rest at their next await.
    pub async fn drain(&self, limit: Duration) -> Drained {
        self.0.asked.cancel();
        self.0.tracker.close();
        if tokio::time::timeout(limit, self.0.tracker.wait()).await.is_ok() {
            return Drained { forced: 0, stuck: 0 };
        }
        let forced = self.0.tracker.len();
        self.0.forced.cancel();
        let _ = tokio::time::timeout(AFTER_STOP, self.0.tracker.wait()).await;
        Drained { forced, stuck: self.0.tracker.len() }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that spawns: the future is tracked and drained by its set"
)]
fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(future));
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[tokio::test]
    async fn a_drain_waits_for_tasks_that_end_when_asked() {
        let tasks = Tasks::new();
        let stopping = tasks.stopping();
        let finished = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&finished);
        tasks.spawn("polite", async move {
            stopping.cancelled().await;
            tokio::task::yield_now().await;
            flag.store(true, Ordering::SeqCst);
        });
        assert_eq!(tasks.drain(Duration::from_secs(60)).await, Drained { forced: 0, stuck: 0 });
        assert!(finished.load(Ordering::SeqCst));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ignores_the_request_is_dropped_at_the_deadline() {
        let tasks = Tasks::new();
        tasks.spawn("deaf", std::future::pending());
        assert_eq!(tasks.drain(Duration::from_secs(60)).await, Drained { forced: 1, stuck: 0 });
    }

    #[tokio::test]
    async fn a_panic_is_counted_and_ends_only_its_task() {
        let tasks = Tasks::new();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        tasks.spawn("broken", async { panic!("on purpose") });
        tasks.spawn("sound", async move { sender.send(7).unwrap() });
        assert_eq!(receiver.await.unwrap(), 7);
        assert_eq!(tasks.drain(Duration::from_secs(60)).await, Drained { forced: 0, stuck: 0 });
        assert_eq!(tasks.panics(), 1);
    }
}
