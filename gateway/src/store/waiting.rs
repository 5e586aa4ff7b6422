//! Decides, inside the transaction that changed something, what a case needs next: its archive, an addendum, its end.

use jiff::Timestamp;
use tributary_model::disposition::Disposition;
use tributary_model::id::{CaseId, EntityId};
use tributary_model::lifecycle::{CaseEvent, CaseState, TaskState};

use super::cases::{Standing, standings};
use super::drafts::draft;
use super::events::{Head, Record};
use super::sql::{Tx, vals};
use super::{Store, StoreError};
use crate::case::Waiting;

/// What keeps a case from its date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Escalation {
    pub(crate) case: CaseId,
    pub(crate) late: Late,
}

/// Who is late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Late {
    /// An entity that has not answered.
    Entity(EntityId, Disposition),
    /// Whoever is to vouch for the person: nobody is asked before that.
    Identity,
}

/// The detail of the event about an identity.
const NOT_VOUCHED: &str = "nobody has vouched for the person's identity yet, so no entity was asked";

/// Most cases that one look at the clock moves; the rest follow at the next.
const AT_ONCE: usize = 64;

impl Store {
    /// Moves every case whose time to wait is over at `now`; returns how many.
    pub(crate) async fn decide_due(&self, now: Timestamp) -> Result<usize, StoreError> {
        let sql = "SELECT case_id FROM cases WHERE state IN ('LOCATING', 'PLANNED', 'RUNNING') AND due_at <= $1 \
                   ORDER BY due_at";
        let mut moved = 0;
        for case in self.due(sql, now).await? {
            let store = self.clone();
            let decided = self.write("decide what is due", move |tx| {
                Box::pin(async move {
                    let mut head = Head::read(tx, store.keys(), case).await?;
                    archive_due(tx, &mut head, now).await
                })
            });
            match decided.await {
                Ok(()) => moved += 1,
                // It went on meanwhile.
                Err(StoreError::Conflict(_)) => {}
                Err(error) => only_this_one(case, error)?,
            }
            if moved == AT_ONCE {
                break;
            }
        }
        Ok(moved)
    }

    /// Records every entity that has not answered by its escalation date, and every case that still waits for an
    /// identity; returns them once each.
    pub(crate) async fn escalate(&self, now: Timestamp) -> Result<Vec<Escalation>, StoreError> {
        let sql = "SELECT case_id FROM cases WHERE escalate_at <= $1 ORDER BY escalate_at";
        let (mut late, mut moved) = (Vec::new(), 0);
        for case in self.due(sql, now).await? {
            let store = self.clone();
            let escalated = self.write("escalate late entities", move |tx| {
                Box::pin(async move {
                    let mut head = Head::read(tx, store.keys(), case).await?;
                    escalate_case(tx, &mut head, now).await
                })
            });
            match escalated.await {
                Ok(escalated) => {
                    late.extend(escalated);
                    moved += 1;
                }
                Err(error) => only_this_one(case, error)?,
            }
            if moved == AT_ONCE {
                break;
            }
        }
        Ok(late)
    }

    async fn due(&self, sql: &'static str, now: Timestamp) -> Result<Vec<CaseId>, StoreError> {
        self.0.readers.rows(sql, &vals![now]).await?.iter().map(|row| row.parse("case_id")).collect()
    }
}

/// A case whose record is damaged must not keep all others from their dates.
fn only_this_one(case: CaseId, error: StoreError) -> Result<(), StoreError> {
    match error {
        StoreError::Corrupt(_) | StoreError::Crypto(_) => {
            tracing::error!(%case, %error, "a case cannot be read and is passed over; restore its record");
            Ok(())
        }
        other => Err(other),
    }
}

async fn escalate_case(tx: &mut Tx, head: &mut Head, now: Timestamp) -> Result<Vec<Escalation>, StoreError> {
    let sql = "UPDATE cases SET escalate_at = NULL WHERE case_id = $1 AND escalate_at <= $2";
    // Another process may have done it since the look at the clock.
    if tx.run(sql, &vals![head.id, now]).await? == 0 || head.state.is_final() {
        return Ok(Vec::new());
    }
    if head.state == CaseState::AwaitingIdentity {
        head.record(tx, "ESCALATED", now, Record { detail: NOT_VOUCHED, ..Record::default() }).await?;
        mark_escalated(tx, head.id, now).await?;
        return Ok(vec![Escalation { case: head.id, late: Late::Identity }]);
    }
    let sql = "UPDATE tasks SET escalated_at = $2 WHERE case_id = $1 AND escalated_at IS NULL \
               AND state NOT IN ('ANSWERED', 'CANCELLED') RETURNING entity, disposition, parts, bytes";
    let rows = tx.rows(sql, &vals![head.id, now]).await?;
    let mut late = Vec::new();
    for row in rows {
        let (entity, disposition): (EntityId, Disposition) = (row.parse("entity")?, row.parse("disposition")?);
        let record = Record {
            entity: Some(&entity),
            disposition: Some(disposition),
            parts: row.count("parts")?,
            bytes: row.count("bytes")?,
            ..Record::default()
        };
        head.record(tx, "ESCALATED", now, record).await?;
        late.push(Escalation { case: head.id, late: Late::Entity(entity, disposition) });
    }
    if !late.is_empty() {
        mark_escalated(tx, head.id, now).await?;
    }
    Ok(late)
}

/// The first time stands.
async fn mark_escalated(tx: &mut Tx, case: CaseId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE cases SET escalated_at = $2 WHERE case_id = $1 AND escalated_at IS NULL";
    tx.run(sql, &vals![case, now]).await.map(drop)
}

/// What the standings of a case's tasks call for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing yet.
    Wait,
    /// The archive can be written before its date.
    Archive,
    /// A late answer is to be added.
    Addendum,
}

/// Whether answers call for an archive now. Dates are `decide_due`'s.
pub(crate) fn next_archive(
    state: CaseState,
    waiting: Waiting,
    tasks: impl IntoIterator<Item = (TaskState, Disposition, bool)>,
) -> Next {
    let (mut all_final, mut all_complete, mut uncarried) = (true, true, false);
    for (task, disposition, carried) in tasks {
        all_final &= task == TaskState::Answered;
        all_complete &= disposition.is_complete();
        uncarried |= task == TaskState::Answered && !carried;
    }
    match state {
        CaseState::Locating | CaseState::Planned | CaseState::Running => match waiting {
            Waiting::ByDeliveryDate | Waiting::BestEffort { .. } if all_final => Next::Archive,
            Waiting::RequireComplete if all_final && all_complete => Next::Archive,
            _ => Next::Wait,
        },
        CaseState::Ready | CaseState::DeliveredIncomplete if uncarried => Next::Addendum,
        _ => Next::Wait,
    }
}

/// Called after every change of a task or an archive: starts what is due, ends what is over.
pub(super) async fn settle(tx: &mut Tx, head: &mut Head, now: Timestamp) -> Result<(), StoreError> {
    let standings = standings(tx, head.id).await?;
    let tasks = standings.iter().map(|s| (s.state, s.disposition, s.carried));
    match next_archive(head.state, head.waiting, tasks) {
        Next::Archive => archive_due(tx, head, now).await?,
        Next::Addendum => draft(tx, head, now).await?,
        Next::Wait => {}
    }
    close_if_over(tx, head, &standings, now).await
}

async fn archive_due(tx: &mut Tx, head: &mut Head, now: Timestamp) -> Result<(), StoreError> {
    head.advance(tx, CaseEvent::ArchiveDue, now, Record::default()).await?;
    draft(tx, head, now).await
}

async fn close_if_over(tx: &mut Tx, head: &mut Head, standings: &[Standing], now: Timestamp) -> Result<(), StoreError> {
    let delivered = matches!(head.state, CaseState::Delivered);
    if delivered && standings.iter().all(|task| task.state.is_final()) {
        head.advance(tx, CaseEvent::Completed, now, Record::default()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Disposition::{Fulfilled, PartlyFulfilled, Pending};

    const WINDOW: Waiting = Waiting::BestEffort { window: std::time::Duration::from_secs(1) };

    #[test]
    fn nothing_is_written_early_while_an_entity_has_not_answered() {
        let tasks = [(TaskState::Answered, Fulfilled, false), (TaskState::Questioned, Pending, false)];
        for waiting in [Waiting::ByDeliveryDate, Waiting::RequireComplete, WINDOW] {
            assert_eq!(next_archive(CaseState::Running, waiting, tasks), Next::Wait);
        }
    }

    #[test]
    fn who_requires_completeness_gets_nothing_incomplete_before_the_date() {
        let tasks = [(TaskState::Answered, PartlyFulfilled, false)];
        assert_eq!(next_archive(CaseState::Running, Waiting::RequireComplete, tasks), Next::Wait);
        assert_eq!(next_archive(CaseState::Running, Waiting::ByDeliveryDate, tasks), Next::Archive);
    }

    #[test]
    fn a_late_answer_calls_for_an_addendum_once() {
        let late = [(TaskState::Answered, Fulfilled, true), (TaskState::Answered, Fulfilled, false)];
        assert_eq!(next_archive(CaseState::Ready, WINDOW, late), Next::Addendum);
        assert_eq!(next_archive(CaseState::DeliveredIncomplete, WINDOW, late), Next::Addendum);
        assert_eq!(next_archive(CaseState::Assembling, WINDOW, late), Next::Wait);
        let carried = [(TaskState::Answered, Fulfilled, true)];
        assert_eq!(next_archive(CaseState::Ready, WINDOW, carried), Next::Wait);
    }
}
