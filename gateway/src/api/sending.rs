//! Sends the bytes of a download at its caller's pace, for as long as the caller takes them.
//!
//! Reading goes one piece ahead of the wire. A caller that lives and takes nothing must not keep a place for ever: the
//! place is given back by a clock here, since nobody asks a stream for more whose receiver's window is full.

use std::pin::Pin;
use std::time::Duration;

use futures::Stream;
use futures::stream::unfold;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::spawn_blocking;
use tonic::Status;
use tributary_proto::gateway::v1::DownloadArchiveResponse;
use tributary_transport::tasks::Tasks;

use super::download::Download;
use super::error::ApiError;

/// The bytes of a range.
pub(super) type Bytes = Pin<Box<dyn Stream<Item = Result<DownloadArchiveResponse, Status>> + Send>>;

/// Sends `download` in `place`, and waits for the caller to take the next piece no longer than `stall`.
pub(super) fn send(download: Download, place: OwnedSemaphorePermit, stall: Duration, tasks: &Tasks) -> Bytes {
    let (pieces, taken) = mpsc::channel(1);
    let (end, ended) = oneshot::channel();
    tasks.spawn("download", async move {
        // Whoever reads may have gone.
        let _ = end.send(feed(download, pieces, stall).await);
        drop(place);
    });
    Box::pin(unfold(Some((taken, ended)), |reading| async move {
        let (mut taken, ended) = reading?;
        if let Some(piece) = taken.recv().await {
            return Some((Ok(piece), Some((taken, ended))));
        }
        // Without its word about the end, a download that was broken off would look whole.
        let failure = ended.await.unwrap_or(Err(ApiError::Stopping)).err()?;
        Some((Err(failure.into()), None))
    }))
}

async fn feed(
    mut download: Download,
    pieces: mpsc::Sender<DownloadArchiveResponse>,
    stall: Duration,
) -> Result<(), ApiError> {
    loop {
        // Claimed before anything is read, so that a caller that takes nothing costs one piece of memory.
        let free = match tokio::time::timeout(stall, pieces.reserve()).await {
            Ok(Ok(free)) => free,
            // The caller has gone.
            Ok(Err(_)) => return Ok(()),
            Err(_) => return Err(ApiError::Stalled { after: stall }),
        };
        let read = spawn_blocking(move || {
            let piece = download.next();
            (piece, download)
        });
        let (piece, rest) = read.await.map_err(|error| ApiError::internal(&error))?;
        download = rest;
        match piece.map_err(|error| ApiError::internal(&error))? {
            Some((offset, data)) => free.send(DownloadArchiveResponse { offset, data }),
            None => return Ok(()),
        }
    }
}
