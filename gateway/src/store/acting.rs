//! What callers do to a case that is under way: vouch, retry, cancel.

use jiff::Timestamp;
use tributary_model::disposition::Disposition;
use tributary_model::group::signed::InForce;
use tributary_model::id::{CaseId, EntityId, InstructionId};
use tributary_model::identifier::{Identifier, MAX_IDENTIFIERS};
use tributary_model::lifecycle::{CaseEvent, CaseState, TaskEvent, TaskState};
use tributary_model::scope::Decision;

use super::cases::read;
use super::events::{Head, Record};
use super::opening::{person, start};
use super::presentations::drop_presentations;
use super::sql::{Tx, vals};
use super::{Store, StoreError};
use crate::case::{Actor, Case, Dates};

/// Scope decisions and what they rest on, for a case whose identity is confirmed now.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) decisions: Vec<Decision>,
    pub(crate) group: InForce,
    pub(crate) dates: Dates,
}

impl Store {
    /// The entities that a case was opened for; empty for all of the group.
    pub(crate) async fn requested(&self, id: CaseId) -> Result<Vec<EntityId>, StoreError> {
        self.write("read a case's request", move |tx| {
            Box::pin(async move {
                let row = tx.row("SELECT requested FROM cases WHERE case_id = $1", &vals![id]).await?;
                row.ok_or(StoreError::NoCase)?.json("requested")
            })
        })
        .await
    }

    /// Records that the person's identity is vouched for, with more identifiers if there are any. A case that waited
    /// for it starts; entities that had asked are asked anew. With the case come the objects that nothing names any more.
    pub(crate) async fn confirm_identity(
        &self,
        id: CaseId,
        more: Vec<Identifier>,
        scope: Scope,
        actor: Actor,
        now: Timestamp,
    ) -> Result<(Case, Vec<String>), StoreError> {
        let store = self.clone();
        self.write("confirm an identity", move |tx| {
            Box::pin(async move {
                let mut head = Head::read(tx, store.keys(), id).await?;
                let waited = head.state == CaseState::AwaitingIdentity;
                let record = Record { actor: Some(&actor), ..Record::default() };
                head.advance(tx, CaseEvent::IdentityConfirmed, now, record).await?;
                add_identifiers(tx, &head, more).await?;
                let mut dropped = Vec::new();
                if waited {
                    let Scope { decisions, group, dates } = &scope;
                    start(tx, &mut head, decisions, group, *dates, now).await?;
                } else {
                    dropped = retry_questioned(tx, &mut head, now).await?;
                }
                Ok((read(tx, store.keys(), id).await?.ok_or(StoreError::NoCase)?, dropped))
            })
        })
        .await
    }

    /// Has one entity asked again: at once if it waits for its next attempt, with a new instruction if it was parked
    /// or had asked a question. With the case come the objects that nothing names any more.
    pub(crate) async fn retry_task(
        &self,
        id: CaseId,
        entity: EntityId,
        actor: Actor,
        now: Timestamp,
    ) -> Result<(Case, Vec<String>), StoreError> {
        let store = self.clone();
        self.write("retry a task", move |tx| {
            Box::pin(async move {
                let mut head = Head::read(tx, store.keys(), id).await?;
                let sql = "SELECT state, disposition, parts, bytes FROM tasks WHERE case_id = $1 AND entity = $2";
                let row = tx.row(sql, &vals![id, &entity]).await?.ok_or(StoreError::NoTask)?;
                let state: TaskState = row.parse("state")?;
                let mut dropped = Vec::new();
                if state.is_runnable() {
                    state.next(TaskEvent::Retried)?;
                    let sql = "UPDATE tasks SET next_attempt_at = $3, misses = 0 WHERE case_id = $1 AND entity = $2";
                    tx.run(sql, &vals![id, &entity, now]).await?;
                    let record = Record {
                        entity: Some(&entity),
                        disposition: Some(row.parse("disposition")?),
                        parts: row.count("parts")?,
                        bytes: row.count("bytes")?,
                        actor: Some(&actor),
                        ..Record::default()
                    };
                    head.record(tx, TaskEvent::Retried.as_str(), now, record).await?;
                } else {
                    dropped = anew(tx, &mut head, &entity, state, Some(&actor), now).await?;
                }
                Ok((read(tx, store.keys(), id).await?.ok_or(StoreError::NoCase)?, dropped))
            })
        })
        .await
    }

    /// Cancels a case and shreds what was staged: the key goes in this transaction, the files after it. Repeating it
    /// changes nothing.
    pub(crate) async fn cancel_case(&self, id: CaseId, actor: Actor, now: Timestamp) -> Result<Case, StoreError> {
        let store = self.clone();
        let cancelled = self.write("cancel a case", move |tx| {
            Box::pin(async move {
                let mut head = Head::read(tx, store.keys(), id).await?;
                if head.state != CaseState::Cancelled {
                    let record = Record { actor: Some(&actor), ..Record::default() };
                    head.advance(tx, CaseEvent::Cancel, now, record).await?;
                    cancel_tasks(tx, &head, now).await?;
                    shred(tx, id).await?;
                }
                read(tx, store.keys(), id).await?.ok_or(StoreError::NoCase)
            })
        });
        let cancelled = cancelled.await?;
        self.owe_forgetting();
        Ok(cancelled)
    }
}

async fn add_identifiers(tx: &mut Tx, head: &Head, more: Vec<Identifier>) -> Result<(), StoreError> {
    if more.is_empty() {
        return Ok(());
    }
    let mut all = person(tx, head).await?;
    for identifier in more {
        if !all.contains(&identifier) {
            all.push(identifier);
        }
    }
    if all.len() > MAX_IDENTIFIERS {
        return Err(StoreError::TooManyIdentifiers);
    }
    let sealed = head.keys.seal("person", &all)?;
    tx.run("UPDATE cases SET person = $2 WHERE case_id = $1", &vals![head.id, sealed]).await?;
    // Those under way go on with what they were told: an agent refuses an instruction that says something else.
    let sql = "UPDATE tasks SET identifiers = $2 WHERE case_id = $1 AND state = 'QUEUED' AND lease_token IS NULL";
    tx.run(sql, &vals![head.id, all.len() as u64]).await.map(drop)
}

async fn retry_questioned(tx: &mut Tx, head: &mut Head, now: Timestamp) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT entity, state FROM tasks WHERE case_id = $1 AND state = 'QUESTIONED' AND disposition = $2 \
               ORDER BY position";
    let mut dropped = Vec::new();
    for row in tx.rows(sql, &vals![head.id, Disposition::NeedsIdentity]).await? {
        dropped.extend(anew(tx, head, &row.parse("entity")?, row.parse("state")?, None, now).await?);
    }
    Ok(dropped)
}

/// A new instruction for a task: what an older one left behind is dropped here and, later, at the agent.
pub(super) async fn anew(
    tx: &mut Tx,
    head: &mut Head,
    entity: &EntityId,
    state: TaskState,
    actor: Option<&Actor>,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let state = state.next(TaskEvent::Retried)?;
    finish(tx, head.id, Some(entity), now).await?;
    let dropped = drop_staged(tx, head.id, entity).await?;
    let sql = "UPDATE tasks SET state = $3, disposition = $4, reason = $5, locate_instruction = $6, \
               export_instruction = $7, generation = 0, failed_attempts = 0, misses = 0, attempts = 0, \
               observed_since = $8, next_attempt_at = $9, parts = 0, bytes = 0, escalated_at = $8, updated_at = $9, \
               identifiers = $10 WHERE case_id = $1 AND entity = $2";
    let (locate, export) = (InstructionId::new(now), InstructionId::new(now));
    let identifiers = person(tx, head).await?.len() as u64;
    let values = vals![
        head.id,
        entity,
        state,
        Disposition::Pending,
        Option::<Vec<u8>>::None,
        locate,
        export,
        Option::<i64>::None,
        now,
        identifiers
    ];
    tx.run(sql, &values).await?;
    let disposition = Some(Disposition::Pending);
    let record = Record { entity: Some(entity), disposition, actor, ..Record::default() };
    head.record(tx, TaskEvent::Retried.as_str(), now, record).await?;
    Ok(dropped)
}

async fn cancel_tasks(tx: &mut Tx, head: &Head, now: Timestamp) -> Result<(), StoreError> {
    finish(tx, head.id, None, now).await?;
    let sql = "UPDATE tasks SET state = $2, lease_token = $3, lease_until = 0, reason = $4, updated_at = $5 \
               WHERE case_id = $1 AND state <> 'ANSWERED'";
    let none = Option::<String>::None;
    let values = vals![head.id, TaskState::Cancelled, none, Option::<Vec<u8>>::None, now];
    tx.run(sql, &values).await.map(drop)
}

/// Has agents told that exports they may still hold are over: of one entity, or of all that have not answered.
async fn finish(tx: &mut Tx, case: CaseId, entity: Option<&EntityId>, now: Timestamp) -> Result<(), StoreError> {
    let entity = entity.map(ToString::to_string);
    let sql = "INSERT INTO finishes (instruction, case_id, entity, attempts, next_attempt_at) \
               SELECT export_instruction, case_id, entity, 0, $3 FROM tasks WHERE case_id = $1 \
               AND ($2 IS NULL OR entity = $2) AND state NOT IN ('ANSWERED', 'QUEUED') \
               ON CONFLICT (instruction) DO NOTHING";
    tx.run(sql, &vals![case, entity, now]).await.map(drop)
}

/// Drops what was staged of an entity; returns the names of its objects, to be removed after the commit.
pub(super) async fn drop_staged(tx: &mut Tx, case: CaseId, entity: &EntityId) -> Result<Vec<String>, StoreError> {
    tx.run("DELETE FROM tables WHERE case_id = $1 AND entity = $2", &vals![case, entity]).await?;
    drop_presentations(tx, case, entity).await?;
    let sql = "DELETE FROM parts WHERE case_id = $1 AND entity = $2 RETURNING object";
    tx.rows(sql, &vals![case, entity]).await?.iter().map(|row| row.text("object")).collect()
}

/// Drops the person's key and everything it sealed. Rows of archives stay as evidence that they existed.
pub(super) async fn shred(tx: &mut Tx, case: CaseId) -> Result<(), StoreError> {
    for sql in [
        "UPDATE cases SET content_key = NULL, person = NULL, due_at = NULL, escalate_at = NULL WHERE case_id = $1",
        "DELETE FROM parts WHERE case_id = $1",
        "DELETE FROM tables WHERE case_id = $1",
        "DELETE FROM presentations WHERE case_id = $1",
        "DELETE FROM carried_parts WHERE case_id = $1",
        "DELETE FROM attestations WHERE case_id = $1",
        "DELETE FROM archives WHERE case_id = $1 AND object IS NULL",
        "UPDATE archives SET draft = NULL, pieces = NULL WHERE case_id = $1",
        "UPDATE events SET detail = NULL WHERE case_id = $1",
    ] {
        tx.run(sql, &vals![case]).await?;
    }
    Ok(())
}
