//! Whether the database answers, for `/readyz`: a balancer sends nobody here while it does not.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tributary_transport::readiness::Condition;

use crate::store::Store;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(2);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks until told to stop. Whatever is under way goes on meanwhile: what fails is tried again by whoever asked.
pub(crate) async fn watch(store: Store, reachable: Condition, stopping: CancellationToken) {
    let asking = async {
        loop {
            let answered = timeout(PATIENCE, store.check()).await;
            match &answered {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "the database does not answer"),
                Err(_) => tracing::debug!("the database does not answer in time"),
            }
            reachable.set(matches!(answered, Ok(Ok(()))));
            sleep(EVERY).await;
        }
    };
    stopping.run_until_cancelled(asking).await;
}
