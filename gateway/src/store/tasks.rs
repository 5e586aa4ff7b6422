//! Tasks as durable work: claimed under a lease, moved by whoever holds it, given back with what came of it.
//!
//! Every write matches on the lease's token, so an attempt that lost its lease cannot write any more. Claiming is one
//! statement; the effect of an attempt and the release commit together.
//!
//! When a lease is over is judged by the clock of whoever looks. That only says when it is worth a try: what keeps two
//! attempts apart is the token, and an agent knows an instruction that is repeated. So the clocks of several processes
//! may differ by any amount without harm; up to two thirds of a lease (it is renewed at a third) nobody loses a lease
//! that is in use, and the work of a process that died is taken up later by what they differ.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tributary_model::disposition::Disposition;
use tributary_model::id::{CaseId, EntityId, InstructionId};
use tributary_model::identifier::Identifier;
use tributary_model::lifecycle::{CaseEvent, CaseState, TaskEvent, TaskState};
use tributary_model::right::{Right, TableFormat};
use uuid::Uuid;

use super::events::{Head, Record};
use super::keys::CaseKeys;
use super::reason;
use super::sql::{Row, Tx, locking, taking, vals};
use super::{Store, StoreError};
use crate::case::after;
use crate::cause::Cause;

/// A task held under a lease: only its holder can write, and only while the lease lasts.
#[derive(Clone)]
pub(crate) struct Claim {
    pub(crate) case: CaseId,
    pub(crate) entity: EntityId,
    token: String,
    pub(crate) state: TaskState,
    pub(crate) right: Right,
    pub(crate) format: TableFormat,
    /// When the case's request reached the group.
    pub(crate) received_at: Timestamp,
    pub(crate) locate: InstructionId,
    pub(crate) export: InstructionId,
    pub(crate) generation: u32,
    pub(crate) misses: u32,
    pub(crate) identifiers: Arc<[Identifier]>,
    pub(crate) keys: CaseKeys,
    /// The trace that the work belongs to.
    pub(crate) trace: Option<String>,
}

/// What an attempt that did not get to its end leaves behind.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// How the task stands by it.
    pub(crate) disposition: Disposition,
    /// Why, in words without personal data.
    pub(crate) reason: String,
    /// What of it an archive says.
    pub(crate) cause: Cause,
    /// Whether it counts towards parking.
    pub(crate) counts: bool,
    /// Whether the attempt got anywhere, which clears the counts.
    pub(crate) progressed: bool,
    /// The pause before the next attempt.
    pub(crate) pause: Duration,
    /// How many counting failures without progress park the task.
    pub(crate) cap: u32,
}

impl Store {
    /// Entities with tasks to be worked on at `now`.
    pub(crate) async fn entities_due(&self, now: Timestamp) -> Result<Vec<EntityId>, StoreError> {
        let sql = "SELECT DISTINCT entity FROM tasks WHERE state IN ('QUEUED', 'LOCATED', 'EXPORTING') \
                   AND next_attempt_at <= $1 AND (lease_token IS NULL OR lease_until <= $1)";
        self.0.readers.rows(sql, &vals![now]).await?.iter().map(|row| row.parse("entity")).collect()
    }

    /// Claims up to `most` due tasks of an entity, the longest waiting first.
    pub(crate) async fn claim(
        &self,
        entity: EntityId,
        most: usize,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let store = self.clone();
        self.write("claim tasks", move |tx| {
            Box::pin(async move {
                let token = Uuid::new_v4().to_string();
                let sql = taking!(
                    "SELECT case_id, entity FROM tasks WHERE entity = $4 AND state IN ('QUEUED', 'LOCATED', 'EXPORTING') \
                     AND next_attempt_at <= $3 AND (lease_token IS NULL OR lease_until <= $3) \
                     ORDER BY next_attempt_at LIMIT $5",
                    "UPDATE tasks SET lease_token = $1, lease_until = $2, last_attempt_at = $3, held_by = $6 \
                     WHERE (case_id, entity) IN (SELECT case_id, entity FROM due) RETURNING case_id, entity, state, \
                     locate_instruction, export_instruction, identifiers, generation, misses"
                );
                let own = store.replica().to_string();
                let values = vals![&token, after(now, lease), now, &entity, most as u64, own];
                let mut claims = Vec::new();
                for row in tx.rows(sql, &values).await? {
                    match claim_of(tx, &store, &row, &token).await {
                        Ok(claim) => claims.push(claim),
                        // Its lease keeps it out of the others' way for a while.
                        Err(error @ (StoreError::Corrupt(_) | StoreError::Crypto(_))) => {
                            let case = row.text("case_id")?;
                            tracing::error!(case, %error, "a case cannot be read and is passed over; restore its record");
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(claims)
            })
        })
        .await
    }

    /// Extends the lease. Fails when it is lost.
    pub(crate) async fn renew(&self, claim: &Claim, lease: Duration, now: Timestamp) -> Result<(), StoreError> {
        let claim = claim.clone();
        self.write("renew a lease", move |tx| {
            Box::pin(async move {
                let sql = "UPDATE tasks SET lease_until = $4 WHERE case_id = $1 AND entity = $2 AND lease_token = $3";
                held(tx.run(sql, &vals![claim.case, &claim.entity, &claim.token, after(now, lease)]).await?)
            })
        })
        .await
    }

    /// The entity answered whether it knows the person. The answer itself is not kept: only an attestation says it.
    pub(crate) async fn located(&self, claim: &Claim, now: Timestamp) -> Result<TaskState, StoreError> {
        self.step(claim, TaskEvent::Located, CaseEvent::FirstLocated, CaseState::Locating, None, now).await
    }

    /// The entity accepted the export.
    pub(crate) async fn export_started(&self, claim: &Claim, now: Timestamp) -> Result<TaskState, StoreError> {
        self.step(claim, TaskEvent::ExportStarted, CaseEvent::FirstExport, CaseState::Planned, None, now).await
    }

    /// A generation began: what was staged before goes. Returns the objects that nothing names any more.
    pub(crate) async fn generation_started(
        &self,
        claim: &Claim,
        generation: u32,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let (store, claim) = (self.clone(), claim.clone());
        self.write("start a generation", move |tx| {
            Box::pin(async move {
                let mut task = Held::read(tx, &store, &claim).await?;
                let replaced = task.generation > 0 && task.generation != generation;
                // Whoever asks anew has dropped what an older instruction staged.
                let is_first = task.generation == 0;
                let dropped = if is_first {
                    Vec::new()
                } else {
                    super::acting::drop_staged(tx, claim.case, &claim.entity).await?
                };
                let sql = "UPDATE tasks SET generation = $3, parts = 0, bytes = 0, updated_at = $4 \
                           WHERE case_id = $1 AND entity = $2";
                tx.run(sql, &vals![claim.case, &claim.entity, generation, now]).await?;
                // What the agent said while it waited is true no more.
                if task.disposition == Disposition::Pending {
                    let reason = reason::seal(&task.head.keys, "", Some(Cause::AtWork))?;
                    let sql = "UPDATE tasks SET reason = $3, observed_since = $4 WHERE case_id = $1 AND entity = $2";
                    tx.run(sql, &vals![claim.case, &claim.entity, reason, now]).await?;
                }
                if replaced {
                    (task.parts, task.bytes) = (0, 0);
                    task.moved(tx, TaskEvent::GenerationReplaced, now, "").await?;
                }
                Ok(dropped)
            })
        })
        .await
    }

    /// Gives the task back after an attempt that failed: it is tried again after the pause, or parked.
    pub(crate) async fn failed(&self, claim: &Claim, failure: Failure, now: Timestamp) -> Result<(), StoreError> {
        let (store, claim) = (self.clone(), claim.clone());
        self.write("record a failed attempt", move |tx| {
            Box::pin(async move {
                let mut task = Held::read(tx, &store, &claim).await?;
                fail(tx, &mut task, &claim, &failure, now).await
            })
        })
        .await
    }

    /// Gives the task back unchanged, to be taken up again at `at`: the process stops, or the agent said "later".
    pub(crate) async fn release(&self, claim: &Claim, at: Timestamp) -> Result<(), StoreError> {
        let claim = claim.clone();
        self.write("release a task", move |tx| {
            Box::pin(async move {
                let sql = "UPDATE tasks SET lease_token = NULL, lease_until = 0, next_attempt_at = $4 \
                           WHERE case_id = $1 AND entity = $2 AND lease_token = $3";
                held(tx.run(sql, &vals![claim.case, &claim.entity, &claim.token, at]).await?)
            })
        })
        .await
    }

    /// The entity says that it is working on it, and why it takes time. Nothing counts against it; an archive that is
    /// written meanwhile says it.
    pub(crate) async fn pending(&self, claim: &Claim, reason: String, now: Timestamp) -> Result<(), StoreError> {
        let (store, claim) = (self.clone(), claim.clone());
        self.write("note that an entity is at work", move |tx| {
            Box::pin(async move {
                let task = Held::read(tx, &store, &claim).await?;
                let reason = reason::seal(&task.head.keys, &reason, Some(Cause::Said))?;
                let since = task.since(Disposition::Pending, now);
                let sql = "UPDATE tasks SET disposition = $3, reason = $4, observed_since = $5, updated_at = $6 \
                           WHERE case_id = $1 AND entity = $2";
                tx.run(sql, &vals![claim.case, &claim.entity, Disposition::Pending, reason, since, now]).await.map(drop)
            })
        })
        .await
    }

    /// One step of a task that moves the case along when it is the first to take it.
    async fn step(
        &self,
        claim: &Claim,
        event: TaskEvent,
        first: CaseEvent,
        from: CaseState,
        detail: Option<String>,
        now: Timestamp,
    ) -> Result<TaskState, StoreError> {
        let (store, claim) = (self.clone(), claim.clone());
        self.write("move a task", move |tx| {
            Box::pin(async move {
                let mut task = Held::read(tx, &store, &claim).await?;
                task.progressed(tx, now).await?;
                task.moved(tx, event, now, detail.as_deref().unwrap_or_default()).await?;
                if task.head.state == from {
                    let record = Record { entity: Some(&claim.entity), ..Record::default() };
                    task.head.advance(tx, first, now, record).await?;
                }
                Ok(task.state)
            })
        })
        .await
    }
}

async fn claim_of(tx: &mut Tx, store: &Store, row: &Row, token: &str) -> Result<Claim, StoreError> {
    let id: CaseId = row.parse("case_id")?;
    // The case is only looked at, not held: whoever holds it may be waiting for this task.
    let sql =
        "SELECT exercised, format, received_at, trace, person, content_key, record_key FROM cases WHERE case_id = $1";
    let case = tx.row(sql, &vals![id]).await?.ok_or(StoreError::NoCase)?;
    let keys = store.keys().unwrap(id, case.blob_opt("content_key")?.as_deref(), &case.blob("record_key")?)?;
    let person = case.blob_opt("person")?.ok_or(StoreError::Corrupt("person"))?;
    let mut identifiers: Vec<Identifier> = keys.open("person", &person)?;
    identifiers.truncate(row.count("identifiers")?);
    Ok(Claim {
        case: id,
        entity: row.parse("entity")?,
        token: token.to_owned(),
        state: row.parse("state")?,
        right: case.parse("exercised")?,
        format: case.parse("format")?,
        received_at: case.time("received_at")?,
        locate: row.parse("locate_instruction")?,
        export: row.parse("export_instruction")?,
        generation: row.count("generation")?,
        misses: row.count("misses")?,
        identifiers: identifiers.into(),
        keys,
        trace: case.text_opt("trace")?,
    })
}

async fn fail(
    tx: &mut Tx,
    task: &mut Held,
    claim: &Claim,
    failure: &Failure,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = if failure.progressed { 0 } else { task.failed_attempts };
    let failed = before + u32::from(failure.counts);
    let parked = failed >= failure.cap;
    let event = if parked { TaskEvent::AttemptsUsedUp } else { TaskEvent::AttemptFailed };
    let reason = reason::seal(&task.head.keys, &failure.reason, Some(failure.cause))?;
    let misses = if failure.progressed { 0 } else { task.misses + 1 };
    let since = task.since(failure.disposition, now);
    let sql = "UPDATE tasks SET disposition = $3, reason = $4, failed_attempts = $5, misses = $6, \
               attempts = attempts + 1, observed_since = $7, next_attempt_at = $8, lease_token = NULL, \
               lease_until = 0, updated_at = $9 WHERE case_id = $1 AND entity = $2";
    let next = after(now, failure.pause);
    let values = vals![claim.case, &claim.entity, failure.disposition, reason, failed, misses, since, next, now];
    tx.run(sql, &values).await?;
    // A pause that only repeats what is known is no event: an entity that is down for a month would fill the history.
    if parked || task.disposition != failure.disposition || failure.counts {
        task.disposition = failure.disposition;
        task.moved(tx, event, now, &failure.reason).await?;
    }
    Ok(())
}

/// Turns "no row matched the token" into the error it means.
pub(super) fn held(changed: u64) -> Result<(), StoreError> {
    if changed == 0 { Err(StoreError::StaleLease) } else { Ok(()) }
}

/// A claimed task within a job of the writer.
pub(super) struct Held {
    pub(super) head: Head,
    pub(super) entity: EntityId,
    pub(super) state: TaskState,
    pub(super) disposition: Disposition,
    pub(super) generation: u32,
    pub(super) parts: u32,
    pub(super) bytes: u64,
    failed_attempts: u32,
    misses: u32,
    observed_since: Option<Timestamp>,
}

impl Held {
    /// Reads the task if the claim still holds it.
    pub(super) async fn read(tx: &mut Tx, store: &Store, claim: &Claim) -> Result<Self, StoreError> {
        // The case before the task, as all jobs lock them: who holds the one may be waited for with the other.
        let head = Head::read(tx, store.keys(), claim.case).await?;
        let sql = locking!(
            "SELECT state, disposition, generation, parts, bytes, failed_attempts, misses, observed_since \
             FROM tasks WHERE case_id = $1 AND entity = $2 AND lease_token = $3"
        );
        let row = tx.row(sql, &vals![claim.case, &claim.entity, &claim.token]).await?;
        let row = row.ok_or(StoreError::StaleLease)?;
        Ok(Self {
            head,
            entity: claim.entity.clone(),
            state: row.parse("state")?,
            disposition: row.parse("disposition")?,
            generation: row.count("generation")?,
            parts: row.count("parts")?,
            bytes: row.count("bytes")?,
            failed_attempts: row.count("failed_attempts")?,
            misses: row.count("misses")?,
            observed_since: row.time_opt("observed_since")?,
        })
    }

    /// Since when it stands as `disposition`, which is seen at `now`.
    fn since(&self, disposition: Disposition, now: Timestamp) -> Timestamp {
        self.observed_since.filter(|_| self.disposition == disposition).unwrap_or(now)
    }

    /// Moves the task as the lifecycle table says, and records it.
    pub(super) async fn moved(
        &mut self,
        tx: &mut Tx,
        event: TaskEvent,
        now: Timestamp,
        detail: &str,
    ) -> Result<(), StoreError> {
        self.state = self.state.next(event)?;
        let sql = "UPDATE tasks SET state = $3, updated_at = $4 WHERE case_id = $1 AND entity = $2";
        tx.run(sql, &vals![self.head.id, &self.entity, self.state, now]).await?;
        self.note(tx, event, now, detail).await?;
        self.head.noted(tx).await
    }

    /// Keeps what parts have come to, each recorded as an event with the sums up to it.
    pub(super) async fn staged(
        &mut self,
        tx: &mut Tx,
        encoded_bytes: &[u64],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for bytes in encoded_bytes {
            self.state = self.state.next(TaskEvent::PartStaged)?;
            self.parts += 1;
            self.bytes += bytes;
            self.note(tx, TaskEvent::PartStaged, now, "").await?;
        }
        let sql = "UPDATE tasks SET state = $3, parts = $4, bytes = $5, updated_at = $6 \
                   WHERE case_id = $1 AND entity = $2";
        tx.run(sql, &vals![self.head.id, &self.entity, self.state, self.parts, self.bytes, now]).await?;
        self.head.noted(tx).await
    }

    async fn note(&mut self, tx: &mut Tx, event: TaskEvent, now: Timestamp, detail: &str) -> Result<(), StoreError> {
        let record = Record {
            entity: Some(&self.entity),
            disposition: Some(self.disposition),
            parts: self.parts,
            bytes: self.bytes,
            detail,
            actor: None,
        };
        self.head.note(tx, event.as_str(), now, record).await
    }

    /// Clears what was observed: the entity works.
    pub(super) async fn progressed(&mut self, tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
        if self.disposition == Disposition::Pending && self.failed_attempts == 0 && self.misses == 0 {
            return Ok(());
        }
        self.disposition = Disposition::Pending;
        (self.failed_attempts, self.misses) = (0, 0);
        let sql = "UPDATE tasks SET disposition = $3, reason = NULL, failed_attempts = 0, misses = 0, \
                   observed_since = NULL, updated_at = $4 WHERE case_id = $1 AND entity = $2";
        tx.run(sql, &vals![self.head.id, &self.entity, self.disposition, now]).await.map(drop)
    }
}
