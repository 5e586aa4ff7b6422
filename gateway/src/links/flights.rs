//! Which downloads have ranges on their way: a download is complete once its last byte was sent and nothing of it is
//! under way any more. Browsers fetch one range at a time; download managers several.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tributary_model::clock::SharedClock;

use crate::store::Store;

/// Ranges of one download at once.
const AT_ONCE: u32 = 4;

/// All downloads with ranges on their way. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<[u8; 32], Under>>>);

#[derive(Default)]
struct Under {
    ranges: u32,
    end_was_sent: bool,
}

impl Flights {
    /// One more range of a download, which `reaches_end` or not; `None` when too many are on their way.
    pub(super) fn take_off(
        &self,
        session: [u8; 32],
        reaches_end: bool,
        store: Store,
        clock: SharedClock,
    ) -> Option<Flight> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let under = flights.entry(session).or_default();
        if under.ranges >= AT_ONCE {
            return None;
        }
        under.ranges += 1;
        Some(Flight { flights: self.clone(), session, reaches_end, is_counted: true, store, clock })
    }

    /// Ends a range; says whether the whole download is complete with it.
    fn end(&self, session: [u8; 32], end_was_sent: bool) -> bool {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(under) = flights.get_mut(&session) else { return false };
        under.ranges = under.ranges.saturating_sub(1);
        under.end_was_sent |= end_was_sent;
        if under.ranges > 0 {
            return false;
        }
        flights.remove(&session).is_some_and(|under| under.end_was_sent)
    }
}

/// One range on its way.
pub(super) struct Flight {
    flights: Flights,
    session: [u8; 32],
    reaches_end: bool,
    is_counted: bool,
    store: Store,
    clock: SharedClock,
}

impl Flight {
    /// Records how it ended: with all of its bytes sent, or with `bytes` of them.
    pub(super) async fn landed(mut self, is_whole: bool, bytes: u64) {
        self.is_counted = false;
        let is_complete = self.flights.end(self.session, is_whole && self.reaches_end);
        match self.store.range_ended(self.session, is_complete, bytes, self.clock.now()).await {
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "the end of a download by link could not be recorded"),
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if self.is_counted {
            self.flights.end(self.session, false);
        }
    }
}
