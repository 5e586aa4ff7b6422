//! What the generation that counts has produced, in the order in which it came: tables and parts, then previews and the
//! record of processing.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use tributary_archive::frames::ContentKey;
use tributary_archive::information::Information;
use tributary_archive::part::Part;
use tributary_archive::preview::Preview;
use tributary_archive::table::Table;
use tributary_model::id::InstructionId;

use super::attested::{self, Attested};
use super::exports::{Export, find_at};
use super::tx::Tx;
use super::{Ledger, LedgerError, State, Sync};

/// Something a generation has produced. A path may hold personal data and a preview does, so it is sealed in the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Item {
    /// A table's form, before its first part.
    Table(Table),
    /// A finished part.
    Part(Part),
    /// An extract of a collection, after all parts.
    Preview(Preview),
    /// What is recorded about the processing.
    Information(Information),
}

/// How much of a generation is looked at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Most {
    /// Items.
    pub(crate) items: usize,
    /// Bytes of them as sealed, the one that goes beyond included.
    pub(crate) bytes: usize,
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
    /// Keeps `items`, the first at `position` (from 1), of a running generation: all of them or none.
    pub(crate) fn keep(
        &self,
        instruction: InstructionId,
        generation: u32,
        position: u32,
        items: &[Item],
        key: &ContentKey,
    ) -> Result<(), LedgerError> {
        let sealed = |(item, position)| seal(item, generation, position, key).map(|sealed| (position, sealed));
        let rows: Vec<_> = items.iter().zip(position..).map(sealed).collect::<Result<_, _>>()?;
        self.write(Sync::Lazy, |tx| {
            for ((position, sealed), item) in rows.iter().zip(items) {
                let part = if let Item::Part(part) = item { Some(part.index) } else { None };
                let kept = tx.execute(
                    "INSERT INTO item (instruction, generation, position, part, sealed)
                     SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS
                         (SELECT 1 FROM export WHERE instruction = ?1 AND generation = ?2 AND state = 'running')",
                    params![instruction.to_string(), generation, position, part, sealed],
                )?;
                if kept != 1 {
                    return Err(LedgerError::Replaced);
                }
            }
            Ok(())
        })
    }

    /// The export with at most `most` after `position` of `generation`; from the first, if another one counts now.
    pub(crate) fn view(
        &self,
        instruction: InstructionId,
        generation: u32,
        position: u32,
        most: Most,
        now: Timestamp,
    ) -> Result<Option<View>, LedgerError> {
        self.read(|tx| {
            let Some(export) = find_at(tx, instruction, now)? else { return Ok(None) };
            let from = if export.generation == generation { position } else { 0 };
            let mut view = View { export, items: Vec::new(), attested: None };
            if matches!(view.export.state, State::Running | State::Attested) {
                let key = self.content_key(tx, instruction)?;
                let mut bytes = 0;
                let ended = each(tx, instruction, view.export.generation, from, &key, |item, size| {
                    view.items.push(item);
                    bytes += size;
                    view.items.len() < most.items && bytes < most.bytes
                })?;
                if view.export.state == State::Attested && ended {
                    view.attested = attested::find(tx, instruction, view.export.generation)?;
                }
            }
            Ok(Some(view))
        })
    }

    /// Whether `check` holds of all parts of a generation.
    pub(crate) fn all_parts(
        &self,
        instruction: InstructionId,
        generation: u32,
        mut check: impl FnMut(&Part) -> bool,
    ) -> Result<bool, LedgerError> {
        self.read(|tx| {
            let key = self.content_key(tx, instruction)?;
            each(tx, instruction, generation, 0, &key, |item, _| match &item {
                Item::Part(part) => check(part),
                Item::Table(_) | Item::Preview(_) | Item::Information(_) => true,
            })
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
                Item::Table(_) | Item::Preview(_) | Item::Information(_) => Err(LedgerError::Corrupt("a part")),
            }
        })
    }
}

/// Gives the items after `position` to `take`, with their sizes as sealed, until it says no or there are no more. Returns
/// whether there are no more.
fn each(
    tx: &Tx<'_>,
    instruction: InstructionId,
    generation: u32,
    position: u32,
    key: &ContentKey,
    mut take: impl FnMut(Item, usize) -> bool,
) -> Result<bool, LedgerError> {
    let mut statement = tx.prepare(
        "SELECT position, sealed FROM item WHERE instruction = ?1 AND generation = ?2 AND position > ?3
         ORDER BY position",
    )?;
    let mut rows = statement.query(params![instruction.to_string(), generation, position])?;
    while let Some(row) = rows.next()? {
        let (position, sealed) = (row.get(0)?, row.get_ref(1)?.as_blob().map_err(|_| LedgerError::Corrupt("an item"))?);
        if !take(open(key, generation, position, sealed)?, sealed.len()) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn seal(item: &Item, generation: u32, position: u32, key: &ContentKey) -> Result<Vec<u8>, LedgerError> {
    let plain = serde_json::to_vec(item).map_err(|_| LedgerError::Corrupt("an item"))?;
    Ok(key.seal(&purpose(generation, position), &plain)?)
}

fn open(key: &ContentKey, generation: u32, position: u32, sealed: &[u8]) -> Result<Item, LedgerError> {
    let plain = key.open(&purpose(generation, position), sealed)?;
    serde_json::from_slice(&plain).map_err(|_| LedgerError::Corrupt("an item"))
}

/// What an item is sealed for: its place, so that none can be put elsewhere.
fn purpose(generation: u32, position: u32) -> String {
    format!("export/item/{generation}/{position}")
}
