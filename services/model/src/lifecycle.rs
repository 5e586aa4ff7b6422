//! Where a case and a task may go: two tables, the only place where either changes state.
//!
//! The gateway's store applies `next` inside the transaction that records the event. The diagrams in the
//! documentation are printed from these tables (`case_diagram`, `task_diagram`).

use std::fmt;
use std::str::FromStr;

use crate::id::InvalidId;

/// An event that does not fit a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} is not possible in state {state}")]
pub struct Conflict {
    /// The state the thing is in.
    pub state: &'static str,
    /// What was to happen.
    pub event: &'static str,
}

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$vdoc])* $variant),+ }

        impl $type {
            /// Every variant, in order.
            pub const ALL: &[$type] = &[$($type::$variant),+];

            /// The name in the store, in events and on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let found = Self::ALL.iter().copied().find(|v| v.as_str() == text);
                found.ok_or(InvalidId { what: stringify!($type), rule: "one of its published names" })
            }
        }
    };
}

names! {
    /// State of a case.
    CaseState {
        /// Accepted and durable.
        Opened = "OPENED",
        /// Nobody vouched for the person's identity yet.
        AwaitingIdentity = "AWAITING_IDENTITY",
        /// Decided which entities are asked.
        Scoped = "SCOPED",
        /// Entities are asked whether they know the person.
        Locating = "LOCATING",
        /// The first entity answered; for access nothing has to be approved.
        Planned = "PLANNED",
        /// Entities export.
        Running = "RUNNING",
        /// The archive is being written.
        Assembling = "ASSEMBLING",
        /// The archive can be downloaded.
        Ready = "READY",
        /// Handed to the person, every entity final.
        Delivered = "DELIVERED",
        /// Handed to the person with entities missing; work goes on and yields addenda.
        DeliveredIncomplete = "DELIVERED_INCOMPLETE",
        /// Every task final and every archive delivered.
        Closed = "CLOSED",
        /// Ended by the caller.
        Cancelled = "CANCELLED",
    }
}

names! {
    /// What moves a case.
    CaseEvent {
        /// The caller did not vouch for the identity.
        IdentityMissing = "IDENTITY_MISSING",
        /// Somebody with the right to vouch did.
        IdentityConfirmed = "IDENTITY_CONFIRMED",
        /// The entities to be asked were decided and recorded.
        ScopeDecided = "SCOPE_DECIDED",
        /// Tasks exist.
        FanOutStarted = "FAN_OUT_STARTED",
        /// An entity answered whether it knows the person.
        FirstLocated = "FIRST_LOCATED",
        /// An entity was told to export.
        FirstExport = "FIRST_EXPORT",
        /// All final, or the time to wait is over.
        ArchiveDue = "ARCHIVE_DUE",
        /// The archive is durable.
        ArchiveWritten = "ARCHIVE_WRITTEN",
        /// A late answer was written as an addendum.
        AddendumWritten = "ADDENDUM_WRITTEN",
        /// Delivery confirmed, every entity final.
        DeliveredComplete = "DELIVERED_COMPLETE",
        /// Delivery confirmed, entities missing.
        DeliveredPartial = "DELIVERED_PARTIAL",
        /// Nothing is left to answer or to deliver.
        Completed = "COMPLETED",
        /// The caller cancels.
        Cancel = "CANCEL",
    }
}

names! {
    /// State of a task: one entity's part of a case.
    TaskState {
        /// To be asked whether the entity knows the person.
        Queued = "QUEUED",
        /// The entity answered; to be told to export.
        Located = "LOCATED",
        /// The entity was told to export; parts are being staged.
        Exporting = "EXPORTING",
        /// The entity signed a final answer, and all it covers is staged.
        Answered = "ANSWERED",
        /// The entity signed a question (NEEDS_IDENTITY …); waits for somebody.
        Questioned = "QUESTIONED",
        /// Attempts are used up, or the answer does not count any more; waits for RetryTask.
        Parked = "PARKED",
        /// The case was cancelled.
        Cancelled = "CANCELLED",
    }
}

names! {
    /// What moves a task.
    TaskEvent {
        /// Locate was answered.
        Located = "LOCATED",
        /// StartExport was accepted.
        ExportStarted = "EXPORT_STARTED",
        /// A part was staged.
        PartStaged = "PART_STAGED",
        /// The agent started a new generation; what was staged of the old one was dropped.
        GenerationReplaced = "GENERATION_REPLACED",
        /// A final attestation was verified and everything it covers is staged.
        AnsweredFinally = "ANSWERED_FINALLY",
        /// The key of a final answer expired or was revoked before an archive could carry it.
        AnswerVoided = "ANSWER_VOIDED",
        /// An attestation that is not final was verified.
        Questioned = "QUESTIONED",
        /// An attempt failed; it will be repeated.
        AttemptFailed = "ATTEMPT_FAILED",
        /// Attempts are used up.
        AttemptsUsedUp = "ATTEMPTS_USED_UP",
        /// Somebody asked for another try, or answered the question. What was parked or had asked gets a new instruction.
        Retried = "RETRIED",
        /// The case was cancelled.
        Cancel = "CANCEL",
    }
}

use CaseEvent as E;
use CaseState as S;

/// Every allowed move of a case: state, event, next state.
pub const CASE: &[(CaseState, CaseEvent, CaseState)] = &[
    (S::Opened, E::IdentityMissing, S::AwaitingIdentity),
    (S::Opened, E::ScopeDecided, S::Scoped),
    (S::AwaitingIdentity, E::IdentityConfirmed, S::Opened),
    (S::Scoped, E::FanOutStarted, S::Locating),
    (S::Locating, E::FirstLocated, S::Planned),
    (S::Locating, E::ArchiveDue, S::Assembling),
    (S::Locating, E::IdentityConfirmed, S::Locating),
    (S::Planned, E::FirstExport, S::Running),
    (S::Planned, E::ArchiveDue, S::Assembling),
    (S::Planned, E::IdentityConfirmed, S::Planned),
    (S::Running, E::ArchiveDue, S::Assembling),
    (S::Running, E::IdentityConfirmed, S::Running),
    (S::Assembling, E::ArchiveWritten, S::Ready),
    (S::Ready, E::AddendumWritten, S::Ready),
    (S::Ready, E::IdentityConfirmed, S::Ready),
    (S::Ready, E::DeliveredComplete, S::Delivered),
    (S::Ready, E::DeliveredPartial, S::DeliveredIncomplete),
    (S::Delivered, E::Completed, S::Closed),
    (S::DeliveredIncomplete, E::AddendumWritten, S::DeliveredIncomplete),
    (S::DeliveredIncomplete, E::IdentityConfirmed, S::DeliveredIncomplete),
    (S::DeliveredIncomplete, E::DeliveredPartial, S::DeliveredIncomplete),
    (S::DeliveredIncomplete, E::DeliveredComplete, S::Delivered),
    (S::Opened, E::Cancel, S::Cancelled),
    (S::AwaitingIdentity, E::Cancel, S::Cancelled),
    (S::Scoped, E::Cancel, S::Cancelled),
    (S::Locating, E::Cancel, S::Cancelled),
    (S::Planned, E::Cancel, S::Cancelled),
    (S::Running, E::Cancel, S::Cancelled),
    (S::Assembling, E::Cancel, S::Cancelled),
    (S::Ready, E::Cancel, S::Cancelled),
    (S::DeliveredIncomplete, E::Cancel, S::Cancelled),
];

use TaskEvent as V;
use TaskState as T;

/// Every allowed move of a task: state, event, next state.
pub const TASK: &[(TaskState, TaskEvent, TaskState)] = &[
    (T::Queued, V::Located, T::Located),
    (T::Queued, V::Questioned, T::Questioned),
    (T::Queued, V::AttemptFailed, T::Queued),
    (T::Queued, V::AttemptsUsedUp, T::Parked),
    (T::Queued, V::Retried, T::Queued),
    (T::Located, V::ExportStarted, T::Exporting),
    (T::Located, V::AttemptFailed, T::Located),
    (T::Located, V::AttemptsUsedUp, T::Parked),
    (T::Located, V::Retried, T::Located),
    (T::Exporting, V::PartStaged, T::Exporting),
    (T::Exporting, V::GenerationReplaced, T::Exporting),
    (T::Exporting, V::AttemptFailed, T::Exporting),
    (T::Exporting, V::AnsweredFinally, T::Answered),
    (T::Exporting, V::Questioned, T::Questioned),
    (T::Exporting, V::AttemptsUsedUp, T::Parked),
    (T::Exporting, V::Retried, T::Exporting),
    (T::Answered, V::AnswerVoided, T::Parked),
    (T::Questioned, V::Retried, T::Queued),
    (T::Parked, V::Retried, T::Queued),
    (T::Queued, V::Cancel, T::Cancelled),
    (T::Located, V::Cancel, T::Cancelled),
    (T::Exporting, V::Cancel, T::Cancelled),
    (T::Questioned, V::Cancel, T::Cancelled),
    (T::Parked, V::Cancel, T::Cancelled),
];

impl CaseState {
    /// The state after `event`, or why it does not fit.
    pub fn next(self, event: CaseEvent) -> Result<CaseState, Conflict> {
        let row = CASE.iter().find(|(from, on, _)| *from == self && *on == event);
        row.map(|(.., to)| *to).ok_or(Conflict { state: self.as_str(), event: event.as_str() })
    }

    /// Whether nothing happens to the case any more.
    pub fn is_final(self) -> bool {
        !CASE.iter().any(|(from, ..)| *from == self)
    }
}

impl TaskState {
    /// The state after `event`, or why it does not fit.
    pub fn next(self, event: TaskEvent) -> Result<TaskState, Conflict> {
        let row = TASK.iter().find(|(from, on, _)| *from == self && *on == event);
        row.map(|(.., to)| *to).ok_or(Conflict { state: self.as_str(), event: event.as_str() })
    }

    /// Whether the gateway itself has something to do for the task.
    pub fn is_runnable(self) -> bool {
        matches!(self, Self::Queued | Self::Located | Self::Exporting)
    }

    /// Whether the task is over.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Answered | Self::Cancelled)
    }
}

/// The case table as a Mermaid state diagram.
pub fn case_diagram() -> String {
    diagram("OPENED", CASE.iter().map(|(from, on, to)| (from.as_str(), on.as_str(), to.as_str())))
}

/// The task table as a Mermaid state diagram.
pub fn task_diagram() -> String {
    diagram("QUEUED", TASK.iter().map(|(from, on, to)| (from.as_str(), on.as_str(), to.as_str())))
}

fn diagram(start: &str, rows: impl Iterator<Item = (&'static str, &'static str, &'static str)>) -> String {
    let mut text = format!("stateDiagram-v2\n    [*] --> {start}\n");
    for (from, on, to) in rows {
        text.push_str(&format!("    {from} --> {to}: {on}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_state_and_event_lead_to_two_places() {
        let case: BTreeSet<_> = CASE.iter().map(|(from, on, _)| (from, on)).collect();
        let task: BTreeSet<_> = TASK.iter().map(|(from, on, _)| (from, on)).collect();
        assert_eq!((case.len(), task.len()), (CASE.len(), TASK.len()));
    }

    #[test]
    fn every_state_can_be_reached_and_every_event_is_used() {
        for state in CaseState::ALL {
            assert!(*state == S::Opened || CASE.iter().any(|(.., to)| to == state), "{state}");
        }
        for state in TaskState::ALL {
            assert!(*state == T::Queued || TASK.iter().any(|(.., to)| to == state), "{state}");
        }
        assert!(CaseEvent::ALL.iter().all(|e| CASE.iter().any(|(_, on, _)| on == e)));
        assert!(TaskEvent::ALL.iter().all(|e| TASK.iter().any(|(_, on, _)| on == e)));
    }

    #[test]
    fn an_answered_task_moves_only_when_its_answer_does_not_count_any_more() {
        let moves: Vec<_> = TaskEvent::ALL.iter().filter(|event| T::Answered.next(**event).is_ok()).collect();
        assert_eq!(moves, [&TaskEvent::AnswerVoided]);
        assert!(S::Closed.is_final() && S::Cancelled.is_final() && !S::Ready.is_final());
    }
}
