//! Dialling exactly one peer: name, socket or proxy, handshake, first answer, all within one deadline.
//!
//! A dial that succeeds has heard from the peer above TLS. Without that a TLS 1.3 client would take a server that
//! refuses its certificate for a good one, and find out at the first call.

pub(crate) mod address;
mod error;
mod proxy;
mod via;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::{TlsConnector, TlsStream};
use tokio_util::sync::CancellationToken;
use tributary_model::spiffe::SpiffeId;

use self::address::Address;
pub use self::error::DialError;
pub use self::proxy::{Credentials, Proxy, ProxyError};
pub use self::via::Via;
use crate::cause::TlsFailure;
use crate::conn::Conn;
use crate::limits::Pings;
use crate::link::Link;
use crate::listen;
use crate::peer::Peer;
use crate::presented::Presented;
use crate::socket::Socket;
use crate::tls::{ALPN_AGENT, ALPN_H2, Tls};

/// Makes connections in the name of one identity. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dialer {
    tls: Tls,
    via: Arc<Via>,
}

impl Dialer {
    /// Dials with the identity and the bundles of `tls`, directly.
    pub fn new(tls: Tls) -> Self {
        Self { tls, via: Arc::new(Via::Direct) }
    }

    /// Dials as `via` says.
    #[must_use]
    pub fn via(mut self, via: Via) -> Self {
        self.via = Arc::new(via);
        self
    }

    /// Connects to `address` (`host:port` or `https://host:port`) and accepts only `expected` there. The whole attempt
    /// takes `timeout` at most.
    ///
    /// # Errors
    /// Says which step failed and why; [`DialError::is_unreachable`] and [`DialError::is_identity`] sort them.
    pub fn connect<'a>(
        &'a self,
        address: &'a str,
        expected: &'a SpiffeId,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Link, DialError>> {
        // Boxed, so that the whole of it is compiled here and not again in every program that awaits it.
        Box::pin(self.connected(address, expected, timeout))
    }

    async fn connected(&self, address: &str, expected: &SpiffeId, timeout: Duration) -> Result<Link, DialError> {
        let address: Address = address.parse()?;
        let until = Instant::now() + timeout;
        let attempt = self.attempt(&address, expected, until);
        match tokio::time::timeout_at(until, attempt).await {
            Ok(outcome) => outcome,
            Err(_) => Err(DialError::TimedOut { address: address.to_string(), after: timeout }),
        }
    }

    /// Connects to `address`, where only `expected` is accepted, for being called over the connection. Whether the peer
    /// accepts it in turn shows at its first call only.
    pub(crate) async fn offer(
        &self,
        address: &str,
        expected: &SpiffeId,
        timeout: Duration,
        cut: &CancellationToken,
    ) -> Result<Conn, DialError> {
        let address: Address = address.parse()?;
        let until = Instant::now() + timeout;
        let attempt = self.open(&address, expected, ALPN_AGENT, until, cut);
        match tokio::time::timeout_at(until, attempt).await {
            Ok(outcome) => outcome,
            Err(_) => Err(DialError::TimedOut { address: address.to_string(), after: timeout }),
        }
    }

    async fn attempt(&self, address: &Address, expected: &SpiffeId, until: Instant) -> Result<Link, DialError> {
        let cut = CancellationToken::new();
        let conn = self.open(address, expected, ALPN_H2, until, &cut).await?;
        let life = conn.life().clone();
        let protocol = |reason: &str| DialError::Protocol { address: address.to_string(), reason: reason.to_owned() };
        let link = Link::over(conn, &address.to_string(), cut, Pings::CALLING).await;
        let link = link.map_err(|_| protocol("HTTP/2 could not be started"))?;
        tokio::select! {
            biased;
            () = link.heard().cancelled() => Ok(link),
            () = life.gone().cancelled() => Err(match link.error() {
                Some(error) => DialError::of_io(address, &error),
                None => protocol("the peer closed the connection before it said anything"),
            }),
        }
    }

    async fn open(
        &self,
        address: &Address,
        expected: &SpiffeId,
        protocol: &[u8],
        until: Instant,
        cut: &CancellationToken,
    ) -> Result<Conn, DialError> {
        match self.handshake(address, expected, Some(protocol), until, cut).await {
            Err(DialError::Tls { failure: TlsFailure::Incompatible, .. }) if protocol == ALPN_AGENT => {
                // Whoever does not know the protocol says so before showing a certificate. Asked for none, a middlebox
                // shows itself, and a gateway that does not take agents shows that it is one.
                self.handshake(address, expected, None, until, cut).await?;
                Err(DialError::TakesNoAgents { address: address.to_string() })
            }
            outcome => outcome,
        }
    }

    async fn handshake(
        &self,
        address: &Address,
        expected: &SpiffeId,
        protocol: Option<&[u8]>,
        until: Instant,
        cut: &CancellationToken,
    ) -> Result<Conn, DialError> {
        let socket = match self.via.proxy_for(address)? {
            None => Socket::Tcp(reach(address, until).await?),
            Some(proxy) => proxy.tunnel(address, &self.tls, until).await?,
        };
        let presented = Presented::default();
        let config = self.tls.dialling(expected, protocol, presented.clone());
        let config = config.map_err(|_| DialError::tls(address, TlsFailure::Other))?;
        // Sent as a hint to servers with several names; whether it is the right peer is decided by its SPIFFE ID.
        let name = ServerName::try_from(address.host().to_owned()).map_err(|_| address.malformed())?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await;
        let stream = stream.map_err(|error| DialError::of_handshake(address, &error, expected, &presented))?;
        let (_, session) = stream.get_ref();
        if session.alpn_protocol() != protocol {
            return Err(DialError::tls(address, TlsFailure::Incompatible));
        }
        Ok(Conn::new(TlsStream::Client(stream), Peer { id: expected.clone() }, cut.clone()))
    }
}

/// Whether `text` can be dialled: `host:port` or `https://host:port`.
///
/// # Errors
/// When it cannot.
pub fn check_address(text: &str) -> Result<(), DialError> {
    text.parse::<Address>().map(drop)
}

/// Tries every address of the name in turn; none may use up the time of the others.
async fn reach(address: &Address, until: Instant) -> Result<TcpStream, DialError> {
    let found: Vec<SocketAddr> = match tokio::net::lookup_host((address.host(), address.port())).await {
        Ok(found) => found.collect(),
        Err(_) => return Err(DialError::Dns { host: address.host().to_owned() }),
    };
    let mut last = DialError::Dns { host: address.host().to_owned() };
    for (index, candidate) in found.iter().enumerate() {
        let left = u32::try_from(found.len() - index).unwrap_or(u32::MAX);
        let share = until.saturating_duration_since(Instant::now()) / left;
        match tokio::time::timeout(share, open(*candidate)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = DialError::of_io(address, &error),
            Err(_) => last = DialError::TimedOut { address: address.to_string(), after: share },
        }
    }
    Err(last)
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    listen::tune(&stream)?;
    Ok(stream)
}
