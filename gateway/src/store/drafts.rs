//! Drafts: what an archive that falls due is built from.
//!
//! A draft fixes in one transaction how every entity stood and when; building it again after a crash gives the same
//! bytes. Neighbour: `archives`, what was built and who received it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tributary_archive::information::Information;
use tributary_archive::part::Part;
use tributary_archive::preview::Preview;
use tributary_archive::table::Table;
use tributary_model::disposition::Disposition;
use tributary_model::group::PublicEntity;
use tributary_model::id::{CaseId, EntityId, InstructionId};
use tributary_model::lifecycle::TaskState;
use tributary_model::scope::{self, Decision};
use uuid::Uuid;

use super::archives::case_keys;
use super::events::{Head, Record};
use super::keys::CaseKeys;
use super::meta;
use super::presentations;
use super::reason;
use super::sql::{Ask, Snapshot, Tx, taking, vals};
use super::tasks::held;
use super::{Store, StoreError};
use crate::case::{Case, after};
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
    /// The same for the archive, when a cause was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<String>,
}

/// A draft held under a lease, to be written by its holder.
///
/// Whoever builds it anew builds the same, so two writers could only waste their time; all the same only the holder's
/// archive is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DraftClaim {
    pub(crate) case: CaseId,
    pub(crate) sequence: u32,
    pub(super) token: String,
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
        let reason = reason::open(&head.keys, row.blob_opt("reason")?.as_deref())?;
        draft.entities.push(DraftEntity {
            entity: row.parse("entity")?,
            disposition: row.parse("disposition")?,
            instruction: if said { row.parse_opt("export_instruction")? } else { None },
            archive: if answered { carried.or(Some(draft.sequence)) } else { None },
            observed_since: row.time_opt("observed_since")?,
            last_attempt_at: row.time_opt("last_attempt_at")?,
            attempts: row.count("attempts")?,
            words: reason.cause.map(|cause| cause.in_words(&reason.text)),
            reason: reason.text,
        });
    }
    let sealed = head.keys.seal("draft", &draft)?;
    let sql = "INSERT INTO archives (case_id, sequence, assembled_at, draft) VALUES ($1, $2, $3, $4)";
    tx.run(sql, &vals![head.id, draft.sequence, now, sealed]).await?;
    tx.touched.push(head.id);
    tx.drafted = true;
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
    /// Cases whose archive or addendum waits to be written, and nobody writes it at `now`.
    pub(crate) async fn drafts(&self, now: Timestamp) -> Result<Vec<CaseId>, StoreError> {
        let sql = "SELECT DISTINCT case_id FROM archives WHERE object IS NULL AND lease_until <= $1";
        self.0.readers.rows(sql, &vals![now]).await?.iter().map(|row| row.parse("case_id")).collect()
    }

    /// Claims up to `most` archives that wait to be written, the oldest first.
    pub(crate) async fn claim_drafts(
        &self,
        most: usize,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<DraftClaim>, StoreError> {
        self.write("claim drafts", move |tx| {
            Box::pin(async move {
                let token = Uuid::new_v4().to_string();
                let sql = taking!(
                    "SELECT case_id, sequence FROM archives WHERE object IS NULL AND lease_until <= $3 \
                     ORDER BY assembled_at LIMIT $4",
                    "UPDATE archives SET lease_token = $1, lease_until = $2 WHERE (case_id, sequence) IN \
                     (SELECT case_id, sequence FROM due) RETURNING case_id, sequence"
                );
                let rows = tx.rows(sql, &vals![&token, after(now, lease), now, most as u64]).await?;
                let claims = rows.iter().map(|row| {
                    let (case, sequence) = (row.parse("case_id")?, row.count("sequence")?);
                    Ok(DraftClaim { case, sequence, token: token.clone() })
                });
                claims.collect()
            })
        })
        .await
    }

    /// Extends the lease of a draft. Fails when it is lost.
    pub(crate) async fn renew_draft(
        &self,
        claim: &DraftClaim,
        lease: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.draft_until(claim, after(now, lease)).await
    }

    /// Gives a draft back that could not be written, to be taken up again at `at`.
    pub(crate) async fn release_draft(&self, claim: &DraftClaim, at: Timestamp) -> Result<(), StoreError> {
        self.draft_until(claim, at).await
    }

    async fn draft_until(&self, claim: &DraftClaim, until: Timestamp) -> Result<(), StoreError> {
        let claim = claim.clone();
        self.write("move a draft's lease", move |tx| {
            Box::pin(async move {
                let sql = "UPDATE archives SET lease_until = $4 WHERE case_id = $1 AND sequence = $2 \
                           AND lease_token = $3 AND object IS NULL";
                held(tx.run(sql, &vals![claim.case, claim.sequence, &claim.token, until]).await?)
            })
        })
        .await
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
    let mut listed = None;
    if let Some(instruction) = standing.instruction {
        let sql = "SELECT envelope FROM attestations WHERE case_id = $1 AND entity = $2 AND instruction = $3";
        let row = ask.ask(sql, &vals![id, entity, instruction]).await?.pop();
        let row = row.ok_or(StoreError::Corrupt("attestation"))?;
        facts.attestation = Some(keys.content()?.open("attestation", &row.blob("envelope")?)?);
        if standing.archive == Some(sequence) {
            let presented = presentations::presented(ask, keys, id, entity, instruction).await?;
            (facts.previews, facts.information) = (presented.previews, presented.information);
            listed = presented.parts;
        } else {
            facts.information = presentations::information(ask, keys, id, entity, instruction).await?;
        }
    }
    if standing.archive == Some(sequence) {
        let sql = "SELECT description FROM tables WHERE case_id = $1 AND entity = $2 ORDER BY dataset, collection";
        for row in ask.ask(sql, &vals![id, entity]).await? {
            facts.tables.push(keys.open("table", &row.blob("description")?)?);
        }
        facts.parts = match listed {
            Some(parts) => parts,
            None => parts(ask, keys, id, entity).await?,
        };
    }
    Ok(facts)
}

/// The descriptors of an entity's parts, each from its own row.
async fn parts(ask: &mut impl Ask, keys: &CaseKeys, id: CaseId, entity: &EntityId) -> Result<Vec<Part>, StoreError> {
    let sql = "SELECT descriptor FROM parts WHERE case_id = $1 AND entity = $2 ORDER BY part";
    let rows = ask.ask(sql, &vals![id, entity]).await?;
    rows.iter().map(|row| keys.open("part", &row.blob("descriptor")?)).collect()
}
