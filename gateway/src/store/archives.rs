//! Archives: what was written, and who received it. Neighbour: `drafts`, what an archive is built from.

use jiff::Timestamp;
use tributary_model::disposition::Disposition;
use tributary_model::id::{CaseId, EntityId};
use tributary_model::lifecycle::{CaseEvent, TaskEvent, TaskState};

use super::cases::{archive, standings};
use super::drafts::{Draft, DraftClaim, DraftEntity};
use super::events::{Head, Record};
use super::keys::CaseKeys;
use super::reason;
use super::sql::{Ask, Snapshot, Tx, vals};
use super::{Store, StoreError};
use crate::case::{Actor, Archive, Case};
use crate::cause::Cause;

/// What was built, to be made durable.
#[derive(Debug, Clone)]
pub(crate) struct WrittenArchive {
    pub(crate) object: String,
    pub(crate) pieces: Vec<u8>,
    pub(crate) file_name: String,
    pub(crate) size: u64,
    pub(crate) tagmanifest_sha256: String,
    pub(crate) complete: bool,
    /// Entities whose answers could not be taken up any more, with why.
    pub(crate) voided: Vec<(EntityId, String)>,
}

/// A written archive with what is needed to read it.
pub(crate) struct StoredArchive {
    pub(crate) archive: Archive,
    pub(crate) keys: CaseKeys,
    pub(crate) object: String,
    pub(crate) pieces: Vec<u8>,
    /// The parts' objects, by entity and part.
    pub(crate) objects: Vec<(EntityId, u32, String)>,
}

impl Store {
    /// Makes a built archive the case's own. When the case was cancelled meanwhile: a conflict, and nothing is kept; when
    /// somebody else has taken the draft over: a lost lease. Returns the names of objects that nothing names any more, to
    /// be removed.
    pub(crate) async fn archive_written(
        &self,
        claim: &DraftClaim,
        written: WrittenArchive,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let (store, claim) = (self.clone(), claim.clone());
        self.write("keep an archive", move |tx| {
            Box::pin(async move {
                let mut head = Head::read(tx, store.keys(), claim.case).await?;
                let mut draft = take_draft(tx, &head, &claim, &written).await?;
                let mut dropped = Vec::new();
                for entity in &mut draft.entities {
                    if let Some((_, why)) = written.voided.iter().find(|(voided, _)| *voided == entity.entity) {
                        dropped.extend(void(tx, &mut head, entity, draft.sequence, why, now).await?);
                        // What the entity answers anew is no part of this archive.
                        entity.archive = entity.archive.filter(|carried| *carried < draft.sequence);
                        continue;
                    }
                    if entity.archive != Some(draft.sequence) {
                        continue;
                    }
                    let sql = "UPDATE tasks SET archive = $3 WHERE case_id = $1 AND entity = $2 AND archive IS NULL \
                               AND state = 'ANSWERED'";
                    tx.run(sql, &vals![head.id, &entity.entity, draft.sequence]).await?;
                }
                if !written.voided.is_empty() {
                    let sealed = head.keys.seal("draft", &draft)?;
                    let sql = "UPDATE archives SET draft = $3 WHERE case_id = $1 AND sequence = $2";
                    tx.run(sql, &vals![head.id, draft.sequence, sealed]).await?;
                }
                let event = if claim.sequence == 1 { CaseEvent::ArchiveWritten } else { CaseEvent::AddendumWritten };
                let record = Record { bytes: written.size, ..Record::default() };
                head.advance(tx, event, now, record).await?;
                super::waiting::settle(tx, &mut head, now).await?;
                Ok(dropped)
            })
        })
        .await
    }

    /// A written archive of a case (0 for the latest) with what is needed to read it.
    pub(crate) async fn archive(&self, id: CaseId, sequence: u32) -> Result<StoredArchive, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        let sql = "SELECT sequence, file_name, size, tagmanifest_sha256, complete, assembled_at, delivered_at, shredded_at, \
                   object, pieces, draft FROM archives WHERE case_id = $1 AND object IS NOT NULL AND ($2 = 0 OR sequence = $2) \
                   ORDER BY sequence DESC LIMIT 1";
        let row = snapshot.rows(sql, &vals![id, sequence]).await?.pop().ok_or(StoreError::NoArchive)?;
        if let Some(at) = row.time_opt("shredded_at")? {
            return Err(StoreError::Shredded(at));
        }
        let keys = case_keys(&mut snapshot, self, id).await?;
        // Nor has a cancelled case archives that could be read.
        if keys.content().is_err() {
            return Err(StoreError::NoArchive);
        }
        let draft: Draft = keys.open("draft", &row.blob("draft")?)?;
        let mut objects = Vec::new();
        for entity in draft.entities.iter().filter(|entity| entity.archive == Some(draft.sequence)) {
            for row in parts_of(&mut snapshot, id, &entity.entity, draft.sequence).await? {
                objects.push((entity.entity.clone(), row.count("part")?, row.text("object")?));
            }
        }
        let pieces = keys.content()?.open("pieces", &row.blob("pieces")?)?;
        Ok(StoredArchive { archive: archive(&row)?, object: row.text("object")?, pieces, objects, keys })
    }

    /// Records a download: which archive, which bytes, by whom.
    pub(crate) async fn record_download(
        &self,
        id: CaseId,
        sequence: u32,
        range: (u64, u64),
        actor: Actor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let store = self.clone();
        self.write("record a download", move |tx| {
            Box::pin(async move {
                let mut head = Head::read(tx, store.keys(), id).await?;
                let detail = format!("archive {sequence}, bytes {} to {}", range.0, range.1);
                let record = Record { detail: &detail, actor: Some(&actor), ..Record::default() };
                head.record(tx, "DOWNLOADED", now, record).await
            })
        })
        .await
    }

    /// Records that an archive was handed over (0 for the latest). The first confirmation stands; another changes
    /// nothing.
    pub(crate) async fn confirm_delivery(
        &self,
        id: CaseId,
        sequence: u32,
        delivered_at: Timestamp,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Case, StoreError> {
        let store = self.clone();
        self.write("confirm a delivery", move |tx| {
            Box::pin(async move {
                let mut head = Head::read(tx, store.keys(), id).await?;
                let sql = "SELECT sequence, delivered_at FROM archives WHERE case_id = $1 AND object IS NOT NULL \
                           AND ($2 = 0 OR sequence = $2) ORDER BY sequence DESC LIMIT 1";
                let row = tx.row(sql, &vals![id, sequence]).await?.ok_or(StoreError::NoArchive)?;
                if row.time_opt("delivered_at")?.is_none() {
                    hand_over(tx, &mut head, row.count("sequence")?, delivered_at, &actor, now).await?;
                }
                super::cases::read(tx, store.keys(), id).await?.ok_or(StoreError::NoCase)
            })
        })
        .await
    }
}

/// Records the delivery of an archive that was not delivered before.
pub(super) async fn hand_over(
    tx: &mut Tx,
    head: &mut Head,
    sequence: u32,
    delivered_at: Timestamp,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE archives SET delivered_at = $3 WHERE case_id = $1 AND sequence = $2";
    tx.run(sql, &vals![head.id, sequence, delivered_at]).await?;
    delivered(tx, head, sequence, actor, now).await
}

/// Complete when every entity is final and no archive, written or due, waits to be handed over.
async fn delivered(
    tx: &mut Tx,
    head: &mut Head,
    sequence: u32,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "SELECT sequence FROM archives WHERE case_id = $1 AND delivered_at IS NULL";
    let open = tx.rows(sql, &vals![head.id]).await?.len();
    let tasks = standings(tx, head.id).await?;
    let all = open == 0 && tasks.iter().all(|task| task.state.is_final() && task.carried);
    let event = if all { CaseEvent::DeliveredComplete } else { CaseEvent::DeliveredPartial };
    let detail = format!("archive {sequence}");
    head.advance(tx, event, now, Record { detail: &detail, actor: Some(actor), ..Record::default() }).await?;
    super::waiting::settle(tx, head, now).await
}

/// The objects of the parts that archive `sequence` carries of an entity.
async fn parts_of(
    snapshot: &mut Snapshot,
    id: CaseId,
    entity: &EntityId,
    sequence: u32,
) -> Result<Vec<super::sql::Row>, StoreError> {
    // Those staged now are another answer's once the task says that another archive carries them: an answer without parts
    // that was asked anew has left nothing among the carried ones either.
    let sql = "SELECT part, object FROM carried_parts WHERE case_id = $1 AND entity = $2 AND sequence = $3 UNION ALL \
               SELECT p.part, p.object FROM parts p JOIN tasks t ON t.case_id = p.case_id AND t.entity = p.entity \
               WHERE p.case_id = $1 AND p.entity = $2 AND t.archive = $3 ORDER BY part";
    snapshot.rows(sql, &vals![id, entity, sequence]).await
}

/// Voids an answer that no archive can carry any more: counted as answered, the entity would be missing for good and
/// let the case close (GRP-6).
///
/// An answer that no archive has carried yet is parked: its key ran out while it waited, and would do so again until
/// somebody renews it. One that an earlier archive carries has lost its key to a newer group file, which names the key
/// that counts instead: the entity is asked anew, and the earlier archive keeps its parts.
async fn void(
    tx: &mut Tx,
    head: &mut Head,
    drafted: &DraftEntity,
    sequence: u32,
    why: &str,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let entity = &drafted.entity;
    let current = "SELECT state FROM tasks WHERE case_id = $1 AND entity = $2";
    let row = tx.row(current, &vals![head.id, entity]).await?.ok_or(StoreError::NoTask)?;
    let state: TaskState = row.parse("state")?;
    if state != TaskState::Answered {
        // What the entity had asked back is no answer that could be missed: it stands as it does.
        return Ok(Vec::new());
    }
    let state = state.next(TaskEvent::AnswerVoided)?;
    let (disposition, reason) = (Disposition::Failed, reason::seal(&head.keys, why, Some(Cause::Void))?);
    let sql = "UPDATE tasks SET state = $3, disposition = $4, reason = $5, observed_since = $6, parts = 0, bytes = 0, \
               archive = NULL, updated_at = $6 WHERE case_id = $1 AND entity = $2";
    tx.run(sql, &vals![head.id, entity, state, disposition, reason, now]).await?;
    let record = Record { entity: Some(entity), disposition: Some(disposition), detail: why, ..Record::default() };
    head.record(tx, TaskEvent::AnswerVoided.as_str(), now, record).await?;
    match drafted.archive {
        Some(carried) if carried < sequence => {
            let sql = "INSERT INTO carried_parts (case_id, entity, sequence, part, object) \
                       SELECT case_id, entity, $3, part, object FROM parts WHERE case_id = $1 AND entity = $2";
            tx.run(sql, &vals![head.id, entity, carried]).await?;
            tx.run("DELETE FROM parts WHERE case_id = $1 AND entity = $2", &vals![head.id, entity]).await?;
            super::acting::anew(tx, head, entity, state, None, now).await
        }
        _ => super::acting::drop_staged(tx, head.id, entity).await,
    }
}

async fn take_draft(
    tx: &mut Tx,
    head: &Head,
    claim: &DraftClaim,
    written: &WrittenArchive,
) -> Result<Draft, StoreError> {
    let expected = if claim.sequence == 1 { CaseEvent::ArchiveWritten } else { CaseEvent::AddendumWritten };
    head.state.next(expected)?;
    let sql = "SELECT draft, lease_token FROM archives WHERE case_id = $1 AND sequence = $2 AND object IS NULL";
    let row = tx.row(sql, &vals![head.id, claim.sequence]).await?.ok_or(StoreError::NoArchive)?;
    if row.text_opt("lease_token")?.as_deref() != Some(claim.token.as_str()) {
        return Err(StoreError::StaleLease);
    }
    let pieces = head.keys.content()?.seal("pieces", &written.pieces)?;
    let sql = "UPDATE archives SET object = $3, pieces = $4, file_name = $5, size = $6, tagmanifest_sha256 = $7, \
               complete = $8, lease_token = NULL, lease_until = 0 WHERE case_id = $1 AND sequence = $2";
    let values = vals![
        head.id,
        claim.sequence,
        &written.object,
        pieces,
        &written.file_name,
        written.size,
        &written.tagmanifest_sha256,
        written.complete
    ];
    tx.run(sql, &values).await?;
    head.keys.open("draft", &row.blob("draft")?)
}

/// The keys of a case.
pub(super) async fn case_keys(ask: &mut impl Ask, store: &Store, id: CaseId) -> Result<CaseKeys, StoreError> {
    let sql = "SELECT content_key, record_key FROM cases WHERE case_id = $1";
    let row = ask.ask(sql, &vals![id]).await?.pop().ok_or(StoreError::NoCase)?;
    store.keys().unwrap(id, row.blob_opt("content_key")?.as_deref(), &row.blob("record_key")?)
}
