//! A token bucket: bytes a second over all connections of a link, with little burst.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What may pass at once after a pause; small, so that a cut finds bytes under way.
const BURST: Duration = Duration::from_millis(20);

/// The rate of a link.
#[derive(Debug)]
pub(super) struct Pace(Mutex<State>);

#[derive(Debug)]
struct State {
    bytes_per_second: Option<u64>,
    /// When everything taken so far has passed.
    busy_until: Instant,
}

impl Pace {
    pub(super) fn unlimited() -> Self {
        Self(Mutex::new(State { bytes_per_second: None, busy_until: Instant::now() }))
    }

    pub(super) fn set(&self, bytes_per_second: Option<u64>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).bytes_per_second = bytes_per_second;
    }

    /// Waits until `bytes` more may pass.
    pub(super) async fn take(&self, bytes: usize) {
        let until = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(rate) = state.bytes_per_second else { return };
            let now = Instant::now();
            let earliest = now.checked_sub(BURST).unwrap_or(now);
            let cost = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
            state.busy_until = state.busy_until.max(earliest) + cost;
            state.busy_until
        };
        tokio::time::sleep_until(until).await;
    }
}
