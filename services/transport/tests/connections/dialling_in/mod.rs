//! Agents that open the connection themselves: gateways that take them, and what lies between.

mod balancing;
mod faults;
mod linking;
mod middlebox;
mod proxies;
mod relay;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tributary_model::group::{Agent, Reach};
use tributary_model::id::EntityId;
use tributary_transport::dial::Dialer;
use tributary_transport::limits::Limits;
use tributary_transport::link::Link;
use tributary_transport::links::Links;
use tributary_transport::listen::listen;
use tributary_transport::outbound::{NotLinked, Outbound, Pace, Probed, probe};
use tributary_transport::peer::session_of;
use tributary_transport::server::Server;
use tributary_transport::tasks::Tasks;
use tributary_transport::tls::Tls;

use crate::world::{Answers, Entity, Obedient, PATIENCE, ask, health};

/// Short pauses, and pings that find a dead connection within a moment.
const BRISK: Pace = Pace {
    retry_min: Duration::from_millis(50),
    retry_max: Duration::from_millis(500),
    keepalive: Duration::from_millis(200),
    patience: Duration::from_secs(2),
};

fn entity() -> EntityId {
    "acme-fr".parse().unwrap()
}

/// One process of a gateway. It publishes whoever answers its first call.
struct Gateway {
    socket: SocketAddr,
    links: Links,
    /// Connections that agents opened so far.
    arrived: Arc<AtomicUsize>,
    _tasks: Tasks,
}

impl Gateway {
    fn start(tls: Tls) -> Self {
        Self::replica(tls, "a", &["a"], Limits::default())
    }

    fn replica(tls: Tls, name: &str, all: &[&str], limits: Limits) -> Self {
        let (sender, mut arrivals) = mpsc::channel(8);
        let server = Server::new(listen("127.0.0.1:0".parse().unwrap()).unwrap(), tls.clone(), limits);
        let (socket, tasks) = (server.local_addr().unwrap(), Tasks::new());
        let links = Links::waiting(Dialer::new(tls), PATIENCE, PATIENCE);
        let routes = Routes::new(HealthServer::new(Obedient));
        let serving = server.take_agents(sender).run(routes, tasks.stopping(), PATIENCE);
        tasks.spawn("gateway", async move { drop(serving.await) });
        let arrived = Arc::new(AtomicUsize::new(0));
        let (counted, known, all_tasks) = (Arc::clone(&arrived), links.clone(), tasks.clone());
        let hello = format!("hello {name} {}", all.join(","));
        tasks.spawn("arrivals", async move {
            while let Some(link) = arrivals.recv().await {
                counted.fetch_add(1, Ordering::SeqCst);
                all_tasks.spawn("welcome", welcome(link, known.clone(), hello.clone()));
            }
        });
        Self { socket, links, arrived, _tasks: tasks }
    }

    fn address(&self) -> String {
        self.socket.to_string()
    }

    async fn link(&self, agent: &Entity) -> Link {
        let agent = Agent { spiffe_id: agent.id("agent"), reach: Reach::DialsIn };
        self.links.get(&entity(), &agent).await.unwrap()
    }

    fn is_linked(&self, agent: &Entity) -> bool {
        self.links.reaches(&entity(), &Agent { spiffe_id: agent.id("agent"), reach: Reach::DialsIn })
    }
}

async fn welcome(link: Link, links: Links, hello: String) {
    let first = tokio::time::timeout(PATIENCE, async { health(&link).check(ask(&hello)).await }).await;
    if !matches!(first, Ok(Ok(_))) {
        return;
    }
    let gone = link.gone().clone();
    let published = links.publish(&entity(), link);
    tokio::select! {
        () = gone.cancelled() => {}
        () = published.superseded() => {}
    }
}

/// An agent that dials out until it is stopped.
struct Outgoing {
    stop: CancellationToken,
    tasks: Tasks,
}

fn dial_out(tls: Tls, gateway: &Entity, addresses: &[&str]) -> Outgoing {
    dial_out_at(BRISK, tls, gateway, addresses)
}

fn dial_out_at(pace: Pace, tls: Tls, gateway: &Entity, addresses: &[&str]) -> Outgoing {
    let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
    let outbound = Outbound::new(Dialer::new(tls), gateway.id("gateway"), addresses, pace);
    let (stop, tasks) = (CancellationToken::new(), Tasks::new());
    let token = stop.clone();
    tasks.spawn("agent", async move {
        outbound.run(routes(), token, PATIENCE).await;
    });
    Outgoing { stop, tasks }
}

async fn try_out(dialer: &Dialer, gateway: &Entity, address: &str) -> Result<Probed, NotLinked> {
    tokio::time::timeout(PATIENCE, probe(dialer, &gateway.id("gateway"), address, BRISK, routes())).await.unwrap()
}

fn routes() -> Routes {
    Routes::new(HealthServer::new(Introduced(Obedient)))
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// As `Obedient`, and lets the gateway introduce itself: `hello PROCESS PROCESS,PROCESS`.
struct Introduced(Obedient);

#[tonic::async_trait]
impl Health for Introduced {
    async fn check(&self, mut request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let wish = request.get_ref().service.clone();
        let words: Vec<&str> = wish.split(' ').collect();
        let (Some(session), ["hello", replica, all]) = (session_of(&request), words.as_slice()) else {
            return self.0.check(request).await;
        };
        let all: Vec<String> = all.split(',').map(str::to_owned).collect();
        if !session.introduce(replica, &all) {
            std::future::pending::<()>().await;
        }
        request.get_mut().service = "who".to_owned();
        self.0.check(request).await
    }

    type WatchStream = Answers;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Answers>, Status> {
        self.0.watch(request).await
    }
}
