//! A whole group on disk and in processes: entities with authorities, keys, databases and agents, one gateway, callers.
//!
//! `plan` says what there shall be, `layout` writes it as administrators would, `sign` signs and re-signs the group file.

mod direction;
mod layout;
mod plan;
mod several;
mod sign;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use tempfile::TempDir;
use tributary_model::clock::SystemClock;
use tributary_model::group::GroupFile;
use tributary_model::key::SigningKey;
use tributary_model::spiffe::SpiffeId;
use tributary_transport::identity::Identity;
use tributary_transport::tls::Tls;
use tributary_transport::trust::{BundleMap, TrustBundles};

pub use self::direction::Direction;
pub use self::plan::{CallerPlan, EntityPlan, Plan};
pub use self::several::Seat;
use crate::client::Caller;
use crate::ports::Port;
use crate::process::{Launch, Process, Role};
use crate::proxy::{Dialler, Proxy};

/// The gateway's trust domain.
pub const GATEWAY_DOMAIN: &str = "gateway.test.example";
/// The callers' trust domain.
pub const CALLERS_DOMAIN: &str = "portal.test.example";
/// The caller that may do everything.
pub const PORTAL: &str = "portal";

/// A laid-out group. Dropping it removes its folder.
pub struct Group {
    folder: TempDir,
    file: GroupFile,
    group_key: SigningKey,
    gateway: Place,
    direction: Direction,
    entities: BTreeMap<String, Place>,
}

/// Where a process of the group lives.
struct Place {
    folder: PathBuf,
    listen: Port,
    admin: Port,
    /// What is named in the place of whoever is dialled when a proxy stands between gateway and agent.
    proxied: Option<Port>,
}

impl Group {
    /// The group's folder.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Who opens connections between gateway and agents.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The group file as it was signed last.
    pub fn file(&self) -> &GroupFile {
        &self.file
    }

    /// What `archive verify --group-key` takes.
    pub fn group_key(&self) -> String {
        self.group_key.public().to_string()
    }

    /// Folder of an entity: `agent.yaml`, keys, databases, `data`.
    ///
    /// # Errors
    /// When the group has no such entity.
    pub fn entity(&self, id: &str) -> Result<&Path> {
        Ok(&self.place(id)?.folder)
    }

    /// The database behind an entity's dataset.
    ///
    /// # Errors
    /// When the group has no such entity.
    pub fn database(&self, id: &str, dataset: &str) -> Result<PathBuf> {
        Ok(self.entity(id)?.join(format!("{dataset}.sqlite")))
    }

    /// Folder of the gateway.
    pub fn gateway_folder(&self) -> &Path {
        &self.gateway.folder
    }

    /// Where callers connect.
    pub fn gateway_address(&self) -> std::net::SocketAddr {
        self.gateway.listen.address()
    }

    /// The gateway's admin port.
    pub fn gateway_admin(&self) -> std::net::SocketAddr {
        self.gateway.admin.address()
    }

    /// The admin port of an entity's agent.
    ///
    /// # Errors
    /// When the group has no such entity.
    pub fn agent_admin(&self, id: &str) -> Result<std::net::SocketAddr> {
        Ok(self.place(id)?.admin.address())
    }

    /// Where an entity's agent itself listens.
    ///
    /// # Errors
    /// When the group has no such entity.
    pub fn agent_address(&self, id: &str) -> Result<std::net::SocketAddr> {
        Ok(self.place(id)?.listen.address())
    }

    /// Folder of a caller: `svid.pem`, `svid-key.pem`, `client.yaml`, `gateway-ca.pem`.
    pub fn caller_folder(&self, name: &str) -> PathBuf {
        self.root().join("callers").join(name)
    }

    /// How the gateway is started.
    pub fn gateway_launch(&self) -> Launch {
        self.launch(Role::Gateway, &self.gateway, "gateway", "gateway.yaml")
    }

    /// How an entity's agent is started.
    ///
    /// # Errors
    /// When the group has no such entity.
    pub fn agent_launch(&self, id: &str) -> Result<Launch> {
        Ok(self.launch(Role::Agent, self.place(id)?, id, "agent.yaml"))
    }

    fn launch(&self, role: Role, place: &Place, name: &str, config: &str) -> Launch {
        Launch {
            role,
            config: place.folder.join(config),
            log: self.logs().join(format!("{name}.log")),
            admin: place.admin.address(),
            environment: Vec::new(),
            wrapper: Vec::new(),
        }
    }

    /// Folder of the processes' logs.
    pub fn logs(&self) -> PathBuf {
        self.root().join("logs")
    }

    /// Starts the gateway.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start_gateway(&self) -> Result<Process> {
        self.gateway_launch().start().await
    }

    /// Starts an entity's agent.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start_agent(&self, id: &str) -> Result<Process> {
        self.agent_launch(id)?.start().await
    }

    /// Starts the agents of `ids`, all at once.
    ///
    /// # Errors
    /// When one does not become ready.
    pub async fn start_agents(&self, ids: &[&str]) -> Result<Vec<Process>> {
        let launches = ids.iter().map(|id| self.agent_launch(id)).collect::<Result<Vec<_>>>()?;
        let spawned = launches.iter().map(Launch::spawn).collect::<Result<Vec<_>>>()?;
        let mut ready = Vec::with_capacity(spawned.len());
        for process in spawned {
            ready.push(process.ready().await?);
        }
        Ok(ready)
    }

    /// Starts the proxy between the gateway and an entity that was planned with one.
    ///
    /// # Errors
    /// When the entity was planned without a proxy.
    pub async fn start_proxy(&self, id: &str) -> Result<Proxy> {
        let place = self.place(id)?;
        let listen = place.proxied.as_ref().with_context(|| format!("{id} was planned without a proxy"))?;
        match self.direction {
            Direction::Inbound => Proxy::start(listen.address(), place.listen.address(), Dialler::Gateway).await,
            Direction::Outbound => {
                let gateway = self.gateway.proxied.as_ref().unwrap_or(&self.gateway.listen);
                Proxy::start(listen.address(), gateway.address(), Dialler::Agent).await
            }
        }
    }

    /// A caller with its own connection.
    ///
    /// # Errors
    /// When the plan has no such caller.
    pub fn caller(&self, name: &str) -> Result<Caller> {
        let folder = self.caller_folder(name);
        self.caller_with(&folder.join("svid.pem"), &folder.join("svid-key.pem"))
    }

    /// A caller that connects to this process of the gateway, or to whatever stands in front of them.
    ///
    /// # Errors
    /// When the plan has no such caller.
    pub fn caller_at(&self, name: &str, address: std::net::SocketAddr) -> Result<Caller> {
        Ok(self.caller(name)?.at(address))
    }

    /// A caller with the certificate and key of these files.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn caller_with(&self, certificate: &Path, key: &Path) -> Result<Caller> {
        let identity = Identity::load(certificate, key)?;
        let mut bundles = BundleMap::new();
        let roots = self.gateway.folder.join("pki/ca.pem");
        bundles.add_file(GATEWAY_DOMAIN.parse()?, &roots)?;
        let tls = Tls::new(identity, TrustBundles::new(bundles), Arc::new(SystemClock));
        Ok(Caller::new(tls, self.gateway_id()?, self.gateway_address().to_string()))
    }

    /// The gateway's SPIFFE ID.
    ///
    /// # Errors
    /// Never, as the id is a constant.
    pub fn gateway_id(&self) -> Result<SpiffeId> {
        Ok(format!("spiffe://{GATEWAY_DOMAIN}/gateway").parse()?)
    }

    /// The SPIFFE ID of an entity's agent.
    ///
    /// # Errors
    /// When `id` is no name of a trust domain.
    pub fn agent_id(&self, id: &str) -> Result<SpiffeId> {
        Ok(format!("spiffe://{id}.example/agent").parse()?)
    }

    fn place(&self, id: &str) -> Result<&Place> {
        self.entities.get(id).with_context(|| format!("the group has no entity {id}"))
    }
}
