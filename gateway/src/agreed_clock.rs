//! One clock for all processes on a database: the database's.
//!
//! Leases, pauses and dates are written by one process and compared by another. What keeps two from doing the same is a
//! lease's token and not its time, so clocks that differ lose nothing; but a process that is minutes ahead would take
//! over whatever the others have just taken up, and one that is behind would look gone to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tributary_model::clock::{Clock, SharedClock};

use crate::store::{Store, StoreError};

/// Differences up to this are left as they are: leases are far longer, and a clock should not jump for less.
const LEFT_ALONE: SignedDuration = SignedDuration::from_millis(500);
/// A database that takes longer to answer has not said what time it is.
const TOO_LONG: SignedDuration = SignedDuration::from_secs(1);
/// From this difference on somebody is told to mend the machine's clock: mandates and certificates count by it too.
const WORTH_TELLING: SignedDuration = SignedDuration::from_secs(5);

/// This machine's clock, moved to the database's.
pub(crate) struct AgreedClock {
    own: SharedClock,
    /// Milliseconds by which the database is ahead.
    ahead: AtomicI64,
}

impl AgreedClock {
    /// Asks the database of `store` for the first time. A clock that does not follow the world's time, and a database
    /// that this process has alone, leave everything as it is.
    pub(crate) async fn new(own: SharedClock, store: &Store) -> Result<Arc<Self>, StoreError> {
        let clock = Self { own, ahead: AtomicI64::new(0) };
        clock.adjust(store).await?;
        Ok(Arc::new(clock))
    }

    /// Asks again.
    pub(crate) async fn adjust(&self, store: &Store) -> Result<(), StoreError> {
        if !self.own.is_real() {
            return Ok(());
        }
        let asked = self.own.now();
        let Some(there) = store.time().await? else { return Ok(()) };
        self.set(asked, there, self.own.now());
        Ok(())
    }

    /// The database's clock said `there` at some moment between `asked` and `answered` by this machine's.
    fn set(&self, asked: Timestamp, there: Timestamp, answered: Timestamp) {
        let took = answered.duration_since(asked);
        if took < SignedDuration::ZERO || took > TOO_LONG {
            return;
        }
        let found = there.duration_since(asked) - took / 2;
        let known = SignedDuration::from_millis(self.ahead.load(Ordering::Relaxed));
        let moved = if found.abs() <= LEFT_ALONE { SignedDuration::ZERO } else { found };
        if (moved - known).abs() <= LEFT_ALONE {
            return;
        }
        self.ahead.store(i64::try_from(moved.as_millis()).unwrap_or_default(), Ordering::Relaxed);
        if moved.abs() >= WORTH_TELLING {
            tracing::warn!(difference = %moved, "this machine's clock differs from the database's, which is followed; have both set by NTP");
        } else {
            tracing::info!(difference = %moved, "the database's clock is followed");
        }
    }
}

impl Clock for AgreedClock {
    fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.ahead.load(Ordering::Relaxed));
        let own = self.own.now();
        own.checked_add(ahead).unwrap_or(own)
    }

    fn is_real(&self) -> bool {
        self.own.is_real()
    }
}

#[cfg(test)]
mod tests {
    use tributary_model::clock::ManualClock;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn clock() -> (Arc<ManualClock>, AgreedClock) {
        let own = Arc::new(ManualClock::at(at(0)));
        (own.clone(), AgreedClock { own, ahead: AtomicI64::new(0) })
    }

    #[test]
    fn the_databases_time_counts_and_goes_on_with_this_machines() {
        let (own, clock) = clock();
        clock.set(at(0), at(300), at(0));
        assert_eq!(clock.now(), at(300));
        own.advance(SignedDuration::from_secs(5));
        assert_eq!(clock.now(), at(305));
        clock.set(at(5), at(5 - 240), at(5));
        assert_eq!(clock.now(), at(5 - 240), "a clock that was mended is followed too");
    }

    #[test]
    fn small_differences_and_slow_answers_move_nothing() {
        let (_, clock) = clock();
        clock.set(at(0), at(0) + SignedDuration::from_millis(400), at(0));
        assert_eq!(clock.now(), at(0));
        clock.set(at(0), at(300), at(2));
        assert_eq!(clock.now(), at(0));
        clock.set(at(0), at(300), at(-10));
        assert_eq!(clock.now(), at(0), "this machine's clock was moved meanwhile");
        clock.set(at(0), at(300), at(0));
        clock.set(at(0), at(300) + SignedDuration::from_millis(400), at(0));
        assert_eq!(clock.now(), at(300));
    }
}
