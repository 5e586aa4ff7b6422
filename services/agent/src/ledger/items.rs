//! The tables and parts of the generation that counts, in the order in which they came.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};
use tributary_archive::frames::ContentKey;
use tributary_archive::part::Part;
use tributary_archive::table::Table;
use tributary_model::id::InstructionId;

use super::attested::{self, Attested};
use super::exports::{Export, find_at};
use super::{Ledger, LedgerError, State, Sync};

/// Something a generation has produced. Its path may hold personal data, so it is sealed in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Item {
    /// A table's form, before its first part.
    Table(Table),
    /// A finished part.
    Part(Part),
}

/// An export with what it has produced from some place on, all of one instant.
#[derive(Debug)]
pub(crate) struct View {
    /// How it stands.
    pub(crate) export: Export,
    /// What comes next, a bounded number.
    pub(crate) items: Vec<Item>,
    /// What was signed, once nothing comes after `items`.
    pub(crate) attested: Option<Attested>,
}

impl Ledger {
    /// Keeps the item at `position` (from 1) of a running generation.
    pub(crate) fn keep(
        &self,
        instruction: InstructionId,
        generation: u32,
        position: u32,
        item: &Item,
        key: &ContentKey,
    ) -> Result<(), LedgerError> {
        let plain = serde_json::to_vec(item).map_err(|_| LedgerError::Corrupt("an item"))?;
        let sealed = key.seal(&purpose(generation, position), &plain)?;
        let part = if let Item::Part(part) = item { Some(part.index) } else { None };
        self.write(Sync::Lazy, |tx| {
            let kept = tx.execute(
                "INSERT INTO item (instruction, generation, position, part, sealed)
                 SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS
                     (SELECT 1 FROM export WHERE instruction = ?1 AND generation = ?2 AND state = 'running')",
                params![instruction.to_string(), generation, position, part, sealed],
            )?;
            if kept == 1 { Ok(()) } else { Err(LedgerError::Replaced) }
        })
    }

    /// The export with at most `most` items after `position` of `generation`; from the first, if another one counts now.
    pub(crate) fn view(
        &self,
        instruction: InstructionId,
        generation: u32,
        position: u32,
        most: usize,
        now: Timestamp,
    ) -> Result<Option<View>, LedgerError> {
        self.read(|tx| {
            let Some(export) = find_at(tx, instruction, now)? else { return Ok(None) };
            let from = if export.generation == generation { position } else { 0 };
            let mut view = View { export, items: Vec::new(), attested: None };
            if matches!(view.export.state, State::Running | State::Attested) {
                let key = self.content_key(tx, instruction)?;
                view.items = after(tx, instruction, view.export.generation, from, most, &key)?;
                if view.export.state == State::Attested && view.items.len() < most {
                    view.attested = attested::find(tx, instruction, view.export.generation)?;
                }
            }
            Ok(Some(view))
        })
    }

    /// All parts of a generation.
    pub(crate) fn parts(&self, instruction: InstructionId, generation: u32) -> Result<Vec<Part>, LedgerError> {
        self.read(|tx| {
            let key = self.content_key(tx, instruction)?;
            let items = after(tx, instruction, generation, 0, usize::MAX, &key)?;
            Ok(items
                .into_iter()
                .filter_map(|item| if let Item::Part(part) = item { Some(part) } else { None })
                .collect())
        })
    }

    /// A finished part of the generation that counts, with the key that opens it.
    pub(crate) fn part(
        &self,
        instruction: InstructionId,
        generation: u32,
        index: u32,
    ) -> Result<Option<(Part, ContentKey)>, LedgerError> {
        self.read(|tx| {
            let sql = "SELECT position, sealed FROM item WHERE instruction = ?1 AND generation = ?2 AND part = ?3";
            let values = params![instruction.to_string(), generation, index];
            let found = tx.query_row(sql, values, |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))).optional()?;
            let Some((position, sealed)) = found else { return Ok(None) };
            let key = self.content_key(tx, instruction)?;
            match open(&key, generation, position, &sealed)? {
                Item::Part(part) => Ok(Some((part, key))),
                Item::Table(_) => Err(LedgerError::Corrupt("a part")),
            }
        })
    }
}

fn after(
    tx: &Transaction<'_>,
    instruction: InstructionId,
    generation: u32,
    position: u32,
    most: usize,
    key: &ContentKey,
) -> Result<Vec<Item>, LedgerError> {
    let mut statement = tx.prepare(
        "SELECT position, sealed FROM item WHERE instruction = ?1 AND generation = ?2 AND position > ?3
         ORDER BY position LIMIT ?4",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let values = params![instruction.to_string(), generation, position, most];
    let rows = statement.query_map(values, |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    rows.map(|row| {
        let (position, sealed) = row?;
        open(key, generation, position, &sealed)
    })
    .collect()
}

fn open(key: &ContentKey, generation: u32, position: u32, sealed: &[u8]) -> Result<Item, LedgerError> {
    let plain = key.open(&purpose(generation, position), sealed)?;
    serde_json::from_slice(&plain).map_err(|_| LedgerError::Corrupt("an item"))
}

/// What an item is sealed for: its place, so that none can be put elsewhere.
fn purpose(generation: u32, position: u32) -> String {
    format!("export/item/{generation}/{position}")
}
