//! When a question should be answered, and what is to be told of it by then (DLN-7: an entity's own date leaves time
//! before the group's).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use tributary_model::id::CaseId;

/// Time that stays for sending, closing and delivering before a request's month is over (Art. 12(3) GDPR): five working
/// days and a weekend.
const MARGIN: SignedDuration = SignedDuration::from_hours(7 * 24);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// How long answers may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// What is to be searched by hand.
    pub(crate) manual: Duration,
    /// What is to be looked at.
    pub(crate) review: Duration,
    /// A decision on the whole request; nobody is asked for one when absent.
    pub(crate) decision: Option<Duration>,
    /// After which nobody waits any more; for ever unless said otherwise.
    pub(crate) give_up: Option<Duration>,
}

/// When an answer that may take `time` is due. Never later than what leaves time before the month that began when the
/// request was received, or, where nobody says when that was, with the case; at once where that is over already.
pub(crate) fn due_at(received: Option<Timestamp>, case: CaseId, time: Duration, now: Timestamp) -> Timestamp {
    let wanted = plus(now, time);
    let began = received.or_else(|| opened_at(case));
    let Some(latest) = began.and_then(|at| at.to_zoned(TimeZone::UTC).checked_add(1.month()).ok()) else {
        return wanted;
    };
    let latest = latest.timestamp().checked_sub(MARGIN).unwrap_or(now);
    wanted.min(latest.max(now))
}

/// `now` and `time`, or the end of time.
pub(crate) fn plus(now: Timestamp, time: Duration) -> Timestamp {
    SignedDuration::try_from(time).ok().and_then(|time| now.checked_add(time).ok()).unwrap_or(Timestamp::MAX)
}

/// When a case was opened: its id begins with the instant, as in every UUID of version 7.
fn opened_at(case: CaseId) -> Option<Timestamp> {
    let bytes = case.as_bytes();
    if bytes[6] >> 4 != 7 {
        return None;
    }
    let millis = bytes[..6].iter().fold(0_i64, |millis, byte| millis << 8 | i64::from(*byte));
    Timestamp::from_millisecond(millis).ok()
}

/// What of a question is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It was asked.
    Created,
    /// Half of the time is over.
    Reminder,
    /// It is due now.
    Due,
    /// So many days overdue, from 1.
    Overdue(u32),
}

impl Stage {
    /// Where a question is at `now`.
    pub(crate) fn at(created_at: Timestamp, due_at: Timestamp, now: Timestamp) -> Self {
        let late = now.duration_since(due_at);
        if late >= DAY {
            return Self::Overdue(u32::try_from(late.as_hours() / 24).unwrap_or(u32::MAX));
        }
        if now >= due_at {
            return Self::Due;
        }
        let half = due_at.duration_since(created_at) / 2;
        if now.duration_since(created_at) >= half { Self::Reminder } else { Self::Created }
    }

    /// Whether others are told than those who were asked.
    pub(crate) fn is_escalation(self) -> bool {
        self >= Self::Due
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created => f.write_str("created"),
            Self::Reminder => f.write_str("reminder"),
            Self::Due => f.write_str("due"),
            Self::Overdue(days) => write!(f, "overdue-{days}"),
        }
    }
}

impl FromStr for Stage {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "created" => Ok(Self::Created),
            "reminder" => Ok(Self::Reminder),
            "due" => Ok(Self::Due),
            _ => text.strip_prefix("overdue-").and_then(|days| days.parse().ok()).map(Self::Overdue).ok_or(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_answer_is_due_in_its_time_and_never_so_late_that_the_month_is_missed() {
        let case = CaseId::new(at("2026-01-31T10:00:00Z"));
        let days = |days: u64| Duration::from_secs(days * 86_400);
        let due = |now: Timestamp| due_at(None, case, days(10), now);
        assert_eq!(due(at("2026-01-31T12:00:00Z")), at("2026-02-10T12:00:00Z"));
        assert_eq!(due(at("2026-02-18T12:00:00Z")), at("2026-02-21T10:00:00Z"));
        let late = at("2026-03-30T00:00:00Z");
        assert_eq!(due(late), late, "what is late already is due at once");
    }

    #[test]
    fn the_month_counts_from_the_reception_when_it_is_known() {
        let case = CaseId::new(at("2026-03-20T10:00:00Z"));
        let ten = Duration::from_secs(10 * 86_400);
        let due = |received: &str| due_at(Some(at(received)), case, ten, at("2026-03-20T12:00:00Z"));
        assert_eq!(due("2026-03-20T09:00:00Z"), at("2026-03-30T12:00:00Z"));
        assert_eq!(
            due("2026-03-02T09:00:00Z"),
            at("2026-03-26T09:00:00Z"),
            "18 days went by before the case was opened"
        );
        for long_over in ["2026-01-02T09:00:00Z", "-009999-01-02T01:59:59Z"] {
            assert_eq!(due(long_over), at("2026-03-20T12:00:00Z"), "{long_over}");
        }
        assert_eq!(
            due("9999-12-30T00:00:00Z"),
            at("2026-03-30T12:00:00Z"),
            "whatever is said, no later than the entity allows"
        );
    }

    #[test]
    fn a_question_is_told_of_at_half_time_on_its_day_and_daily_after() {
        let (created, due) = (at("2026-03-01T00:00:00Z"), at("2026-03-11T00:00:00Z"));
        let stage = |now: &str| Stage::at(created, due, at(now));
        assert_eq!(stage("2026-03-01T00:00:00Z"), Stage::Created);
        assert_eq!(stage("2026-03-05T23:59:59Z"), Stage::Created);
        assert_eq!(stage("2026-03-06T00:00:00Z"), Stage::Reminder);
        assert_eq!(stage("2026-03-11T00:00:00Z"), Stage::Due);
        assert_eq!(stage("2026-03-12T00:00:00Z"), Stage::Overdue(1));
        assert_eq!(stage("2026-04-11T01:00:00Z"), Stage::Overdue(31));
        assert!(!Stage::Reminder.is_escalation() && Stage::Due.is_escalation() && Stage::Overdue(3).is_escalation());
        for stage in [Stage::Created, Stage::Reminder, Stage::Due, Stage::Overdue(12)] {
            assert_eq!(stage.to_string().parse(), Ok(stage));
        }
    }
}
