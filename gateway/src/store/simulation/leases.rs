//! Who really holds which task: kept beside the store, from what the store has answered.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tributary_model::id::{CaseId, EntityId};

use super::Violation;
use super::work::Attempt;

#[derive(Default)]
pub(super) struct Leases {
    held: BTreeMap<(CaseId, EntityId), (u64, Timestamp)>,
    last: u64,
}

impl Leases {
    /// A claim was granted by a clock that showed `now`; returns the number of the attempt it makes.
    pub(super) fn claimed(
        &mut self,
        case: CaseId,
        entity: &EntityId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<u64, Violation> {
        self.last += 1;
        match self.held.insert((case, entity.clone()), (self.last, until)) {
            Some((_, valid)) if valid > now => Err(Violation(format!("the task of {entity} has two valid leases"))),
            _ => Ok(self.last),
        }
    }

    pub(super) fn holds(&self, attempt: &Attempt) -> bool {
        self.held.get(&key(attempt)).is_some_and(|(number, _)| *number == attempt.number)
    }

    pub(super) fn renewed(&mut self, attempt: &Attempt, until: Timestamp) {
        self.held.insert(key(attempt), (attempt.number, until));
    }

    pub(super) fn gave_back(&mut self, attempt: &Attempt) {
        self.held.remove(&key(attempt));
    }

    /// Nobody holds anything of a cancelled case.
    pub(super) fn cancelled(&mut self, case: CaseId) {
        self.held.retain(|(held, _), _| *held != case);
    }

    pub(super) fn until(&self, case: CaseId, entity: &EntityId) -> Option<Timestamp> {
        self.held.get(&(case, entity.clone())).map(|(_, until)| *until)
    }
}

fn key(attempt: &Attempt) -> (CaseId, EntityId) {
    (attempt.claim.case, attempt.claim.entity.clone())
}

/// Who really holds which draft, by the token of the lease.
#[derive(Default)]
pub(super) struct Drafts {
    held: BTreeMap<(CaseId, u32), (String, Timestamp)>,
}

impl Drafts {
    pub(super) fn claimed(
        &mut self,
        draft: (CaseId, u32),
        token: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), Violation> {
        match self.held.insert(draft, (token.to_owned(), until)) {
            Some((_, valid)) if valid > now => Err(Violation(format!("draft {} has two valid leases", draft.1))),
            _ => Ok(()),
        }
    }

    pub(super) fn holds(&self, draft: &(CaseId, u32), token: &str) -> bool {
        self.held.get(draft).is_some_and(|(held, _)| held == token)
    }

    pub(super) fn until(&mut self, draft: &(CaseId, u32), at: Timestamp) {
        if let Some((_, until)) = self.held.get_mut(draft) {
            *until = at;
        }
    }

    pub(super) fn over(&mut self, draft: &(CaseId, u32)) {
        self.held.remove(draft);
    }
}
