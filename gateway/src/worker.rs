//! The fan-out: durable tasks taken up under leases, each by an attempt of its own, as many at once as the limits say.
//!
//! `reach` says which entities are this process's business, `attempt` is one attempt from claim to outcome, `export`
//! takes one export in (`intake`). Calls are made by `entity`, parts are verified by `stage`, answers by `attest`.

mod attempt;
mod export;
mod finishing;
mod intake;
mod partials;
mod reach;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tributary_model::clock::SharedClock;
use tributary_model::id::{CaseId, EntityId};
use tributary_model::key::SigningKey;
use tributary_transport::links::Links;
use tributary_transport::tasks::Tasks;

use crate::config::Limits;
use crate::entity::{Client, Mandates};
use crate::group::Group;
use crate::objects::Objects;
use crate::replicas::Roster;
use crate::store::{Claim, Store, StoreError};
use partials::Partials;

/// How often the clock is looked at for tasks whose pause is over, and for those that another process was given. A look
/// is two questions to an index: five processes together ask a database fifty times a second.
const TICK: Duration = Duration::from_millis(200);
/// Pause after a look that failed: a database that is away is not asked any sooner, nor complained of.
const AGAIN: Duration = Duration::from_secs(1);

/// What attempts share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Worker(Arc<Shared>);

struct Shared {
    store: Store,
    objects: Arc<Objects>,
    group: Arc<Group>,
    links: Links,
    mandates: Mandates,
    clock: SharedClock,
    limits: Limits,
    tasks: Tasks,
    /// Tasks at once, over all entities.
    slots: Arc<Semaphore>,
    /// Tasks at once at one entity.
    entity_slots: Mutex<HashMap<EntityId, Arc<Semaphore>>>,
    /// Parts at once, over all tasks: bounds their buffers.
    part_slots: Semaphore,
    partials: Partials,
    roster: Roster,
    /// Attempts under way, each with a number of its own.
    running: Mutex<HashMap<(CaseId, EntityId), (u64, CancellationToken)>>,
    attempts: AtomicU64,
    wake: Notify,
}

/// What a worker works with.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) objects: Arc<Objects>,
    pub(crate) group: Arc<Group>,
    pub(crate) links: Links,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) clock: SharedClock,
    pub(crate) limits: Limits,
    pub(crate) tasks: Tasks,
    pub(crate) roster: Roster,
}

impl Worker {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { store, objects, group, links, key, clock, limits, tasks, roster } = parts;
        let slots = Arc::new(Semaphore::new(limits.tasks));
        let part_slots = Semaphore::new(limits.parts);
        let mandates = Mandates::new(key, Arc::clone(&clock), group.in_force());
        Self(Arc::new(Shared {
            store,
            objects,
            group,
            links,
            mandates,
            clock,
            limits,
            tasks,
            slots,
            entity_slots: Mutex::default(),
            part_slots,
            partials: Partials::default(),
            running: Mutex::default(),
            attempts: AtomicU64::default(),
            roster,
            wake: Notify::new(),
        }))
    }

    /// There may be work: a case was opened, a task retried.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Ends the attempts of a case that was cancelled; they could not write any more.
    pub(crate) fn abort(&self, case: CaseId) {
        let running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.iter().filter(|((id, _), _)| *id == case).for_each(|(_, (_, token))| token.cancel());
    }

    /// Takes up due tasks until asked to stop. Attempts under way then end by themselves (`attempt`).
    pub(crate) async fn run(self) {
        let stopping = self.0.tasks.stopping();
        while !stopping.is_cancelled() {
            if let Err(error) = self.look().await {
                tracing::error!(%error, "due tasks could not be taken up; trying again");
                let _ = stopping.run_until_cancelled(tokio::time::sleep(AGAIN)).await;
                continue;
            }
            tokio::select! {
                () = stopping.cancelled() => {}
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        self.take_up().await?;
        self.finish_due().await
    }

    async fn take_up(&self) -> Result<(), StoreError> {
        let due = self.0.store.entities_due(self.0.clock.now()).await?;
        for entity in self.ours(due).await? {
            if self.0.tasks.stopping().is_cancelled() {
                break;
            }
            let slots = self.free_slots(&entity);
            if slots.is_empty() {
                continue;
            }
            let now = self.0.clock.now();
            let claims = self.0.store.claim(entity, slots.len(), self.0.limits.lease, now).await?;
            for (claim, slot) in claims.into_iter().zip(slots) {
                self.spawn(claim, slot);
            }
        }
        Ok(())
    }

    /// Calls the agent of an entity that the group file lists.
    fn client(&self, entity: &EntityId) -> Option<Client> {
        let listed = self.0.group.entity(entity)?.clone();
        Some(Client::new(listed, self.0.links.clone(), self.0.mandates.clone(), &self.0.limits))
    }

    /// As many places as are free at this entity and overall.
    fn free_slots(&self, entity: &EntityId) -> Vec<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let own = {
            let mut all = self.0.entity_slots.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Semaphore::new(self.0.limits.tasks_per_entity));
            Arc::clone(all.entry(entity.clone()).or_insert_with(new))
        };
        let take = || {
            let own = Arc::clone(&own).try_acquire_owned().ok()?;
            Some((own, Arc::clone(&self.0.slots).try_acquire_owned().ok()?))
        };
        std::iter::from_fn(take).collect()
    }

    fn spawn(&self, claim: Claim, slot: (OwnedSemaphorePermit, OwnedSemaphorePermit)) {
        let worker = self.clone();
        let abort = CancellationToken::new();
        let key = (claim.case, claim.entity.clone());
        let number = self.0.attempts.fetch_add(1, Ordering::Relaxed);
        let mut running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        // An attempt that is still there has lost its lease, or this one could not have been claimed.
        if let Some((_, stale)) = running.insert(key.clone(), (number, abort.clone())) {
            stale.cancel();
        }
        drop(running);
        self.0.tasks.spawn("attempt", async move {
            worker.attempt(claim, &abort).await;
            let mut running = worker.0.running.lock().unwrap_or_else(PoisonError::into_inner);
            if running.get(&key).is_some_and(|(last, _)| *last == number) {
                running.remove(&key);
            }
            drop(running);
            drop(slot);
            worker.wake();
        });
    }

    /// A pause before the next attempt: doubles with every miss, with jitter so that tasks do not march in step.
    fn pause(&self, misses: u32, progressed: bool) -> Duration {
        let (least, most) = (self.0.limits.backoff_min, self.0.limits.backoff_max);
        if progressed {
            // It was working a moment ago: most likely it works again.
            return jitter(least / 10);
        }
        jitter(least.saturating_mul(2_u32.saturating_pow(misses.min(16))).min(most))
    }
}

/// Between half of `pause` and all of it.
fn jitter(pause: Duration) -> Duration {
    let mut byte = [0_u8; 1];
    // Without randomness pauses are merely in step.
    let _ = rand::fill(&mut byte);
    pause / 2 + (pause / 2).mul_f64(f64::from(byte[0]) / 255.0)
}
