//! What the entity signed: one attestation per generation that came to its end, kept for good.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use tributary_model::id::InstructionId;

use super::exports::find_at;
use super::tx::Tx;
use super::{Export, Ledger, LedgerError, Sync, millis};

/// A signed attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attested {
    /// The envelope, JSON.
    pub(crate) envelope: Vec<u8>,
    /// Parts of the generation it covers.
    pub(crate) parts: u32,
}

impl Ledger {
    /// Ends a running generation with what was signed. False: it had ended before, and nothing was kept.
    pub(crate) fn attest(
        &self,
        instruction: InstructionId,
        generation: u32,
        attested: &Attested,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let id = instruction.to_string();
        self.write(Sync::Durable, |tx| {
            let changed = tx.execute(
                "UPDATE export SET state = 'attested', expires_at = ?3, reason = NULL, retry_at = NULL, held = NULL
                 WHERE instruction = ?1 AND generation = ?2 AND state = 'running'",
                params![id, generation, millis(expires_at)],
            )?;
            if changed == 0 {
                return Ok(false);
            }
            tx.execute(
                "INSERT INTO attestation (instruction, generation, parts, envelope, signed_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id, generation, attested.parts, attested.envelope, millis(now)],
            )?;
            Ok(true)
        })
    }

    /// An export with what was signed for its last generation, if anything was.
    pub(crate) fn attestation(
        &self,
        instruction: InstructionId,
        now: Timestamp,
    ) -> Result<Option<(Export, Option<Attested>)>, LedgerError> {
        self.read(|tx| {
            let Some(export) = find_at(tx, instruction, now)? else { return Ok(None) };
            let attested = find(tx, instruction, export.generation)?;
            Ok(Some((export, attested)))
        })
    }
}

pub(super) fn find(tx: &Tx<'_>, instruction: InstructionId, generation: u32) -> Result<Option<Attested>, LedgerError> {
    let sql = "SELECT envelope, parts FROM attestation WHERE instruction = ?1 AND generation = ?2";
    let row = |row: &rusqlite::Row<'_>| Ok(Attested { envelope: row.get(0)?, parts: row.get(1)? });
    Ok(tx.query_row(sql, params![instruction.to_string(), generation], row).optional()?)
}
