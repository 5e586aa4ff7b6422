//! Exports whose agents still have to be told that they are over. Written by whoever ends an export, taken on by any
//! process that reaches the agent.

use std::time::Duration;

use jiff::Timestamp;
use tributary_model::id::{CaseId, EntityId, InstructionId};

use super::sql::{Row, taking, vals};
use super::{Store, StoreError};
use crate::case::after;

/// An export that an agent is to be told is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finish {
    pub(crate) instruction: InstructionId,
    pub(crate) case: CaseId,
    pub(crate) entity: EntityId,
    pub(crate) attempts: u32,
}

impl Store {
    /// Entities whose agents are due to be told at `now`.
    pub(crate) async fn finishing(&self, now: Timestamp) -> Result<Vec<EntityId>, StoreError> {
        let sql = "SELECT DISTINCT entity FROM finishes WHERE next_attempt_at <= $1";
        self.0.readers.rows(sql, &vals![now]).await?.iter().map(|row| row.parse("entity")).collect()
    }

    /// Takes on up to `most` exports of an entity whose agent is due to be told, the longest waiting first. They are due
    /// again after `hold`: telling an agent twice changes nothing, so no token protects them.
    pub(crate) async fn claim_finishes(
        &self,
        entity: EntityId,
        most: usize,
        hold: Duration,
        now: Timestamp,
    ) -> Result<Vec<Finish>, StoreError> {
        self.write("take on finished exports", move |tx| {
            Box::pin(async move {
                let sql = taking!(
                    "SELECT instruction FROM finishes WHERE entity = $2 AND next_attempt_at <= $3 \
                     ORDER BY next_attempt_at LIMIT $4",
                    "UPDATE finishes SET next_attempt_at = $1 WHERE instruction IN (SELECT instruction FROM due) \
                     RETURNING instruction, case_id, entity, attempts"
                );
                let rows = tx.rows(sql, &vals![after(now, hold), &entity, now, most as u64]).await?;
                rows.iter().map(finish).collect()
            })
        })
        .await
    }

    /// An agent was told, or need not be any more.
    pub(crate) async fn finished(&self, instruction: InstructionId) -> Result<(), StoreError> {
        self.write("drop a finished export", move |tx| {
            Box::pin(async move {
                tx.run("DELETE FROM finishes WHERE instruction = $1", &vals![instruction]).await.map(drop)
            })
        })
        .await
    }

    /// An agent could not be told; it is tried again at `next`.
    pub(crate) async fn finish_later(&self, instruction: InstructionId, next: Timestamp) -> Result<(), StoreError> {
        self.write("put off finishing an export", move |tx| {
            Box::pin(async move {
                let sql = "UPDATE finishes SET attempts = attempts + 1, next_attempt_at = $2 WHERE instruction = $1";
                tx.run(sql, &vals![instruction, next]).await.map(drop)
            })
        })
        .await
    }
}

fn finish(row: &Row) -> Result<Finish, StoreError> {
    Ok(Finish {
        instruction: row.parse("instruction")?,
        case: row.parse("case_id")?,
        entity: row.parse("entity")?,
        attempts: row.count("attempts")?,
    })
}
