//! Ending a walk early: because it is not wanted any more, or because a snapshot was held too long.

use std::time::{Duration, Instant};

use crate::collect::StopFlag;

/// Why a walk ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Nobody wants it any more, or the process ends.
    #[error("the walk was stopped")]
    Cancelled,
    /// A snapshot was held for as long as its system's owner allows.
    #[error("a snapshot was held for as long as `limits.snapshot_max` allows")]
    SnapshotTooLong,
}

/// Watches over one snapshot.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    stop: StopFlag,
    until: Option<Instant>,
}

impl Watch {
    /// A watch for a snapshot that may be held for `limit`, if there is one.
    pub(super) fn new(stop: &StopFlag, limit: Option<Duration>) -> Self {
        // A monotonic clock, not the civil one: this measures how long a lock is held.
        Self { stop: stop.clone(), until: limit.and_then(|limit| Instant::now().checked_add(limit)) }
    }

    /// Whether to go on.
    pub(super) fn check(&self) -> Result<(), Stopped> {
        if self.stop.is_raised() {
            Err(Stopped::Cancelled)
        } else if self.until.is_some_and(|until| Instant::now() >= until) {
            Err(Stopped::SnapshotTooLong)
        } else {
            Ok(())
        }
    }
}
