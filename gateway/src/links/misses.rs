//! How often somebody may miss: each network, and all together. Guessing 256 bits is hopeless; this keeps the attempts
//! from costing anything. Memory is bounded, and what is remembered of a network is gone after the window.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tributary_transport::https::ClientNetwork;

/// How long misses are counted together.
const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// Misses of all networks together within the window, from which on whoever has missed at all has to wait.
const IN_ALL: u32 = 10_000;
/// Networks that are remembered.
const NETWORKS: usize = 10_000;

/// Counts misses.
pub(super) struct Misses {
    /// Misses that one network may have within the window; 0 for any number.
    each: u32,
    counted: Mutex<Counted>,
}

struct Counted {
    since: Timestamp,
    in_all: u32,
    networks: HashMap<ClientNetwork, u32>,
}

impl Misses {
    /// Nobody has missed yet.
    pub(super) fn new(each: u32, now: Timestamp) -> Self {
        Self { each, counted: Mutex::new(Counted { since: now, in_all: 0, networks: HashMap::new() }) }
    }

    /// How long a network has to wait, if it has to.
    pub(super) fn wait(&self, network: ClientNetwork, now: Timestamp) -> Option<SignedDuration> {
        if self.each == 0 {
            return None;
        }
        let counted = &mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.renew(now);
        let own = counted.networks.get(&network).copied().unwrap_or(0);
        let is_over = own >= self.each || (own > 0 && counted.in_all >= IN_ALL);
        is_over.then(|| WINDOW - now.duration_since(counted.since))
    }

    /// Counts a miss.
    pub(super) fn count(&self, network: ClientNetwork, now: Timestamp) {
        let counted = &mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.renew(now);
        counted.in_all = counted.in_all.saturating_add(1);
        if let Some(own) = counted.networks.get_mut(&network) {
            *own = own.saturating_add(1);
        } else if counted.networks.len() < NETWORKS {
            counted.networks.insert(network, 1);
        }
    }
}

impl Counted {
    fn renew(&mut self, now: Timestamp) {
        // Also when the clock was set back: waiting for it to catch up could take for ever.
        if now < self.since || now.duration_since(self.since) >= WINDOW {
            *self = Self { since: now, in_all: 0, networks: HashMap::new() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u32) -> ClientNetwork {
        ClientNetwork::of(std::net::Ipv4Addr::from(number).into())
    }

    #[test]
    fn a_network_that_misses_too_often_waits_and_the_others_do_not() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let misses = Misses::new(3, now);
        for _ in 0..3 {
            assert_eq!(misses.wait(network(1), now), None);
            misses.count(network(1), now);
        }
        assert_eq!(misses.wait(network(1), now + SignedDuration::from_mins(4)), Some(SignedDuration::from_mins(6)));
        assert_eq!(misses.wait(network(2), now), None);
        assert_eq!(misses.wait(network(1), now + WINDOW), None);
    }

    #[test]
    fn many_guessers_wait_together_and_take_bounded_memory() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let misses = Misses::new(20, now);
        for number in 0..2 * NETWORKS as u32 {
            misses.count(network(number), now);
        }
        assert!(misses.wait(network(1), now).is_some(), "it has missed before");
        assert_eq!(misses.wait(network(u32::MAX), now), None, "it has not");
        assert_eq!(misses.counted.lock().unwrap().networks.len(), NETWORKS);
    }

    #[test]
    fn without_a_limit_nobody_waits() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let misses = Misses::new(0, now);
        (0..100).for_each(|_| misses.count(network(1), now));
        assert_eq!(misses.wait(network(1), now), None);
    }
}
