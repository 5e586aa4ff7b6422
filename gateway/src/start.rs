//! Puts a gateway together, serves until told to stop, and stops in order: unready, no new work, drained, closed.
//!
//! Everything that can be wrong with keys, certificates, group file and data directory is found out in `Gateway::bind`,
//! before anything listens to callers.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tributary_archive::frames::{KeyEncryptionKey, KeyFileError};
use tributary_model::clock::SharedClock;
use tributary_model::group::find_key;
use tributary_model::key::{KeyError, KeyInvalid, SigningKey};
use tributary_model::spiffe::SpiffeId;
use tributary_proto::FILE_DESCRIPTOR_SET;
use tributary_proto::gateway::v1::archive_service_server::{ArchiveServiceServer, SERVICE_NAME as ARCHIVE_SERVICE};
use tributary_proto::gateway::v1::case_service_server::{CaseServiceServer, SERVICE_NAME as CASE_SERVICE};
use tributary_proto::gateway::v1::group_service_server::{GroupServiceServer, SERVICE_NAME as GROUP_SERVICE};
use tributary_transport::admin::Admin;
use tributary_transport::dial::Dialer;
use tributary_transport::identity::{Identity, IdentityError};
use tributary_transport::limits::{Limits as ServerLimits, MAX_MESSAGE};
use tributary_transport::link::Link;
use tributary_transport::links::Links;
use tributary_transport::listen::listen;
use tributary_transport::readiness::Readiness;
use tributary_transport::server::{ServeError, Server};
use tributary_transport::services::{DescriptorError, HealthReporter, standard_services_beside};
use tributary_transport::tasks::Tasks;
use tributary_transport::telemetry::Metrics;
use tributary_transport::tls::Tls;
use tributary_transport::trust::TrustBundles;

use crate::agreed_clock::AgreedClock;
use crate::api::{self, Api};
use crate::assembly::Assembler;
use crate::authorise::Policy;
use crate::config::Config;
use crate::dial_in::{self, DialIn};
use crate::group::{Group, GroupError};
use crate::links::{self, Listener};
use crate::object_folder::{self, FolderError};
use crate::reachable_state;
use crate::replicas::{self, Registry, Roster};
use crate::retention::Sweep;
use crate::store::{Store, StoreError};
use crate::waiting::Scheduler;
use crate::worker::{self, Worker};

/// How long the database gets to write and close at the end.
const CLOSE: Duration = Duration::from_secs(5);
/// Largest key file that is read.
const MAX_KEY_FILE: u64 = 64 * 1024;

/// Why a gateway does not start, or did not end as asked. Each says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The certificate or its key.
    #[error("identity: {0}")]
    Identity(#[from] IdentityError),
    /// The certificate is somebody else's.
    #[error("identity: the certificate is of {found}, but the group file names {expected} as the gateway")]
    NotTheGateway {
        /// Whom the group file names.
        expected: Box<SpiffeId>,
        /// Whose the certificate is.
        found: Box<SpiffeId>,
    },
    /// The signing key's file.
    #[error("signing_key {}: {reason}", path.display())]
    SigningKey {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The key-encryption key's file.
    #[error("key_encryption_key: {0}")]
    KeyEncryptionKey(#[from] KeyFileError),
    /// The certificate of the listener for links.
    #[error("links: {0}")]
    Links(IdentityError),
    /// The listener for links.
    #[error("links: {0}")]
    LinkSettings(String),
    /// The group file.
    #[error("group: {0}")]
    Group(#[from] GroupError),
    /// The state: a data directory in use, a server that is away, a schema of another version, another key.
    #[error("the gateway's state: {0}")]
    State(String),
    /// The object folder.
    #[error("objects: {0}")]
    Objects(#[from] FolderError),
    /// A listening socket.
    #[error("{setting}: {error}; choose a free address of this machine")]
    Listen {
        /// The setting.
        setting: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
    /// A defect of the build.
    #[error(transparent)]
    Contract(#[from] DescriptorError),
    /// Serving ended by itself.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::State(error.to_string())
    }
}

/// A gateway that is ready to serve: keys checked, database open, ports bound.
pub struct Gateway {
    server: Server,
    routes: Routes,
    health: HealthReporter,
    admin: Option<TcpListener>,
    metrics: Metrics,
    readiness: Readiness,
    worker: Worker,
    dial_in: DialIn,
    arrivals: mpsc::Receiver<Link>,
    registry: Registry,
    scheduler: Scheduler,
    retention: Sweep,
    links: Option<Listener>,
    assembler: Assembler,
    store: Store,
    /// Attempts, assembly and scheduling: ended before the store.
    work: Tasks,
    /// The store's writer: ended last.
    store_tasks: Tasks,
    /// Ends watches, which would otherwise outlast any drain.
    stopping: CancellationToken,
    drain: Duration,
}

/// Serves as `config` says until `shutdown` fires, then drains. `metrics` is what the admin port shows.
///
/// # Errors
/// When something needed for a start is missing or wrong, or serving ended by itself.
pub async fn run(
    config: Config,
    clock: SharedClock,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<(), StartError> {
    Gateway::bind(config, clock, metrics).await?.serve(shutdown).await
}

impl Gateway {
    /// Loads and checks everything, opens the database and binds the ports. Work on open cases begins with
    /// [`Gateway::serve`].
    ///
    /// # Errors
    /// When something needed for a start is missing or wrong.
    pub fn bind(config: Config, clock: SharedClock, metrics: Metrics) -> BoxFuture<'static, Result<Self, StartError>> {
        // Boxed, so that the whole of it is compiled here and not again in every program that awaits it.
        Box::pin(Self::opened(config, clock, metrics))
    }

    async fn opened(config: Config, clock: SharedClock, metrics: Metrics) -> Result<Self, StartError> {
        let now = clock.now();
        let kek = KeyEncryptionKey::load(&config.key_encryption_key)?;
        let key = Arc::new(signing_key(&config.signing_key)?);
        let identity = Identity::load(&config.identity.certificate, &config.identity.key)?;
        let (store_tasks, work) = (Tasks::new(), Tasks::new());
        // Wrong group files are found without a database; whether one is older, only with it.
        Group::load(&config, now, None)?;
        let store = match &config.database {
            None => Store::open(&config.data_dir, kek, &store_tasks).await?,
            Some(settings) => Store::open_postgres(settings, kek, &store_tasks).await?,
        };
        let in_force = store.group_in_force().await?;
        let group = Arc::new(Group::load(&config, now, in_force.as_ref())?);
        check_identity(&group, &identity)?;
        check_signing_key(&group, &key, &config.signing_key, now)?;
        let bundles = group.bundles(&config)?;
        store.put_group_in_force(group.in_force(), group.public_envelope.clone()).await?;
        let objects = object_folder::open(&config.objects, &store).await?.reserving(config.limits.disk_reserve);
        let objects = Arc::new(objects);
        let tls = Tls::new(identity, TrustBundles::new(bundles), Arc::clone(&clock));
        let agreed = AgreedClock::new(clock, &store).await?;
        let clock: SharedClock = agreed.clone();
        let agents = Links::new(Dialer::new(tls.clone()), config.limits.connect_timeout);
        let roster = Roster::alone(store.replica());
        let worker = Worker::new(worker::Parts {
            store: store.clone(),
            objects: Arc::clone(&objects),
            group: Arc::clone(&group),
            links: agents.clone(),
            key: Arc::clone(&key),
            clock: Arc::clone(&clock),
            limits: config.limits.clone(),
            tasks: work.clone(),
            roster: roster.clone(),
        });
        let stopping = CancellationToken::new();
        let api = Api::new(api::Parts {
            store: store.clone(),
            objects: Arc::clone(&objects),
            worker: worker.clone(),
            group: Arc::clone(&group),
            policy: Policy::new(config.callers.clone()),
            clock: Arc::clone(&clock),
            delivery: config.delivery,
            waiting: config.waiting,
            language: config.language.clone(),
            downloads: Arc::new(Semaphore::new(config.limits.downloads)),
            stopping: stopping.clone(),
            links: config.links.as_ref().map(|links| links.public_url.clone()),
            tasks: work.clone(),
            download_stall: config.limits.download_stall,
        });
        let links = config.links.map(|settings| {
            Listener::bind(links::Parts {
                store: store.clone(),
                objects: Arc::clone(&objects),
                clock: Arc::clone(&clock),
                tasks: Tasks::new(),
                settings,
                group: group.file().name.clone(),
            })
        });
        let (routes, health) = routes(api, config.reflection)?;
        let bind = |setting, address| listen(address).map_err(|error| StartError::Listen { setting, error });
        let server = Server::new(bind("listen", config.listen)?, tls, ServerLimits::default());
        let (dialling_in, arrivals) = mpsc::channel(dial_in::WAITING);
        let registry = Registry {
            store: store.clone(),
            roster: roster.clone(),
            links: agents.clone(),
            group: Arc::clone(&group),
            clock: agreed,
            name: replicas::name(config.listen),
        };
        let dial_in = DialIn {
            group: Arc::clone(&group),
            links: agents,
            store: store.clone(),
            worker: worker.clone(),
            clock: Arc::clone(&clock),
            roster,
            patience: config.limits.connect_timeout,
            tasks: work.clone(),
        };
        let admin = config.admin.map(|address| bind("admin", address)).transpose()?;
        Ok(Self {
            server: server.take_agents(dialling_in).describe(FILE_DESCRIPTOR_SET),
            dial_in,
            arrivals,
            registry,
            routes,
            health,
            admin,
            metrics,
            readiness: Readiness::new(),
            worker,
            scheduler: Scheduler { store: store.clone(), group, clock: Arc::clone(&clock) },
            retention: Sweep {
                store: store.clone(),
                objects: Arc::clone(&objects),
                clock: Arc::clone(&clock),
                retention: config.retention,
            },
            links: links.transpose()?,
            assembler: Assembler::new(store.clone(), objects, key, clock, work.clone(), config.limits.lease),
            store,
            work,
            store_tasks,
            stopping,
            drain: config.limits.drain,
        })
    }

    /// Where callers connect.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.server.local_addr()
    }

    /// Where people download with a link, if they do.
    pub fn links_addr(&self) -> Option<SocketAddr> {
        self.links.as_ref().and_then(|links| links.local_addr().ok())
    }

    /// Where the admin port is, if there is one.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves and works until `shutdown` fires; then stops taking up work, ends attempts where they stand (what is
    /// staged stays), lets calls finish for the configured time and closes the database.
    ///
    /// # Errors
    /// When serving ended without having been asked to.
    pub fn serve(self, shutdown: CancellationToken) -> BoxFuture<'static, Result<(), StartError>> {
        // Boxed, so that the whole of it is compiled here and not again in every program that awaits it.
        Box::pin(self.work_until(shutdown))
    }

    async fn work_until(self, shutdown: CancellationToken) -> Result<(), StartError> {
        let admin_stop = CancellationToken::new();
        let admin_tasks = Tasks::new();
        if let Some(listener) = self.admin {
            let admin = Admin::new(listener, self.readiness.clone(), self.metrics);
            admin_tasks.spawn("admin port", admin.run(admin_stop.clone()));
        }
        let ready = self.readiness.require("serving");
        self.store.check().await?;
        let reachable = self.readiness.require("database");
        reachable.set(true);
        let watch = reachable_state::watch(self.store.clone(), reachable, self.work.stopping());
        self.work.spawn("state of the database", watch);
        self.registry.enter().await?;
        self.work.spawn("registry", self.registry.run(self.work.stopping()));
        self.work.spawn("worker", self.worker.run());
        self.work.spawn("agents dialling in", self.dial_in.run(self.arrivals));
        self.work.spawn("scheduler", self.scheduler.run(self.work.stopping()));
        self.work.spawn("assembler", self.assembler.run());
        self.work.spawn("retention", self.retention.run(self.work.stopping()));
        serving(&self.health, true).await;
        ready.set(true);
        let stop = shutdown.clone();
        let (work, stopping, health, drain) = (self.work.clone(), self.stopping, self.health, self.drain);
        let winding_down = async move {
            stop.cancelled().await;
            ready.set(false);
            serving(&health, false).await;
            stopping.cancel();
            work.drain(drain).await;
        };
        let browsers = async {
            if let Some(links) = self.links {
                links.run(shutdown.clone(), drain).await;
            }
        };
        let (served, (), ()) = tokio::join!(
            async {
                let served = self.server.run(self.routes, shutdown.clone(), drain).await;
                // Also when it ended by itself, so that the rest stops too.
                shutdown.cancel();
                served
            },
            winding_down,
            browsers
        );
        drop(self.store);
        self.store_tasks.drain(CLOSE).await;
        admin_stop.cancel();
        admin_tasks.drain(CLOSE).await;
        served?;
        Ok(())
    }
}

async fn serving(health: &HealthReporter, serving: bool) {
    if serving {
        health.set_serving::<CaseServiceServer<Api>>().await;
        health.set_serving::<ArchiveServiceServer<Api>>().await;
        health.set_serving::<GroupServiceServer<Api>>().await;
    } else {
        health.set_not_serving::<CaseServiceServer<Api>>().await;
        health.set_not_serving::<ArchiveServiceServer<Api>>().await;
        health.set_not_serving::<GroupServiceServer<Api>>().await;
    }
}

fn routes(api: Api, reflection: bool) -> Result<(Routes, HealthReporter), StartError> {
    // The contract is one for gateway and agents; what is listed is what is served.
    let own = [CASE_SERVICE, ARCHIVE_SERVICE, GROUP_SERVICE];
    let mut standard = standard_services_beside(FILE_DESCRIPTOR_SET, reflection, &own)?;
    standard
        .routes
        .add_service(CaseServiceServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE))
        .add_service(ArchiveServiceServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE))
        .add_service(GroupServiceServer::new(api).max_decoding_message_size(MAX_MESSAGE));
    Ok((standard.routes.routes(), standard.health))
}

fn signing_key(path: &Path) -> Result<SigningKey, StartError> {
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    let bad = |reason: String| StartError::SigningKey { path: path.to_owned(), reason };
    let read = |error: std::io::Error| bad(format!("cannot be read: {error}; check the path and its permissions"));
    let file = std::fs::File::open(path).map_err(read)?;
    let mode = file.metadata().map_err(read)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(bad(format!("its mode {mode:04o} lets others read it; run `chmod 600` on it")));
    }
    let mut pem = zeroize::Zeroizing::new(String::new());
    file.take(MAX_KEY_FILE).read_to_string(&mut pem).map_err(read)?;
    SigningKey::from_pem(&pem).map_err(|error: KeyError| bad(error.to_string()))
}

fn check_identity(group: &Group, identity: &Identity) -> Result<(), StartError> {
    let expected = &group.file().gateway.spiffe_id;
    if identity.id() == expected {
        return Ok(());
    }
    Err(StartError::NotTheGateway { expected: Box::new(expected.clone()), found: Box::new(identity.id().clone()) })
}

fn check_signing_key(group: &Group, key: &SigningKey, path: &Path, now: Timestamp) -> Result<(), StartError> {
    let bad = |reason: &str| StartError::SigningKey { path: path.to_owned(), reason: reason.to_owned() };
    let listed = find_key(&group.file().gateway.keys, &key.public().id());
    let listed = listed.ok_or_else(|| {
        bad("the group file does not list this key for the gateway; add its public key and sign the group file anew")
    })?;
    listed.check(now).map_err(|invalid| match invalid {
        KeyInvalid::NotYet => bad("the group file says that this key is not valid yet"),
        KeyInvalid::Expired => bad("the group file says that this key has expired; list and use a new one"),
        KeyInvalid::Revoked => bad("the group file says that this key is revoked; list and use a new one"),
    })
}
