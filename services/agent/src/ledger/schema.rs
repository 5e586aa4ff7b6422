//! The schema's history, append-only. A ledger that knows a newer step than we do is not touched.

use rusqlite::{Connection, TransactionBehavior};

use super::LedgerError;

const STEPS: [&str; 4] = [
    include_str!("../../migrations/0001_initial.sql"),
    include_str!("../../migrations/0002_inbox.sql"),
    include_str!("../../migrations/0003_content.sql"),
    include_str!("../../migrations/0004_received.sql"),
];

/// Brings the schema up to date, all steps or none.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = STEPS.len() as i64;
    if done > known {
        return Err(LedgerError::NewerSchema(done));
    }
    for step in STEPS.iter().skip(usize::try_from(done).map_err(|_| LedgerError::Corrupt("the schema version"))?) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}
