//! Which entities are this process's business: those it dials, those whose agents are connected to it, and those that
//! nobody reaches.
//!
//! An agent that dials in may be connected to another process only; its tasks are left to that one, however long they
//! wait there. When it is connected to none, any process may find that out and record it.

use std::collections::HashSet;
use std::time::Duration;

use jiff::SignedDuration;
use tributary_model::id::EntityId;

use super::Worker;
use crate::store::StoreError;

/// How long a task is left to others when its agent is connected to none: an agent that lost its connection is most likely
/// back by then, and the others have said to whom.
const GRACE: Duration = Duration::from_secs(1);

impl Worker {
    /// Those of `due` that this process takes up.
    pub(super) async fn ours(&self, due: Vec<EntityId>) -> Result<Vec<EntityId>, StoreError> {
        let (mut ours, away): (Vec<_>, Vec<_>) = due.into_iter().partition(|entity| self.reaches(entity));
        if !away.is_empty() {
            ours.extend(self.reached_by_nobody(away).await?);
        }
        Ok(ours)
    }

    /// Whether a call could be tried. What the group file does not list is anybody's business.
    pub(super) fn reaches(&self, entity: &EntityId) -> bool {
        self.0.group.entity(entity).is_none_or(|listed| self.0.links.reaches(entity, &listed.agent))
    }

    async fn reached_by_nobody(&self, away: Vec<EntityId>) -> Result<Vec<EntityId>, StoreError> {
        if self.0.roster.is_alone() {
            return Ok(away);
        }
        let now = self.0.clock.now();
        let overdue = now.checked_sub(SignedDuration::try_from(GRACE).unwrap_or_default()).unwrap_or(now);
        let overdue: HashSet<EntityId> = self.0.store.entities_due(overdue).await?.into_iter().collect();
        let linked = self.0.store.linked(now).await?;
        Ok(away.into_iter().filter(|entity| overdue.contains(entity) && !linked.contains(entity)).collect())
    }

    /// After an attempt that found no connection: an agent that has dialled in elsewhere meanwhile does not wait for the
    /// end of a pause.
    pub(super) async fn noted_unreachable(&self, entity: &EntityId) -> Result<(), StoreError> {
        if self.0.roster.is_alone() || self.reaches(entity) {
            return Ok(());
        }
        let now = self.0.clock.now();
        if self.0.store.linked(now).await?.contains(entity) {
            self.0.store.reachable(entity.clone(), now).await?;
        }
        Ok(())
    }
}
