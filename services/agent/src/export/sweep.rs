//! Ends exports that nobody fetched in time, and has the ledger forget what ended. The entity's copy of a person's data must not lie around (Art. 5(1)(e) GDPR).

use std::sync::PoisonError;
use std::time::Duration;

use super::{ExportError, Exports};

/// How often the ledger is asked; the question is one look into an index.
const EVERY: Duration = Duration::from_secs(1);

/// Sweeps until the process stops.
pub(super) async fn run(exports: Exports) {
    let stopping = exports.0.stopping.clone();
    while stopping.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        if let Err(error) = sweep(&exports).await {
            tracing::error!(%error, "expired exports could not be swept; it is tried again");
        }
    }
}

async fn sweep(exports: &Exports) -> Result<(), ExportError> {
    exports
        .blocking(|inner| {
            let _starting = inner.starting.lock().unwrap_or_else(PoisonError::into_inner);
            for instruction in inner.setup.ledger.expire(inner.now())? {
                tracing::info!(%instruction, "an export expired: nobody fetched it in time");
                inner.end(instruction);
            }
            inner.setup.ledger.forget_deleted();
            Ok(())
        })
        .await
}
