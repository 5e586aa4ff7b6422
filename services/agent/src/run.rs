//! An agent from its start to its end: checked, bound, serving, drained.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tributary_model::clock::SharedClock;
use tributary_model::id::EntityId;
use tributary_proto::FILE_DESCRIPTOR_SET;
use tributary_proto::agent::v1::subject_data_service_server::SubjectDataServiceServer;
use tributary_transport::admin::Admin;
use tributary_transport::limits::Limits as ServerLimits;
use tributary_transport::listen::listen;
use tributary_transport::outbound::Outbound;
use tributary_transport::readiness::Readiness;
use tributary_transport::server::Server;
use tributary_transport::services::{HealthReporter, standard_services};
use tributary_transport::tasks::Tasks;
use tributary_transport::telemetry::Metrics;
use tributary_transport::tls::Tls;
use tributary_transport::trust::TrustBundles;

use crate::catalog::Standing;
use crate::collect::Catalog;
use crate::config::Config;
use crate::controller;
use crate::dial_out;
use crate::export::{Exports, Setup, Systems, Turns};
use crate::inbox::{Notifier, SOCKET, Socket};
use crate::ledger::DirLock;
use crate::metrics;
use crate::service::{Desk, Guard, Service};
use crate::spool::{Quota, Spool};
use crate::start::{Checked, Ready, StartError, check};

/// How long walks and the admin port get to end.
const CLOSE: Duration = Duration::from_secs(5);

/// An agent that is ready to serve: everything checked, ports bound, unfinished exports taken up.
pub struct Agent {
    server: Option<Server>,
    outbound: Option<Outbound>,
    routes: Routes,
    health: HealthReporter,
    admin: Option<TcpListener>,
    metrics: Metrics,
    readiness: Readiness,
    exports: Vec<Exports>,
    _lock: Option<DirLock>,
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
    Agent::bind(config, clock, metrics).await?.serve(shutdown).await
}

impl Agent {
    /// Checks and opens everything, binds the ports, and takes up exports that an earlier process left unfinished.
    ///
    /// # Errors
    /// When something needed for a start is missing or wrong.
    pub fn bind(config: Config, clock: SharedClock, metrics: Metrics) -> BoxFuture<'static, Result<Self, StartError>> {
        // Boxed, so that the whole of it is compiled here and not again in every program that awaits it.
        Box::pin(Self::opened(config, clock, metrics))
    }

    async fn opened(config: Config, clock: SharedClock, metrics: Metrics) -> Result<Self, StartError> {
        let (config, checked, catalogs, standing) = {
            let (clock, span) = (Arc::clone(&clock), tracing::Span::current());
            let opened = tokio::task::spawn_blocking(move || span.in_scope(|| open(config, clock))).await;
            opened.map_err(|_| StartError::Data("opening it panicked; see the log".to_owned()))??
        };
        let bind = |setting, address| listen(address).map_err(|error| StartError::Listen { setting, error });
        let listener = config.listen.map(|address| bind("listen", address)).transpose()?;
        let admin = config.admin.map(|address| bind("admin", address)).transpose()?;
        let Checked { identity, group, bundles, entities, lock } = checked;
        let (quota, turns) = (Quota::new(config.spool.quota), Turns::new(&config.limits));
        let (mut desks, mut overdue) = (BTreeMap::new(), Vec::new());
        for (ready, systems) in entities.into_iter().zip(catalogs) {
            let Ready { served, signer, ledger } = ready;
            let in_spool =
                |error: io::Error| StartError::Data(format!("spool: {error}; check the folder's permissions"));
            let spool = Spool::open(served.data_dir.join("spool"), quota.clone()).map_err(in_spool)?;
            let setup = Setup {
                ledger,
                spool,
                systems: Arc::clone(&systems),
                signer,
                clock: Arc::clone(&clock),
                turns: turns.clone(),
                limits: config.limits.clone(),
                spool_limits: config.spool,
                due: config.inbox.due(served.decide),
            };
            let exports = Exports::start(setup).await?;
            let inbox = Socket::bind(&served.data_dir)
                .map_err(|error| StartError::Data(format!("{}: {error}", served.data_dir.join(SOCKET).display())))?;
            exports.spawn("inbox", inbox.serve(exports.clone()));
            let notifier = Notifier::new(exports.clone(), served.id.clone(), &config.inbox);
            overdue.push((served.id.clone(), notifier.overdue()));
            exports.spawn("inbox notices", notifier.run());
            desks.insert(served.id, Desk { exports, systems });
        }
        metrics::show_overdue(overdue);
        metrics::show_spools(desks.iter().map(|(entity, desk)| (entity.clone(), desk.exports.spooled())).collect());
        for disagreement in desks.keys().filter_map(|entity| dial_out::disagreement(&config, &group, entity)) {
            tracing::warn!("{disagreement}");
        }
        let exports = desks.values().map(|desk| desk.exports.clone()).collect();
        let tls = Tls::new(identity, TrustBundles::new(bundles), Arc::clone(&clock));
        let outbound = config.dial_out.as_ref();
        let outbound = outbound.map(|settings| dial_out::outbound(settings, tls.clone(), &group)).transpose()?;
        let service = Service {
            guard: Guard::new(group, desks.keys().cloned().collect(), clock),
            desks,
            part_bytes: config.limits.part_bytes,
        };
        let readiness = Readiness::new();
        readiness.remark(move || standing.remarks());
        if let Some(links) = outbound.as_ref().map(Outbound::links) {
            metrics::show_links(links.clone());
            readiness.remark(move || dial_out::remarks(&links));
        }
        let mut standard = standard_services(FILE_DESCRIPTOR_SET, config.reflection)?;
        standard.routes.add_service(service.server());
        let server = |listener| Server::new(listener, tls, ServerLimits::default()).describe(FILE_DESCRIPTOR_SET);
        Ok(Self {
            server: listener.map(server),
            outbound,
            routes: standard.routes.routes(),
            health: standard.health,
            admin,
            metrics,
            readiness,
            exports,
            _lock: lock,
            drain: config.limits.drain,
        })
    }

    /// Where the gateway connects.
    ///
    /// # Errors
    /// What the operating system says, or that this agent has no inbound port.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let none = || io::Error::new(io::ErrorKind::NotFound, "this agent has no inbound port");
        self.server.as_ref().ok_or_else(none)?.local_addr()
    }

    /// Where the admin port is, if there is one.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves until `shutdown` fires; then ends watches and walks (which begin anew at the next start), and lets other
    /// calls finish for the configured time.
    ///
    /// # Errors
    /// When serving ended without having been asked to.
    pub fn serve(self, shutdown: CancellationToken) -> BoxFuture<'static, Result<(), StartError>> {
        // Boxed, so that the whole of it is compiled here and not again in every program that awaits it.
        Box::pin(self.serve_until(shutdown))
    }

    async fn serve_until(self, shutdown: CancellationToken) -> Result<(), StartError> {
        let admin_stop = CancellationToken::new();
        let admin_tasks = Tasks::new();
        if let Some(listener) = self.admin {
            let admin = Admin::new(listener, self.readiness.clone(), self.metrics);
            admin_tasks.spawn("admin port", admin.run(admin_stop.clone()));
        }
        let ready = self.readiness.require("serving");
        self.health.set_serving::<SubjectDataServiceServer<Service>>().await;
        ready.set(true);
        let winding_down = async {
            shutdown.cancelled().await;
            ready.set(false);
            self.health.set_not_serving::<SubjectDataServiceServer<Service>>().await;
            self.exports.iter().for_each(Exports::stopping);
        };
        let serving = async {
            let served = match self.server {
                Some(server) => server.run(self.routes.clone(), shutdown.clone(), self.drain).await.map(drop),
                None => {
                    shutdown.cancelled().await;
                    Ok(())
                }
            };
            // Also when it ended by itself, so that the rest stops too.
            shutdown.cancel();
            served
        };
        let dialling = async {
            if let Some(outbound) = self.outbound {
                outbound.run(self.routes.clone(), shutdown.clone(), self.drain).await;
            }
        };
        let (served, (), ()) = tokio::join!(serving, dialling, winding_down);
        futures::future::join_all(self.exports.iter().map(|exports| exports.stop(CLOSE))).await;
        admin_stop.cancel();
        admin_tasks.drain(CLOSE).await;
        served?;
        Ok(())
    }
}

/// What a start reads: the systems are those of each entity, in the order of the configuration.
type Opened = (Config, Checked, Vec<Arc<dyn Systems>>, Standing);

/// Everything of the start that reads files.
fn open(config: Config, clock: SharedClock) -> Result<Opened, StartError> {
    let checked = check(&config, clock.now())?;
    let limits = config.collect_limits();
    fresh(&limits.temp_dir).map_err(|error| StartError::Data(format!("{}: {error}", limits.temp_dir.display())))?;
    let catalog = Catalog::load(&config.sources, limits, clock).map_err(StartError::Manifests)?;
    for unavailable in catalog.unavailable() {
        let (dataset, detail) = (&unavailable.dataset, &unavailable.detail);
        tracing::warn!(%dataset, detail, "a database cannot be read now; exports wait for it");
    }
    let served: Vec<EntityId> = config.entities.iter().map(|served| served.id.clone()).collect();
    let group: BTreeSet<EntityId> = checked.group.file().entities.iter().map(|entity| entity.id.clone()).collect();
    controller::check(catalog.graph(), &served, Some(&group)).map_err(StartError::Manifests)?;
    let own = |entity: &EntityId| {
        let country = checked.group.file().entity(entity).map(|entity| entity.country.clone());
        catalog.of(entity, &group).map(|own| Arc::new(own.located_in(country)) as Arc<dyn Systems>)
    };
    let catalogs = served.iter().map(own).collect::<Result<_, _>>().map_err(StartError::Manifests)?;
    Ok((config, checked, catalogs, catalog.standing()))
}

/// An empty folder for what walks spill: a process that was killed may have left something there.
fn fresh(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(folder)
}
