//! The oracle: looks at the whole database after each step and says what must never be.
//!
//! Each promise has a file of its own: `leases`, `history`, `archives`, `retention`; what is left stands here.

use std::collections::BTreeMap;
use std::rc::Rc;

use tributary_model::disposition::Disposition;
use tributary_model::id::CaseId;
use tributary_model::lifecycle::{CaseState, TaskState};

use super::Violation;
use super::archives::Archives;
use super::background::Task;
use super::history::History;
use super::leases::{Drafts, Leases};
use super::look::Seen;
use super::retention::Retained;
use super::schedule::Op;
use super::world::World;

#[derive(Default)]
pub(super) struct Oracle {
    /// As of the last look.
    pub(super) seen: Rc<Seen>,
    pub(super) leases: Leases,
    pub(super) drafts: Drafts,
    pub(super) history: History,
    pub(super) archives: Archives,
    pub(super) retention: Retained,
    pub(super) stats: Stats,
}

/// What schedules got to, so that nobody believes in schedules that get nowhere.
#[derive(Debug, Default, Clone)]
pub(super) struct Stats {
    pub(super) steps: u64,
    pub(super) cases: u64,
    /// Writes of stale attempts that were refused.
    pub(super) refused: u64,
    pub(super) archives: u64,
    /// How often each move of a case or a task was made: event and the state it led to.
    pub(super) moves: BTreeMap<(&'static str, &'static str), u64>,
}

impl Stats {
    pub(super) fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.cases += other.cases;
        self.refused += other.refused;
        self.archives += other.archives;
        for (moved, count) in &other.moves {
            *self.moves.entry(*moved).or_default() += count;
        }
    }
}

impl Oracle {
    pub(super) fn state(&self, case: CaseId) -> CaseState {
        self.seen.cases[&case].state
    }

    /// Whether a confirmation of delivery (0 for the latest archive) is possible.
    pub(super) fn delivers(&self, case: CaseId, sequence: u32) -> bool {
        let written = self.seen.archives.range((case, 0)..=(case, u32::MAX));
        let mut written =
            written.filter(|((_, number), archive)| archive.object.is_some() && (sequence == 0 || *number == sequence));
        let open = matches!(self.state(case), CaseState::Ready | CaseState::DeliveredIncomplete);
        written.next_back().is_some_and(|(_, archive)| open || archive.delivered_at.is_some())
    }
}

impl World<'_> {
    /// What the database holds now.
    pub(super) async fn look(&mut self) -> Result<Rc<Seen>, Violation> {
        Ok(self.eye.look(&self.store).await?)
    }

    /// Looks at everything; `op` is what has just been done.
    pub(super) async fn watch(&mut self, op: Option<Op>) -> Result<(), Violation> {
        let seen = self.look().await?;
        let oracle = &mut self.oracle;
        oracle.stats.steps += 1;
        let changed: Vec<CaseId> = changed(&oracle.seen, &seen);
        for case in &changed {
            oracle.history.follow(&self.store, *case, &oracle.seen, &seen, &mut oracle.stats).await?;
        }
        check_tasks(&seen, oracle, &changed)?;
        oracle.retention.check(&oracle.seen, &seen, op)?;
        self.check_agents(&seen)?;
        for case in &changed {
            self.oracle.archives.check(&self.store, *case, &seen, &mut self.oracle.stats).await?;
        }
        if !changed.is_empty() {
            self.check_objects().await?;
        }
        self.oracle.stats.cases = seen.cases.len() as u64;
        self.oracle.seen = seen;
        Ok(())
    }

    /// No entity is told to do the same thing twice under two names.
    fn check_agents(&self, seen: &Seen) -> Result<(), Violation> {
        let mut exports: BTreeMap<Task, u32> = BTreeMap::new();
        for agent in &self.agents {
            for export in agent.exports.values() {
                *exports.entry((export.case, agent.entity.clone())).or_default() += 1;
            }
        }
        for (task, count) in exports {
            if count > 1 + self.oracle.history.anew(&task) {
                return Err(Violation(format!("{} was told to export twice with different ids", task.1)));
            }
        }
        for (task, before) in &self.oracle.seen.tasks {
            let same = seen.tasks.get(task).is_some_and(|now| now.export == before.export);
            if !same && !self.oracle.history.renewed_now(task) {
                return Err(Violation(format!("the instruction to {} changed without being asked anew", task.1)));
            }
        }
        Ok(())
    }
}

/// Cases of which anything is different.
fn changed(before: &Seen, now: &Seen) -> Vec<CaseId> {
    let of = |seen: &Seen, case: CaseId| {
        let tasks: Vec<_> =
            seen.tasks.iter().filter(|((id, _), _)| *id == case).map(|(_, task)| task.clone()).collect();
        let archives: Vec<_> =
            seen.archives.iter().filter(|((id, _), _)| *id == case).map(|(_, archive)| archive.clone()).collect();
        (tasks, archives)
    };
    let cases =
        now.cases.iter().filter(|(id, case)| before.cases.get(*id) != Some(*case) || of(before, **id) != of(now, **id));
    cases.map(|(id, _)| *id).collect()
}

fn check_tasks(seen: &Seen, oracle: &Oracle, changed: &[CaseId]) -> Result<(), Violation> {
    if oracle.seen.cases.keys().any(|case| !seen.cases.contains_key(case)) {
        return Err(Violation("an accepted case is gone".into()));
    }
    for ((case, entity), task) in seen.tasks.iter().filter(|((case, _), _)| changed.contains(case)) {
        let until = oracle.leases.until(*case, entity);
        let written = task.lease_token.is_some().then_some(task.lease_until);
        if written != until {
            return Err(Violation(format!(
                "the task of {entity} is leased until {written:?}, and was said to be until {until:?}"
            )));
        }
        let found = &seen.cases[case];
        if found.keyed && matches!(task.state, TaskState::Exporting) && task.parts != task.staged {
            return Err(Violation(format!("{entity} has {} parts staged and {} counted", task.staged, task.parts)));
        }
        let said = task.disposition.is_final();
        if said != (task.state == TaskState::Answered) && task.state != TaskState::Cancelled {
            return Err(Violation(format!("{entity} is {} as {}", task.state, task.disposition)));
        }
        if found.state == CaseState::Closed && (task.state != TaskState::Answered || task.archive.is_none()) {
            return Err(Violation(format!("a case is closed, and {entity} has not answered in an archive")));
        }
        if found.state == CaseState::Cancelled && !task.state.is_final() {
            return Err(Violation(format!("a case is cancelled, and the task of {entity} goes on")));
        }
        if task.disposition == Disposition::NotAsked {
            return Err(Violation(format!("{entity} has a task and was not to be asked")));
        }
    }
    let closed = seen.cases.iter().filter(|(_, case)| case.state == CaseState::Closed);
    for (case, _) in closed {
        let mut archives = seen.archives.range((*case, 0)..=(*case, u32::MAX));
        if archives.any(|(_, archive)| archive.delivered_at.is_none()) {
            return Err(Violation("a case is closed, and an archive was not handed over".into()));
        }
    }
    Ok(())
}
