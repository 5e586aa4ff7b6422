//! Links that this process opens: dialled when needed, shared while they last.
//!
//! A cold connection costs seventeen warm calls, so links are kept. Callers that want the same entity at the same time
//! share one dial, and share its failure too: nobody waits for the sum of timeouts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tributary_model::id::EntityId;
use tributary_model::spiffe::SpiffeId;

use crate::dial::{DialError, Dialer};
use crate::link::Link;

/// The slots.
#[derive(Debug)]
pub(super) struct Dialled {
    dialer: Dialer,
    timeout: Duration,
    slots: Mutex<HashMap<EntityId, Arc<tokio::sync::Mutex<Slot>>>>,
}

#[derive(Debug, Default)]
struct Slot {
    link: Option<Held>,
    failed: Option<Failed>,
}

#[derive(Debug)]
struct Held {
    address: String,
    link: Link,
}

#[derive(Debug)]
struct Failed {
    at: Instant,
    address: String,
    expected: SpiffeId,
    error: DialError,
}

impl Dialled {
    pub(super) fn new(dialer: Dialer, timeout: Duration) -> Self {
        Self { dialer, timeout, slots: Mutex::default() }
    }

    /// A live link to `entity`, which must be `expected` at `address`. Dials when there is none, when it is gone, or
    /// when the group file now says another address or identity.
    pub(super) async fn get(&self, entity: &EntityId, address: &str, expected: &SpiffeId) -> Result<Link, DialError> {
        let asked = Instant::now();
        let slot = self.slot(entity);
        let mut slot = slot.lock().await;
        if let Some(link) = slot.usable(address, expected) {
            return Ok(link);
        }
        if let Some(error) = slot.failure_since(asked, address, expected) {
            return Err(error);
        }
        slot.link = None;
        match self.dialer.connect(address, expected, self.timeout).await {
            Ok(link) => {
                *slot = Slot { link: Some(Held { address: address.to_owned(), link: link.clone() }), failed: None };
                Ok(link)
            }
            Err(error) => {
                let (address, expected) = (address.to_owned(), expected.clone());
                slot.failed = Some(Failed { at: Instant::now(), address, expected, error: error.clone() });
                Err(error)
            }
        }
    }

    pub(super) async fn cut(&self, peer: &SpiffeId) -> usize {
        let slots: Vec<_> = self.slots.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let mut links = Vec::new();
        for slot in slots {
            links.extend(slot.lock().await.link.take_if(|held| held.link.peer().id == *peer));
        }
        links.iter().for_each(|held| held.link.cut());
        links.len()
    }

    fn slot(&self, entity: &EntityId) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(entity.clone()).or_default())
    }
}

impl Slot {
    fn usable(&self, address: &str, expected: &SpiffeId) -> Option<Link> {
        let held = self.link.as_ref()?;
        let same = held.address == address && held.link.peer().id == *expected;
        (same && held.link.takes_calls()).then(|| held.link.clone())
    }

    /// A dial that began before we asked and ended after it answers for us too.
    fn failure_since(&self, asked: Instant, address: &str, expected: &SpiffeId) -> Option<DialError> {
        let failed = self.failed.as_ref()?;
        let same = failed.address == address && failed.expected == *expected;
        (same && failed.at > asked).then(|| failed.error.clone())
    }
}
