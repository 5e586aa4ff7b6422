//! What an export brings: tables, parts with their staged objects, and the attestation that ends it.

use jiff::Timestamp;
use tributary_archive::attestation::Attestation;
use tributary_archive::table::Table;
use tributary_model::id::{CaseId, InstructionId};
use tributary_model::lifecycle::TaskEvent;

use super::brought::{Brought, Described, Kind};
use super::presentations::present;
use super::sql::{Snapshot, Tx, vals};
use super::tasks::Held;
use super::{Claim, Store, StoreError};
use crate::stage::Staged;

impl Store {
    /// What is staged of a task, in order.
    pub(crate) async fn staged(&self, claim: &Claim) -> Result<Vec<Staged>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        let sql = "SELECT object, descriptor FROM parts WHERE case_id = $1 AND entity = $2 ORDER BY part";
        let rows = snapshot.rows(sql, &vals![claim.case, &claim.entity]).await?;
        let parts = rows.iter().map(|row| {
            let part = claim.keys.open("part", &row.blob("descriptor")?)?;
            Ok(Staged { part, object: row.text("object")? })
        });
        parts.collect()
    }

    /// The tables that are known of a task.
    pub(crate) async fn staged_tables(&self, claim: &Claim) -> Result<Vec<Table>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        let sql = "SELECT description FROM tables WHERE case_id = $1 AND entity = $2";
        let rows = snapshot.rows(sql, &vals![claim.case, &claim.entity]).await?;
        rows.iter().map(|row| claim.keys.open("table", &row.blob("description")?)).collect()
    }

    /// Keeps what an export has brought, all of it or nothing. The parts' objects are durable.
    pub(crate) async fn brought(
        &self,
        claim: &Claim,
        generation: u32,
        brought: Brought,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (store, claim) = (self.clone(), claim.clone());
        self.write("keep what an export brought", move |tx| {
            Box::pin(async move {
                let mut task = Held::read(tx, &store, &claim).await?;
                same_generation(&task, generation)?;
                for Described { kind, dataset, collection, sealed } in brought.described {
                    match kind {
                        Kind::Table => keep_table(tx, &claim, (dataset, collection), sealed).await?,
                        Kind::Presentation(kind) => present(tx, &claim, kind, (dataset, collection), sealed).await?,
                    }
                }
                if brought.parts.is_empty() {
                    return Ok(());
                }
                let mut sizes = Vec::with_capacity(brought.parts.len());
                for (Staged { part, object }, sealed) in brought.parts {
                    let sql =
                        "INSERT INTO parts (case_id, entity, part, object, descriptor) VALUES ($1, $2, $3, $4, $5)";
                    tx.run(sql, &vals![claim.case, &claim.entity, part.index, object, sealed]).await?;
                    sizes.push(part.encoded_bytes);
                }
                task.progressed(tx, now).await?;
                task.staged(tx, &sizes, now).await
            })
        })
        .await
    }

    /// Keeps a verified attestation: the task is answered, or waits for somebody. The lease ends with it, and the
    /// agent is to be told that the export is over.
    pub(crate) async fn attested(
        &self,
        claim: &Claim,
        attestation: Attestation,
        envelope: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (store, claim) = (self.clone(), claim.clone());
        self.write("keep an attestation", move |tx| {
            Box::pin(async move {
                let mut task = Held::read(tx, &store, &claim).await?;
                same_generation(&task, attestation.generation)?;
                let sealed = claim.keys.content()?.seal("attestation", &envelope)?;
                let sql = "INSERT INTO attestations (case_id, entity, instruction, disposition, envelope, verified_at, \
                           group_version) VALUES ($1, $2, $3, $4, $5, $6, $7)";
                let disposition = attestation.disposition;
                let group = super::meta::in_force(tx).await?.ok_or(StoreError::Corrupt("group_in_force"))?;
                let values = vals![claim.case, &claim.entity, claim.export, disposition, sealed, now, group.version];
                tx.run(sql, &values).await?;
                let reason = super::reason::seal(&task.head.keys, &reason(&attestation), None)?;
                let sql = "UPDATE tasks SET disposition = $3, reason = $4, lease_token = NULL, lease_until = 0, \
                           observed_since = NULL, updated_at = $5 WHERE case_id = $1 AND entity = $2";
                tx.run(sql, &vals![claim.case, &claim.entity, disposition, reason, now]).await?;
                task.disposition = disposition;
                let event = if disposition.is_final() { TaskEvent::AnsweredFinally } else { TaskEvent::Questioned };
                task.moved(tx, event, now, "").await?;
                finish(tx, claim.export, &claim, now).await?;
                super::waiting::settle(tx, &mut task.head, now).await
            })
        })
        .await
    }

    /// Names of all objects that belong to something, by case: everything else in the object folder is left over.
    pub(crate) async fn objects(&self) -> Result<std::collections::HashSet<(CaseId, String)>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        let sql = "SELECT p.case_id AS case_id, p.object AS object FROM parts p \
                   UNION ALL SELECT k.case_id, k.object FROM carried_parts k \
                   UNION ALL SELECT a.case_id, a.object FROM archives a JOIN cases c ON c.case_id = a.case_id \
                   WHERE a.object IS NOT NULL AND a.shredded_at IS NULL AND c.content_key IS NOT NULL";
        let rows = snapshot.rows(sql, &[]).await?;
        rows.iter().map(|row| Ok((row.parse("case_id")?, row.text("object")?))).collect()
    }
}

async fn keep_table(
    tx: &mut Tx,
    claim: &Claim,
    (dataset, collection): (String, String),
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO tables (case_id, entity, dataset, collection, description) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (case_id, entity, dataset, collection) DO UPDATE SET description = $5";
    tx.run(sql, &vals![claim.case, &claim.entity, dataset, collection, sealed]).await.map(drop)
}

pub(super) fn same_generation(task: &Held, generation: u32) -> Result<(), StoreError> {
    if task.generation == generation { Ok(()) } else { Err(StoreError::StaleLease) }
}

async fn finish(tx: &mut Tx, instruction: InstructionId, claim: &Claim, now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO finishes (instruction, case_id, entity, attempts, next_attempt_at) \
               VALUES ($1, $2, $3, 0, $4) ON CONFLICT (instruction) DO NOTHING";
    tx.run(sql, &vals![instruction, claim.case, &claim.entity, now]).await.map(drop)
}

/// What the entity gives as its reasons, together.
fn reason(attestation: &Attestation) -> String {
    let mut reasons: Vec<&str> = attestation.answers.iter().filter_map(|answer| answer.reason.as_deref()).collect();
    reasons.dedup();
    reasons.join("; ")
}
