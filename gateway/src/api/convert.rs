//! Between wire and domain, both ways. What does not fit names its field and never quotes a value.

use std::time::Duration;

use jiff::Timestamp;
use tributary_model::disposition::Disposition;
use tributary_model::lifecycle::{CaseState, TaskState};
use tributary_model::right::{Right, TableFormat};
use tributary_proto::gateway::v1 as gateway;
use tributary_proto::types::v1 as types;

use crate::case::{MAX_WINDOW, Waiting};

/// A field that cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {rule}")]
pub(super) struct ConversionError {
    /// The field.
    pub(super) field: &'static str,
    /// What it must be.
    pub(super) rule: &'static str,
}

fn wrong(field: &'static str, rule: &'static str) -> ConversionError {
    ConversionError { field, rule }
}

/// An instant, kept to the millisecond as the store keeps it.
pub(super) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let ms = at.as_millisecond();
    let nanos = i32::try_from(ms.rem_euclid(1000) * 1_000_000).unwrap_or_default();
    prost_types::Timestamp { seconds: ms.div_euclid(1000), nanos }
}

pub(super) fn instant(field: &'static str, at: &prost_types::Timestamp) -> Result<Timestamp, ConversionError> {
    let invalid = || wrong(field, "must be an instant between the years 1 and 9999");
    if !(0..1_000_000_000).contains(&at.nanos) {
        return Err(invalid());
    }
    let at = Timestamp::new(at.seconds, at.nanos).map_err(|_| invalid())?;
    Timestamp::from_millisecond(at.as_millisecond()).map_err(|_| invalid())
}

pub(super) fn right(field: &'static str, value: i32) -> Result<Right, ConversionError> {
    match types::Right::try_from(value) {
        Ok(types::Right::Access) => Ok(Right::Access),
        Ok(types::Right::Unspecified) | Err(_) => Err(wrong(field, "must be a right that this gateway serves")),
    }
}

pub(super) fn wire_right(right: Right) -> types::Right {
    match right {
        Right::Access => types::Right::Access,
    }
}

pub(super) fn format(field: &'static str, value: i32) -> Result<TableFormat, ConversionError> {
    match types::TableFormat::try_from(value) {
        Ok(types::TableFormat::Unspecified | types::TableFormat::Csv) => Ok(TableFormat::Csv),
        Ok(types::TableFormat::Ndjson) => Ok(TableFormat::Ndjson),
        Err(_) => Err(wrong(field, "must be a table format that this gateway knows")),
    }
}

pub(super) fn table_format(format: TableFormat) -> types::TableFormat {
    match format {
        TableFormat::Csv => types::TableFormat::Csv,
        TableFormat::Ndjson => types::TableFormat::Ndjson,
    }
}

pub(super) fn waiting(policy: &gateway::WaitingPolicy) -> Result<Waiting, ConversionError> {
    use gateway::waiting_policy::Policy;
    let field = "waiting.best_effort.window";
    match &policy.policy {
        None => Err(wrong("waiting", "must name a policy")),
        Some(Policy::ByDeliveryDate(_)) => Ok(Waiting::ByDeliveryDate),
        Some(Policy::RequireComplete(_)) => Ok(Waiting::RequireComplete),
        Some(Policy::BestEffort(best)) => {
            let rule = wrong(field, "must be more than 0 and at most 30 days");
            let window = best.window.ok_or_else(|| rule.clone())?;
            let window = Duration::try_from(window).map_err(|_| rule.clone())?;
            // Windows are kept to the millisecond.
            let window = Duration::from_millis(u64::try_from(window.as_millis()).unwrap_or(u64::MAX));
            if window.is_zero() || window > MAX_WINDOW { Err(rule) } else { Ok(Waiting::BestEffort { window }) }
        }
    }
}

pub(super) fn waiting_policy(waiting: Waiting) -> gateway::WaitingPolicy {
    use gateway::waiting_policy::Policy;
    let policy = match waiting {
        Waiting::ByDeliveryDate => Policy::ByDeliveryDate(gateway::ByDeliveryDate {}),
        Waiting::RequireComplete => Policy::RequireComplete(gateway::RequireComplete {}),
        Waiting::BestEffort { window } => {
            Policy::BestEffort(gateway::BestEffort { window: prost_types::Duration::try_from(window).ok() })
        }
    };
    gateway::WaitingPolicy { policy: Some(policy) }
}

pub(super) fn case_state(state: CaseState) -> gateway::CaseState {
    use gateway::CaseState as W;
    match state {
        CaseState::Opened => W::Opened,
        CaseState::AwaitingIdentity => W::AwaitingIdentity,
        CaseState::Scoped => W::Scoped,
        CaseState::Locating => W::Locating,
        CaseState::Planned => W::Planned,
        CaseState::Running => W::Running,
        CaseState::Assembling => W::Assembling,
        CaseState::Ready => W::Ready,
        CaseState::Delivered => W::Delivered,
        CaseState::DeliveredIncomplete => W::DeliveredIncomplete,
        CaseState::Closed => W::Closed,
        CaseState::Cancelled => W::Cancelled,
    }
}

pub(super) fn task_state(state: TaskState) -> gateway::TaskState {
    use gateway::TaskState as W;
    match state {
        TaskState::Queued => W::Queued,
        TaskState::Located => W::Located,
        TaskState::Exporting => W::Exporting,
        TaskState::Answered => W::Answered,
        TaskState::Questioned => W::Questioned,
        TaskState::Parked => W::Parked,
        TaskState::Cancelled => W::Cancelled,
    }
}

pub(super) fn disposition(disposition: Disposition) -> types::Disposition {
    use types::Disposition as W;
    match disposition {
        Disposition::Failed => W::Failed,
        Disposition::TimedOut => W::TimedOut,
        Disposition::Unreachable => W::Unreachable,
        Disposition::NotAsked => W::NotAsked,
        Disposition::Pending => W::Pending,
        Disposition::NeedsIdentity => W::NeedsIdentity,
        Disposition::NeedsClarification => W::NeedsClarification,
        Disposition::NeedsDecision => W::NeedsDecision,
        Disposition::InReview => W::InReview,
        Disposition::Extended => W::Extended,
        Disposition::Withheld => W::Withheld,
        Disposition::Refused => W::Refused,
        Disposition::PartlyFulfilled => W::PartlyFulfilled,
        Disposition::Forwarded => W::Forwarded,
        Disposition::Fulfilled => W::Fulfilled,
        Disposition::NotSubject => W::NotSubject,
        Disposition::NoData => W::NoData,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_domain_has_its_name_on_the_wire() {
        for d in Disposition::ALL {
            assert_eq!(disposition(d).as_str_name(), format!("DISPOSITION_{d}"));
        }
        for state in CaseState::ALL {
            assert_eq!(case_state(*state).as_str_name(), format!("CASE_STATE_{state}"));
        }
        for state in TaskState::ALL {
            assert_eq!(task_state(*state).as_str_name(), format!("TASK_STATE_{state}"));
        }
    }

    #[test]
    fn instants_survive_and_nonsense_is_refused() {
        let at: Timestamp = "1969-12-31T23:59:58.25Z".parse().unwrap();
        assert_eq!(instant("x", &timestamp(at)).unwrap(), at);
        assert!(instant("x", &prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }).is_err());
        assert!(instant("x", &prost_types::Timestamp { seconds: 0, nanos: -1 }).is_err());
    }

    #[test]
    fn a_windows_length_is_bounded() {
        let policy = |seconds| gateway::WaitingPolicy {
            policy: Some(gateway::waiting_policy::Policy::BestEffort(gateway::BestEffort {
                window: Some(prost_types::Duration { seconds, nanos: 0 }),
            })),
        };
        assert!(waiting(&policy(0)).is_err() && waiting(&policy(-1)).is_err() && waiting(&policy(2_592_001)).is_err());
        assert_eq!(waiting(&waiting_policy(waiting(&policy(9)).unwrap())).unwrap(), waiting(&policy(9)).unwrap());
    }
}
