//! The processes of a gateway: which there are by its own word, and to which of them a connection is held.
//!
//! One connection to each is enough, whichever address it came through; a second one to the same process is given up.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::watch;

/// How many processes a gateway may name, and how long their names may be.
const MOST: usize = 256;
const LONGEST: usize = 128;

/// What all connections of this process know together. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Replicas(watch::Sender<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    held: BTreeMap<String, Holder>,
    named: BTreeSet<String>,
    /// Connections that have not ended.
    live: BTreeSet<u64>,
    /// How many connections that led to a process of their own have ended so far.
    ended: u64,
    sessions: u64,
}

/// Which connection leads to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) session: u64,
    /// The configured address through which it goes.
    pub(super) index: usize,
}

impl Replicas {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(State::default()))
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<State> {
        self.0.subscribe()
    }

    /// How many connections have ended, and how many processes are named.
    pub(super) fn ended_and_named(&self) -> (u64, usize) {
        let state = self.0.borrow();
        (state.ended, state.named.len())
    }

    /// A number for a new connection.
    pub(super) fn begin(&self, index: usize) -> Holder {
        let mut session = 0;
        self.0.send_if_modified(|state| {
            state.sessions += 1;
            session = state.sessions;
            state.live.insert(session);
            false
        });
        Holder { session, index }
    }

    /// Process `replica` is at the other end of `holder`, and says which others there are. False when there is a
    /// connection to it already, or this one has ended meanwhile: a call may still be under way then.
    pub(super) fn introduce(&self, holder: Holder, replica: &str, others: &[String]) -> bool {
        let mut is_new = false;
        self.0.send_modify(|state| {
            let is_live = state.live.contains(&holder.session);
            is_new = is_live && state.held.get(replica).is_none_or(|held| *held == holder);
            if is_new {
                state.held.insert(replica.to_owned(), holder);
            }
            let named = others.iter().filter(|name| !name.is_empty() && name.len() <= LONGEST).take(MOST);
            state.named = named.cloned().collect();
        });
        is_new
    }

    /// The connection is over.
    pub(super) fn end(&self, holder: Holder) {
        self.0.send_modify(|state| {
            let before = state.held.len();
            state.live.remove(&holder.session);
            state.held.retain(|_, held| *held != holder);
            state.ended += u64::from(state.held.len() < before);
        });
    }
}

/// How a process that dials out is connected. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Links(pub(super) Replicas);

impl Links {
    /// Processes of the gateway to which a connection is held.
    pub fn held(&self) -> usize {
        self.0.0.borrow().held.len()
    }

    /// Processes of the gateway that it has named and to which none is held.
    pub fn missing(&self) -> usize {
        self.0.0.borrow().missing().len()
    }
}

impl State {
    /// Processes that are named and not connected.
    pub(super) fn missing(&self) -> Vec<&str> {
        self.named.iter().filter(|name| !self.held.contains_key(*name)).map(String::as_str).collect()
    }

    pub(super) fn is_missing_any(&self) -> bool {
        self.named.iter().any(|name| !self.held.contains_key(name))
    }

    /// Whether a connection goes through the address with this index.
    pub(super) fn goes_through(&self, index: usize) -> bool {
        self.held.values().any(|held| held.index == index)
    }

    pub(super) fn ended(&self) -> u64 {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_has_ended_holds_nothing_although_its_first_call_is_still_under_way() {
        let replicas = Replicas::new();
        let ended = replicas.begin(0);
        replicas.end(ended);
        assert!(!replicas.introduce(ended, "a", &["a".to_owned()]));
        assert_eq!((Links(replicas.clone()).held(), Links(replicas.clone()).missing()), (0, 1));
        let next = replicas.begin(0);
        assert!(replicas.introduce(next, "a", &["a".to_owned()]));
        assert_eq!((Links(replicas.clone()).held(), Links(replicas).missing()), (1, 0));
    }

    #[test]
    fn a_second_connection_to_a_process_is_not_wanted_until_the_first_has_ended() {
        let replicas = Replicas::new();
        let (first, second) = (replicas.begin(0), replicas.begin(1));
        let all = ["a".to_owned(), "b".to_owned()];
        assert!(replicas.introduce(first, "a", &all));
        assert!(replicas.introduce(first, "a", &all), "the same connection may hear it again");
        assert!(!replicas.introduce(second, "a", &all));
        assert_eq!(replicas.subscribe().borrow().missing(), ["b"]);
        replicas.end(first);
        assert!(replicas.introduce(second, "a", &all));
        replicas.end(first);
        assert!(!replicas.subscribe().borrow().goes_through(0) && replicas.subscribe().borrow().goes_through(1));
    }
}
