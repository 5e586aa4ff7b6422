//! Half-received parts between two attempts of this process: the next one reads on where a cut had stopped it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tributary_archive::part::Part;
use tributary_model::id::InstructionId;

use crate::stage::Receiver;

/// Half-received parts that are kept. Each holds an inflate state and an open file.
const KEPT: usize = 64;

/// Names a part: export, generation, number.
pub(super) type Key = (InstructionId, u32, u32);

/// What attempts that were cut have left behind. A dropped receiver removes its file.
#[derive(Default)]
pub(super) struct Partials(Mutex<HashMap<Key, Receiver>>);

impl Partials {
    /// What is kept of exactly this part.
    pub(super) fn take(&self, key: &Key, part: &Part) -> Option<Receiver> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        kept.filter(|receiver| receiver.part() == part)
    }

    /// Keeps it, while there is room.
    pub(super) fn keep(&self, key: Key, receiver: Receiver) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.insert(key, receiver);
        }
    }

    /// Drops what is kept of an export, but for one generation.
    pub(super) fn forget(&self, export: InstructionId, but: Option<u32>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(instruction, generation, _), _| *instruction != export || Some(*generation) == but);
    }
}
