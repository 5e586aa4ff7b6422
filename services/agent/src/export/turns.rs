//! How much the process does at once, whichever of its entities asks: the databases and the memory are the same.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::config::Limits;

/// Permits that all exports of a process share. Clones are the same permits.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    /// One per walk.
    pub(super) walks: Arc<Semaphore>,
    /// One per question.
    pub(super) locates: Arc<Semaphore>,
    /// One per part that is read.
    pub(super) reads: Arc<Semaphore>,
}

impl Turns {
    /// As many as `limits` allows.
    pub(crate) fn new(limits: &Limits) -> Self {
        let permits = |count| Arc::new(Semaphore::new(count));
        Self {
            walks: permits(limits.concurrent_exports),
            locates: permits(limits.concurrent_locates),
            reads: permits(limits.concurrent_reads),
        }
    }
}
