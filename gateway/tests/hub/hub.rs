//! A gateway that runs as its process would, in a runtime of its own that can be killed, and callers to ask it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tributary_archive::frames::KeyEncryptionKey;
use tributary_gateway::authorise::{Entities, Grant, Verb};
use tributary_gateway::case::Waiting;
use tributary_gateway::config::{
    Config, Delivery, GroupFiles, IdentityFiles, Limits, LinkSettings, Postgres, Retention,
};
use tributary_gateway::migrate::migrate;
use tributary_gateway::{Gateway, StartError};
use tributary_model::clock::Clock;
use tributary_model::database::{Address, Secret, Tls};
use tributary_model::group::signed::{Pins, VerifiedGroup, sign};
use tributary_model::key::SigningKey;
use tributary_model::language::Language;
use tributary_model::right::Right;
use tributary_transport::dial::Dialer;
use tributary_transport::link::{Channel, Link};
use tributary_transport::pki::{Authority, Subject};
use tributary_transport::telemetry::Metrics;

use crate::browser::Browser;
use crate::server::Database;
use crate::support::agent::Agent;
use crate::support::script::Script;
use crate::support::world::{PATIENCE, Party, World};

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A group with a gateway that serves, and the systems that call it.
pub(crate) struct Hub {
    pub(crate) world: World,
    pub(crate) config: Config,
    pub(crate) pins: Pins,
    group_key: SigningKey,
    /// The callers' own trust domain.
    pub(crate) callers: Party,
    folder: TempDir,
    process: Option<Process>,
    /// Where the state is, if not in the data directory.
    pub(crate) database: Option<Database>,
}

/// A running gateway.
struct Process {
    runtime: Runtime,
    address: SocketAddr,
    links: Option<SocketAddr>,
    stop: CancellationToken,
    ended: tokio::sync::oneshot::Receiver<Result<(), StartError>>,
}

impl Hub {
    /// A gateway of a group of `entities`, running.
    pub(crate) async fn new(entities: &[&str]) -> Self {
        Self::with(entities, |_| {}).await
    }

    /// As [`Hub::new`], with the group changed before it is signed.
    pub(crate) async fn with(entities: &[&str], change: impl FnOnce(&mut World)) -> Self {
        let mut world = World::new(entities);
        change(&mut world);
        let folder = tempfile::tempdir().unwrap();
        let group_key = SigningKey::generate().unwrap();
        let (pins, group) = sign_group(&mut world, &folder, &group_key);
        let callers = callers(&world);
        let config = config(&world, &folder, &callers, group);
        let mut hub = Self { world, config, pins, group_key, callers, folder, process: None, database: None };
        hub.start().await.unwrap();
        hub
    }

    /// As [`Hub::new`], with its state in `database`.
    pub(crate) async fn on(database: Database, entities: &[&str]) -> Self {
        let mut hub = Self::new(entities).await;
        hub.stop().await.unwrap();
        let password = secret(&hub.folder, "database.password", &database.password);
        hub.config.database = Some(Postgres {
            address: Address::Tcp { host: "localhost".to_owned(), port: database.port },
            user: database.user.clone(),
            password: Some(Secret::File(password)),
            database: database.name.clone(),
            tls: Tls::Verified { authority: Some(database.authority.clone()) },
            connections: 5,
            connect_timeout: Postgres::CONNECT_TIMEOUT,
        });
        // The folder is marked as that of the database before.
        hub.config.objects = hub.folder.path().join("objects");
        hub.database = Some(database);
        migrate(&hub.config).await.unwrap();
        hub.start().await.unwrap();
        hub
    }

    /// As [`Hub::new`], with other limits.
    pub(crate) async fn limited(entities: &[&str], change: impl FnOnce(&mut Limits)) -> Self {
        let mut hub = Self::new(entities).await;
        hub.stop().await.unwrap();
        change(&mut hub.config.limits);
        hub.start().await.unwrap();
        hub
    }

    /// Puts another version of the group file in force, as a restarted gateway reads it.
    pub(crate) async fn regroup(&mut self, change: impl FnOnce(&mut World)) {
        self.stop().await.unwrap();
        change(&mut self.world);
        self.world.group.version += 1;
        sign_group(&mut self.world, &self.folder, &self.group_key);
        self.start().await.unwrap();
    }

    pub(crate) fn agent(&self, entity: &str, script: Script) -> Agent {
        Agent::start(&self.world, entity, script)
    }

    /// Starts the gateway, waiting for one that was killed to be gone.
    pub(crate) async fn start(&mut self) -> Result<(), StartError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let gateway = loop {
            let (config, clock) = (self.config.clone(), self.world.clock.clone());
            let bound = runtime.handle().clone().spawn(Gateway::bind(config, clock, Metrics::new())).await.unwrap();
            match bound {
                Ok(gateway) => break gateway,
                Err(StartError::State(reason))
                    if reason.contains("another gateway") && tokio::time::Instant::now() < deadline =>
                {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => {
                    runtime.shutdown_background();
                    return Err(error);
                }
            }
        };
        let (address, stop) = (gateway.local_addr().unwrap(), CancellationToken::new());
        let links = gateway.links_addr();
        let (sender, ended) = tokio::sync::oneshot::channel();
        let serve = gateway.serve(stop.clone());
        runtime.handle().spawn(async move { drop(sender.send(serve.await)) });
        self.process = Some(Process { runtime, address, links, stop, ended });
        Ok(())
    }

    /// Ends the gateway between any two of its steps, with nothing said or written.
    pub(crate) fn kill(&mut self) {
        self.process.take().unwrap().runtime.shutdown_background();
    }

    /// Asks the gateway to stop, and waits until it has.
    pub(crate) async fn stop(&mut self) -> Result<(), StartError> {
        let process = self.process.take().unwrap();
        process.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, process.ended).await.unwrap().unwrap();
        process.runtime.shutdown_background();
        ended
    }

    /// A person's browser, which knows the gateway's authority.
    pub(crate) fn browser(&self) -> Browser {
        let address = self.process.as_ref().unwrap().links.unwrap();
        Browser::new(address, self.world.gateway.authority.root_pem(), self.world.clock.clone())
    }

    /// A connection of the caller `name` (see [`config`]).
    pub(crate) async fn link(&self, name: &str) -> Link {
        let id = format!("spiffe://crm.example/{name}").parse().unwrap();
        self.link_as(&self.callers, &id).await
    }

    pub(crate) async fn link_as(&self, party: &Party, id: &tributary_model::spiffe::SpiffeId) -> Link {
        let address = self.process.as_ref().unwrap().address.to_string();
        let dialer = Dialer::new(self.world.tls_as(party, id));
        dialer.connect(&address, &self.world.gateway.id, PATIENCE).await.unwrap()
    }

    /// The channel of a caller that may do everything.
    pub(crate) async fn portal(&self) -> Channel {
        self.link("portal").await.channel()
    }

    /// Names and contents of every file in the data directory.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut folders = vec![self.config.data_dir.clone()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push((path.clone(), std::fs::read(path).unwrap()));
                }
            }
        }
        files
    }

    /// How many objects, whole or partial, lie in the object folder.
    pub(crate) fn objects(&self) -> usize {
        let files = self.files();
        let objects = files.iter().filter(|(path, _)| path.components().any(|part| part.as_os_str() == "objects"));
        objects.filter(|(path, _)| !path.ends_with("folder-id")).count()
    }

    /// Writes another key file, and has the configuration name it.
    pub(crate) fn other_key_file(&mut self) {
        self.config.key_encryption_key = secret(&self.folder, "other-kek", &KeyEncryptionKey::generate().unwrap());
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.runtime.shutdown_background();
        }
    }
}

fn callers(world: &World) -> Party {
    let authority = Authority::create(&"crm.example".parse().unwrap(), 2 * YEAR, world.clock.now()).unwrap();
    Party { id: "spiffe://crm.example/portal".parse().unwrap(), authority }
}

fn sign_group(world: &mut World, folder: &TempDir, key: &SigningKey) -> (Pins, GroupFiles) {
    let pins = Pins { keys: vec![key.public()], threshold: 1 };
    let pair = sign(&world.group, key).unwrap();
    let whole = pair.whole.to_json();
    world.in_force = VerifiedGroup::open(&whole, &pins, world.clock.now(), None).unwrap().in_force();
    let (file, public_part) = (folder.path().join("group.json"), folder.path().join("trust.json"));
    std::fs::write(&file, whole).unwrap();
    std::fs::write(&public_part, pair.public.to_json()).unwrap();
    (pins.clone(), GroupFiles { file, public_part, pins })
}

/// A file that only its owner reads.
fn secret(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn config(world: &World, folder: &TempDir, callers: &Party, group: GroupFiles) -> Config {
    let subject =
        Subject { id: world.gateway.id.clone(), dns_names: vec!["localhost".to_owned()], ip_addresses: Vec::new() };
    let issued = world.gateway.authority.issue(&subject, YEAR, world.clock.now()).unwrap();
    let (certificate, key) = issued.save(folder.path(), "gateway").unwrap();
    let roots = folder.path().join("crm.pem");
    std::fs::write(&roots, callers.authority.root_pem()).unwrap();
    let all = Entities::All;
    let grants = [
        ("portal", Verb::ALL.to_vec(), all.clone()),
        ("reader", vec![Verb::Read], all.clone()),
        ("opener", vec![Verb::Open], all.clone()),
        ("voucher", vec![Verb::Vouch], all.clone()),
        ("operator", vec![Verb::Operate], all.clone()),
        ("downloader", vec![Verb::Download], all.clone()),
        ("linker", vec![Verb::Link], all),
        ("narrow", Verb::ALL.to_vec(), Entities::Only(BTreeSet::from(["elsewhere".parse().unwrap()]))),
    ];
    let limits = Limits {
        connect_timeout: Duration::from_millis(500),
        rpc_timeout: Duration::from_secs(5),
        failed_attempts: 3,
        drain: Duration::from_secs(2),
        ..Limits::default()
    };
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        admin: None,
        data_dir: folder.path().join("data"),
        database: None,
        objects: folder.path().join("data/objects"),
        identity: IdentityFiles { certificate: certificate.clone(), key: key.clone() },
        signing_key: secret(folder, "signing.pem", &world.signing_key.to_pem().unwrap()),
        key_encryption_key: secret(folder, "kek", &KeyEncryptionKey::generate().unwrap()),
        group,
        trust_domains: [("crm.example".parse().unwrap(), vec![roots])].into(),
        callers: grants
            .into_iter()
            .map(|(name, verbs, entities)| Grant {
                spiffe_id: format!("spiffe://crm.example/{name}").parse().unwrap(),
                verbs: verbs.into_iter().collect(),
                rights: BTreeSet::from([Right::Access]),
                entities,
            })
            .collect(),
        delivery: Delivery::default(),
        waiting: Waiting::ByDeliveryDate,
        language: Language::english(),
        links: Some(LinkSettings {
            listen: "127.0.0.1:0".parse().unwrap(),
            public_url: "https://localhost/box".parse().unwrap(),
            certificate,
            key,
            downloads: 8,
            misses_per_client: 20,
        }),
        retention: Retention::default(),
        limits,
        reflection: true,
    }
}

/// Asks until there is an answer. For work of a running gateway, which tells nobody when it is done; orders nothing.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
