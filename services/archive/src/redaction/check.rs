//! Whether counts of what was hidden fit the tables that they are about.

use std::collections::BTreeMap;

use super::Redaction;
use crate::part::{Part, PartKind};
use crate::table::Table;

/// How counts do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedactions {
    /// Of a field that the table lacks, or for a reason whose mark its files cannot have.
    #[error("number {0}: it is of a field that its table lacks, or for a reason that the table has no mark of")]
    Field(usize),
    /// More marks than rows.
    #[error("number {0}: it counts more marks than the collection's parts have rows")]
    Count(usize),
}

/// Checks the counts of one entity against its tables and parts, as far as that is possible without opening one.
pub fn check(redactions: &[Redaction], tables: &[Table], parts: &[Part]) -> Result<(), InvalidRedactions> {
    let tables: BTreeMap<_, _> = tables.iter().map(|t| ((&t.dataset, t.collection.as_str()), t)).collect();
    let mut rows: BTreeMap<_, u64> = BTreeMap::new();
    for part in parts.iter().filter(|part| part.kind == PartKind::Table) {
        let sum = rows.entry((&part.dataset, part.collection.as_str())).or_default();
        *sum = sum.saturating_add(part.rows);
    }
    for (number, redaction) in (1..).zip(redactions) {
        let Some(field) = &redaction.field else { continue };
        let key = (&redaction.dataset, redaction.collection.as_str());
        let known = tables.get(&key).is_some_and(|table| {
            table.marks.contains(&redaction.reason) && table.fields.iter().any(|known| known.name == *field)
        });
        if !known {
            return Err(InvalidRedactions::Field(number));
        }
        if redaction.count > rows.get(&key).copied().unwrap_or(0) {
            return Err(InvalidRedactions::Count(number));
        }
    }
    Ok(())
}
