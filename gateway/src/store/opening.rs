//! Opens a case: idempotent by the caller's request id, durable when it returns, with its scope and tasks.

use jiff::Timestamp;
use tributary_model::disposition::Disposition;
use tributary_model::group::signed::InForce;
use tributary_model::id::{CaseId, InstructionId};
use tributary_model::identifier::Identifier;
use tributary_model::lifecycle::{CaseEvent, TaskState};
use tributary_model::scope::{Decision, Outcome};

use super::cases::{OpeningRecord, read, waiting_columns};
use super::events::{Head, Record};
use super::sql::{Tx, vals};
use super::{Store, StoreError};
use crate::case::{Actor, Case, Dates, Opening};

/// Keyed digests of a request id (of one caller) and of what was asked under it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fingerprint {
    pub(crate) request: [u8; 32],
    pub(crate) content: [u8; 32],
}

/// A case to be opened.
#[derive(Debug, Clone)]
pub(crate) struct NewCase {
    pub(crate) opening: Opening,
    pub(crate) actor: Actor,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) group: InForce,
    /// The trace of the call that opens it.
    pub(crate) trace: Option<String>,
    pub(crate) dates: Dates,
}

/// What an opening came to.
#[derive(Debug)]
pub(crate) enum Opened {
    /// The case is new.
    New(Case),
    /// The same request had opened it before.
    Before(Case),
}

impl Store {
    /// The case that this request opened before, if it did.
    pub(crate) async fn opened_before(&self, fingerprint: Fingerprint) -> Result<Option<Case>, StoreError> {
        let store = self.clone();
        self.write("look a request up", move |tx| Box::pin(async move { before(tx, &store, fingerprint).await })).await
    }

    /// Opens a case, or returns the one that the same request opened before.
    pub(crate) async fn open_case(&self, new: NewCase, now: Timestamp) -> Result<Opened, StoreError> {
        let store = self.clone();
        self.write("open a case", move |tx| {
            Box::pin(async move {
                if let Some(case) = before(tx, &store, new.fingerprint).await? {
                    return Ok(Opened::Before(case));
                }
                let id = insert(tx, &store, &new, now).await?;
                read(tx, store.keys(), id).await?.ok_or(StoreError::NoCase).map(Opened::New)
            })
        })
        .await
    }
}

async fn before(tx: &mut Tx, store: &Store, fingerprint: Fingerprint) -> Result<Option<Case>, StoreError> {
    let sql = "SELECT content_mac, case_id FROM request_ids WHERE request_mac = $1";
    let Some(row) = tx.row(sql, &vals![&fingerprint.request[..]]).await? else { return Ok(None) };
    if row.blob("content_mac")? != fingerprint.content {
        return Err(StoreError::RequestIdReused);
    }
    read(tx, store.keys(), row.parse("case_id")?).await
}

async fn insert(tx: &mut Tx, store: &Store, new: &NewCase, now: Timestamp) -> Result<CaseId, StoreError> {
    let id = CaseId::new(now);
    let opening = &new.opening;
    let (keys, content_key, record_key) = store.keys().generate(id)?;
    let person = keys.seal("person", &opening.identifiers)?;
    let record = keys.seal_record("opening", &OpeningRecord { request_ref: opening.request_ref.clone() })?;
    let request_ref = store.mac("request_ref", opening.request_ref.as_bytes());
    let (waiting, window) = waiting_columns(opening.waiting);
    let json = |value| serde_json::to_string(value).map_err(|_| StoreError::Corrupt("requested"));
    let sql = "INSERT INTO cases (case_id, state, exercised, format, received_at, opened_at, delivery_date, waiting, \
               window_ms, requested, group_version, group_sha256, decisions, content_key, record_key, person, record, \
               request_ref_mac, trace, language, cursor) \
               VALUES ($1, 'OPENED', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
               0)";
    let values = vals![
        id,
        opening.right.as_str(),
        opening.format.as_str(),
        opening.received_at,
        now,
        opening.delivery_date,
        waiting,
        window,
        json(&opening.requested)?,
        new.group.version,
        &new.group.digest,
        decisions_json(&new.decisions)?,
        content_key,
        record_key,
        person,
        record,
        &request_ref[..],
        new.trace.clone(),
        opening.language.as_str(),
    ];
    tx.run(sql, &values).await?;
    let sql = "INSERT INTO request_ids (request_mac, content_mac, case_id) VALUES ($1, $2, $3)";
    tx.run(sql, &vals![&new.fingerprint.request[..], &new.fingerprint.content[..], id]).await?;
    let mut head = Head::new(id, keys, opening.waiting, opening.delivery_date);
    let actor = Record { actor: Some(&new.actor), ..Record::default() };
    head.record(tx, "OPENED", now, actor).await?;
    if opening.identity_confirmed {
        start(tx, &mut head, &new.decisions, &new.group, new.dates, now).await?;
    } else {
        head.advance(tx, CaseEvent::IdentityMissing, now, Record::default()).await?;
        let escalate_at = new.dates.identity_escalated_at(now, opening.delivery_date);
        tx.run("UPDATE cases SET escalate_at = $2 WHERE case_id = $1", &vals![id, escalate_at]).await?;
    }
    Ok(id)
}

pub(super) fn decisions_json(decisions: &[Decision]) -> Result<String, StoreError> {
    serde_json::to_string(decisions).map_err(|_| StoreError::Corrupt("decisions"))
}

/// Records the scope decisions and makes the tasks. From here on entities are asked.
pub(super) async fn start(
    tx: &mut Tx,
    head: &mut Head,
    decisions: &[Decision],
    group: &InForce,
    dates: Dates,
    now: Timestamp,
) -> Result<(), StoreError> {
    head.advance(tx, CaseEvent::ScopeDecided, now, Record::default()).await?;
    let due_at = head.waiting.due_at(now, head.delivery_date, dates.least_window);
    let escalate_at = head.waiting.escalate_at(now, due_at, dates.escalation_margin);
    let sql = "UPDATE cases SET decisions = $2, group_version = $3, group_sha256 = $4, due_at = $5, escalate_at = $6 \
               WHERE case_id = $1";
    let values = vals![head.id, decisions_json(decisions)?, group.version, &group.digest, due_at, escalate_at];
    tx.run(sql, &values).await?;
    let identifiers = person(tx, head).await?.len() as u64;
    for (position, decision) in decisions.iter().enumerate().filter(|(_, d)| d.outcome == Outcome::Ask) {
        let sql = "INSERT INTO tasks (case_id, entity, position, state, disposition, locate_instruction, \
                   export_instruction, generation, failed_attempts, misses, attempts, next_attempt_at, lease_until, \
                   parts, bytes, updated_at, identifiers) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, 0, $8, 0, 0, 0, $8, $9)";
        let (locate, export) = (InstructionId::new(now), InstructionId::new(now));
        let values = vals![
            head.id,
            &decision.entity,
            position as i64,
            TaskState::Queued,
            Disposition::Pending,
            locate,
            export,
            now,
            identifiers
        ];
        tx.run(sql, &values).await?;
    }
    head.advance(tx, CaseEvent::FanOutStarted, now, Record::default()).await?;
    super::waiting::settle(tx, head, now).await
}

/// The identifiers of a case, in the order in which they became known.
pub(super) async fn person(tx: &mut Tx, head: &Head) -> Result<Vec<Identifier>, StoreError> {
    let row = tx.row("SELECT person FROM cases WHERE case_id = $1", &vals![head.id]).await?;
    let sealed = row.ok_or(StoreError::NoCase)?.blob_opt("person")?.ok_or(StoreError::Corrupt("person"))?;
    head.keys.open("person", &sealed)
}
