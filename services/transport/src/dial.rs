//! Dialling exactly one peer: name, socket, handshake, first answer, all within one deadline.
//!
//! A dial that succeeds has heard from the peer above TLS. Without that a TLS 1.3 client would take a server that
//! refuses its certificate for a good one, and find out at the first call.

mod address;
mod error;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::{TlsConnector, TlsStream};
use tokio_util::sync::CancellationToken;
use tributary_model::spiffe::SpiffeId;

use self::address::Address;
pub use self::error::DialError;
use crate::cause::TlsFailure;
use crate::conn::Conn;
use crate::link::Link;
use crate::listen;
use crate::peer::Peer;
use crate::tls::{ALPN_H2, Tls};

/// Makes connections in the name of one identity. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dialer {
    tls: Tls,
}

impl Dialer {
    /// Dials with the identity and the bundles of `tls`.
    pub fn new(tls: Tls) -> Self {
        Self { tls }
    }

    /// Connects to `address` (`host:port` or `https://host:port`) and accepts only `expected` there. The whole attempt
    /// takes `timeout` at most.
    ///
    /// # Errors
    /// Says which step failed and why; [`DialError::is_unreachable`] and [`DialError::is_identity`] sort them.
    pub async fn connect(&self, address: &str, expected: &SpiffeId, timeout: Duration) -> Result<Link, DialError> {
        let address: Address = address.parse()?;
        let until = Instant::now() + timeout;
        let attempt = self.attempt(&address, expected, until);
        match tokio::time::timeout_at(until, attempt).await {
            Ok(outcome) => outcome,
            Err(_) => Err(DialError::TimedOut { address: address.to_string(), after: timeout }),
        }
    }

    async fn attempt(&self, address: &Address, expected: &SpiffeId, until: Instant) -> Result<Link, DialError> {
        let stream = reach(address, until).await?;
        let cut = CancellationToken::new();
        let conn = self.handshake(stream, address, expected, &cut).await?;
        let life = conn.life().clone();
        let protocol = |reason: &str| DialError::Protocol { address: address.to_string(), reason: reason.to_owned() };
        let link =
            Link::over(conn, &address.to_string(), cut).await.map_err(|_| protocol("HTTP/2 could not be started"))?;
        tokio::select! {
            biased;
            () = link.heard().cancelled() => Ok(link),
            () = life.gone().cancelled() => Err(match link.error() {
                Some(error) => DialError::of_io(address, &error),
                None => protocol("the peer closed the connection before it said anything"),
            }),
        }
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        address: &Address,
        expected: &SpiffeId,
        cut: &CancellationToken,
    ) -> Result<Conn, DialError> {
        let config = self.tls.dialling(expected).map_err(|_| DialError::tls(address, TlsFailure::Other))?;
        // Sent as a hint to servers with several names; whether it is the right peer is decided by its SPIFFE ID.
        let name = ServerName::try_from(address.host().to_owned()).map_err(|_| address.malformed())?;
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, stream).await.map_err(|error| DialError::of_io(address, &error))?;
        let (_, session) = stream.get_ref();
        if session.alpn_protocol() != Some(ALPN_H2) {
            return Err(DialError::tls(address, TlsFailure::Incompatible));
        }
        Ok(Conn::new(TlsStream::Client(stream), Peer { id: expected.clone() }, cut.clone()))
    }
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
