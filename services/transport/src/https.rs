//! An HTTPS listener for people's browsers: an ordinary server certificate, no client certificate, HTTP/1.1 and HTTP/2.
//!
//! Anybody may connect, so everything that a stranger can hold on to is bounded here: connections in all and per
//! network, handshakes, headers, silence, and bytes that are not taken. Neighbours: `server` (mTLS for gRPC), `admin`.

mod certificate;
mod connection;
mod network;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::future::BoxFuture;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tributary_model::clock::SharedClock;

pub use self::certificate::ServerCertificate;
pub use self::network::ClientNetwork;
use crate::listen;
use crate::shares::Shares;
use crate::tasks::Tasks;
use crate::tls::{ALPN_H2, Now, VERSIONS, provider};

/// HTTP/1.1 by ALPN.
const ALPN_HTTP1: &[u8] = b"http/1.1";
/// After an accept that failed for lack of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often the certificate's files are looked at.
const RELOAD: Duration = Duration::from_secs(30);

/// The limits of an HTTPS listener. The defaults are meant for production.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at once, those in their handshake included. One more is closed at once.
    pub connections: usize,
    /// Of these, connections from one network (an IPv4 address, an IPv6 /64).
    pub connections_per_network: usize,
    /// How long a handshake may take.
    pub handshake_time: Duration,
    /// How long the head of a request may take.
    pub header_time: Duration,
    /// How long a connection may be open without a request under way.
    pub idle: Duration,
    /// How long bytes may wait to be taken by the other side before the connection is cut.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            connections_per_network: 32,
            handshake_time: Duration::from_secs(10),
            header_time: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            stall: Duration::from_secs(60),
        }
    }
}

/// Why an HTTPS listener cannot serve.
#[derive(Debug, thiserror::Error)]
#[error("the TLS settings are not usable: {0}")]
pub struct SettingsError(String);

/// A listener with its certificate and limits, ready to serve.
pub struct HttpsServer {
    listener: TcpListener,
    config: Arc<ServerConfig>,
    certificate: Arc<ServerCertificate>,
    limits: Limits,
}

impl HttpsServer {
    /// Serves on `listener` (see [`crate::listen::listen`]) with `certificate`.
    ///
    /// # Errors
    /// When the library refuses the settings.
    pub fn new(
        listener: TcpListener,
        certificate: ServerCertificate,
        limits: Limits,
        clock: SharedClock,
    ) -> Result<Self, SettingsError> {
        let certificate = Arc::new(certificate);
        let mut config = ServerConfig::builder_with_details(provider(), Arc::new(Now(clock)))
            .with_protocol_versions(VERSIONS)
            .map_err(|error| SettingsError(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(certificate.clone());
        config.alpn_protocols = vec![ALPN_H2.to_vec(), ALPN_HTTP1.to_vec()];
        Ok(Self { listener, config: Arc::new(config), certificate, limits })
    }

    /// The address that the listener has.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves `router` until `shutdown` fires; then accepts nothing new, lets requests finish for at most `drain` and
    /// cuts what is left. Each request carries a [`ClientNetwork`] in its extensions.
    pub fn run(self, router: Router, shutdown: CancellationToken, drain: Duration) -> BoxFuture<'static, ()> {
        // Boxed, so that the whole of it is compiled here and not again in every program that awaits it.
        Box::pin(self.serve(router, shutdown, drain))
    }

    async fn serve(self, router: Router, shutdown: CancellationToken, drain: Duration) {
        let tasks = Tasks::new();
        tasks.spawn("certificate reload", reload(Arc::clone(&self.certificate), shutdown.clone()));
        let acceptor = Acceptor {
            tls: TlsAcceptor::from(self.config),
            places: Arc::new(Semaphore::new(self.limits.connections)),
            shares: Shares::new(self.limits.connections_per_network),
            limits: self.limits,
            router,
            tasks: tasks.clone(),
            counters: Counters::new(),
        };
        let accept = async {
            loop {
                match self.listener.accept().await {
                    Ok((stream, from)) => acceptor.take(stream, from),
                    Err(error) => {
                        tracing::warn!(error = %error.kind(), "accepting a browser's connection failed");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        shutdown.run_until_cancelled(accept).await;
        drop(self.listener);
        let drained = tasks.drain(drain).await;
        if drained.forced > 0 {
            tracing::warn!(connections = drained.forced, "the drain deadline passed; browsers' connections were cut");
        }
    }
}

/// Puts renewed files in force; broken ones leave the last good certificate and are said.
async fn reload(certificate: Arc<ServerCertificate>, shutdown: CancellationToken) {
    while shutdown.run_until_cancelled(tokio::time::sleep(RELOAD)).await.is_some() {
        match certificate.reload() {
            Ok(true) => tracing::info!("the renewed server certificate is in force"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the server certificate could not be renewed; the last one stays"),
        }
    }
}

struct Acceptor {
    tls: TlsAcceptor,
    places: Arc<Semaphore>,
    shares: Shares<ClientNetwork>,
    limits: Limits,
    router: Router,
    tasks: Tasks,
    counters: Counters,
}

impl Acceptor {
    /// Takes a connection in, or closes it. Addresses are people's: they are never logged.
    fn take(&self, stream: TcpStream, from: SocketAddr) {
        let network = ClientNetwork::of(from.ip());
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return self.counters.refused("connection_limit");
        };
        let Some(share) = self.shares.take(&network) else {
            return self.counters.refused("network_connection_limit");
        };
        let served = self.serve(stream, network, place);
        self.tasks.spawn("browser connection", async move {
            served.await;
            drop(share);
        });
    }

    fn serve(
        &self,
        stream: TcpStream,
        network: ClientNetwork,
        place: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (tls, limits, counters) = (self.tls.clone(), self.limits.clone(), self.counters.clone());
        let (router, tasks) = (self.router.clone(), self.tasks.clone());
        async move {
            let stopping = tasks.stopping();
            let handshake = async {
                listen::tune(&stream)?;
                tls.accept(stream).await
            };
            let shaken = tokio::time::timeout(limits.handshake_time, handshake);
            match stopping.run_until_cancelled(shaken).await {
                Some(Ok(Ok(stream))) => {
                    counters.accepted.add(1, &[]);
                    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(ALPN_H2);
                    connection::serve(stream, is_h2, network, router, limits, tasks).await;
                }
                Some(Ok(Err(_))) => counters.refused("handshake_failed"),
                Some(Err(_)) => counters.refused("timed_out"),
                None => {}
            }
            drop(place);
        }
    }
}

#[derive(Clone)]
struct Counters {
    accepted: Counter<u64>,
    refused: Counter<u64>,
}

impl Counters {
    fn new() -> Self {
        let meter = opentelemetry::global::meter("tributary");
        Self {
            accepted: meter
                .u64_counter("tributary.https.connections.accepted")
                .with_description("Browsers' connections that finished their handshake")
                .build(),
            refused: meter
                .u64_counter("tributary.https.connections.refused")
                .with_description("Browsers' connections that ended before a request, by cause")
                .build(),
        }
    }

    fn refused(&self, cause: &'static str) {
        self.refused.add(1, &[KeyValue::new("cause", cause)]);
    }
}
