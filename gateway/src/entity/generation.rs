//! What a generation of an export has announced so far, and whether the next thing fits it. Neighbour: `preview`, which
//! holds previews against the tables and parts before them.

mod preview;

use std::collections::{HashMap, HashSet};

use tributary_archive::digest::Sha256Hex;
use tributary_archive::part::{Part, PartKind, PartPath};
use tributary_archive::table::Table;

use super::Fault;
use super::convert::Announced;

/// Most parts of one generation: some terabytes of tables.
const MAX_PARTS: u32 = 100_000;
/// Most tables of one generation.
const MAX_TABLES: usize = 20_000;
/// Most bytes of one generation, plain or carried: beyond this, sizes are lies.
const MAX_BYTES: u64 = 1 << 50;
/// Most bytes of all descriptions as an archive spells them: every part repeats its table's form there. Less than the
/// `datapackage.json` that an archive holds, so that no agent can make one that cannot be closed or fills the memory.
const MAX_DESCRIBED: u64 = 96 << 20;
/// What describing a part takes there beside its names and its table, at most.
const PART_DESCRIBED: u64 = 1200;
/// How much deeper than by itself a table's form is indented there.
const INDENT: u64 = 10;

/// Keeps digests of names only, so that it stays small however many parts there are.
#[derive(Default)]
pub(super) struct Generation {
    number: u32,
    parts: u32,
    /// Plain and carried bytes, whichever is more.
    bytes: u64,
    rows: u64,
    /// Bytes of all descriptions.
    described: u64,
    tables: HashMap<Sha256Hex, Known>,
    /// Parts that a preview may point at, with the collection that they belong to.
    attachments: HashSet<Sha256Hex>,
    /// Bytes of all previews as lines.
    previewed: usize,
    informed: bool,
    files: HashSet<Sha256Hex>,
    folders: HashSet<Sha256Hex>,
}

/// What is known of a table.
struct Known {
    /// Bytes of its description.
    described: u64,
    /// Digests of its columns' names, in their order.
    columns: Vec<Sha256Hex>,
    /// Rows of its parts so far; nothing before the first.
    rows: Option<u64>,
    /// Whether its preview came, and with it its last part.
    previewed: bool,
}

impl Generation {
    pub(super) fn new(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn parts(&self) -> u32 {
        self.parts
    }

    /// Takes a table's form.
    pub(super) fn table(&mut self, table: Table) -> Result<Table, Fault> {
        check_columns(&table)?;
        if self.tables.len() >= MAX_TABLES {
            return Err(Fault::TooMuch("tables"));
        }
        let bytes = described(&table);
        let columns = table.fields.iter().map(|field| Sha256Hex::of(field.name.as_bytes())).collect();
        let known = Known { described: bytes, columns, rows: None, previewed: false };
        if self.tables.insert(table_name(table.dataset.as_str(), &table.collection), known).is_some() {
            return Err(Fault::TableTwice);
        }
        // Once by itself: it is kept whether parts follow or not.
        self.describe(bytes)?;
        Ok(table)
    }

    fn describe(&mut self, bytes: u64) -> Result<(), Fault> {
        self.described = self.described.saturating_add(bytes);
        if self.described > MAX_DESCRIBED { Err(Fault::TooMuch("descriptions")) } else { Ok(()) }
    }

    /// Takes the next part.
    pub(super) fn part(&mut self, announced: Announced) -> Result<Part, Fault> {
        let Announced { generation: found, part } = announced;
        let index = part.index;
        if found != self.number {
            return Err(Fault::OtherGeneration { index, expected: self.number, found });
        }
        if self.parts >= MAX_PARTS {
            return Err(Fault::TooMuch("parts"));
        }
        let expected = self.parts + 1;
        if index != expected {
            return Err(Fault::Index { expected, found: index });
        }
        check_descriptor(&part)?;
        let table = table_name(part.dataset.as_str(), &part.collection);
        let known = self.tables.get_mut(&table);
        if known.as_ref().is_some_and(|known| known.previewed) {
            return Err(Fault::AfterPreview { index });
        }
        let form = match part.kind {
            PartKind::Table => {
                let known = known.ok_or(Fault::Undescribed { index })?;
                let rows = known.rows.unwrap_or(0).checked_add(part.rows).ok_or(Fault::TooMuch("rows"))?;
                known.rows = Some(rows);
                known.described
            }
            PartKind::Attachment => {
                self.attachments.insert(preview::file_name(&table, part.path.as_str()));
                0
            }
        };
        // Quotes and backslashes double.
        let names = 2 * (part.path.as_str().len() + 2 * part.collection.len() + part.media_type.len()) as u64;
        self.describe(form + names + PART_DESCRIBED)?;
        let bytes = self.bytes.checked_add(part.bytes.max(part.encoded_bytes)).filter(|sum| *sum <= MAX_BYTES);
        self.bytes = bytes.ok_or(Fault::TooMuch("bytes"))?;
        self.rows = self.rows.checked_add(part.rows).ok_or(Fault::TooMuch("rows"))?;
        self.place(&part.path).ok_or(Fault::Path { index })?;
        self.parts = expected;
        Ok(part)
    }

    /// Takes note of the entity's record of its processing, which comes once.
    pub(super) fn information(&mut self) -> Result<(), Fault> {
        match std::mem::replace(&mut self.informed, true) {
            false => Ok(()),
            true => Err(Fault::Stream("sent its record of processing twice")),
        }
    }

    /// Whether the path can lie beside those before it, on every system.
    fn place(&mut self, path: &PartPath) -> Option<()> {
        let path = path.folded();
        let file = Sha256Hex::of(path.as_bytes());
        if self.folders.contains(&file) {
            return None;
        }
        for (at, _) in path.match_indices('/') {
            let folder = Sha256Hex::of(&path.as_bytes()[..at]);
            if self.files.contains(&folder) {
                return None;
            }
            self.folders.insert(folder);
        }
        self.files.insert(file).then_some(())
    }
}

fn table_name(dataset: &str, collection: &str) -> Sha256Hex {
    // A dataset's key has no line feed.
    Sha256Hex::of(format!("{dataset}\n{collection}").as_bytes())
}

/// Bytes of a table's form within the description of a part, at most.
fn described(table: &Table) -> u64 {
    // Its texts and lists cannot fail to serialise.
    let json = serde_json::to_vec_pretty(table).unwrap_or_default();
    json.len() as u64 + INDENT * json.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn check_descriptor(part: &Part) -> Result<(), Fault> {
    use tributary_archive::part::InvalidPart;
    let problem = match part.check(part.index) {
        Ok(()) => return Ok(()),
        Err(InvalidPart::Identity(_)) => "carried as it is, it needs equal sizes and digests",
        Err(InvalidPart::Rows(_)) => "an attachment has no rows",
        Err(InvalidPart::Text { .. }) => "its collection or media type is empty, too long or not printable",
        Err(InvalidPart::Index { .. }) => "its number is not the next",
    };
    Err(Fault::Descriptor { index: part.index, problem })
}

fn check_columns(table: &Table) -> Result<(), Fault> {
    let mut names = HashSet::new();
    if !table.fields.iter().all(|field| names.insert(field.name.as_str())) {
        return Err(Fault::Table("two columns have one name"));
    }
    let known = |fields: &[String]| fields.iter().all(|field| names.contains(field.as_str()));
    if !known(&table.primary_key) {
        return Err(Fault::Table("its primary key names a column that it does not have"));
    }
    for key in &table.foreign_keys {
        if key.fields.is_empty() || key.fields.len() != key.reference_fields.len() || !known(&key.fields) {
            return Err(Fault::Table("a reference needs as many columns here as there, and columns that exist"));
        }
    }
    Ok(())
}
