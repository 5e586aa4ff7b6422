//! Links that agents opened: one slot per entity, the newest wins, and an old one's end does not evict its successor.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tributary_model::id::EntityId;
use tributary_model::spiffe::SpiffeId;

use crate::dial::DialError;
use crate::link::Link;

/// The slots.
#[derive(Debug)]
pub(super) struct Arrived {
    /// How long an agent that was there a moment ago is waited for.
    patience: Duration,
    began: Instant,
    generations: AtomicU64,
    slots: Mutex<HashMap<EntityId, Arc<watch::Sender<Slot>>>>,
}

/// What is known of one entity's link.
#[derive(Debug)]
struct Slot {
    held: Option<(u64, Link)>,
    /// When the last one was lost; at first, when this process began.
    lost: Instant,
}

/// A link in its slot. Dropping it empties the slot, unless a newer link is there.
#[derive(Debug)]
#[must_use = "dropping it takes the link out of its slot"]
pub struct Published {
    slot: Arc<watch::Sender<Slot>>,
    generation: u64,
}

impl Arrived {
    pub(super) fn new(patience: Duration) -> Self {
        let (generations, slots) = (AtomicU64::new(1), Mutex::default());
        Self { patience, began: Instant::now(), generations, slots }
    }

    /// The link of `entity`. One that broke a moment ago is most likely back in a moment, and so is every agent just
    /// after this process began; anybody else is not waited for, so that nothing queues behind an agent that is down.
    pub(super) async fn wait(&self, entity: &EntityId, expected: &SpiffeId) -> Result<Link, DialError> {
        let mut slot = self.slot(entity).subscribe();
        let until = slot.borrow().awaited_until(self.patience);
        let found = tokio::time::timeout_at(until, slot.wait_for(|slot| slot.usable(expected).is_some())).await;
        let link = match found {
            Ok(Ok(slot)) => slot.usable(expected),
            Ok(Err(_)) | Err(_) => None,
        };
        link.ok_or_else(|| DialError::NotDialledIn { expected: Box::new(expected.clone()) })
    }

    pub(super) fn holds(&self, entity: &EntityId, expected: &SpiffeId) -> bool {
        self.slot(entity).borrow().usable(expected).is_some()
    }

    pub(super) fn publish(&self, entity: &EntityId, link: Link) -> Published {
        let generation = self.generations.fetch_add(1, Ordering::Relaxed);
        let slot = self.slot(entity);
        slot.send_modify(|slot| slot.held = Some((generation, link)));
        Published { slot, generation }
    }

    pub(super) fn cut(&self, peer: &SpiffeId) -> usize {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let held = slots.values().filter_map(|slot| slot.borrow().held.as_ref().map(|(_, link)| link.clone()));
        let links: Vec<Link> = held.filter(|link| link.peer().id == *peer).collect();
        links.iter().for_each(Link::cut);
        links.len()
    }

    fn slot(&self, entity: &EntityId) -> Arc<watch::Sender<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let empty = || Arc::new(watch::Sender::new(Slot { held: None, lost: self.began }));
        Arc::clone(slots.entry(entity.clone()).or_insert_with(empty))
    }
}

impl Slot {
    fn usable(&self, expected: &SpiffeId) -> Option<Link> {
        let (_, link) = self.held.as_ref()?;
        (link.peer().id == *expected && link.takes_calls()).then(|| link.clone())
    }

    fn awaited_until(&self, patience: Duration) -> Instant {
        // One that is there and takes no calls is on its way out.
        let lost = if self.held.is_some() { Instant::now() } else { self.lost };
        lost + patience
    }
}

impl Published {
    /// Completes when a newer link of the entity has taken the slot.
    pub async fn superseded(&self) {
        let mut slot = self.slot.subscribe();
        let newer = |slot: &Slot| slot.held.as_ref().is_none_or(|(generation, _)| *generation != self.generation);
        // Cannot fail: the sender is ours.
        let _ = slot.wait_for(newer).await;
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        self.slot.send_if_modified(|slot| {
            let is_ours = slot.held.as_ref().is_some_and(|(generation, _)| *generation == self.generation);
            if is_ours {
                *slot = Slot { held: None, lost: Instant::now() };
            }
            is_ours
        });
    }
}
