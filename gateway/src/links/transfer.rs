//! Sends a range of an archive to a browser: read on a blocking thread, a piece at a time, ended when its link is, when
//! the browser takes nothing for too long, or when the last byte was taken.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::Stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::spawn_blocking;
use tributary_model::id::CaseId;

use super::flights::Flight;
use crate::api::Download;
use crate::store::{Changed, Store};

/// How long a browser may take no byte. A slow one takes some all the time.
const STALL: Duration = Duration::from_secs(60);

/// A range on its way.
pub(super) struct Transfer {
    pub(super) store: Store,
    pub(super) case: CaseId,
    pub(super) session: [u8; 32],
    /// Tells of changes, one of which may be the end of the link.
    pub(super) changes: Receiver<Changed>,
    pub(super) flight: Flight,
    pub(super) place: OwnedSemaphorePermit,
}

impl Transfer {
    /// The bytes of `download` as an answer's body, and the work that fills it.
    pub(super) fn start(self, download: Download) -> (Body, impl Future<Output = ()> + Send + 'static) {
        let (sender, pieces) = mpsc::channel(1);
        let taken = Arc::new(AtomicU64::new(0));
        let body = Body::from_stream(Pieces { pieces, taken: Arc::clone(&taken) });
        (body, self.run(download, sender, taken))
    }

    async fn run(mut self, download: Download, sender: mpsc::Sender<Piece>, taken: Arc<AtomicU64>) {
        let sent = self.send(download, &sender, &taken).await;
        match &sent {
            Ok(()) | Err(Ended::Away) => {}
            Err(Ended::Over) => tracing::info!(case = %self.case, "a download ended with its link"),
            Err(Ended::Broken(error)) => {
                tracing::error!(case = %self.case, %error, "an archive could not be read for a link");
            }
        }
        if !matches!(sent, Ok(()) | Err(Ended::Away)) {
            // Says that it was cut; otherwise a browser could take what it has for the whole.
            let _ = tokio::time::timeout(STALL, sender.send(Err(io::ErrorKind::ConnectionAborted.into()))).await;
        }
        drop(sender);
        self.flight.landed(sent.is_ok(), taken.load(Ordering::Acquire)).await;
        drop(self.place);
    }

    async fn send(&mut self, download: Download, sender: &mpsc::Sender<Piece>, taken: &AtomicU64) -> Result<(), Ended> {
        let (mut next, mut download) = read(download).await?;
        let mut sent = 0;
        while let Some(piece) = next {
            if self.is_over().await {
                return Err(Ended::Over);
            }
            (next, download) = read(download).await?;
            let bytes = piece.len() as u64;
            let (piece, written) = if next.is_none() { watched(piece) } else { (piece, None) };
            match tokio::time::timeout(STALL, sender.send(Ok(piece))).await {
                Ok(Ok(())) => sent += bytes,
                Ok(Err(_)) | Err(_) => return Err(Ended::Away),
            }
            if let Some(written) = written {
                // Fires when the connection has written the last piece, or was dropped with it.
                let _ = tokio::time::timeout(STALL, written).await;
                return if taken.load(Ordering::Acquire) == sent { Ok(()) } else { Err(Ended::Away) };
            }
        }
        Ok(())
    }

    /// Whether the link was revoked, the case shredded, or another download took this one's place meanwhile.
    async fn is_over(&mut self) -> bool {
        let mut is_changed = false;
        loop {
            match self.changes.try_recv() {
                Ok(changed) => is_changed |= changed.concerns(self.case),
                Err(TryRecvError::Lagged(_)) => is_changed = true,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Closed) => return true,
            }
        }
        is_changed && !matches!(self.store.session(self.session).await, Ok(Some(session)) if session.goes_on())
    }
}

async fn read(mut download: Download) -> Result<(Option<Bytes>, Download), Ended> {
    let read = spawn_blocking(move || (download.next(), download));
    let (piece, download) = read.await.map_err(|error| Ended::Broken(io::Error::other(error)))?;
    Ok((piece.map_err(Ended::Broken)?.map(|(_, bytes)| bytes), download))
}

/// Why a transfer ended early.
enum Ended {
    /// The browser is gone or takes nothing.
    Away,
    /// The link is over.
    Over,
    /// The archive cannot be read.
    Broken(io::Error),
}

type Piece = io::Result<Bytes>;

/// A piece that tells when the connection has written it.
fn watched(piece: Bytes) -> (Bytes, Option<oneshot::Receiver<()>>) {
    struct Watched(Bytes, Option<oneshot::Sender<()>>);
    impl AsRef<[u8]> for Watched {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    impl Drop for Watched {
        fn drop(&mut self) {
            if let Some(told) = self.1.take() {
                // Nobody waits any more when it took too long.
                let _ = told.send(());
            }
        }
    }
    let (told, taken) = oneshot::channel();
    (Bytes::from_owner(Watched(piece, Some(told))), Some(taken))
}

/// The body: pieces as they come, their bytes counted as the connection takes them. One that never left the channel was not sent.
struct Pieces {
    pieces: mpsc::Receiver<Piece>,
    taken: Arc<AtomicU64>,
}

impl Stream for Pieces {
    type Item = Piece;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        let piece = self.pieces.poll_recv(cx);
        if let Poll::Ready(Some(Ok(bytes))) = &piece {
            self.taken.fetch_add(bytes.len() as u64, Ordering::Release);
        }
        piece
    }
}
