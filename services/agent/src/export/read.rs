//! The bytes of a finished part, piece by piece: each is read and decrypted when the one before has been taken, so that
//! a slow reader holds one piece and one frame.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use futures::stream::try_unfold;
use tokio::sync::OwnedSemaphorePermit;
use tributary_archive::frames::ContentKey;

use super::{ExportError, Exports, blocking};
use crate::spool::{PartName, PartReader};

/// Largest piece, as the contract says.
const PIECE: usize = 256 * 1024;

/// Some bytes of a part.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Where they start, in bytes as carried.
    pub(crate) offset: u64,
    /// The bytes; never empty.
    pub(crate) data: Bytes,
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunk").field("offset", &self.offset).field("bytes", &self.data.len()).finish()
    }
}

enum Reading {
    /// Not begun: waits for its permit, so that the number of open readers is bounded.
    Waits(Exports, PartName, ContentKey, Range<u64>),
    /// Under way.
    Open(PartReader, OwnedSemaphorePermit, Range<u64>),
}

/// The bytes of a small part from `offset` on, which are fewer than a piece.
pub(super) fn at_once(content: Vec<u8>, offset: u64) -> impl Stream<Item = Result<Chunk, ExportError>> + Send + use<> {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
    let data = Bytes::from(content).slice(start..);
    let chunk = (!data.is_empty()).then_some(Ok(Chunk { offset, data }));
    futures::stream::iter(chunk)
}

/// The bytes in `range`, which ends at the part's end.
pub(super) fn chunks(
    exports: Exports,
    name: PartName,
    key: ContentKey,
    range: Range<u64>,
) -> impl Stream<Item = Result<Chunk, ExportError>> + Send + use<> {
    try_unfold(Reading::Waits(exports, name, key, range), next)
}

async fn next(reading: Reading) -> Result<Option<(Chunk, Reading)>, ExportError> {
    let (reader, permit, range) = match reading {
        Reading::Open(reader, permit, range) => (reader, permit, range),
        Reading::Waits(_, _, _, range) if range.is_empty() => return Ok(None),
        Reading::Waits(exports, name, key, range) => {
            let reads = Arc::clone(&exports.0.setup.turns.reads);
            let permit = reads.acquire_owned().await.map_err(|_| ExportError::Stopping)?;
            let reader = exports.blocking(move |inner| inner.setup.spool.read(name, &key).map_err(gone)).await;
            (reader?, permit, range)
        }
    };
    if range.is_empty() {
        return Ok(None);
    }
    let (reader, read) = blocking(move || {
        let mut reader = reader;
        let most = usize::try_from(range.end - range.start).unwrap_or(PIECE).min(PIECE);
        let read = reader.range(range.start, most).map(|data| (data, range));
        (reader, read)
    })
    .await?;
    let (data, range) = read?;
    if data.is_empty() {
        return Err(ExportError::Internal("a spooled part is shorter than its descriptor".to_owned()));
    }
    let chunk = Chunk { offset: range.start, data: Bytes::from(data) };
    let rest = range.start + chunk.data.len() as u64..range.end;
    Ok(Some((chunk, Reading::Open(reader, permit, rest))))
}

/// The file may have gone with its export between the look into the ledger and its turn.
fn gone(error: io::Error) -> ExportError {
    if error.kind() == io::ErrorKind::NotFound { ExportError::NotFound } else { error.into() }
}
