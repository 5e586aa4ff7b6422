//! Histories: without gaps, never changed, and each of their events allowed by the tables of the lifecycle.

use std::collections::{BTreeMap, BTreeSet};

use tributary_model::id::CaseId;
use tributary_model::lifecycle::{CaseEvent, CaseState, TaskEvent, TaskState};

use super::Violation;
use super::background::Task;
use super::look::{EventRow, Seen, events};
use super::oracle::Stats;
use crate::store::Store;

#[derive(Default)]
pub(super) struct History {
    known: BTreeMap<CaseId, Vec<EventRow>>,
    /// How each task stands by its events.
    tasks: BTreeMap<Task, TaskState>,
    /// How often a task got new instructions.
    anew: BTreeMap<Task, u32>,
    /// Those that got them in the last step.
    renewed: BTreeSet<Task>,
}

/// Events that move nothing.
const NOTES: [&str; 6] = ["OPENED", "ESCALATED", "ENTITY_JOINED", "ARCHIVE_SHREDDED", "SHREDDED", "DOWNLOADED"];

impl History {
    pub(super) fn anew(&self, task: &Task) -> u32 {
        self.anew.get(task).copied().unwrap_or_default()
    }

    pub(super) fn renewed_now(&self, task: &Task) -> bool {
        self.renewed.contains(task)
    }

    /// Reads on in a case's history and replays it.
    pub(super) async fn follow(
        &mut self,
        store: &Store,
        case: CaseId,
        before: &Seen,
        now: &Seen,
        stats: &mut Stats,
    ) -> Result<(), Violation> {
        self.renewed.retain(|(of, _)| *of != case);
        let known = self.known.get(&case).map_or(0, |known| known.len() as u64);
        let new = events(store, case, known).await?;
        let mut state = self.known.get(&case).and_then(|known| known.last()).map(|event| event.state);
        for (event, cursor) in new.iter().zip(known + 1..) {
            if event.cursor != cursor {
                return Err(Violation(format!("the history goes from event {} to {}", cursor - 1, event.cursor)));
            }
            state = Some(self.replay(case, state, event, before, now, stats)?);
        }
        self.known.entry(case).or_default().extend(new);
        let found = &now.cases[&case];
        if found.cursor != self.known[&case].len() as u64 || state != Some(found.state) {
            return Err(Violation(format!(
                "a case is {} at {}, and its history ends elsewhere",
                found.state, found.cursor
            )));
        }
        for ((_, entity), task) in now.tasks.iter().filter(|((of, _), _)| *of == case) {
            let replayed = self.tasks.entry((case, entity.clone())).or_insert(TaskState::Queued);
            if found.state == CaseState::Cancelled && *replayed != TaskState::Answered {
                *replayed = TaskState::Cancelled;
            }
            if *replayed != task.state {
                return Err(Violation(format!("the task of {entity} is {}, and by its events {replayed}", task.state)));
            }
        }
        Ok(())
    }

    fn replay(
        &mut self,
        case: CaseId,
        state: Option<CaseState>,
        event: &EventRow,
        before: &Seen,
        now: &Seen,
        stats: &mut Stats,
    ) -> Result<CaseState, Violation> {
        let impossible = |what: String| Violation(format!("the history says what cannot be: {what}"));
        let Some(state) = state else {
            return if event.name == "OPENED" { Ok(event.state) } else { Err(impossible("no opening".into())) };
        };
        let case_event = CaseEvent::ALL.iter().find(|known| known.as_str() == event.name);
        if let Some(moved) = case_event.filter(|moved| event.entity.is_none() || !is_task_event(moved.as_str())) {
            let next = state.next(*moved).map_err(|conflict| impossible(conflict.to_string()))?;
            *stats.moves.entry((moved.as_str(), next.as_str())).or_default() += 1;
            if *moved == CaseEvent::ArchiveDue {
                self.due_rightly(case, event, before, now)?;
            }
            return if next == event.state { Ok(next) } else { Err(impossible(format!("{state} by {moved}"))) };
        }
        if event.state != state {
            return Err(impossible(format!("{} moved the case", event.name)));
        }
        if NOTES.contains(&event.name.as_str()) {
            return Ok(state);
        }
        let moved = TaskEvent::ALL.iter().find(|known| known.as_str() == event.name);
        let (Some(moved), Some(entity)) = (moved, &event.entity) else {
            return Err(impossible(format!("an event {}", event.name)));
        };
        let task = (case, entity.clone());
        let from = self.tasks.get(&task).copied().unwrap_or(TaskState::Queued);
        let next = from.next(*moved).map_err(|conflict| impossible(conflict.to_string()))?;
        *stats.moves.entry((moved.as_str(), next.as_str())).or_default() += 1;
        if *moved == TaskEvent::Retried && !from.is_runnable() {
            *self.anew.entry(task.clone()).or_default() += 1;
            self.renewed.insert(task.clone());
        }
        self.tasks.insert(task, next);
        Ok(state)
    }

    /// Before its date an archive is due only when everybody has answered.
    fn due_rightly(&self, case: CaseId, event: &EventRow, before: &Seen, now: &Seen) -> Result<(), Violation> {
        let due_at = now.cases[&case].due_at.or(before.cases.get(&case).and_then(|case| case.due_at));
        let mut tasks = now.tasks.keys().filter(|(of, _)| *of == case);
        let all = tasks.all(|task| self.tasks.get(task) == Some(&TaskState::Answered));
        if due_at.is_some_and(|due_at| event.at < due_at) && !all {
            return Err(Violation("an archive fell due before its date and before everybody had answered".into()));
        }
        Ok(())
    }

    /// Reads all histories once more: what was written stays.
    pub(super) async fn reread(&self, store: &Store) -> Result<(), Violation> {
        for (case, known) in &self.known {
            if events(store, *case, 0).await? != *known {
                return Err(Violation("a history was changed afterwards".into()));
            }
        }
        Ok(())
    }
}

fn is_task_event(name: &str) -> bool {
    TaskEvent::ALL.iter().any(|event| event.as_str() == name)
}
