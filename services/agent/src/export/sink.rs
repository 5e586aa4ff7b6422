//! Takes a walk's parts into the spool and their descriptors, previews and record of processing into the ledger, and
//! checks what the walk says of them.

use std::collections::BTreeSet;
use std::io;

use tributary_archive::attestation::PartsSummary;
use tributary_archive::digest::{Hasher, Sha256Hex};
use tributary_archive::frames::ContentKey;
use tributary_archive::information::{self, Information};
use tributary_archive::part::{Part, PartListDigest};
use tributary_archive::preview::{self, Preview};
use tributary_archive::table::Table;
use tributary_model::id::{FidesKey, InstructionId};

use super::Inner;
use crate::collect::{Collected, PartSink, SinkError};
use crate::ledger::{Entry, Item, LedgerError, Source};
use crate::spool::{PartName, PartWriter, SpoolFull};

/// Where one generation's parts go.
pub(super) struct Sink<'a> {
    inner: &'a Inner,
    key: &'a ContentKey,
    instruction: InstructionId,
    generation: u32,
    /// Collections of which a person sees everything first.
    reviewed: &'a BTreeSet<(FidesKey, String)>,
    /// Whether a person decides on everything first.
    is_decided: bool,
    /// Items kept so far.
    position: u32,
    /// Parts that are not kept back.
    given: u32,
    /// Items that are kept together with what comes after them: each commit is told to whoever watches.
    waiting: Vec<Entry>,
    current: Option<Writing>,
    /// Bytes of small parts that are kept in the ledger.
    light: usize,
    /// Whether any file was made.
    has_files: bool,
    sum: Sum,
}

/// Bytes of a part, as carried, up to which it is small; and of all small parts together. They are kept in the ledger,
/// which the quota does not count, like what describes them.
const SMALL: (usize, usize) = (8 * 1024, 256 * 1024);

/// A part on its way.
enum Writing {
    /// Small so far.
    Held(Vec<u8>),
    File(PartWriter),
}

/// What became of a walk's items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    /// The last item's position.
    pub(super) position: u32,
    /// Parts that are not kept back.
    pub(super) given: u32,
    /// Whether anything is kept back.
    pub(super) is_held: bool,
    /// Whether the spool holds anything of it.
    pub(super) has_files: bool,
}

/// What was kept, in sum.
struct Sum {
    count: u32,
    bytes: u64,
    encoded_bytes: u64,
    rows: u64,
    digest: PartListDigest,
    /// Of the previews' lines; the last one's collection, since they come in the order of their file.
    previews: Option<(Hasher, (FidesKey, String))>,
    information: Option<Sha256Hex>,
}

/// All that was kept of a generation. An attestation must say exactly this.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) parts: PartsSummary,
    pub(super) previews_sha256: Option<Sha256Hex>,
    pub(super) information_sha256: Option<Sha256Hex>,
}

impl Kept {
    /// What a walk says that it gave.
    pub(super) fn said(collected: &Collected) -> Self {
        let Collected { parts, previews_sha256, information_sha256, .. } = *collected;
        Self { parts, previews_sha256, information_sha256 }
    }
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        inner: &'a Inner,
        key: &'a ContentKey,
        name: (InstructionId, u32),
        reviewed: &'a BTreeSet<(FidesKey, String)>,
        is_decided: bool,
    ) -> Self {
        let (instruction, generation) = name;
        let sum = Sum {
            count: 0,
            bytes: 0,
            encoded_bytes: 0,
            rows: 0,
            digest: PartListDigest::new(),
            previews: None,
            information: None,
        };
        Self {
            inner,
            key,
            instruction,
            generation,
            reviewed,
            is_decided,
            position: 0,
            given: 0,
            waiting: Vec::new(),
            current: None,
            light: 0,
            has_files: false,
            sum,
        }
    }

    /// Keeps what still waits, and says what was kept and how much of it.
    pub(super) fn kept(mut self) -> Result<(Kept, Places), SinkError> {
        self.keep()?;
        let (is_held, has_files) = (self.given < self.sum.count, self.has_files);
        let places = Places { position: self.position, given: self.given, is_held, has_files };
        let Sum { count, bytes, encoded_bytes, rows, digest, previews, information } = self.sum;
        let kept = Kept {
            parts: PartsSummary { count, bytes, encoded_bytes, rows, sha256: digest.finish() },
            previews_sha256: previews.map(|(hasher, _)| hasher.finish()),
            information_sha256: information,
        };
        Ok((kept, places))
    }

    /// Whether nothing of a collection leaves before a person has said so.
    fn holds(&self, dataset: &FidesKey, collection: &str) -> bool {
        self.is_decided
            || !self.reviewed.is_empty() && self.reviewed.contains(&(dataset.clone(), collection.to_owned()))
    }

    fn name(&self) -> PartName {
        PartName { instruction: self.instruction, generation: self.generation, index: self.sum.count + 1 }
    }

    /// Begins the current part's file with what is there of it.
    fn file(&mut self, held: &[u8]) -> Result<PartWriter, SinkError> {
        if !self.has_files {
            self.inner.setup.spool.begin(self.instruction, self.generation).map_err(room)?;
            self.has_files = true;
        }
        let mut writer = self.inner.setup.spool.create(self.name(), self.key).map_err(room)?;
        writer.write(held).map_err(room)?;
        Ok(writer)
    }

    /// Ends the current part. Returns how many bytes it carries, and the bytes when they are not in a file.
    fn end(&mut self, is_held: bool) -> Result<(u64, Option<Vec<u8>>), SinkError> {
        let writer = match self.current.take().ok_or_else(|| misuse("an end without a part"))? {
            // What people are to see first, they are shown from the spool.
            Writing::Held(bytes) if !is_held && self.light + bytes.len() <= SMALL.1 => {
                self.light += bytes.len();
                return Ok((bytes.len() as u64, Some(bytes)));
            }
            Writing::Held(bytes) => self.file(&bytes)?,
            Writing::File(writer) => writer,
        };
        Ok((writer.finish().map_err(room)?, None))
    }

    /// Keeps what waits.
    fn keep(&mut self) -> Result<(), SinkError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let ledger = &self.inner.setup.ledger;
        let kept = ledger.keep(self.instruction, self.generation, self.position + 1, &self.waiting, self.key);
        kept.map_err(|error| match error {
            LedgerError::Full => SinkError::Full(error.to_string()),
            other => SinkError::Io(io::Error::other(other.to_string())),
        })?;
        // Bounded by what the ledger has room for, far below the type's.
        self.position += u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        self.waiting.clear();
        self.inner.changes.tell(self.instruction);
        Ok(())
    }
}

impl PartSink for Sink<'_> {
    fn table(&mut self, table: &Table) -> Result<(), SinkError> {
        // Nobody needs it before its first part.
        let is_held = self.holds(&table.dataset, &table.collection);
        self.waiting.push(Entry { is_held, ..Item::Table(table.clone()).into() });
        Ok(())
    }

    fn begin(&mut self) -> Result<(), SinkError> {
        self.current = Some(Writing::Held(Vec::new()));
        Ok(())
    }

    fn write(&mut self, carried: &[u8]) -> Result<(), SinkError> {
        let writing = match self.current.take().ok_or_else(|| misuse("bytes outside of a part"))? {
            Writing::Held(mut bytes) if bytes.len() + carried.len() <= SMALL.0 => {
                bytes.extend_from_slice(carried);
                Writing::Held(bytes)
            }
            Writing::Held(bytes) => {
                let mut writer = self.file(&bytes)?;
                writer.write(carried).map_err(room)?;
                Writing::File(writer)
            }
            Writing::File(mut writer) => {
                writer.write(carried).map_err(room)?;
                Writing::File(writer)
            }
        };
        self.current = Some(writing);
        Ok(())
    }

    fn finish(&mut self, part: &Part) -> Result<(), SinkError> {
        let is_held = self.holds(&part.dataset, &part.collection);
        let (carried, content) = self.end(is_held)?;
        part.check(self.sum.count + 1).map_err(|error| misuse(&error.to_string()))?;
        if carried != part.encoded_bytes {
            return Err(misuse("a descriptor with another size than the bytes"));
        }
        let source = Source { generation: self.generation, index: part.index };
        if is_held {
            self.waiting.push(Entry { source: Some(source), is_held, ..Item::Part(part.clone()).into() });
        } else {
            // What leaves is numbered without gaps, whatever is kept back before it.
            self.given += 1;
            let source = (part.index != self.given).then_some(source);
            let item = Item::Part(Part { index: self.given, ..part.clone() });
            self.waiting.push(Entry { item, source, is_held, content });
        }
        self.keep()?;
        self.sum.count += 1;
        self.sum.bytes += part.bytes;
        self.sum.encoded_bytes += part.encoded_bytes;
        self.sum.rows += part.rows;
        self.sum.digest.push(part);
        Ok(())
    }

    fn preview(&mut self, preview: &Preview) -> Result<(), SinkError> {
        let place = (preview.dataset.clone(), preview.collection.clone());
        let mut hasher = match self.sum.previews.take() {
            Some((_, before)) if before >= place => return Err(misuse("previews out of order")),
            Some((hasher, _)) => hasher,
            None => Hasher::new(),
        };
        // All previews of an entity are bounded, and come at the end at once.
        let is_held = self.holds(&preview.dataset, &preview.collection);
        self.waiting.push(Entry { is_held, ..Item::Preview(preview.clone()).into() });
        hasher.update(&preview::to_file([preview]));
        self.sum.previews = Some((hasher, place));
        Ok(())
    }

    fn information(&mut self, information: &Information) -> Result<(), SinkError> {
        if self.sum.information.is_some() {
            return Err(misuse("a second record of processing"));
        }
        let item = Item::Information(information.clone());
        self.waiting.push(Entry { is_held: self.is_decided, ..item.into() });
        self.sum.information = Some(information::digest(information));
        Ok(())
    }
}

/// Tells a lack of room from another failure.
pub(super) fn room(error: io::Error) -> SinkError {
    match SpoolFull::cause(&error) {
        Some(full) => SinkError::Full(full.to_string()),
        None => SinkError::Io(error),
    }
}

fn misuse(what: &str) -> SinkError {
    SinkError::Io(io::Error::other(format!("the walk gave {what}")))
}
