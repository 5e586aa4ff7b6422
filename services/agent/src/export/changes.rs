//! Tells those who watch an export that its rows in the ledger have changed. What changed they read there.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tributary_model::id::InstructionId;

/// Who watches what.
#[derive(Debug, Default)]
pub(super) struct Changes(Mutex<HashMap<InstructionId, watch::Sender<()>>>);

impl Changes {
    /// Hears of every change of the export from now on.
    pub(super) fn subscribe(&self, instruction: InstructionId) -> watch::Receiver<()> {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, sender| sender.receiver_count() > 0);
        watched.entry(instruction).or_insert_with(|| watch::channel(()).0).subscribe()
    }

    /// Something changed.
    pub(super) fn tell(&self, instruction: InstructionId) {
        if let Some(sender) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&instruction) {
            sender.send_replace(());
        }
    }
}
