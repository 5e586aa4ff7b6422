//! How much of a limit one peer may hold: every member of the group may connect, and none may take everything.
//!
//! `accept` counts connections by it, `rpc` calls, `https` connections of a network. What is held is given back by
//! being dropped.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tributary_model::spiffe::SpiffeId;

/// What each peer holds. Cheap to clone.
#[derive(Debug)]
pub(crate) struct Shares<P: Eq + Hash = SpiffeId>(Arc<Inner<P>>);

#[derive(Debug)]
struct Inner<P> {
    most: usize,
    held: Mutex<HashMap<P, usize>>,
}

/// One of a peer's places.
#[derive(Debug)]
pub(crate) struct Share<P: Eq + Hash + Clone = SpiffeId> {
    of: Shares<P>,
    peer: P,
}

impl<P: Eq + Hash> Clone for Shares<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Eq + Hash + Clone> Shares<P> {
    /// At most `most` places for each peer.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Inner { most, held: Mutex::default() }))
    }

    /// One more place for `peer`, unless it holds all that it may.
    pub(crate) fn take(&self, peer: &P) -> Option<Share<P>> {
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.get(peer).copied().unwrap_or(0);
        if count >= self.0.most {
            return None;
        }
        held.insert(peer.clone(), count + 1);
        Some(Share { of: self.clone(), peer: peer.clone() })
    }
}

impl<P: Eq + Hash + Clone> Drop for Share<P> {
    fn drop(&mut self) {
        let mut held = self.of.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = held.entry(self.peer.clone()) {
            if *count.get() > 1 {
                *count.get_mut() -= 1;
            } else {
                count.remove();
            }
        }
    }
}
