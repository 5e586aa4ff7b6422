//! Reads a case whole: the row, its roster with tasks, its archives.

use std::time::Duration;

use tributary_model::disposition::Disposition;
use tributary_model::id::CaseId;
use tributary_model::lifecycle::TaskState;

use super::keys::{CaseKeys, Keys};
use super::reason;
use super::sql::{Ask, Row, Snapshot, vals};
use super::{Store, StoreError};
use crate::case::{Archive, Case, Task, Waiting};

/// Columns that make a case.
macro_rules! case_columns {
    () => {
        "case_id, state, exercised, format, received_at, opened_at, delivery_date, waiting, window_ms, group_version, \
         decisions, language, escalated_at, content_key, record_key, record, cursor"
    };
}
pub(super) use case_columns;

/// What a caller said when it opened the case and is shown again.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct OpeningRecord {
    pub(super) request_ref: String,
}

pub(super) fn waiting(row: &Row) -> Result<Waiting, StoreError> {
    Ok(match row.text("waiting")?.as_str() {
        "by_delivery_date" => Waiting::ByDeliveryDate,
        "require_complete" => Waiting::RequireComplete,
        "best_effort" => {
            let window = row.int_opt("window_ms")?.and_then(|ms| u64::try_from(ms).ok());
            Waiting::BestEffort { window: Duration::from_millis(window.ok_or(StoreError::Corrupt("window_ms"))?) }
        }
        _ => return Err(StoreError::Corrupt("waiting")),
    })
}

/// A waiting policy as its columns.
pub(super) fn waiting_columns(waiting: Waiting) -> (&'static str, Option<i64>) {
    match waiting {
        Waiting::ByDeliveryDate => ("by_delivery_date", None),
        Waiting::RequireComplete => ("require_complete", None),
        Waiting::BestEffort { window } => ("best_effort", Some(i64::try_from(window.as_millis()).unwrap_or(i64::MAX))),
    }
}

impl Store {
    /// A case, if it is there.
    pub(crate) async fn case(&self, id: CaseId) -> Result<Option<Case>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        read(&mut snapshot, self.keys(), id).await
    }
}

/// A case as this transaction or snapshot sees it.
pub(super) async fn read(ask: &mut impl Ask, keys: &Keys, id: CaseId) -> Result<Option<Case>, StoreError> {
    let sql = concat!("SELECT ", case_columns!(), " FROM cases WHERE case_id = $1");
    match ask.ask(sql, &vals![id]).await?.pop() {
        Some(row) => whole(ask, keys, &row, true).await.map(Some),
        None => Ok(None),
    }
}

/// A case from its row. Without `reasons` the tasks' reasons stay sealed.
pub(super) async fn whole(ask: &mut impl Ask, keys: &Keys, row: &Row, reasons: bool) -> Result<Case, StoreError> {
    let id: CaseId = row.parse("case_id")?;
    let keys = keys.unwrap(id, row.blob_opt("content_key")?.as_deref(), &row.blob("record_key")?)?;
    let record: OpeningRecord = keys.open_record("opening", &row.blob("record")?)?;
    Ok(Case {
        id,
        state: row.parse("state")?,
        right: row.parse("exercised")?,
        request_ref: record.request_ref,
        received_at: row.time("received_at")?,
        opened_at: row.time("opened_at")?,
        delivery_date: row.time("delivery_date")?,
        waiting: waiting(row)?,
        format: row.parse("format")?,
        language: row.parse("language")?,
        escalated_at: row.time_opt("escalated_at")?,
        group_version: row.count("group_version")?,
        decisions: row.json("decisions")?,
        tasks: tasks(ask, &keys, id, reasons).await?,
        archives: archives(ask, id).await?,
        cursor: row.count("cursor")?,
    })
}

async fn tasks(ask: &mut impl Ask, keys: &CaseKeys, id: CaseId, reasons: bool) -> Result<Vec<Task>, StoreError> {
    let sql = "SELECT entity, state, disposition, reason, failed_attempts, next_attempt_at, parts, bytes, updated_at \
               FROM tasks WHERE case_id = $1 ORDER BY position";
    let rows = ask.ask(sql, &vals![id]).await?;
    let tasks = rows.iter().map(|row| {
        let state: TaskState = row.parse("state")?;
        let sealed = if reasons { row.blob_opt("reason")? } else { None };
        Ok(Task {
            entity: row.parse("entity")?,
            state,
            disposition: row.parse("disposition")?,
            reason: reason::open(keys, sealed.as_deref())?.text,
            failed_attempts: row.count("failed_attempts")?,
            next_attempt_at: row.time_opt("next_attempt_at")?.filter(|_| state.is_runnable()),
            parts: row.count("parts")?,
            bytes: row.count("bytes")?,
            updated_at: row.time("updated_at")?,
        })
    });
    tasks.collect()
}

async fn archives(ask: &mut impl Ask, id: CaseId) -> Result<Vec<Archive>, StoreError> {
    let sql = "SELECT sequence, file_name, size, tagmanifest_sha256, complete, assembled_at, delivered_at, shredded_at \
               FROM archives WHERE case_id = $1 AND object IS NOT NULL ORDER BY sequence";
    let rows = ask.ask(sql, &vals![id]).await?;
    rows.iter().map(archive).collect()
}

/// An archive from its row, once it is written.
pub(super) fn archive(row: &Row) -> Result<Archive, StoreError> {
    Ok(Archive {
        sequence: row.count("sequence")?,
        file_name: row.text("file_name")?,
        size: row.count("size")?,
        tagmanifest_sha256: row.text("tagmanifest_sha256")?,
        complete: row.bool_opt("complete")?.ok_or(StoreError::Corrupt("complete"))?,
        assembled_at: row.time("assembled_at")?,
        delivered_at: row.time_opt("delivered_at")?,
        shredded_at: row.time_opt("shredded_at")?,
    })
}

/// How some tasks of a case stand, in short.
pub(super) struct Standing {
    pub(super) state: TaskState,
    pub(super) disposition: Disposition,
    /// Whether an archive carries its final answer.
    pub(super) carried: bool,
}

/// The different ways in which the tasks of a case stand: few, however many entities there are, since this is asked
/// after every answer.
pub(super) async fn standings(ask: &mut impl Ask, id: CaseId) -> Result<Vec<Standing>, StoreError> {
    let sql = "SELECT state, disposition, MIN(archive) AS archive FROM tasks WHERE case_id = $1 \
               GROUP BY state, disposition, archive IS NULL";
    let rows = ask.ask(sql, &vals![id]).await?;
    let standings = rows.iter().map(|row| {
        Ok(Standing {
            state: row.parse("state")?,
            disposition: row.parse("disposition")?,
            carried: row.int_opt("archive")?.is_some(),
        })
    });
    standings.collect()
}
