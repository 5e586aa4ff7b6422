//! The gateway's configuration for each of several processes on one database and one object folder.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::Group;
use crate::ports::Port;
use crate::process::{Launch, Role};
use crate::servers::{Server, write_password};

/// One process of the gateway.
#[derive(Debug)]
pub struct Seat {
    /// How it is started.
    pub launch: Launch,
    /// Where it listens.
    pub address: SocketAddr,
    /// Kept for it while this lives; the first seat has the group's own.
    _ports: Option<[Port; 2]>,
}

impl Group {
    /// Where the balancer in front of the gateway's processes listens.
    ///
    /// # Errors
    /// When the group was planned without one.
    pub fn balancer_address(&self) -> Result<SocketAddr> {
        Ok(self.gateway.proxied.as_ref().context("the group was planned without a balancer")?.address())
    }

    /// Configures `n` processes of the gateway on `database`, with the object folder `gateway/objects`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn seats(&self, n: usize, server: &Server, database: &str) -> Result<Vec<Seat>> {
        let folder = &self.gateway.folder;
        let password = folder.join("database.password");
        write_password(&password, &server.password)?;
        let yaml = std::fs::read_to_string(folder.join("gateway.yaml"))?;
        let shared = format!(
            "objects: objects\ndatabase: {{ postgres: {{ host: localhost, port: {}, user: {}, database: {database}, \
             password_file: database.password, connect_timeout: 30s, \
             tls: {{ ca: {} }} }} }}\n",
            server.port,
            server.user,
            server.authority.display(),
        );
        (1..=n).map(|number| self.seat(number, &yaml, &shared)).collect()
    }

    fn seat(&self, number: usize, yaml: &str, shared: &str) -> Result<Seat> {
        let place = &self.gateway;
        let ports = if number == 1 { None } else { Some([Port::reserve()?, Port::reserve()?]) };
        let (listen, admin) = match &ports {
            None => (place.listen.address(), place.admin.address()),
            Some([listen, admin]) => (listen.address(), admin.address()),
        };
        let yaml = yaml
            .replace(&format!("listen: {}", place.listen.address()), &format!("listen: {listen}"))
            .replace(&format!("admin: {}", place.admin.address()), &format!("admin: {admin}"))
            .replace("data_dir: data\n", &format!("data_dir: data-{number}\n{shared}"));
        let config: PathBuf = place.folder.join(format!("gateway-{number}.yaml"));
        std::fs::write(&config, yaml)?;
        let launch = Launch {
            role: Role::Gateway,
            config,
            log: self.logs().join(format!("gateway-{number}.log")),
            admin,
            environment: Vec::new(),
            wrapper: Vec::new(),
        };
        Ok(Seat { launch, address: listen, _ports: ports })
    }
}
