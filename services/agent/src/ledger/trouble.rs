//! What stood in the way of a dataset: after a bounded time or number of tries an export goes on without it and names it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::params;
use tributary_archive::attestation::NotSearchedReason;
use tributary_model::id::{FidesKey, InstructionId};

use super::tx::Tx;
use super::{Ledger, LedgerError, Sync, millis};

/// What stands in the way of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It does not answer.
    Unavailable,
    /// It cannot be read within the time that a snapshot may be held.
    SnapshotTooLong,
}

/// How long trouble is put up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// From the first failure of a dataset that does not answer to the last.
    pub(crate) unavailable_for: Duration,
    /// Walks that may take too long.
    pub(crate) snapshot_attempts: u32,
}

impl Trouble {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::SnapshotTooLong => "snapshot_too_long",
        }
    }
}

impl Ledger {
    /// Records trouble. Returns since when there is.
    pub(crate) fn trouble(
        &self,
        instruction: InstructionId,
        dataset: &FidesKey,
        trouble: Trouble,
        now: Timestamp,
    ) -> Result<Timestamp, LedgerError> {
        self.write(Sync::Lazy, |tx| {
            let sql =
                "INSERT INTO trouble (instruction, dataset, kind, since, latest, times) VALUES (?1, ?2, ?3, ?4, ?4, 1)
                       ON CONFLICT (instruction, dataset, kind) DO UPDATE SET latest = ?4, times = times + 1
                       RETURNING since";
            let values = params![instruction.to_string(), dataset.as_str(), trouble.as_str(), millis(now)];
            super::timestamp(tx.query_row(sql, values, |row| row.get(0))?)
        })
    }
}

/// Datasets that have been in trouble for too long. The time counts from failure to failure: an agent that was down
/// meanwhile has not tried.
pub(super) fn given_up(
    tx: &Tx<'_>,
    instruction: InstructionId,
    patience: Patience,
) -> Result<BTreeMap<FidesKey, NotSearchedReason>, LedgerError> {
    let mut statement =
        tx.prepare("SELECT dataset, kind, latest - since, times FROM trouble WHERE instruction = ?1")?;
    let rows = statement.query_map([instruction.to_string()], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get::<_, u32>(3)?))
    })?;
    let mut given_up = BTreeMap::new();
    for row in rows {
        let (dataset, kind, lasted, times) = row?;
        let lasted = Duration::from_millis(u64::try_from(lasted).unwrap_or(0));
        let reason = if kind == Trouble::Unavailable.as_str() {
            (lasted >= patience.unavailable_for).then_some(NotSearchedReason::Unavailable)
        } else {
            (times >= patience.snapshot_attempts).then_some(NotSearchedReason::SnapshotTooLong)
        };
        if let Some(reason) = reason {
            given_up.insert(dataset.parse().map_err(|_| LedgerError::Corrupt("a dataset's key"))?, reason);
        }
    }
    Ok(given_up)
}
