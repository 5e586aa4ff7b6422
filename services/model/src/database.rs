//! How a database server is reached: where it is, how the connection is protected and where the password is.
//!
//! Agents and gateways write these down in the same words. Passwords are read when a connection is made, so that a new
//! one counts from the next connection on; none of them prints. `section` reads a server from a configuration file, `url`
//! one that is given as a URL.

mod section;
mod url;

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::sensitive::Sensitive;

pub use section::Section;
pub use url::{DatabaseUrl, InvalidUrl};

/// Which kind of server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    MySql,
}

impl EngineKind {
    /// Where it listens unless said otherwise.
    pub fn port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::MySql => 3306,
        }
    }
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

impl Address {
    /// Whether what is sent there stays on this machine.
    pub fn is_this_machine(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Tcp { host, .. } => {
                host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Socket(path) => path.display().fmt(f),
        }
    }
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

/// Why a password cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file.
    #[error("{} cannot be read: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Others on this machine may read the file.
    #[error("{} has mode {mode:04o}, so others may read the password in it: run `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The environment variable.
    #[error("the environment variable {0} is not set")]
    Environment(String),
    /// The URL that should hold it.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
}

impl Secret {
    /// The password as it is now; `None` when the URL that may hold one has none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> Result<Option<Sensitive<String>>, SecretError> {
        let environment =
            |name: &String| std::env::var(name).map(Sensitive::new).map_err(|_| SecretError::Environment(name.clone()));
        let of_url = |text: Sensitive<String>| Ok(DatabaseUrl::parse(text.expose().trim())?.password);
        match self {
            Self::File(path) => {
                let text = file(path)?;
                Ok(Some(Sensitive::new(text.expose().trim_end_matches(['\r', '\n']).to_owned())))
            }
            Self::Environment(name) => environment(name).map(Some),
            Self::UrlFile(path) => of_url(file(path)?),
            Self::UrlEnvironment(name) => of_url(environment(name)?),
        }
    }
}

/// A file's text, if nobody else may read it. The mode is asked of the open file, so that it cannot be exchanged meanwhile.
fn file(path: &Path) -> Result<Sensitive<String>, SecretError> {
    let failed = |error| SecretError::File { path: path.to_owned(), error };
    let mut open = File::open(path).map_err(failed)?;
    let mode = open.metadata().map_err(failed)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    open.read_to_string(&mut text).map_err(failed)?;
    Ok(Sensitive::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_sockets_are_this_machine() {
        let tcp = |host: &str| Address::Tcp { host: host.to_owned(), port: 5432 };
        for here in [tcp("localhost"), tcp("127.0.0.1"), tcp("::1"), Address::Socket("/run/postgresql".into())] {
            assert!(here.is_this_machine(), "{here}");
        }
        for elsewhere in [tcp("db.acme.fr"), tcp("10.0.0.1"), tcp("localhost.acme.fr")] {
            assert!(!elsewhere.is_this_machine(), "{elsewhere}");
        }
    }

    #[test]
    fn a_password_is_read_as_it_is_now() {
        let folder = std::env::temp_dir().join(format!("tributary-secret-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (path, url) = (folder.join("password"), folder.join("url"));
        let read = |secret: Secret| secret.read().unwrap().map(|password| password.expose().clone());
        let write = |path: &Path, text: &str, mode| {
            std::fs::write(path, text).unwrap();
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        };
        write(&path, "first \n", 0o600);
        assert_eq!(read(Secret::File(path.clone())).as_deref(), Some("first "));
        write(&path, "second", 0o400);
        assert_eq!(read(Secret::File(path.clone())).as_deref(), Some("second"));
        write(&url, "postgres://gw:third@db/state\n", 0o600);
        assert_eq!(read(Secret::UrlFile(url)).as_deref(), Some("third"));
        write(&path, "second", 0o640);
        let refused = Secret::File(path).read().unwrap_err().to_string();
        assert!(refused.contains("chmod 600") && !refused.contains("second"), "{refused}");
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(Secret::File(folder.join("password")).read().unwrap_err().to_string().contains("cannot be read"));
    }
}
