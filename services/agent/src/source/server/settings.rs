//! How a database server is reached and how hard it may be worked. Passwords are read when a connection is made, so that
//! a new one counts from the next connection on; none of them prints.

use std::path::PathBuf;
use std::time::Duration;

use tributary_model::sensitive::Sensitive;

use super::super::ReadError;

/// Which kind of server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    MySql,
}

/// A database server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// What it is.
    pub engine: EngineKind,
    /// Where it is.
    pub address: Address,
    /// As whom the agent connects.
    pub user: String,
    /// Where the password is; some servers trust a socket's owner.
    pub password: Option<Secret>,
    /// The database; otherwise the one that the manifest's namespace names.
    pub database: Option<String>,
    /// PostgreSQL: the schema; otherwise the manifest's, or the user's search path.
    pub schema: Option<String>,
    /// How the connection is protected.
    pub tls: Tls,
    /// How hard it may be worked.
    pub limits: ServerLimits,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Over TCP.
    Tcp {
        /// Name or address, as the server's certificate has it.
        host: String,
        /// Port.
        port: u16,
    },
    /// Over a Unix socket; for PostgreSQL its folder will do, and port 5432 is meant.
    Socket(PathBuf),
}

/// Where a password is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// A file that holds it; a line end after it does not count.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A file that holds a whole URL with it.
    UrlFile(PathBuf),
    /// An environment variable that holds a whole URL with it.
    UrlEnvironment(String),
}

/// How a connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// The certificate is verified, and that it is the host's.
    Verified {
        /// PEM file with the authority that signed it; without one, the public authorities.
        authority: Option<PathBuf>,
    },
    /// None: only to this machine itself.
    Disabled,
}

/// How hard a server may be worked, by all requests together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLimits {
    /// Connections at once, each with one query at a time.
    pub connections: u32,
    /// Rows read a second; `None` for as many as come.
    pub rows_per_second: Option<u32>,
    /// How long one statement may take.
    pub statement_timeout: Duration,
    /// How long one snapshot may be held: the server keeps old versions of rows meanwhile.
    pub snapshot_max: Duration,
    /// How long a connection may take to be made, or to become free.
    pub connect_timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 4,
            rows_per_second: None,
            statement_timeout: Duration::from_secs(5 * 60),
            snapshot_max: Duration::from_secs(30 * 60),
            connect_timeout: Duration::from_secs(10),
        }
    }
}

impl Server {
    /// What it is and where, for people.
    pub fn place(&self) -> String {
        let engine = match self.engine {
            EngineKind::Postgres => "PostgreSQL",
            EngineKind::MySql => "MySQL",
        };
        match &self.address {
            Address::Tcp { host, port } => format!("{engine} at {host}:{port} as `{}`", self.user),
            Address::Socket(path) => format!("{engine} at {} as `{}`", path.display(), self.user),
        }
    }

    /// The password as it is now.
    pub(super) fn password_now(&self) -> Result<Option<Sensitive<String>>, ReadError> {
        let missing = |what: String| ReadError::Unavailable(format!("{}: {what}", self.place()));
        let file = |path: &PathBuf| {
            let text = std::fs::read_to_string(path).map(Sensitive::new);
            text.map_err(|error| missing(format!("{} cannot be read: {error}", path.display())))
        };
        let environment = |name: &str| {
            let value = std::env::var(name).map(Sensitive::new);
            value.map_err(|_| missing(format!("the environment variable {name} is not set")))
        };
        let of_url = |text: Sensitive<String>| {
            let parsed = crate::config::DatabaseUrl::parse(text.expose().trim());
            parsed.map(|url| url.password).map_err(|error| missing(error.to_string()))
        };
        match &self.password {
            None => Ok(None),
            Some(Secret::File(path)) => {
                let text = file(path)?;
                Ok(Some(Sensitive::new(text.expose().trim_end_matches(['\r', '\n']).to_owned())))
            }
            Some(Secret::Environment(name)) => environment(name).map(Some),
            Some(Secret::UrlFile(path)) => of_url(file(path)?),
            Some(Secret::UrlEnvironment(name)) => of_url(environment(name)?),
        }
    }
}
