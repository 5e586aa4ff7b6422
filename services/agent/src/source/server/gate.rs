//! What all walks over one system share: its connections, and how many rows a second it may be asked for.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::settings::ServerLimits;
use crate::source::ReadError;
use crate::source::stop::Watch;

/// Longest wait between two looks at the watch.
const LOOK: Duration = Duration::from_millis(100);
/// Rows that may come at once after a quiet time, in seconds of their rate.
const BURST: Duration = Duration::from_secs(1);

/// Guards one system.
#[derive(Debug)]
pub struct Gate {
    connections: u32,
    ways: u32,
    taken: Mutex<u32>,
    freed: Condvar,
    rate: Option<u32>,
    /// When the rows read so far are paid for.
    paid: Mutex<Option<Instant>>,
}

/// The connections that a walk may make, one for each way; given back together when dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<Gate>);

impl Gate {
    /// The gate of a system with these limits, which a walk reaches in so many ways, each over a connection of its own.
    pub fn new(limits: &ServerLimits, ways: u32) -> Arc<Self> {
        Arc::new(Self {
            connections: limits.connections,
            ways,
            taken: Mutex::new(0),
            freed: Condvar::new(),
            rate: limits.rows_per_second,
            paid: Mutex::new(None),
        })
    }

    /// Waits until the connections of a walk may be made, for `patience` at most. It takes all of them at once: two walks
    /// that each had one and wanted another would wait for each other.
    pub(super) fn enter(self: &Arc<Self>, watch: &Watch, patience: Duration) -> Result<Permit, ReadError> {
        let until = Instant::now() + patience;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken + self.ways > self.connections {
            watch.check()?;
            if Instant::now() >= until {
                let all = self.connections;
                let message = match self.ways {
                    1 => format!("all {all} connections that `connections` allows are in use by other requests"),
                    ways => format!(
                        "{} of the {all} connections that `connections` allows are in use by other requests, and {ways} are needed",
                        *taken
                    ),
                };
                return Err(ReadError::Unavailable(message));
            }
            taken = self.freed.wait_timeout(taken, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        *taken += self.ways;
        Ok(Permit(Arc::clone(self)))
    }

    /// Rows a second; `None` for as many as come.
    pub(super) fn rate(&self) -> Option<u32> {
        self.rate
    }

    /// Waits as long as these rows take at the system's rate.
    pub(super) fn spend(&self, rows: usize, watch: &Watch) -> Result<(), ReadError> {
        let Some(rate) = self.rate else { return Ok(()) };
        let until = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let until = pay(*paid, Instant::now(), rows, rate);
            *paid = Some(until);
            until
        };
        loop {
            watch.check()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(LOOK));
        }
    }
}

impl Permit {
    /// The gate that gave it.
    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.0
    }
}

/// When `rows` more are paid for.
fn pay(paid: Option<Instant>, now: Instant, rows: usize, rate: u32) -> Instant {
    let earliest = now.checked_sub(BURST).unwrap_or(now);
    let start = paid.map_or(earliest, |paid| paid.max(earliest));
    start + Duration::from_secs_f64(rows as f64 / f64::from(rate.max(1)))
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken -= self.0.ways;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::StopFlag;

    fn gate(connections: u32, ways: u32) -> Arc<Gate> {
        Gate::new(&ServerLimits { connections, ..ServerLimits::default() }, ways)
    }

    #[test]
    fn a_connection_waits_until_another_is_given_back() {
        let (gate, watch) = (gate(1, 1), Watch::new(&StopFlag::new(), None));
        let first = gate.enter(&watch, Duration::ZERO).unwrap();
        let refused = gate.enter(&watch, Duration::from_millis(1)).unwrap_err();
        assert!(matches!(refused, ReadError::Unavailable(why) if why.contains("all 1 connections")));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.enter(&watch, Duration::from_secs(60)).is_ok());
            drop(first);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn a_walk_that_needs_two_connections_waits_for_both_and_holds_none_meanwhile() {
        let (gate, watch) = (gate(3, 2), Watch::new(&StopFlag::new(), None));
        let first = gate.enter(&watch, Duration::ZERO).unwrap();
        let refused = gate.enter(&watch, Duration::from_millis(1)).unwrap_err();
        assert!(
            matches!(refused, ReadError::Unavailable(why) if why.contains("2 of the 3") && why.contains("2 are needed"))
        );
        assert_eq!(*gate.taken.lock().unwrap(), 2);
        drop(first);
        assert_eq!(*gate.taken.lock().unwrap(), 0);
        assert!(gate.enter(&watch, Duration::ZERO).is_ok());
    }

    #[test]
    fn a_walk_that_is_stopped_does_not_wait_for_a_connection() {
        let (gate, stop) = (gate(1, 1), StopFlag::new());
        let watch = Watch::new(&stop, None);
        let _first = gate.enter(&watch, Duration::ZERO).unwrap();
        stop.raise();
        assert!(matches!(gate.enter(&watch, Duration::from_secs(60)), Err(ReadError::Stopped(_))));
    }

    #[test]
    fn rows_cost_time_at_their_rate_and_a_quiet_time_is_not_saved_up() {
        let now = Instant::now() + Duration::from_secs(100);
        let first = pay(None, now, 100, 100);
        assert_eq!(first, now, "one second's rows come at once");
        let second = pay(Some(first), now, 250, 100);
        assert_eq!(second, now + Duration::from_millis(2500));
        let later = now + Duration::from_secs(50);
        assert_eq!(pay(Some(second), later, 300, 100), later + Duration::from_secs(2));
    }
}
