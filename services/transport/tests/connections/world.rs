//! Entities with certificates on disk, and a server whose handlers do as the request's name says.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tributary_model::clock::ManualClock;
use tributary_model::spiffe::{SpiffeId, TrustDomain};
use tributary_transport::dial::{DialError, Dialer};
use tributary_transport::identity::Identity;
use tributary_transport::limits::Limits;
use tributary_transport::link::{Channel, Link};
use tributary_transport::listen::listen;
use tributary_transport::peer::peer_of;
use tributary_transport::pki::{Authority, Subject};
use tributary_transport::rpc::deadline::{self, Deadline};
use tributary_transport::server::{ServeError, Server, Shutdown};
use tributary_transport::tls::Tls;
use tributary_transport::trust::{BundleMap, TrustBundles};

/// Long enough never to matter, short enough to end a test that would hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn start_of_time() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// A legal entity: its trust domain, its authority, and a folder with its files.
pub(crate) struct Entity {
    pub(crate) domain: TrustDomain,
    pub(crate) authority: Authority,
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
}

impl Entity {
    pub(crate) fn new(name: &str) -> Self {
        let domain: TrustDomain = format!("{name}.example").parse().unwrap();
        let authority = Authority::create(&domain, 1000 * HOUR, start_of_time()).unwrap();
        let clock = Arc::new(ManualClock::at(start_of_time()));
        Self { domain, authority, folder: tempfile::tempdir().unwrap(), clock }
    }

    pub(crate) fn id(&self, path: &str) -> SpiffeId {
        format!("spiffe://{}/{path}", self.domain).parse().unwrap()
    }

    /// An identity that went through files, valid for an hour.
    pub(crate) fn identity(&self, path: &str) -> Identity {
        let subject = Subject { id: self.id(path), dns_names: vec!["localhost".to_owned()], ip_addresses: Vec::new() };
        let issued = self.authority.issue(&subject, HOUR, start_of_time()).unwrap();
        let (certificate, key) = issued.save(self.folder.path(), &path.replace('/', "-")).unwrap();
        Identity::load(&certificate, &key).unwrap()
    }

    pub(crate) fn tls(&self, path: &str, trusted: &[&Entity]) -> Tls {
        Tls::new(self.identity(path), bundles(trusted), self.clock.clone())
    }

    /// Moves this entity's clock only.
    pub(crate) fn later(&self, by: Duration) {
        self.clock.advance(SignedDuration::try_from(by).unwrap());
    }
}

pub(crate) fn bundles(trusted: &[&Entity]) -> TrustBundles {
    let mut map = BundleMap::new();
    for entity in trusted {
        map.add_pem(entity.domain.clone(), entity.authority.root_pem().as_bytes()).unwrap();
    }
    TrustBundles::new(map)
}

/// A server that runs until stopped.
pub(crate) struct Running {
    pub(crate) socket: SocketAddr,
    pub(crate) address: String,
    pub(crate) stop: CancellationToken,
    pub(crate) ended: JoinHandle<Result<Shutdown, ServeError>>,
}

pub(crate) fn serve(tls: Tls) -> Running {
    serve_with(tls, Limits::default(), PATIENCE)
}

pub(crate) fn serve_with(tls: Tls, limits: Limits, drain: Duration) -> Running {
    serve_routes(tls, limits, drain, Routes::new(HealthServer::new(Obedient)))
}

#[expect(clippy::disallowed_methods, reason = "a test joins this task itself")]
pub(crate) fn serve_routes(tls: Tls, limits: Limits, drain: Duration, routes: Routes) -> Running {
    let server = Server::new(listen("127.0.0.1:0".parse().unwrap()).unwrap(), tls, limits);
    let socket = server.local_addr().unwrap();
    let stop = CancellationToken::new();
    let ended = tokio::spawn(server.run(routes, stop.clone(), drain));
    Running { socket, address: socket.to_string(), stop, ended }
}

impl Running {
    pub(crate) async fn stop(self) -> Shutdown {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.ended).await.expect("the server ends").unwrap().unwrap()
    }
}

pub(crate) async fn dial(tls: Tls, address: &str, expected: &SpiffeId) -> Result<Link, DialError> {
    Dialer::new(tls).connect(address, expected, PATIENCE).await
}

pub(crate) fn health(link: &Link) -> HealthClient<Channel> {
    HealthClient::new(link.channel())
}

pub(crate) fn ask(what: &str) -> Request<HealthCheckRequest> {
    Request::new(HealthCheckRequest { service: what.to_owned() })
}

/// What the server says it heard from: the peer of the request, in the answer's metadata.
pub(crate) async fn who_am_i(link: &Link) -> Result<String, Status> {
    let answer = health(link).check(ask("who")).await?;
    Ok(answer.metadata().get("peer").unwrap().to_str().unwrap().to_owned())
}

/// Does what it is asked to, so that one public contract serves for every test.
pub(crate) struct Obedient;

pub(crate) type Answers = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Health for Obedient {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let peer = peer_of(&request).expect("every request has a peer").id.to_string();
        let mut answer = Response::new(HealthCheckResponse::default());
        answer.metadata_mut().insert("peer", peer.parse().unwrap());
        match request.get_ref().service.as_str() {
            "who" => {}
            "panic" => panic!("anna@example.org is on fire"),
            "hang" => std::future::pending().await,
            "deadline" => {
                let scoped = deadline::current().map(Deadline::remaining);
                assert_eq!(scoped.is_some(), request.extensions().get::<Deadline>().is_some());
                let left = scoped.map_or_else(|| "none".to_owned(), |left| left.as_millis().to_string());
                answer.metadata_mut().insert("left", left.parse().unwrap());
            }
            "refuse" => return Err(tributary_transport::status::status(tonic::Code::NotFound, "GONE", "gone", &[])),
            other => return Err(Status::invalid_argument(format!("{other} is no wish"))),
        }
        Ok(answer)
    }

    type WatchStream = Answers;

    /// One message, then what was asked for.
    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Answers>, Status> {
        let first = stream::iter([Ok(HealthCheckResponse::default())]);
        let rest: Answers = match request.get_ref().service.as_str() {
            "panic" => stream::poll_fn(|_| panic!("anna@example.org is on fire")).boxed(),
            "hang" => stream::pending().boxed(),
            _ => stream::empty().boxed(),
        };
        Ok(Response::new(first.chain(rest).boxed()))
    }
}
