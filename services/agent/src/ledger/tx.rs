//! A transaction whose statements are compiled once per text and kept: the ledger says the same few things for every
//! export, and to compile them took longer than to carry them out.

use rusqlite::{CachedStatement, Params, Row, Transaction};

/// Statements that stay compiled; the ledger has fewer.
pub(super) const KEPT: usize = 64;

/// A transaction of the ledger.
pub(super) struct Tx<'c>(Transaction<'c>);

impl<'c> Tx<'c> {
    pub(super) fn new(transaction: Transaction<'c>) -> Self {
        Self(transaction)
    }

    /// Carries out a statement; returns how many rows it changed.
    pub(super) fn execute(&self, sql: &str, values: impl Params) -> rusqlite::Result<usize> {
        self.prepare(sql)?.execute(values)
    }

    /// The first row of a statement.
    pub(super) fn query_row<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.prepare(sql)?.query_row(values, read)
    }

    /// A statement to be run.
    pub(super) fn prepare(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.0.prepare_cached(sql)
    }

    /// Keeps what was done.
    pub(super) fn commit(self) -> rusqlite::Result<()> {
        self.0.commit()
    }
}
