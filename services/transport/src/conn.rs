//! One verified connection, the same type for both sides and both directions of dialling.
//!
//! It knows its peer, remembers why it ended (tonic does not tell), fires a token when it is gone and can be cut from
//! outside. `accept` and `dial` make it; `server` and `link` run HTTP/2 over it.

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_rustls::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use crate::outbound::Session;
use crate::peer::{Origin, Peer};
use crate::socket::Socket;

/// What outlives a connection: that it was heard from, that it is gone, and why.
#[derive(Debug, Clone, Default)]
pub(crate) struct Life(Arc<LifeInner>);

#[derive(Debug, Default)]
struct LifeInner {
    heard: CancellationToken,
    gone: CancellationToken,
    error: OnceLock<Arc<io::Error>>,
}

impl Life {
    /// Fires when the first byte above TLS came from the peer. In TLS 1.3 only this shows that the peer accepted us.
    pub(crate) fn heard(&self) -> &CancellationToken {
        &self.0.heard
    }

    /// Fires when the connection was dropped, whatever the reason.
    pub(crate) fn gone(&self) -> &CancellationToken {
        &self.0.gone
    }

    /// The first error that reading or writing gave, if any.
    pub(crate) fn error(&self) -> Option<Arc<io::Error>> {
        self.0.error.get().cloned()
    }
}

/// A TLS connection whose peer is verified.
pub(crate) struct Conn {
    io: TlsStream<Socket>,
    peer: Peer,
    session: Option<Session>,
    life: Life,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    patience: Option<Pin<Box<Sleep>>>,
    expiry: Option<Pin<Box<Sleep>>>,
    /// Given back when the connection ends, such as its place in the connection limit.
    _holds: Box<dyn Any + Send>,
}

impl Conn {
    /// Wraps a finished handshake. `cut` ends the connection at once, also in the middle of a stream.
    pub(crate) fn new(io: TlsStream<Socket>, peer: Peer, cut: CancellationToken) -> Self {
        let cut = Box::pin(cut.cancelled_owned());
        Self { io, peer, session: None, life: Life::default(), cut, patience: None, expiry: None, _holds: Box::new(()) }
    }

    /// Ends the connection when the peer sends nothing at all for `patience` after the handshake: HTTP/2 pings start
    /// only after the peer's preface, so nothing else would notice.
    pub(crate) fn impatient(mut self, patience: Duration) -> Self {
        self.patience = Some(Box::pin(tokio::time::sleep(patience)));
        self
    }

    /// Ends the connection after `lasting`, when the peer's certificate does: one that is kept open for ever would
    /// otherwise outlast every certificate.
    pub(crate) fn lasting(mut self, lasting: Duration) -> Self {
        self.expiry = Some(Box::pin(tokio::time::sleep(lasting)));
        self
    }

    /// Keeps `held` until the connection is gone.
    pub(crate) fn holding(mut self, held: impl Any + Send) -> Self {
        self._holds = Box::new(held);
        self
    }

    /// Tells handlers that this side opened the connection, and for what.
    pub(crate) fn of(mut self, session: Session) -> Self {
        self.session = Some(session);
        self
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(crate) fn life(&self) -> &Life {
        &self.life
    }

    fn remember(&self, error: io::Error) -> io::Error {
        let kept = Arc::new(error);
        let again = io::Error::new(kept.kind(), Arc::clone(&kept));
        self.life.0.error.get_or_init(|| kept);
        again
    }

    /// Asked before reads and writes alike: a writer blocked by a peer that does not read must be cut too.
    fn poll_cut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.cut.as_mut().poll(cx).is_ready() {
            let reason = "the connection was cut from this side";
            return Err(self.remember(io::Error::new(io::ErrorKind::ConnectionAborted, reason)));
        }
        if self.expiry.as_mut().is_some_and(|expiry| expiry.as_mut().poll(cx).is_ready()) {
            // A timer that has fired must not be polled again.
            self.expiry = Some(Box::pin(tokio::time::sleep(Duration::ZERO)));
            let reason = "the peer's certificate has expired";
            return Err(self.remember(io::Error::new(io::ErrorKind::ConnectionAborted, reason)));
        }
        let Some(patience) = &mut self.patience else { return Ok(()) };
        if patience.as_mut().poll(cx).is_ready() {
            let reason = "the peer sent nothing after the handshake";
            return Err(self.remember(io::Error::new(io::ErrorKind::TimedOut, reason)));
        }
        Ok(())
    }
}

impl AsyncRead for Conn {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_cut(cx)?;
        let before = buf.filled().len();
        match Pin::new(&mut self.io).poll_read(cx, buf) {
            Poll::Ready(Ok(())) if buf.filled().len() > before => {
                self.patience = None;
                self.life.0.heard.cancel();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.remember(error))),
            other => other,
        }
    }
}

impl AsyncWrite for Conn {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_cut(cx)?;
        Pin::new(&mut self.io).poll_write(cx, buf).map_err(|error| self.remember(error))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_cut(cx)?;
        Pin::new(&mut self.io).poll_flush(cx).map_err(|error| self.remember(error))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_cut(cx)?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_cut(cx)?;
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs).map_err(|error| self.remember(error))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

impl Connected for Conn {
    type ConnectInfo = Origin;

    fn connect_info(&self) -> Origin {
        Origin { peer: self.peer.clone(), session: self.session.clone() }
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.life.0.gone.cancel();
    }
}
