//! Connections that this side opens in order to be called over them: an agent that has no inbound port.
//!
//! `address` keeps one configured address connected, `replicas` knows which processes of the gateway there are, `session`
//! is what handlers see of a connection, `serving` serves one, `probe` tries without staying.

mod address;
mod error;
mod pause;
mod probe;
mod replicas;
mod serving;
mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::Layer;
use tributary_model::spiffe::SpiffeId;

use self::address::Keeper;
pub use self::error::NotLinked;
pub use self::probe::{Probed, probe};
pub use self::replicas::Links;
use self::replicas::Replicas;
pub use self::session::Session;
use crate::dial::Dialer;
use crate::limits::Limits;
use crate::rpc::{Methods, ServerCalls};
use crate::server::{AFTER_CUT, Shutdown};
use crate::tasks::Tasks;

/// How often to try, and how to notice that a connection is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Longest pause before the first attempt to connect again; doubles with each that fails.
    pub retry_min: Duration,
    /// Longest pause at all.
    pub retry_max: Duration,
    /// Between two pings. Shorter than what firewalls and NATs forget a silent connection after.
    pub keepalive: Duration,
    /// How long dialling may take, the answer to a ping, and the gateway's first call.
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(30),
            keepalive: Duration::from_secs(15),
            patience: Duration::from_secs(10),
        }
    }
}

/// What is needed to dial out: who we are and how we get out, who is meant, and where.
#[derive(Debug, Clone)]
pub struct Outbound {
    dialer: Dialer,
    gateway: SpiffeId,
    addresses: Vec<String>,
    pace: Pace,
    methods: Methods,
    replicas: Replicas,
}

impl Outbound {
    /// Dials `gateway`, and nobody else, at `addresses`.
    pub fn new(dialer: Dialer, gateway: SpiffeId, addresses: Vec<String>, pace: Pace) -> Self {
        Self { dialer, gateway, addresses, pace, methods: Methods::standard(), replicas: Replicas::new() }
    }

    /// As [`crate::server::Server::describe`].
    #[must_use]
    pub fn describe(mut self, file_descriptor_set: &[u8]) -> Self {
        self.methods.add(file_descriptor_set);
        self
    }

    /// How it is connected, once it runs.
    pub fn links(&self) -> Links {
        Links(self.replicas.clone())
    }

    /// Keeps a connection to each process of the gateway and serves `routes` on all of them until `shutdown` fires; then
    /// lets calls finish for at most `drain` and cuts what is left.
    pub fn run(self, routes: Routes, shutdown: CancellationToken, drain: Duration) -> BoxFuture<'static, Shutdown> {
        // Boxed, so that the whole of it is compiled here and not again in every program that awaits it.
        Box::pin(self.serve(routes, shutdown, drain))
    }

    async fn serve(self, routes: Routes, shutdown: CancellationToken, drain: Duration) -> Shutdown {
        let limits =
            Limits { ping_interval: self.pace.keepalive, ping_timeout: self.pace.patience, ..Limits::default() };
        let service = ServerCalls::new(self.methods, &limits).layer(routes.prepare());
        let (tasks, cut) = (Tasks::new(), Arc::new(AtomicUsize::new(0)));
        for (index, address) in self.addresses.into_iter().enumerate() {
            let keeper = Keeper {
                index,
                address,
                dialer: self.dialer.clone(),
                gateway: self.gateway.clone(),
                pace: self.pace,
                limits: limits.clone(),
                service: service.clone(),
                replicas: self.replicas.clone(),
                tasks: tasks.clone(),
                stop: shutdown.clone(),
                drain,
                cut: Arc::clone(&cut),
                displaced: Arc::default(),
            };
            tasks.spawn("gateway connection", keeper.run());
        }
        shutdown.cancelled().await;
        tasks.drain(drain + 2 * AFTER_CUT).await;
        Shutdown { cut: cut.load(Ordering::Relaxed) }
    }
}
