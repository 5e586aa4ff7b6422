//! The group file in force: remembered so that its version only rises, whatever file lies in its place at a start.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use tributary_model::group::signed::InForce;

use super::{Ledger, LedgerError, Sync, millis};

impl Ledger {
    /// The group file that was in force at the last start.
    pub(crate) fn group_in_force(&self) -> Result<Option<InForce>, LedgerError> {
        self.read(|tx| {
            let sql = "SELECT version, digest FROM group_in_force";
            let found = tx.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional()?;
            let Some((version, digest)) = found else { return Ok(None) };
            let version = u64::try_from(version).map_err(|_| LedgerError::Corrupt("the group's version"))?;
            Ok(Some(InForce { version, digest }))
        })
    }

    /// Puts a verified group file in force.
    pub(crate) fn put_group_in_force(&self, group: &InForce, now: Timestamp) -> Result<(), LedgerError> {
        let version = i64::try_from(group.version).map_err(|_| LedgerError::Corrupt("the group's version"))?;
        self.write(Sync::Durable, |tx| {
            tx.execute(
                "INSERT INTO group_in_force (one, version, digest, accepted_at) VALUES (1, ?1, ?2, ?3)
                 ON CONFLICT (one) DO UPDATE SET version = ?1, digest = ?2, accepted_at = ?3 WHERE version < ?1",
                params![version, group.digest, millis(now)],
            )?;
            Ok(())
        })
    }
}
