//! A case's history: every change takes the next number of the case and is written in the transaction of what it
//! records. `Head` is a case held for changing; the lifecycle table decides each move.

use jiff::Timestamp;
use tributary_model::disposition::Disposition;
use tributary_model::id::{CaseId, EntityId};
use tributary_model::lifecycle::{CaseEvent, CaseState};

use super::keys::{CaseKeys, Keys};
use super::sql::{Snapshot, Tx, locking, vals};
use super::{Store, StoreError};
use crate::case::{Actor, Event, Waiting};

/// Most events that one question returns.
pub(crate) const EVENTS_AT_ONCE: i64 = 256;

/// What is recorded beside the name of an event.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Record<'a> {
    pub(crate) entity: Option<&'a EntityId>,
    pub(crate) disposition: Option<Disposition>,
    pub(crate) parts: u32,
    pub(crate) bytes: u64,
    /// In words without personal data; sealed all the same, since entities' words may be in it.
    pub(crate) detail: &'a str,
    pub(crate) actor: Option<&'a Actor>,
}

/// A case within a job of the writer: its state, its keys and its place in its history.
pub(super) struct Head {
    pub(super) id: CaseId,
    pub(super) state: CaseState,
    pub(super) keys: CaseKeys,
    pub(super) waiting: Waiting,
    pub(super) delivery_date: Timestamp,
    cursor: u64,
}

impl Head {
    /// Reads a case that is to be changed. Other jobs about it wait from here on until this one's transaction ends, so
    /// whatever a job decides from, it reads after this.
    pub(super) async fn read(tx: &mut Tx, keys: &Keys, case: CaseId) -> Result<Self, StoreError> {
        let sql = locking!(
            "SELECT state, content_key, record_key, waiting, window_ms, delivery_date, cursor \
             FROM cases WHERE case_id = $1"
        );
        let row = tx.row(sql, &vals![case]).await?.ok_or(StoreError::NoCase)?;
        Ok(Self {
            id: case,
            state: row.parse("state")?,
            keys: keys.unwrap(case, row.blob_opt("content_key")?.as_deref(), &row.blob("record_key")?)?,
            waiting: super::cases::waiting(&row)?,
            delivery_date: row.time("delivery_date")?,
            cursor: row.count("cursor")?,
        })
    }

    /// The head of a case that this job inserts, before its first event.
    pub(super) fn new(id: CaseId, keys: CaseKeys, waiting: Waiting, delivery_date: Timestamp) -> Self {
        Self { id, state: CaseState::Opened, keys, waiting, delivery_date, cursor: 0 }
    }

    /// Moves the case as the lifecycle table says, and records it.
    pub(super) async fn advance(
        &mut self,
        tx: &mut Tx,
        event: CaseEvent,
        now: Timestamp,
        record: Record<'_>,
    ) -> Result<(), StoreError> {
        self.state = self.state.next(event)?;
        self.record(tx, event.as_str(), now, record).await
    }

    /// Records something that happened, in the state the case is in.
    pub(super) async fn record(
        &mut self,
        tx: &mut Tx,
        name: &str,
        now: Timestamp,
        record: Record<'_>,
    ) -> Result<(), StoreError> {
        self.note(tx, name, now, record).await?;
        self.noted(tx).await
    }

    /// The first half of a record, for several in a row: after the last of them, [`Head::noted`].
    pub(super) async fn note(
        &mut self,
        tx: &mut Tx,
        name: &str,
        now: Timestamp,
        record: Record<'_>,
    ) -> Result<(), StoreError> {
        self.cursor += 1;
        let detail = self.keys.seal_text("event", record.detail)?;
        let actor = record.actor.map(|actor| self.keys.seal_record("actor", actor)).transpose()?;
        let insert = "INSERT INTO events (case_id, cursor, at, name, state, entity, disposition, parts, bytes, detail, \
                      actor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let entity = record.entity.map(ToString::to_string);
        let disposition = record.disposition.map(|d| d.as_str().to_owned());
        let values = vals![
            self.id,
            self.cursor,
            now,
            name,
            self.state,
            entity,
            disposition,
            record.parts,
            record.bytes,
            detail,
            actor
        ];
        tx.run(insert, &values).await.map(drop)
    }

    /// Keeps how far the case's history goes, and tells of it.
    pub(super) async fn noted(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let update = "UPDATE cases SET cursor = $2, state = $3 WHERE case_id = $1";
        tx.run(update, &vals![self.id, self.cursor, self.state]).await?;
        tx.touched.push(self.id);
        Ok(())
    }
}

impl Store {
    /// The events of a case after `cursor`, in order, at most [`EVENTS_AT_ONCE`], and the state it is in by now.
    pub(crate) async fn events_after(&self, case: CaseId, cursor: u64) -> Result<(Vec<Event>, CaseState), StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        let keys = "SELECT state, content_key, record_key FROM cases WHERE case_id = $1";
        let row = snapshot.rows(keys, &vals![case]).await?.pop().ok_or(StoreError::NoCase)?;
        let state = row.parse("state")?;
        let keys = self.keys().unwrap(case, row.blob_opt("content_key")?.as_deref(), &row.blob("record_key")?)?;
        let sql = "SELECT cursor, at, name, state, entity, disposition, parts, bytes, detail FROM events \
                   WHERE case_id = $1 AND cursor > $2 ORDER BY cursor LIMIT $3";
        let rows = snapshot.rows(sql, &vals![case, cursor, EVENTS_AT_ONCE]).await?;
        let events = rows.iter().map(|row| {
            Ok(Event {
                cursor: row.count("cursor")?,
                at: row.time("at")?,
                name: row.text("name")?,
                state: row.parse("state")?,
                entity: row.parse_opt("entity")?,
                disposition: row.parse_opt("disposition")?,
                parts: row.count("parts")?,
                bytes: row.count("bytes")?,
                detail: keys.open_text("event", row.blob_opt("detail")?.as_deref())?,
            })
        });
        Ok((events.collect::<Result<_, StoreError>>()?, state))
    }
}
