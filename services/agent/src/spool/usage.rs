//! How many bytes the spool holds, counted per generation so that dropping one gives back exactly what it took.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tributary_model::id::InstructionId;

/// No room is left for another part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SpoolFull {
    /// The quota is used up.
    #[error(
        "the spool's quota of {quota} bytes is used up: raise `spool.quota`, or wait until the gateway has fetched other exports"
    )]
    Quota {
        /// The quota.
        quota: u64,
    },
    /// The volume is full.
    #[error("the volume of the data directory is full: make room there")]
    Disk,
}

impl SpoolFull {
    /// What an error of writing says about room, if that is its cause.
    pub(crate) fn cause(error: &io::Error) -> Option<Self> {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                let own = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>());
                Some(own.cloned().unwrap_or(Self::Disk))
            }
            _ => None,
        }
    }
}

/// How many bytes there may be in all spools that share it. Clones are the same quota.
#[derive(Debug, Clone)]
pub(crate) struct Quota(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bytes: u64,
    taken: AtomicU64,
}

impl Quota {
    /// A quota of `bytes`.
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Arc::new(Shared { bytes, taken: AtomicU64::new(0) }))
    }

    fn left(&self) -> u64 {
        self.0.bytes.saturating_sub(self.0.taken.load(Ordering::Relaxed))
    }

    /// Takes `bytes` more, or nothing when they do not fit.
    fn take(&self, bytes: u64) -> io::Result<()> {
        let more = |taken: u64| taken.checked_add(bytes).filter(|taken| *taken <= self.0.bytes);
        let taken = self.0.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        let full = |_| io::Error::new(io::ErrorKind::QuotaExceeded, SpoolFull::Quota { quota: self.0.bytes });
        taken.map(drop).map_err(full)
    }

    /// Takes `bytes` that are there already, whether they fit or not.
    fn found(&self, bytes: u64) {
        self.0.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&self, bytes: u64) {
        self.0.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Bytes that one spool uses of a quota.
#[derive(Debug)]
pub(super) struct Usage {
    quota: Quota,
    taken: Mutex<HashMap<(InstructionId, u32), u64>>,
}

impl Usage {
    pub(super) fn new(quota: Quota) -> Self {
        Self { quota, taken: Mutex::default() }
    }

    pub(super) fn total(&self) -> u64 {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Bytes of the quota that are left.
    pub(super) fn left(&self) -> u64 {
        self.quota.left()
    }

    pub(super) fn of(&self, instruction: InstructionId, generation: u32) -> u64 {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.get(&(instruction, generation)).copied().unwrap_or_default()
    }

    /// Takes `bytes` more for a generation, or nothing when they do not fit.
    pub(super) fn take(&self, instruction: InstructionId, generation: u32, bytes: u64) -> io::Result<()> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        self.quota.take(bytes)?;
        *taken.entry((instruction, generation)).or_default() += bytes;
        Ok(())
    }

    pub(super) fn set(&self, instruction: InstructionId, generation: u32, bytes: u64) {
        self.quota.found(bytes);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        self.quota.give_back(taken.insert((instruction, generation), bytes).unwrap_or_default());
    }

    /// Gives back what one file took.
    pub(super) fn give_back(&self, instruction: InstructionId, generation: u32, bytes: u64) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = taken.get_mut(&(instruction, generation)) {
            *taken = taken.saturating_sub(bytes);
        }
    }

    pub(super) fn drop_generation(&self, instruction: InstructionId, generation: u32) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        self.quota.give_back(taken.remove(&(instruction, generation)).unwrap_or_default());
    }

    pub(super) fn drop_export(&self, instruction: InstructionId) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|(other, _), bytes| {
            let stays = *other != instruction;
            if !stays {
                self.quota.give_back(*bytes);
            }
            stays
        });
    }
}
