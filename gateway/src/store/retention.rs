//! Shreds what is kept for too long (GRP-9, RET-8): one archive's bytes while its case goes on, a closed case's key with
//! everything under it. Who did what, how each entity answered and the digests of what it signed stay.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use sqlx::sqlite::SqlitePool;
use sqlx::{ConnectOptions, Connection};
use tributary_archive::digest::Sha256Hex;
use tributary_model::id::{CaseId, EntityId};
use tributary_model::lifecycle::CaseState;

use super::acting::{drop_staged, shred};
use super::events::{Head, Record};
use super::links::revoke_all;
use super::sql::{Readers, Snapshot, Tx, vals};
use super::{Store, StoreError};

/// Archives that were delivered, and those that were not, before these instants are over their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cutoffs {
    pub(crate) delivered: Timestamp,
    pub(crate) undelivered: Timestamp,
}

/// What a case lost, to be removed from the object folder after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shredded {
    /// These objects; the case goes on.
    Objects(Vec<String>),
    /// Everything.
    Case,
}

impl Store {
    /// Cases that hold something over its time.
    pub(crate) async fn over_time(&self, cutoffs: Cutoffs) -> Result<Vec<CaseId>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        let mut cases: Vec<CaseId> = Vec::new();
        for (sql, cutoff) in [
            (
                "SELECT case_id FROM archives WHERE shredded_at IS NULL AND delivered_at <= $1 AND pieces IS NOT NULL",
                cutoffs.delivered,
            ),
            (
                "SELECT case_id FROM archives WHERE shredded_at IS NULL AND delivered_at IS NULL \
                 AND assembled_at <= $1 AND object IS NOT NULL AND pieces IS NOT NULL",
                cutoffs.undelivered,
            ),
            // Closed when its archives were gone already.
            (
                "SELECT c.case_id AS case_id FROM cases c WHERE c.state = 'CLOSED' AND c.content_key IS NOT NULL \
                 AND c.opened_at <= $1 AND NOT EXISTS (SELECT 1 FROM archives a WHERE a.case_id = c.case_id \
                 AND a.shredded_at IS NULL)",
                cutoffs.delivered.max(cutoffs.undelivered),
            ),
        ] {
            for row in snapshot.rows(sql, &vals![cutoff]).await? {
                cases.push(row.parse("case_id")?);
            }
        }
        cases.sort();
        cases.dedup();
        Ok(cases)
    }

    /// Shreds of a case what is over its time: the rows and the key in one transaction, the files after it.
    pub(crate) async fn shred_over_time(
        &self,
        id: CaseId,
        cutoffs: Cutoffs,
        now: Timestamp,
    ) -> Result<Shredded, StoreError> {
        let store = self.clone();
        let shredded = self.write("shred what is over its time", move |tx| {
            Box::pin(async move {
                let mut head = Head::read(tx, store.keys(), id).await?;
                let mut objects = Vec::new();
                for (sequence, object) in due(tx, id, cutoffs).await? {
                    objects.push(object);
                    objects.extend(drop_archive(tx, &mut head, sequence, now).await?);
                }
                // Without its key it was shredded since the look at the list: by another process, say.
                if head.state == CaseState::Closed && head.keys.content().is_ok() && kept(tx, id).await? == 0 {
                    shred_case(tx, &mut head, now).await?;
                    return Ok(Shredded::Case);
                }
                Ok(Shredded::Objects(objects))
            })
        });
        let shredded = shredded.await?;
        self.owe_forgetting();
        Ok(shredded)
    }

    /// Whether something was shredded whose pages may still stand in the database's log: wrapped keys among them. Also
    /// after each start, since what a process before this one left there is not known.
    pub(crate) fn owes_forgetting(&self) -> bool {
        self.0.owes_forgetting.load(Ordering::Acquire)
    }

    /// Has the database give up what it deleted, by cutting its log. What readers still hold is left for another time.
    /// With PostgreSQL that is the database's own work.
    pub(crate) async fn forget_deleted(&self) -> Result<(), StoreError> {
        // Cleared first: what is shredded meanwhile is owed again.
        self.0.owes_forgetting.store(false, Ordering::Release);
        let Readers::Sqlite { pool, .. } = &self.0.readers else { return Ok(()) };
        match cut_log(pool).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.owe_forgetting();
                Ok(())
            }
            Err(error) => {
                self.owe_forgetting();
                Err(error)
            }
        }
    }

    /// After a commit that shredded something.
    pub(super) fn owe_forgetting(&self) {
        self.0.owes_forgetting.store(true, Ordering::Release);
    }
}

/// Writes the log back and cuts it; false when somebody held it.
async fn cut_log(pool: &SqlitePool) -> Result<bool, StoreError> {
    let options = pool.connect_options().as_ref().clone().read_only(false);
    let mut conn = options.connect().await?;
    let busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut conn).await?;
    conn.close().await?;
    Ok(busy == 0)
}

/// Archives of a case that are over their time, with their objects.
async fn due(tx: &mut Tx, id: CaseId, cutoffs: Cutoffs) -> Result<Vec<(u32, String)>, StoreError> {
    let sql = "SELECT sequence, object FROM archives WHERE case_id = $1 AND object IS NOT NULL \
               AND shredded_at IS NULL AND pieces IS NOT NULL \
               AND (delivered_at <= $2 OR (delivered_at IS NULL AND assembled_at <= $3)) ORDER BY sequence";
    let rows = tx.rows(sql, &vals![id, cutoffs.delivered, cutoffs.undelivered]).await?;
    rows.iter().map(|row| Ok((row.count("sequence")?, row.text("object")?))).collect()
}

/// How many archives of a case still have their bytes, or wait to be written.
async fn kept(tx: &mut Tx, id: CaseId) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) AS kept FROM archives WHERE case_id = $1 AND shredded_at IS NULL";
    tx.row(sql, &vals![id]).await?.ok_or(StoreError::NoCase)?.int("kept")
}

/// Drops an archive's bytes and what it carried of the entities, also of those that were asked anew. What they signed stays with the case, since a later
/// addendum says again how each of them stands.
async fn drop_archive(tx: &mut Tx, head: &mut Head, sequence: u32, now: Timestamp) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT entity FROM tasks WHERE case_id = $1 AND archive = $2 ORDER BY position";
    let mut objects = Vec::new();
    for row in tx.rows(sql, &vals![head.id, sequence]).await? {
        let entity: EntityId = row.parse("entity")?;
        objects.extend(drop_staged(tx, head.id, &entity).await?);
    }
    let sql = "DELETE FROM carried_parts WHERE case_id = $1 AND sequence = $2 RETURNING object";
    for row in tx.rows(sql, &vals![head.id, sequence]).await? {
        objects.push(row.text("object")?);
    }
    let sql = "UPDATE archives SET draft = NULL, pieces = NULL, shredded_at = $3 WHERE case_id = $1 AND sequence = $2";
    tx.run(sql, &vals![head.id, sequence, now]).await?;
    revoke_all(tx, head.id, Some(sequence), now).await?;
    let detail = format!("archive {sequence}");
    head.record(tx, "ARCHIVE_SHREDDED", now, Record { detail: &detail, ..Record::default() }).await?;
    Ok(objects)
}

/// Drops a case's key with everything it sealed, and keeps the digests of what the entities signed.
async fn shred_case(tx: &mut Tx, head: &mut Head, now: Timestamp) -> Result<(), StoreError> {
    let sql = "SELECT entity, instruction, disposition, envelope FROM attestations WHERE case_id = $1";
    for row in tx.rows(sql, &vals![head.id]).await? {
        let envelope = head.keys.content()?.open("attestation", &row.blob("envelope")?)?;
        let digest = head.keys.seal_record("attested", &Sha256Hex::of(&envelope).to_string())?;
        let sql = "INSERT INTO attested (case_id, entity, instruction, disposition, digest) \
                   VALUES ($1, $2, $3, $4, $5)";
        let values = vals![head.id, row.text("entity")?, row.text("instruction")?, row.text("disposition")?, digest];
        tx.run(sql, &values).await?;
    }
    revoke_all(tx, head.id, None, now).await?;
    shred(tx, head.id).await?;
    head.keys.forget_content();
    tx.run("UPDATE tasks SET reason = NULL WHERE case_id = $1", &vals![head.id]).await?;
    head.record(tx, "SHREDDED", now, Record::default()).await
}
