//! The accept loop: handshakes in their own tasks, limited in number and time, so that nobody holds up the others.
//!
//! What comes out are verified connections (`conn`); `server` speaks HTTP/2 over them. A failed handshake is counted
//! by its cause and ends nothing but itself.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::{TlsAcceptor, TlsStream};
use tokio_util::sync::CancellationToken;

use crate::cause::TlsFailure;
use crate::conn::Conn;
use crate::limits::{Limits, Pings};
use crate::link::Link;
use crate::listen;
use crate::peer::Peer;
use crate::shares::Shares;
use crate::socket::Socket;
use crate::svid;
use crate::tasks::Tasks;
use crate::tls::{ALPN_AGENT, ALPN_H2, Tls};

/// After an accept that failed for lack of descriptors or memory: trying again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// All that the loop needs. `places` is shared with the server, which reports how many connections were cut.
pub(crate) struct Accept {
    pub(crate) listener: TcpListener,
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) tls: Tls,
    pub(crate) limits: Limits,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) ready: mpsc::Sender<io::Result<Conn>>,
    /// Where links go that agents opened, when they are taken.
    pub(crate) agents: Option<mpsc::Sender<Link>>,
    pub(crate) stop: CancellationToken,
    pub(crate) cut: CancellationToken,
    pub(crate) tasks: Tasks,
}

/// A verified connection, by who speaks HTTP/2 as the client on it.
enum Arrival {
    Caller(Conn),
    Agent(Conn, CancellationToken),
}

/// Why an arriving connection never carried a call.
#[derive(Debug)]
enum Refused {
    Tls(TlsFailure),
    TimedOut,
    Closed,
    TooMany,
}

impl Accept {
    /// Runs until asked to stop; the listening socket is closed as soon as it returns.
    pub(crate) async fn run(self) {
        let handshakes = Arc::new(Semaphore::new(self.limits.handshakes));
        let counters = Counters::new();
        let shaker = Arc::new(Shaker {
            acceptor: self.acceptor,
            tls: self.tls,
            time: self.limits.handshake_time,
            ready: self.ready,
            agents: self.agents,
            agent_places: Arc::new(Semaphore::new(self.limits.agents)),
            pings: Pings { interval: self.limits.ping_interval, timeout: self.limits.ping_timeout },
            cut: self.cut,
            shares: Shares::new(self.limits.connections_per_peer),
            counters,
        });
        while let Some((stream, from, shaking)) = next(&self.listener, &handshakes, &self.stop).await {
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                shaker.counters.refused("connection_limit");
                tracing::warn!(%from, limit = self.limits.connections, "connection closed: the limit is reached");
                continue;
            };
            let shaker = Arc::clone(&shaker);
            let stop = self.stop.clone();
            self.tasks.spawn("handshake", async move {
                stop.run_until_cancelled(shaker.shake(stream, from, place)).await;
                drop(shaking);
            });
        }
    }
}

/// Waits for a free handshake and then for a connection, so that what is too much stays in the backlog.
async fn next(
    listener: &TcpListener,
    handshakes: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let wait = async {
        let permit = Arc::clone(handshakes).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, from)) => return Some((stream, from, permit)),
                Err(error) => {
                    tracing::warn!(error = %error.kind(), "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    stop.run_until_cancelled(wait).await.flatten()
}

struct Shaker {
    acceptor: TlsAcceptor,
    tls: Tls,
    time: Duration,
    ready: mpsc::Sender<io::Result<Conn>>,
    agents: Option<mpsc::Sender<Link>>,
    agent_places: Arc<Semaphore>,
    pings: Pings,
    cut: CancellationToken,
    shares: Shares,
    counters: Counters,
}

impl Shaker {
    async fn shake(&self, stream: TcpStream, from: SocketAddr, place: OwnedSemaphorePermit) {
        let refused = match tokio::time::timeout(self.time, self.handshake(stream)).await {
            Ok(Ok(arrival)) => match self.pass_on(arrival, place).await {
                Ok(()) => return,
                Err(refused) => refused,
            },
            Ok(Err(refused)) => refused,
            Err(_) => Refused::TimedOut,
        };
        self.report(&refused, from);
    }

    /// The other end of each channel is gone only when the server is; the connection is then closed by being dropped.
    async fn pass_on(&self, arrival: Arrival, place: OwnedSemaphorePermit) -> Result<(), Refused> {
        let (Arrival::Caller(conn) | Arrival::Agent(conn, _)) = &arrival;
        let share = self.shares.take(&conn.peer().id).ok_or(Refused::TooMany)?;
        match (arrival, &self.agents) {
            (Arrival::Caller(conn), _) => {
                let conn = conn.impatient(self.time).holding((place, share));
                self.counters.accepted.add(1, &[]);
                let _ = self.ready.send(Ok(conn)).await;
            }
            (Arrival::Agent(conn, cut), Some(agents)) => {
                let place = Arc::clone(&self.agent_places).try_acquire_owned().map_err(|_| Refused::TooMany)?;
                let conn = conn.impatient(self.time).holding((place, share));
                let authority = conn.peer().id.trust_domain().to_string();
                self.counters.accepted.add(1, &[]);
                let link = Link::over(conn, &authority, cut, self.pings).await.map_err(|_| Refused::Closed)?;
                let _ = agents.send(link).await;
            }
            (Arrival::Agent(..), None) => return Err(Refused::Tls(TlsFailure::Incompatible)),
        }
        Ok(())
    }

    async fn handshake(&self, stream: TcpStream) -> Result<Arrival, Refused> {
        listen::tune(&stream).map_err(|_| Refused::Closed)?;
        let stream = self.acceptor.accept(Socket::Tcp(stream)).await.map_err(|error| match TlsFailure::of(&error) {
            Some(failure) => Refused::Tls(failure),
            None => Refused::Closed,
        })?;
        let (_, session) = stream.get_ref();
        let is_agent = match session.alpn_protocol() {
            Some(ALPN_H2) => false,
            Some(ALPN_AGENT) => true,
            _ => return Err(Refused::Tls(TlsFailure::Incompatible)),
        };
        let leaf = session.peer_certificates().and_then(<[_]>::first);
        let leaf = leaf.ok_or(Refused::Tls(TlsFailure::NoCertificate))?;
        let id = svid::identity(leaf).map_err(|e| Refused::Tls(TlsFailure::NotAnIdentity(e.to_string())))?;
        let lasting = self.tls.lasts(leaf);
        let cut = self.cut.child_token();
        let conn = Conn::new(TlsStream::Server(stream), Peer { id }, cut.clone());
        if is_agent {
            return Ok(Arrival::Agent(conn.lasting(lasting), cut));
        }
        Ok(Arrival::Caller(conn))
    }

    /// Identity problems are for the operator; port scans and probes that hang up are not.
    fn report(&self, refused: &Refused, from: SocketAddr) {
        let label = match refused {
            Refused::Tls(failure) => failure.label(),
            Refused::TimedOut => "timed_out",
            Refused::Closed => "closed",
            Refused::TooMany => "peer_connection_limit",
        };
        self.counters.refused(label);
        match refused {
            Refused::Tls(failure) => tracing::warn!(%from, cause = label, "handshake refused: {failure}"),
            Refused::TooMany => tracing::warn!(%from, cause = label, "connection closed: its peer has too many"),
            Refused::TimedOut | Refused::Closed => tracing::debug!(%from, cause = label, "handshake not finished"),
        }
    }
}

struct Counters {
    accepted: Counter<u64>,
    refused: Counter<u64>,
}

impl Counters {
    fn new() -> Self {
        let meter = opentelemetry::global::meter("tributary");
        Self {
            accepted: meter
                .u64_counter("tributary.connections.accepted")
                .with_description("Connections whose peer was verified")
                .build(),
            refused: meter
                .u64_counter("tributary.connections.refused")
                .with_description("Connections that ended before a call, by cause")
                .build(),
        }
    }

    fn refused(&self, cause: &'static str) {
        self.refused.add(1, &[KeyValue::new("cause", cause)]);
    }
}
