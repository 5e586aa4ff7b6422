//! A connection that carries calls: one peer, one channel, and a token that tells when it is gone.
//!
//! The channel never reconnects by itself: a call on a link that is gone fails at once, and whoever needs the peer asks
//! `links` for a new one. It makes no difference to a link who dialled.

use std::io;
use std::sync::Mutex;
use std::sync::PoisonError;

use futures::future::{Ready, ready};
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Endpoint, Uri};
use tower::service_fn;

use crate::conn::{Conn, Life};
use crate::limits::{CONNECTION_WINDOW, FRAME, HEADER_LIST, Pings, STREAM_WINDOW};
use crate::peer::Peer;
use crate::rpc::ClientCalls;

/// What generated clients are built on.
pub type Channel = ClientCalls<tonic::transport::Channel>;

/// The connection of this link has ended; the call was not sent.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the connection has ended")]
pub(crate) struct Gone;

/// A live connection to a verified peer. Clones share it; dropping the last one, and its channels, closes it.
#[derive(Clone)]
pub struct Link {
    peer: Peer,
    channel: Channel,
    life: Life,
    closing: CancellationToken,
    cut: CancellationToken,
}

impl Link {
    /// Speaks HTTP/2 as a client over `conn`. `cut` must be the token that the connection was made with.
    pub(crate) async fn over(
        conn: Conn,
        authority: &str,
        cut: CancellationToken,
        pings: Pings,
    ) -> Result<Self, tonic::transport::Error> {
        let (peer, life) = (conn.peer().clone(), conn.life().clone());
        let endpoint = endpoint(authority, pings)?;
        let slot = Mutex::new(Some(TokioIo::new(conn)));
        let once = service_fn(move |_: Uri| -> Ready<Result<TokioIo<Conn>, Gone>> {
            ready(slot.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or(Gone))
        });
        let channel = endpoint.connect_with_connector(once).await?;
        let closing = CancellationToken::new();
        let channel = ClientCalls::new(channel, peer.clone(), closing.clone());
        Ok(Self { channel, peer, life, closing, cut })
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// For generated clients: `SomeServiceClient::new(link.channel())`.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Fires when the connection has ended, for whatever reason.
    pub fn gone(&self) -> &CancellationToken {
        self.life.gone()
    }

    /// Whether new calls may be made: not after the connection has ended, nor once the peer has announced that it stops
    /// while it still finishes earlier calls.
    pub fn takes_calls(&self) -> bool {
        !self.gone().is_cancelled() && !self.closing.is_cancelled()
    }

    /// Ends the connection at once, with its running calls.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// Fires when the peer has announced that it stops, as far as a call has found out.
    pub fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    pub(crate) fn heard(&self) -> &CancellationToken {
        self.life.heard()
    }

    pub(crate) fn error(&self) -> Option<std::sync::Arc<io::Error>> {
        self.life.error()
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("peer", &self.peer.id)
            .field("gone", &self.gone().is_cancelled())
            .finish_non_exhaustive()
    }
}

/// The URI says `http`, since tonic would otherwise insist on its own TLS; the origin says what is true.
fn endpoint(authority: &str, pings: Pings) -> Result<Endpoint, tonic::transport::Error> {
    let mut endpoint = Endpoint::from_shared(format!("http://{authority}"))?;
    if let Ok(origin) = format!("https://{authority}").parse() {
        endpoint = endpoint.origin(origin);
    }
    Ok(endpoint
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .http2_max_header_list_size(HEADER_LIST)
        .http2_keep_alive_interval(pings.interval)
        .keep_alive_timeout(pings.timeout)
        .keep_alive_while_idle(true))
}
