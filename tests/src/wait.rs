//! Waiting for a condition, never for time: asks again until it holds or the limit is over.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(20);

/// Waits until `condition` gives a value.
///
/// # Errors
/// When it gave none within `limit`; `what` says what was awaited.
pub async fn until<T, F>(what: &str, limit: Duration, mut condition: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Option<T>>,
{
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = condition().await {
            return Ok(value);
        }
        if Instant::now() > end {
            bail!("{what}: not within {limit:?}");
        }
        tokio::time::sleep(STEP).await;
    }
}
