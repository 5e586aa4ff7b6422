//! How a task stands: what an entity says and signs, what the gateway observes, what it decides.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::InvalidId;

/// How a task stands. The order of the variants is the order in which several are summed up: the worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Disposition {
    /// Observed: attempts failed for another reason than reachability.
    Failed,
    /// Observed: no answer within the time of an attempt.
    TimedOut,
    /// Observed: no connection to the entity's agent.
    Unreachable,
    /// Decided by the gateway when the scope was set: no task, no retry.
    NotAsked,
    /// Not heard from yet.
    Pending,
    /// Said: the identifiers do not single one person out (Art. 12(6)).
    NeedsIdentity,
    /// Said: the request needs a clarification (recital 63).
    NeedsClarification,
    /// Said: a person at the entity must decide.
    NeedsDecision,
    /// Said: a person at the entity reviews what is released.
    InReview,
    /// Said: the period was extended (Art. 12(3)).
    Extended,
    /// Said: held, and not handed over by this route.
    Withheld,
    /// Said: refused, with a ground (Art. 12(4)).
    Refused,
    /// Said: a part is delivered, the rest is named.
    PartlyFulfilled,
    /// Said: passed to the controller for whom the entity processes (Art. 28(3)(e)).
    Forwarded,
    /// Said: everything asked for was delivered.
    Fulfilled,
    /// Said: the law of the right does not apply to the entity.
    NotSubject,
    /// Said: everything declared was searched and nothing is held.
    NoData,
}

/// Who may say a disposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The entity, signed.
    Entity,
    /// The gateway, from what it saw.
    Observed,
    /// The gateway, by a recorded decision.
    Decided,
}

impl Disposition {
    /// All dispositions, worst first.
    pub const ALL: [Disposition; 17] = [
        Self::Failed,
        Self::TimedOut,
        Self::Unreachable,
        Self::NotAsked,
        Self::Pending,
        Self::NeedsIdentity,
        Self::NeedsClarification,
        Self::NeedsDecision,
        Self::InReview,
        Self::Extended,
        Self::Withheld,
        Self::Refused,
        Self::PartlyFulfilled,
        Self::Forwarded,
        Self::Fulfilled,
        Self::NotSubject,
        Self::NoData,
    ];

    /// Who may say it.
    pub fn source(self) -> Source {
        match self {
            Self::Failed | Self::TimedOut | Self::Unreachable | Self::Pending => Source::Observed,
            Self::NotAsked => Source::Decided,
            _ => Source::Entity,
        }
    }

    /// Whether the entity's part of the case is over. Only what an entity signed can be.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Withheld
                | Self::Refused
                | Self::PartlyFulfilled
                | Self::Forwarded
                | Self::Fulfilled
                | Self::NotSubject
                | Self::NoData
        )
    }

    /// Whether a reader may take the entity's part for the whole of what it holds.
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Fulfilled | Self::NotSubject | Self::NoData)
    }

    /// The worst of several; `None` for none.
    pub fn worst(all: impl IntoIterator<Item = Disposition>) -> Option<Disposition> {
        all.into_iter().min()
    }

    /// The name on the wire and in files, for example `NO_DATA`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Unreachable => "UNREACHABLE",
            Self::NotAsked => "NOT_ASKED",
            Self::Pending => "PENDING",
            Self::NeedsIdentity => "NEEDS_IDENTITY",
            Self::NeedsClarification => "NEEDS_CLARIFICATION",
            Self::NeedsDecision => "NEEDS_DECISION",
            Self::InReview => "IN_REVIEW",
            Self::Extended => "EXTENDED",
            Self::Withheld => "WITHHELD",
            Self::Refused => "REFUSED",
            Self::PartlyFulfilled => "PARTLY_FULFILLED",
            Self::Forwarded => "FORWARDED",
            Self::Fulfilled => "FULFILLED",
            Self::NotSubject => "NOT_SUBJECT",
            Self::NoData => "NO_DATA",
        }
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Disposition {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::ALL
            .into_iter()
            .find(|d| d.as_str() == text)
            .ok_or(InvalidId { what: "a disposition", rule: "one of the published names, such as NO_DATA" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_several_is_the_worst() {
        use Disposition::*;
        assert_eq!(Disposition::worst([NoData, Fulfilled]), Some(Fulfilled));
        assert_eq!(Disposition::worst([Fulfilled, PartlyFulfilled, Unreachable]), Some(Unreachable));
        assert_eq!(Disposition::worst([NeedsIdentity, NotAsked]), Some(NotAsked));
        assert_eq!(Disposition::worst([]), None);
    }

    #[test]
    fn every_name_reads_back_and_only_entities_end_a_task() {
        for d in Disposition::ALL {
            assert_eq!(d.as_str().parse::<Disposition>().unwrap(), d);
            assert_eq!(serde_json::to_string(&d).unwrap(), format!("\"{d}\""));
            assert!(!d.is_final() || d.source() == Source::Entity);
        }
        assert!(Disposition::ALL.is_sorted());
    }
}
