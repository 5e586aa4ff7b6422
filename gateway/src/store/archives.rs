//! Archives: the draft that falls due, the facts it is built from, what was written, and who received it.
//!
//! The draft fixes in one transaction how every entity stood and when; building it again after a crash gives the same
//! bytes.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tributary_archive::information::Information;
use tributary_archive::part::Part;
use tributary_archive::preview::Preview;
use tributary_archive::table::Table;
use tributary_model::disposition::Disposition;
use tributary_model::group::PublicEntity;
use tributary_model::id::{CaseId, EntityId, InstructionId};
use tributary_model::lifecycle::{CaseEvent, TaskEvent, TaskState};
use tributary_model::scope::{self, Decision};

use super::cases::{archive, standings};
use super::events::{Head, Record};
use super::keys::CaseKeys;
use super::meta;
use super::presentations;
use super::sql::{Ask, Snapshot, Tx, vals};
use super::{Store, StoreError};
use crate::case::{Actor, Archive, Case};
use crate::group::public_of;

/// How every entity stood when an archive fell due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft {
    /// 1 for the first archive, 2 and up for addenda.
    pub(crate) sequence: u32,
    /// The one instant that every date inside comes from.
    pub(crate) assembled_at: Timestamp,
    /// The group file in force then.
    pub(crate) group_version: u64,
    /// Entities with a task, in the roster's order.
    pub(crate) entities: Vec<DraftEntity>,
}

/// How one entity stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DraftEntity {
    pub(crate) entity: EntityId,
    pub(crate) disposition: Disposition,
    /// The instruction whose attestation speaks for the entity, if one does.
    pub(crate) instruction: Option<InstructionId>,
    /// The archive that carries its parts: this one or an earlier one.
    pub(crate) archive: Option<u32>,
    /// What the gateway saw, when it speaks for the entity.
    pub(crate) observed_since: Option<Timestamp>,
    pub(crate) last_attempt_at: Option<Timestamp>,
    pub(crate) attempts: u32,
    pub(crate) reason: String,
}

/// Everything an archive is built from.
pub(crate) struct ArchiveFacts {
    pub(crate) case: Case,
    pub(crate) keys: CaseKeys,
    pub(crate) draft: Draft,
    pub(crate) entities: Vec<EntityFacts>,
    /// Signed public part of the group file in force at the draft.
    pub(crate) group: Vec<u8>,
    /// Of earlier ones, for entities that it does not list any more; versions rise.
    pub(crate) former: Vec<FormerPart>,
}

/// The signed public part of an earlier group file.
pub(crate) struct FormerPart {
    pub(crate) public_part: Vec<u8>,
    /// Entities of the roster that have left the group since.
    pub(crate) entities: Vec<EntityId>,
}

/// What one entity contributes.
pub(crate) struct EntityFacts {
    pub(crate) standing: DraftEntity,
    pub(crate) attestation: Option<Vec<u8>>,
    pub(crate) tables: Vec<Table>,
    pub(crate) parts: Vec<Part>,
    pub(crate) previews: Vec<Preview>,
    pub(crate) information: Option<Information>,
}

/// What was built, to be made durable.
#[derive(Debug, Clone)]
pub(crate) struct WrittenArchive {
    pub(crate) case: CaseId,
    pub(crate) sequence: u32,
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

/// Makes the draft of the next archive, unless one is under way.
pub(super) async fn draft(tx: &mut Tx, head: &mut Head, now: Timestamp) -> Result<(), StoreError> {
    let sql = "SELECT COALESCE(MAX(sequence), 0) AS last, COUNT(*) AS total, COUNT(object) AS written FROM archives \
               WHERE case_id = $1";
    let row = tx.row(sql, &vals![head.id]).await?.ok_or(StoreError::NoCase)?;
    if row.int("total")? != row.int("written")? {
        return Ok(());
    }
    let last: u32 = row.count("last")?;
    let group = meta::in_force(tx).await?.ok_or(StoreError::Corrupt("group_in_force"))?;
    admit_joined(tx, head, group.version, now).await?;
    // As precise as the column: an addendum repeats of this archive what the archive says itself.
    let assembled_at = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    let mut draft = Draft { sequence: last + 1, assembled_at, group_version: group.version, entities: Vec::new() };
    let sql = "SELECT entity, state, disposition, reason, export_instruction, archive, observed_since, \
               last_attempt_at, attempts FROM tasks WHERE case_id = $1 ORDER BY position";
    for row in tx.rows(sql, &vals![head.id]).await? {
        let state: TaskState = row.parse("state")?;
        let answered = state == TaskState::Answered;
        let said = answered || state == TaskState::Questioned;
        let carried = row.int_opt("archive")?.and_then(|sequence| u32::try_from(sequence).ok());
        draft.entities.push(DraftEntity {
            entity: row.parse("entity")?,
            disposition: row.parse("disposition")?,
            instruction: if said { row.parse_opt("export_instruction")? } else { None },
            archive: if answered { carried.or(Some(draft.sequence)) } else { None },
            observed_since: row.time_opt("observed_since")?,
            last_attempt_at: row.time_opt("last_attempt_at")?,
            attempts: row.count("attempts")?,
            reason: head.keys.open_text("reason", row.blob_opt("reason")?.as_deref())?,
        });
    }
    let sealed = head.keys.seal("draft", &draft)?;
    let sql = "INSERT INTO archives (case_id, sequence, assembled_at, draft) VALUES ($1, $2, $3, $4)";
    tx.run(sql, &vals![head.id, draft.sequence, now, sealed]).await?;
    tx.touched.push(head.id);
    Ok(())
}

/// Records a decision on every entity that has joined the group since the scope was decided: an archive has a line for
/// each entity of the group file in force, and an entity that nobody decided to ask is not asked.
async fn admit_joined(tx: &mut Tx, head: &mut Head, version: u64, now: Timestamp) -> Result<(), StoreError> {
    let sql = "SELECT decisions FROM cases WHERE case_id = $1";
    let mut decisions: Vec<Decision> =
        tx.row(sql, &vals![head.id]).await?.ok_or(StoreError::NoCase)?.json("decisions")?;
    let public = public_of(&meta::public_part(tx, version).await?).ok_or(StoreError::Corrupt("group_public"))?;
    let known: HashSet<EntityId> = decisions.iter().map(|decision| decision.entity.clone()).collect();
    let joined: Vec<&PublicEntity> = public.entities.iter().filter(|entity| !known.contains(&entity.id)).collect();
    if joined.is_empty() {
        return Ok(());
    }
    for entity in joined {
        let decision = scope::joined(&public, entity);
        let disposition = Some(Disposition::NotAsked);
        let detail = decision.rule.reason();
        let record = Record { entity: Some(&entity.id), disposition, detail, ..Record::default() };
        head.record(tx, "ENTITY_JOINED", now, record).await?;
        decisions.push(decision);
    }
    let sql = "UPDATE cases SET decisions = $2 WHERE case_id = $1";
    tx.run(sql, &vals![head.id, super::opening::decisions_json(&decisions)?]).await.map(drop)
}

/// The earlier group files that a draft needs: for each entity that the one in force does not list any more, the one
/// that counted when its answer was verified, or when it was decided on.
async fn former(
    snapshot: &mut Snapshot,
    case: &Case,
    draft: &Draft,
    group: &[u8],
) -> Result<Vec<FormerPart>, StoreError> {
    let public = public_of(group).ok_or(StoreError::Corrupt("group_public"))?;
    let listed: HashSet<&EntityId> = public.entities.iter().map(|entity| &entity.id).collect();
    let drafted: HashMap<&EntityId, &DraftEntity> =
        draft.entities.iter().map(|drafted| (&drafted.entity, drafted)).collect();
    let mut versions: BTreeMap<u64, Vec<EntityId>> = BTreeMap::new();
    for decision in case.decisions.iter().filter(|decision| !listed.contains(&decision.entity)) {
        let instruction = drafted.get(&decision.entity).and_then(|drafted| drafted.instruction);
        let verified = match instruction {
            Some(instruction) => verified_under(snapshot, case.id, &decision.entity, instruction).await?,
            None => None,
        };
        versions.entry(verified.unwrap_or(decision.group_version)).or_default().push(decision.entity.clone());
    }
    let mut former = Vec::with_capacity(versions.len());
    for (version, entities) in versions {
        former.push(FormerPart { public_part: meta::public_part(snapshot, version).await?, entities });
    }
    Ok(former)
}

/// Version of the group file in force when an attestation was verified.
async fn verified_under(
    snapshot: &mut Snapshot,
    case: CaseId,
    entity: &EntityId,
    instruction: InstructionId,
) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT group_version FROM attestations WHERE case_id = $1 AND entity = $2 AND instruction = $3";
    let row = snapshot.rows(sql, &vals![case, entity, instruction]).await?.pop();
    let version = row.map(|row| row.int_opt("group_version")).transpose()?.flatten();
    version.map(u64::try_from).transpose().map_err(|_| StoreError::Corrupt("group_version"))
}

impl Store {
    /// Cases whose archive or addendum waits to be written.
    pub(crate) async fn drafts(&self) -> Result<Vec<CaseId>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        let sql = "SELECT DISTINCT case_id FROM archives WHERE object IS NULL";
        snapshot.rows(sql, &[]).await?.iter().map(|row| row.parse("case_id")).collect()
    }

    /// What the waiting archive of a case is built from; `None` when none waits any more.
    pub(crate) async fn archive_facts(&self, id: CaseId) -> Result<Option<ArchiveFacts>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        let Some(case) = super::cases::read(&mut snapshot, self.keys(), id).await? else { return Ok(None) };
        let sql = "SELECT draft FROM archives WHERE case_id = $1 AND object IS NULL";
        let Some(row) = snapshot.rows(sql, &vals![id]).await?.pop() else { return Ok(None) };
        let keys = case_keys(&mut snapshot, self, id).await?;
        let draft: Draft = keys.open("draft", &row.blob("draft")?)?;
        let mut entities = Vec::with_capacity(draft.entities.len());
        for standing in &draft.entities {
            entities.push(entity_facts(&mut snapshot, &keys, id, draft.sequence, standing).await?);
        }
        let group = meta::public_part(&mut snapshot, draft.group_version).await?;
        let former = former(&mut snapshot, &case, &draft, &group).await?;
        Ok(Some(ArchiveFacts { case, keys, draft, entities, group, former }))
    }

    /// Makes a built archive the case's own. When the case was cancelled meanwhile: a conflict, and nothing is kept.
    /// Returns the names of objects that nothing names any more, to be removed.
    pub(crate) async fn archive_written(
        &self,
        written: WrittenArchive,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let store = self.clone();
        self.write("keep an archive", move |tx| {
            Box::pin(async move {
                let mut head = Head::read(tx, store.keys(), written.case).await?;
                let draft = take_draft(tx, &head, &written).await?;
                let mut dropped = Vec::new();
                for entity in &draft.entities {
                    if let Some((_, why)) = written.voided.iter().find(|(voided, _)| *voided == entity.entity) {
                        dropped.extend(void(tx, &mut head, entity, draft.sequence, why, now).await?);
                        continue;
                    }
                    if entity.archive != Some(draft.sequence) {
                        continue;
                    }
                    let sql = "UPDATE tasks SET archive = $3 WHERE case_id = $1 AND entity = $2 AND archive IS NULL \
                               AND state = 'ANSWERED'";
                    tx.run(sql, &vals![head.id, &entity.entity, draft.sequence]).await?;
                }
                let event = if written.sequence == 1 { CaseEvent::ArchiveWritten } else { CaseEvent::AddendumWritten };
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
    let sql =
        "SELECT part, object FROM carried_parts WHERE case_id = $1 AND entity = $2 AND sequence = $3 ORDER BY part";
    let carried = snapshot.rows(sql, &vals![id, entity, sequence]).await?;
    if !carried.is_empty() {
        return Ok(carried);
    }
    let sql = "SELECT part, object FROM parts WHERE case_id = $1 AND entity = $2 ORDER BY part";
    snapshot.rows(sql, &vals![id, entity]).await
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
    let (disposition, reason) = (Disposition::Failed, head.keys.seal_text("reason", why)?);
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

async fn take_draft(tx: &mut Tx, head: &Head, written: &WrittenArchive) -> Result<Draft, StoreError> {
    let expected = if written.sequence == 1 { CaseEvent::ArchiveWritten } else { CaseEvent::AddendumWritten };
    head.state.next(expected)?;
    let sql = "SELECT draft FROM archives WHERE case_id = $1 AND sequence = $2 AND object IS NULL";
    let row = tx.row(sql, &vals![head.id, written.sequence]).await?.ok_or(StoreError::NoArchive)?;
    let pieces = head.keys.content()?.seal("pieces", &written.pieces)?;
    let sql = "UPDATE archives SET object = $3, pieces = $4, file_name = $5, size = $6, tagmanifest_sha256 = $7, \
               complete = $8 WHERE case_id = $1 AND sequence = $2";
    let values = vals![
        head.id,
        written.sequence,
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

async fn case_keys(ask: &mut impl Ask, store: &Store, id: CaseId) -> Result<CaseKeys, StoreError> {
    let sql = "SELECT content_key, record_key FROM cases WHERE case_id = $1";
    let row = ask.ask(sql, &vals![id]).await?.pop().ok_or(StoreError::NoCase)?;
    store.keys().unwrap(id, row.blob_opt("content_key")?.as_deref(), &row.blob("record_key")?)
}

async fn entity_facts(
    ask: &mut impl Ask,
    keys: &CaseKeys,
    id: CaseId,
    sequence: u32,
    standing: &DraftEntity,
) -> Result<EntityFacts, StoreError> {
    let entity = &standing.entity;
    let mut facts = EntityFacts {
        standing: standing.clone(),
        attestation: None,
        tables: Vec::new(),
        parts: Vec::new(),
        previews: Vec::new(),
        information: None,
    };
    if let Some(instruction) = standing.instruction {
        let sql = "SELECT envelope FROM attestations WHERE case_id = $1 AND entity = $2 AND instruction = $3";
        let row = ask.ask(sql, &vals![id, entity, instruction]).await?.pop();
        let row = row.ok_or(StoreError::Corrupt("attestation"))?;
        facts.attestation = Some(keys.content()?.open("attestation", &row.blob("envelope")?)?);
        facts.information = presentations::information(ask, keys, id, entity, instruction).await?;
        if standing.archive == Some(sequence) {
            facts.previews = presentations::previews(ask, keys, id, entity, instruction).await?;
        }
    }
    if standing.archive == Some(sequence) {
        let sql = "SELECT description FROM tables WHERE case_id = $1 AND entity = $2 ORDER BY dataset, collection";
        for row in ask.ask(sql, &vals![id, entity]).await? {
            facts.tables.push(keys.open("table", &row.blob("description")?)?);
        }
        let sql = "SELECT descriptor FROM parts WHERE case_id = $1 AND entity = $2 ORDER BY part";
        for row in ask.ask(sql, &vals![id, entity]).await? {
            facts.parts.push(keys.open("part", &row.blob("descriptor")?)?);
        }
    }
    Ok(facts)
}
