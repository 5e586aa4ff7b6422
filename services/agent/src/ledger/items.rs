//! What the generation that counts has produced, in the order in which it came: tables and parts, then previews and the
//! record of processing.

use jiff::Timestamp;
use rusqlite::{Row, params};
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

/// The generation of files that people have given: walks count from 1.
pub(crate) const GIVEN: u32 = 0;

/// Where the bytes of a part are, when not under the part's own generation and index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source {
    /// The generation of the file; [`GIVEN`] for what people gave.
    pub(crate) generation: u32,
    /// Its number there.
    pub(crate) index: u32,
}

/// An item on its way into the ledger.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// What it is. A part that is kept back has the walk's index until it is given.
    pub(crate) item: Item,
    /// Where a part's bytes are.
    pub(crate) source: Option<Source>,
    /// Whether nobody sees it until a person at the entity has answered.
    pub(crate) is_held: bool,
    /// A part's bytes as carried, when they are kept here and not in the spool.
    pub(crate) content: Option<Vec<u8>>,
}

/// A finished part that can be read.
#[derive(Debug)]
pub(crate) struct Readable {
    /// Its descriptor.
    pub(crate) part: Part,
    /// Where its bytes are in the spool.
    pub(crate) source: Source,
    /// The key that opens them.
    pub(crate) key: ContentKey,
    /// The bytes as carried, when they are not in the spool.
    pub(crate) content: Option<Vec<u8>>,
}

impl From<Item> for Entry {
    fn from(item: Item) -> Self {
        Self { item, source: None, is_held: false, content: None }
    }
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
    /// What comes next, a bounded number, each with its position.
    pub(crate) items: Vec<(u32, Item)>,
    /// Whether nothing comes after `items` now.
    pub(crate) is_all: bool,
    /// What was signed, once nothing comes after `items`.
    pub(crate) attested: Option<Attested>,
}

impl Ledger {
    /// Keeps `entries`, the first at `position` (from 1), of a running generation: all of them or none.
    pub(crate) fn keep(
        &self,
        instruction: InstructionId,
        generation: u32,
        position: u32,
        entries: &[Entry],
        key: &ContentKey,
    ) -> Result<(), LedgerError> {
        let sealed = |(entry, position): (&Entry, u32)| {
            let content = entry.content.as_ref().map(|bytes| key.seal(&content_purpose(generation, position), bytes));
            Ok::<_, LedgerError>((position, seal(&entry.item, generation, position, key)?, content.transpose()?))
        };
        let rows: Vec<_> = entries.iter().zip(position..).map(sealed).collect::<Result<_, _>>()?;
        self.write(Sync::Lazy, |tx| {
            for ((position, sealed, content), entry) in rows.iter().zip(entries) {
                let (mut part, mut matter) = (None, None);
                if let Item::Part(described) = &entry.item {
                    match entry.is_held {
                        true => matter = Some(self.matter(described)),
                        false => part = Some(described.index),
                    }
                }
                let (from, index) = (entry.source.map(|s| s.generation), entry.source.map(|s| s.index));
                let kept = tx.execute(
                    "INSERT INTO item (instruction, generation, position, part, sealed, held, source_generation,
                                       source_index, matter, content)
                     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 WHERE EXISTS
                         (SELECT 1 FROM export WHERE instruction = ?1 AND generation = ?2 AND state = 'running')",
                    params![
                        instruction.to_string(),
                        generation,
                        position,
                        part,
                        sealed,
                        entry.is_held,
                        from,
                        index,
                        matter,
                        content
                    ],
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
            let mut view = View { export, items: Vec::new(), is_all: false, attested: None };
            if matches!(view.export.state, State::Running | State::Held | State::Attested) {
                let key = self.content_key(tx, instruction)?;
                let mut bytes = 0;
                view.is_all = each(tx, instruction, view.export.generation, from, &key, |found| {
                    // A part that is kept back leaves a gap that the next item's position tells of.
                    view.items.push((found.position, found.item));
                    bytes += found.size;
                    view.items.len() < most.items && bytes < most.bytes
                })?;
                if view.export.state == State::Attested && view.is_all {
                    view.attested = attested::find(tx, instruction, view.export.generation)?;
                }
            }
            Ok(Some(view))
        })
    }

    /// Whether `check` holds of all parts of a generation whose bytes are in the spool, those kept back included, and of
    /// where they are.
    pub(crate) fn all_parts(
        &self,
        instruction: InstructionId,
        generation: u32,
        mut check: impl FnMut(Source, &Part) -> bool,
    ) -> Result<bool, LedgerError> {
        self.read(|tx| {
            let key = self.content_key(tx, instruction)?;
            let mut look = |found: Found| match &found.item {
                Item::Part(part) if !found.has_content => {
                    check(found.source.unwrap_or(Source { generation, index: part.index }), part)
                }
                Item::Part(_) | Item::Table(_) | Item::Preview(_) | Item::Information(_) => true,
            };
            Ok(each(tx, instruction, generation, 0, &key, &mut look)?
                && each_held(tx, instruction, generation, &key, &mut look)?)
        })
    }

    /// A finished part of the generation that counts.
    pub(crate) fn part(
        &self,
        instruction: InstructionId,
        generation: u32,
        index: u32,
    ) -> Result<Option<Readable>, LedgerError> {
        self.read(|tx| {
            let sql = "SELECT position, sealed, source_generation, source_index, content IS NOT NULL, content FROM item
                       WHERE instruction = ?1 AND generation = ?2 AND part = ?3 AND held = 0";
            let mut statement = tx.prepare(sql)?;
            let mut rows = statement.query(params![instruction.to_string(), generation, index])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let key = self.content_key(tx, instruction)?;
            let Found { position, item, source, .. } = Found::read(row, generation, &key)?;
            let Item::Part(part) = item else { return Err(LedgerError::Corrupt("a part")) };
            let content = row.get_ref(5)?.as_blob_or_null().map_err(|_| LedgerError::Corrupt("a part's content"))?;
            let content = content.map(|sealed| key.open(&content_purpose(generation, position), sealed)).transpose()?;
            Ok(Some(Readable { part, source: source.unwrap_or(Source { generation, index }), key, content }))
        })
    }

    /// What a person's answer about a part is bound to: its collection and its plain bytes, keyed.
    pub(super) fn matter(&self, part: &Part) -> [u8; 32] {
        let about =
            [part.dataset.as_str().as_bytes(), b"\n", part.collection.as_bytes(), b"\n", part.sha256.as_bytes()];
        self.key.mac("inbox/matter", &about.concat())
    }
}

/// A row, opened.
pub(super) struct Found {
    pub(super) position: u32,
    pub(super) item: Item,
    pub(super) source: Option<Source>,
    /// Whether a part's bytes are here and not in the spool.
    pub(super) has_content: bool,
    /// Bytes as sealed.
    pub(super) size: usize,
}

impl Found {
    /// Reads position, sealed content, the two columns of the source, and whether there is a part's content.
    pub(super) fn read(row: &Row<'_>, generation: u32, key: &ContentKey) -> Result<Self, LedgerError> {
        let (position, sealed) = (row.get(0)?, row.get_ref(1)?.as_blob().map_err(|_| LedgerError::Corrupt("an item"))?);
        let source = match (row.get(2)?, row.get(3)?) {
            (Some(generation), Some(index)) => Some(Source { generation, index }),
            _ => None,
        };
        let (item, has_content) = (open(key, generation, position, sealed)?, row.get(4)?);
        Ok(Self { position, item, source, has_content, size: sealed.len() })
    }
}

/// Gives the items after `position` that are not kept back to `take`, until it says no or there are no more. Returns
/// whether there are no more.
pub(super) fn each(
    tx: &Tx<'_>,
    instruction: InstructionId,
    generation: u32,
    position: u32,
    key: &ContentKey,
    mut take: impl FnMut(Found) -> bool,
) -> Result<bool, LedgerError> {
    let mut statement = tx.prepare(
        "SELECT position, sealed, source_generation, source_index, content IS NOT NULL FROM item
         WHERE instruction = ?1 AND generation = ?2 AND position > ?3 AND held = 0 ORDER BY position",
    )?;
    let mut rows = statement.query(params![instruction.to_string(), generation, position])?;
    while let Some(row) = rows.next()? {
        if !take(Found::read(row, generation, key)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The same of those that are kept back.
pub(super) fn each_held(
    tx: &Tx<'_>,
    instruction: InstructionId,
    generation: u32,
    key: &ContentKey,
    mut take: impl FnMut(Found) -> bool,
) -> Result<bool, LedgerError> {
    let mut statement = tx.prepare(
        "SELECT position, sealed, source_generation, source_index, content IS NOT NULL FROM item
         WHERE instruction = ?1 AND generation = ?2 AND held = 1 ORDER BY position",
    )?;
    let mut rows = statement.query(params![instruction.to_string(), generation])?;
    while let Some(row) = rows.next()? {
        if !take(Found::read(row, generation, key)?) {
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

/// What a part's bytes are sealed for: their place, as well.
fn content_purpose(generation: u32, position: u32) -> String {
    format!("export/content/{generation}/{position}")
}

/// What an item is sealed for: its place, so that none can be put elsewhere.
fn purpose(generation: u32, position: u32) -> String {
    format!("export/item/{generation}/{position}")
}
