//! A gRPC server over verified connections, with its limits set on purpose and a shutdown that ends.
//!
//! `accept` makes the connections, `rpc` wraps each call, tonic speaks HTTP/2. tonic's own TLS is not used: it has one
//! static identity and one merged root store.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::Layer;

use crate::accept::Accept;
use crate::conn::Conn;
use crate::limits::{CONNECTION_WINDOW, FRAME, HEADER_LIST, Limits, STREAM_WINDOW};
use crate::link::Link;
use crate::rpc::{Methods, ServerCalls};
use crate::tasks::Tasks;
use crate::tls::Tls;

/// How long connections get to end once they are cut.
pub(crate) const AFTER_CUT: Duration = Duration::from_secs(1);

/// A listener with its identity and limits, ready to serve.
pub struct Server {
    listener: TcpListener,
    tls: Tls,
    limits: Limits,
    methods: Methods,
    agents: Option<mpsc::Sender<Link>>,
}

/// Why serving could not start or did not end as asked.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The TLS settings are refused by the library.
    #[error("the TLS settings are not usable: {0}")]
    Tls(String),
    /// The listening socket is gone without having been asked to stop.
    #[error("the listener ended by itself; the process must be restarted")]
    ListenerEnded,
}

/// How a shutdown ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shutdown {
    /// Connections that were still busy at the deadline and were cut.
    pub cut: usize,
}

impl Server {
    /// Serves on `listener` (see [`crate::listen::listen`]) as `tls` says.
    pub fn new(listener: TcpListener, tls: Tls, limits: Limits) -> Self {
        Self { listener, tls, limits, methods: Methods::standard(), agents: None }
    }

    /// Tells spans and metrics which rpcs exist, from an encoded `FileDescriptorSet`. Others are recorded as `_OTHER`,
    /// because a caller could write anything into a path.
    #[must_use]
    pub fn describe(mut self, file_descriptor_set: &[u8]) -> Self {
        self.methods.add(file_descriptor_set);
        self
    }

    /// Also takes agents that dial in: their connections come out of `agents` as links on which this side calls. Whether
    /// the peer is somebody's agent is for the receiver to decide.
    #[must_use]
    pub fn take_agents(mut self, agents: mpsc::Sender<Link>) -> Self {
        self.agents = Some(agents);
        self
    }

    /// The address that the listener has.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves `routes` until `shutdown` fires; then accepts nothing new, lets calls finish for at most `drain` and cuts
    /// what is left.
    ///
    /// # Errors
    /// When the settings are not usable, or the listener ended without being asked to.
    pub fn run(
        self,
        routes: Routes,
        shutdown: CancellationToken,
        drain: Duration,
    ) -> BoxFuture<'static, Result<Shutdown, ServeError>> {
        // Boxed, so that the whole of it is compiled here and not again in every program that awaits it.
        Box::pin(self.serve(routes, shutdown, drain))
    }

    async fn serve(self, routes: Routes, shutdown: CancellationToken, drain: Duration) -> Result<Shutdown, ServeError> {
        self.tls.report();
        let config = self.tls.accepting(self.agents.is_some()).map_err(|error| ServeError::Tls(error.to_string()))?;
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let (ready, incoming) = mpsc::channel::<io::Result<Conn>>(self.limits.handshakes);
        let cut = CancellationToken::new();
        let tasks = Tasks::new();
        let accept = Accept {
            listener: self.listener,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            tls: self.tls,
            limits: self.limits.clone(),
            places: Arc::clone(&places),
            ready,
            agents: self.agents,
            stop: shutdown.clone(),
            cut: cut.clone(),
            tasks: tasks.clone(),
        };
        tasks.spawn("accept", accept.run());

        let service = ServerCalls::new(self.methods, &self.limits).layer(routes.prepare());
        let stop = shutdown.clone();
        let serving = http2(&self.limits).serve_with_incoming_shutdown(
            service,
            ReceiverStream::new(incoming),
            stop.cancelled_owned(),
        );
        tokio::pin!(serving);
        let deadline = async {
            shutdown.cancelled().await;
            tokio::time::sleep(drain).await;
        };
        let forced = tokio::select! {
            _ = &mut serving => 0,
            () = deadline => {
                let busy = self.limits.connections - places.available_permits();
                cut.cancel();
                // tonic waits for its connections; they end at their next poll, which the cut causes.
                let _ = tokio::time::timeout(AFTER_CUT, &mut serving).await;
                busy
            }
        };
        if !shutdown.is_cancelled() {
            return Err(ServeError::ListenerEnded);
        }
        tasks.drain(AFTER_CUT).await;
        if forced > 0 {
            tracing::warn!(connections = forced, "the drain deadline passed; open connections were cut");
        }
        Ok(Shutdown { cut: forced })
    }
}

/// How HTTP/2 is served, on connections of either making.
pub(crate) fn http2(limits: &Limits) -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .max_concurrent_streams(limits.streams_per_connection)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .http2_max_header_list_size(HEADER_LIST)
        .http2_keepalive_interval(Some(limits.ping_interval))
        .http2_keepalive_timeout(Some(limits.ping_timeout))
}
