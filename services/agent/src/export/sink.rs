//! Takes a walk's parts into the spool and their descriptors into the ledger, and checks what the walk says of them.

use std::io;

use tributary_archive::attestation::PartsSummary;
use tributary_archive::frames::ContentKey;
use tributary_archive::part::{Part, PartListDigest};
use tributary_archive::table::Table;
use tributary_model::id::InstructionId;

use super::Inner;
use crate::collect::{PartSink, SinkError};
use crate::ledger::{Item, LedgerError};
use crate::spool::{PartName, PartWriter, SpoolFull};

/// Where one generation's parts go.
pub(super) struct Sink<'a> {
    inner: &'a Inner,
    key: &'a ContentKey,
    instruction: InstructionId,
    generation: u32,
    /// Items kept so far.
    position: u32,
    current: Option<PartWriter>,
    sum: Sum,
}

/// What was kept, in sum.
struct Sum {
    count: u32,
    bytes: u64,
    encoded_bytes: u64,
    rows: u64,
    digest: PartListDigest,
}

impl<'a> Sink<'a> {
    pub(super) fn new(inner: &'a Inner, key: &'a ContentKey, instruction: InstructionId, generation: u32) -> Self {
        let sum = Sum { count: 0, bytes: 0, encoded_bytes: 0, rows: 0, digest: PartListDigest::new() };
        Self { inner, key, instruction, generation, position: 0, current: None, sum }
    }

    /// The parts kept. An attestation must say exactly this.
    pub(super) fn summary(self) -> PartsSummary {
        let Sum { count, bytes, encoded_bytes, rows, digest } = self.sum;
        PartsSummary { count, bytes, encoded_bytes, rows, sha256: digest.finish() }
    }

    fn name(&self) -> PartName {
        PartName { instruction: self.instruction, generation: self.generation, index: self.sum.count + 1 }
    }

    fn keep(&mut self, item: &Item) -> Result<(), SinkError> {
        let position = self.position + 1;
        let ledger = &self.inner.setup.ledger;
        ledger.keep(self.instruction, self.generation, position, item, self.key).map_err(|error| match error {
            LedgerError::Full => SinkError::Full(error.to_string()),
            other => SinkError::Io(io::Error::other(other.to_string())),
        })?;
        self.position = position;
        self.inner.changes.tell(self.instruction);
        Ok(())
    }
}

impl PartSink for Sink<'_> {
    fn table(&mut self, table: &Table) -> Result<(), SinkError> {
        self.keep(&Item::Table(table.clone()))
    }

    fn begin(&mut self) -> Result<(), SinkError> {
        let writer = self.inner.setup.spool.create(self.name(), self.key).map_err(room)?;
        self.current = Some(writer);
        Ok(())
    }

    fn write(&mut self, carried: &[u8]) -> Result<(), SinkError> {
        self.current.as_mut().ok_or_else(|| misuse("bytes outside of a part"))?.write(carried).map_err(room)
    }

    fn finish(&mut self, part: &Part) -> Result<(), SinkError> {
        let writer = self.current.take().ok_or_else(|| misuse("an end without a part"))?;
        let carried = writer.finish().map_err(room)?;
        part.check(self.sum.count + 1).map_err(|error| misuse(&error.to_string()))?;
        if carried != part.encoded_bytes {
            return Err(misuse("a descriptor with another size than the bytes"));
        }
        self.keep(&Item::Part(part.clone()))?;
        self.sum.count += 1;
        self.sum.bytes += part.bytes;
        self.sum.encoded_bytes += part.encoded_bytes;
        self.sum.rows += part.rows;
        self.sum.digest.push(part);
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
