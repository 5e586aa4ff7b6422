//! A case as the gateway knows it: the words between the wire (`api`) and the rows (`store`), which know neither.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tributary_model::disposition::Disposition;
use tributary_model::id::{CaseId, EntityId};
use tributary_model::identifier::Identifier;
use tributary_model::language::Language;
use tributary_model::lifecycle::{CaseState, TaskState};
use tributary_model::right::{Right, TableFormat};
use tributary_model::scope::{Decision, Outcome};

/// Longest window of best effort.
pub const MAX_WINDOW: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long to wait for entities before the archive is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// For all, until the delivery date.
    ByDeliveryDate,
    /// For all, and for complete answers, until the delivery date.
    RequireComplete,
    /// For what comes within the window.
    BestEffort {
        /// Counted from the start of the fan-out.
        window: Duration,
    },
}

/// What the gateway's settings say about the dates of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dates {
    /// Time before the due date at which whoever is late is escalated.
    pub(crate) escalation_margin: SignedDuration,
    /// The least time that entities get.
    pub(crate) least_window: Duration,
}

impl Dates {
    /// When somebody is told that nobody has vouched for the person yet.
    pub(crate) fn identity_escalated_at(self, opened_at: Timestamp, delivery_date: Timestamp) -> Timestamp {
        delivery_date.checked_sub(self.escalation_margin).unwrap_or(opened_at).max(opened_at)
    }
}

impl Waiting {
    /// When the archive is due at the latest, for a fan-out that starts at `start`.
    ///
    /// Who was asked has had the least window to answer: a case that starts when its date is as good as over would else
    /// be an archive of entities that had no time.
    pub(crate) fn due_at(self, start: Timestamp, delivery_date: Timestamp, least_window: Duration) -> Timestamp {
        let date = delivery_date.max(after(start, least_window));
        match self {
            Self::ByDeliveryDate | Self::RequireComplete => date,
            // GRP-6: delivered on time, however long the window.
            Self::BestEffort { window } => after(start, window).min(date),
        }
    }

    /// When entities that have not answered are escalated to their contacts.
    pub(crate) fn escalate_at(self, start: Timestamp, due_at: Timestamp, margin: SignedDuration) -> Timestamp {
        match self {
            Self::ByDeliveryDate => due_at.checked_sub(margin).unwrap_or(start).max(start),
            // The caller wants it complete: there must be time left to make it so.
            Self::RequireComplete => start + (due_at.duration_since(start) / 2).max(SignedDuration::ZERO),
            Self::BestEffort { .. } => due_at,
        }
    }
}

/// `at` plus a duration, kept within what a timestamp can hold.
pub(crate) fn after(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| at.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

/// Who acts: the caller's process and the human behind it. Recorded encrypted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Actor {
    /// The caller's SPIFFE ID.
    pub(crate) caller: String,
    /// The acting human, as the caller says.
    pub(crate) on_behalf_of: String,
    /// A note of the caller: a reason, a method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// What a caller asks for when it opens a case, checked.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) right: Right,
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) requested: Vec<EntityId>,
    pub(crate) waiting: Waiting,
    pub(crate) received_at: Timestamp,
    pub(crate) delivery_date: Timestamp,
    pub(crate) request_ref: String,
    pub(crate) format: TableFormat,
    pub(crate) identity_confirmed: bool,
    pub(crate) language: Language,
}

/// A case with its roster and archives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Case {
    pub(crate) id: CaseId,
    pub(crate) state: CaseState,
    pub(crate) right: Right,
    pub(crate) request_ref: String,
    pub(crate) received_at: Timestamp,
    pub(crate) opened_at: Timestamp,
    pub(crate) delivery_date: Timestamp,
    pub(crate) waiting: Waiting,
    pub(crate) format: TableFormat,
    pub(crate) language: Language,
    /// When somebody was first told that the case is late.
    pub(crate) escalated_at: Option<Timestamp>,
    pub(crate) group_version: u64,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) archives: Vec<Archive>,
    /// Number of the last event.
    pub(crate) cursor: u64,
}

impl Case {
    /// The entities whose data may be in the case: those that are asked.
    pub(crate) fn asked(&self) -> impl Iterator<Item = &EntityId> {
        self.decisions.iter().filter(|d| d.outcome == Outcome::Ask).map(|d| &d.entity)
    }
}

/// One entity's part of a case.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Task {
    pub(crate) entity: EntityId,
    pub(crate) state: TaskState,
    pub(crate) disposition: Disposition,
    pub(crate) reason: String,
    pub(crate) failed_attempts: u32,
    pub(crate) next_attempt_at: Option<Timestamp>,
    pub(crate) parts: u32,
    pub(crate) bytes: u64,
    pub(crate) updated_at: Timestamp,
}

/// An archive that was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Archive {
    pub(crate) sequence: u32,
    pub(crate) file_name: String,
    pub(crate) size: u64,
    pub(crate) tagmanifest_sha256: String,
    pub(crate) complete: bool,
    pub(crate) assembled_at: Timestamp,
    pub(crate) delivered_at: Option<Timestamp>,
    /// When its bytes were dropped.
    pub(crate) shredded_at: Option<Timestamp>,
}

/// One event of a case's history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) cursor: u64,
    pub(crate) at: Timestamp,
    pub(crate) name: String,
    pub(crate) state: CaseState,
    pub(crate) entity: Option<EntityId>,
    pub(crate) disposition: Option<Disposition>,
    pub(crate) parts: u32,
    pub(crate) bytes: u64,
    pub(crate) detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_never_reaches_beyond_the_delivery_date() {
        let (start, delivery) = (at("2026-03-01T00:00:00Z"), at("2026-03-05T00:00:00Z"));
        let long = Waiting::BestEffort { window: MAX_WINDOW };
        assert_eq!(long.due_at(start, delivery, DAY), delivery);
        let short = Waiting::BestEffort { window: Duration::from_secs(5) };
        assert_eq!(short.due_at(start, delivery, DAY), at("2026-03-01T00:00:05Z"));
        assert_eq!(Waiting::ByDeliveryDate.due_at(start, delivery, DAY), delivery);
    }

    #[test]
    fn who_is_asked_after_the_delivery_date_still_gets_time() {
        let (start, delivery) = (at("2026-03-09T00:00:00Z"), at("2026-03-05T00:00:00Z"));
        let next_day = at("2026-03-10T00:00:00Z");
        for waiting in [Waiting::ByDeliveryDate, Waiting::RequireComplete, Waiting::BestEffort { window: MAX_WINDOW }] {
            assert_eq!(waiting.due_at(start, delivery, DAY), next_day);
        }
        let short = Waiting::BestEffort { window: Duration::from_secs(5) };
        assert_eq!(short.due_at(start, delivery, DAY), at("2026-03-09T00:00:05Z"));
    }

    #[test]
    fn who_wants_it_complete_is_escalated_halfway() {
        let (start, due) = (at("2026-03-01T00:00:00Z"), at("2026-03-11T00:00:00Z"));
        let margin = SignedDuration::from_hours(48);
        assert_eq!(Waiting::ByDeliveryDate.escalate_at(start, due, margin), at("2026-03-09T00:00:00Z"));
        assert_eq!(Waiting::RequireComplete.escalate_at(start, due, margin), at("2026-03-06T00:00:00Z"));
    }
}
