//! A database as it is given on a command line, and as `agent.yaml` names it: never with a password in it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use tributary_model::database::DatabaseUrl;
use tributary_model::sensitive::Sensitive;

use super::relative;
use crate::collect::Database;
use crate::init::scalar::scalar;
use crate::source::server::{self, Address, EngineKind, Secret, Server, ServerLimits};

/// How a connection to a server is to be protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Verified by the public authorities, or by the one whose certificate is in this PEM file.
    Verified(Option<PathBuf>),
    /// Not at all: this machine itself only.
    Disabled,
}

/// A database as it is given.
#[derive(Debug, Clone)]
pub struct Connection {
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Server { url: DatabaseUrl, secret: Option<Secret>, tls: Tls },
}

/// Why a database cannot be used. Never quotes a URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// Not a URL of a kind that is known.
    #[error("--database: {0}; a SQLite file is sqlite:///path/to/file")]
    Url(String),
    /// The file is not there.
    #[error("--database: there is no file {0}")]
    NoFile(PathBuf),
    /// No database is named.
    #[error("--database: the URL names no database; add it after the host, as in postgres://user@host/database")]
    NoDatabase,
    /// Without TLS, over a network.
    #[error(
        "--no-tls is for `localhost`, a loopback address or a socket only; elsewhere name the server's authority with --ca"
    )]
    NoTls,
}

impl Connection {
    /// Reads a URL. `secret` says where the password is when the URL itself does not lie in the open.
    ///
    /// # Errors
    /// When it is none, or what it names is not there.
    pub fn new(url: &str, secret: Option<Secret>, tls: Tls) -> Result<Self, ConnectionError> {
        if let Some(path) = sqlite_path(url) {
            return if path.is_file() {
                Ok(Self { place: Place::File(path) })
            } else {
                Err(ConnectionError::NoFile(path))
            };
        }
        let url = DatabaseUrl::parse(url).map_err(|error| ConnectionError::Url(error.to_string()))?;
        if url.database.is_none() {
            return Err(ConnectionError::NoDatabase);
        }
        let is_local = match &url.address {
            Address::Socket(_) => true,
            Address::Tcp { host, .. } => {
                host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        };
        if tls == Tls::Disabled && !is_local {
            return Err(ConnectionError::NoTls);
        }
        Ok(Self { place: Place::Server { url, secret, tls } })
    }

    /// The password that stands in the URL, unless it is known where else it is.
    pub fn password(&self) -> Option<&Sensitive<String>> {
        match &self.place {
            Place::Server { url, secret: None, .. } => url.password.as_ref(),
            _ => None,
        }
    }

    /// The same with the password in a file.
    pub fn with_password_in(mut self, file: &Path) -> Self {
        if let Place::Server { secret, .. } = &mut self.place {
            *secret = Some(Secret::File(file.to_owned()));
        }
        self
    }

    /// The database, as the connectors open it.
    pub fn database(&self, schema: Option<&str>) -> Database {
        match &self.place {
            Place::File(path) => Database::Sqlite(path.clone()),
            Place::Server { url, secret, tls } => Database::Server(Box::new(Server {
                engine: url.engine,
                address: url.address.clone(),
                user: url.user.clone(),
                password: secret.clone(),
                database: url.database.clone(),
                schema: schema.map(str::to_owned).filter(|_| url.engine == EngineKind::Postgres),
                tls: match (tls, &url.address) {
                    // A socket never leaves the machine.
                    (_, Address::Socket(_)) | (Tls::Disabled, _) => server::Tls::Disabled,
                    (Tls::Verified(authority), _) => server::Tls::Verified { authority: authority.clone() },
                },
                limits: ServerLimits::default(),
            })),
        }
    }

    /// Whether it is behind a server, with users and certificates.
    pub fn is_server(&self) -> bool {
        matches!(self.place, Place::Server { .. })
    }

    /// Whether PostgreSQL's schemas mean something to it.
    pub fn has_schemas(&self) -> bool {
        matches!(&self.place, Place::Server { url, .. } if url.engine == EngineKind::Postgres)
    }

    /// Writes it under `databases`.
    pub(super) fn write(&self, folder: &Path, schema: Option<&str>, out: &mut String) {
        let (url, secret, tls) = match &self.place {
            Place::File(path) => {
                let _ = writeln!(out, "    sqlite: {}", scalar(&relative(path, folder)));
                return;
            }
            Place::Server { url, secret, tls } => (url, secret, tls),
        };
        let path = |path: &Path| scalar(&relative(path, folder));
        let _ = writeln!(out, "    {}:", if url.engine == EngineKind::Postgres { "postgres" } else { "mysql" });
        match secret {
            Some(Secret::UrlFile(file)) => {
                let _ = writeln!(out, "      url_file: {}", path(file));
            }
            Some(Secret::UrlEnvironment(name)) => {
                let _ = writeln!(out, "      url_env: {}", scalar(name));
            }
            _ => self::parts(url, folder, out),
        }
        match secret {
            Some(Secret::File(file)) => {
                let _ = writeln!(out, "      password_file: {}   # readable by its owner only", path(file));
            }
            Some(Secret::Environment(name)) => {
                let _ = writeln!(out, "      password_env: {}", scalar(name));
            }
            _ => {}
        }
        if let Some(schema) = schema {
            let _ = writeln!(out, "      schema: {}", scalar(schema));
        }
        match (tls, &url.address) {
            (_, Address::Socket(_)) | (Tls::Verified(None), _) => {}
            (Tls::Verified(Some(authority)), _) => {
                let _ = writeln!(out, "      tls: {{ ca: {} }}", path(authority));
            }
            (Tls::Disabled, _) => out.push_str("      tls: disable\n"),
        }
        out.push_str("      # connections: 4             # at once, over all requests\n");
        out.push_str("      # rows_per_second: 50000     # to spare the server\n");
    }
}

fn parts(url: &DatabaseUrl, folder: &Path, out: &mut String) {
    match &url.address {
        Address::Socket(socket) => {
            let _ = writeln!(out, "      socket: {}", scalar(&relative(socket, folder)));
        }
        Address::Tcp { host, port } => {
            let host = scalar(host);
            let _ = writeln!(out, "      host: {host}\n      port: {port}");
        }
    }
    let _ = writeln!(out, "      user: {}", scalar(&url.user));
    if let Some(database) = &url.database {
        let _ = writeln!(out, "      database: {}", scalar(database));
    }
}

/// `sqlite:///var/lib/shop.db`, `sqlite://shop.db`, `sqlite:shop.db`, or the plain path of a file.
fn sqlite_path(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
    path.or_else(|| (!url.contains("://")).then_some(url)).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_file_is_named_by_url_or_path() {
        for url in ["sqlite:///var/shop.db", "sqlite:/var/shop.db", "/var/shop.db"] {
            assert_eq!(sqlite_path(url), Some(PathBuf::from("/var/shop.db")), "{url}");
        }
        assert_eq!(sqlite_path("sqlite://shop.db"), Some(PathBuf::from("shop.db")));
        assert_eq!(sqlite_path("postgres://u@h/d"), None);
    }

    #[test]
    fn what_is_written_never_holds_a_password() {
        let url = "postgres://reader:hush@db.acme.example/crm";
        let given = Connection::new(url, None, Tls::Verified(None)).unwrap();
        assert_eq!(given.password().unwrap().expose(), "hush");
        let given = given.with_password_in(Path::new("/etc/agent/database.password"));
        let mut out = String::new();
        given.write(Path::new("/etc/agent"), Some("sales"), &mut out);
        assert!(!out.contains("hush") && !format!("{given:?}").contains("hush"), "{out}");
        assert!(out.contains("password_file: database.password") && out.contains("schema: sales"), "{out}");
        let error = Connection::new("oracle://u:hush@h/d", None, Tls::Verified(None)).unwrap_err().to_string();
        assert!(!error.contains("hush"), "{error}");
        let far = Connection::new("mysql://u@db.acme.example/d", None, Tls::Disabled);
        assert_eq!(far.unwrap_err(), ConnectionError::NoTls);
    }
}
