//! How many bytes the spool holds, counted per generation so that dropping one gives back exactly what it took.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

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

/// Bytes in use and how many there may be.
#[derive(Debug)]
pub(super) struct Usage {
    quota: u64,
    taken: Mutex<HashMap<(InstructionId, u32), u64>>,
}

impl Usage {
    pub(super) fn new(quota: u64) -> Self {
        Self { quota, taken: Mutex::default() }
    }

    pub(super) fn total(&self) -> u64 {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Bytes of the quota that are left.
    pub(super) fn left(&self) -> u64 {
        self.quota.saturating_sub(self.total())
    }

    pub(super) fn of(&self, instruction: InstructionId, generation: u32) -> u64 {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.get(&(instruction, generation)).copied().unwrap_or_default()
    }

    /// Takes `bytes` more for a generation, or nothing when they do not fit.
    pub(super) fn take(&self, instruction: InstructionId, generation: u32, bytes: u64) -> io::Result<()> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let total: u64 = taken.values().sum();
        if total.checked_add(bytes).is_none_or(|total| total > self.quota) {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, SpoolFull::Quota { quota: self.quota }));
        }
        *taken.entry((instruction, generation)).or_default() += bytes;
        Ok(())
    }

    pub(super) fn set(&self, instruction: InstructionId, generation: u32, bytes: u64) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert((instruction, generation), bytes);
    }

    pub(super) fn drop_generation(&self, instruction: InstructionId, generation: u32) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&(instruction, generation));
    }

    pub(super) fn drop_export(&self, instruction: InstructionId) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|(other, _), _| *other != instruction);
    }
}
