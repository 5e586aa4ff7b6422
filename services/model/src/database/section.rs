//! A server as a section of a configuration file: by URL, or by host or socket and user, with password and TLS.

use std::path::{Path, PathBuf};

use super::{Address, DatabaseUrl, EngineKind, Secret, Tls};
use crate::yaml::{Fields, Node, Place, Reader};

/// What a section says of how a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Where the server is.
    pub address: Address,
    /// As whom to connect.
    pub user: String,
    /// Where the password is.
    pub password: Option<Secret>,
    /// The database, if it is named.
    pub database: Option<String>,
    /// How the connection is protected.
    pub tls: Tls,
}

impl Section {
    /// Reads the keys `url`, `url_file`, `url_env`, `host`, `port`, `socket`, `user`, `password_file`, `password_env`,
    /// `database` and `tls` of the fields `f`, which the file calls `what`. Relative paths count from `folder`. Other keys
    /// are left for whoever reads the rest.
    pub fn read(r: &mut Reader, f: &mut Fields<'_>, what: &str, engine: EngineKind, folder: &Path) -> Option<Self> {
        let place = f.place();
        let by_url = ["url", "url_file", "url_env"].map(|key| (key, f.node(key)));
        let by_parts = Parts::read(r, f, engine, folder);
        let password = password(r, f, folder);
        let given: Vec<_> = by_url.iter().filter_map(|(key, node)| node.map(|node| (*key, node))).collect();
        let target = match (given.as_slice(), by_parts) {
            ([(key, node)], Parts { host: None, socket: None, user: None, .. }) => {
                url(r, key, node, engine, folder).map(|url| Target { password: password.or(url.password), ..url })
            }
            ([], parts) => parts.target(r, place, what, password),
            _ => {
                let message = format!(
                    "{what} must have one of `url`, `url_file` and `url_env`, or `host` or `socket` with `user`"
                );
                r.problem(place, message);
                None
            }
        };
        let named: Option<String> = f.optional(r, "database");
        let tls = f.node("tls").map_or(Some(Tls::Verified { authority: None }), |node| tls(r, node, folder));
        let (target, tls) = (target?, tls?);
        if tls == Tls::Disabled && !target.address.is_this_machine() {
            r.problem(place, "`tls` may be `disable` for `localhost`, a loopback address or a socket only");
        }
        // A socket never leaves the machine.
        let tls = if matches!(target.address, Address::Socket(_)) { Tls::Disabled } else { tls };
        let Target { address, user, password, database } = target;
        Some(Self { address, user, password, database: named.or(database), tls })
    }
}

/// Where a server is and who connects.
struct Target {
    address: Address,
    user: String,
    password: Option<Secret>,
    database: Option<String>,
}

struct Parts {
    host: Option<String>,
    port: Option<u16>,
    socket: Option<PathBuf>,
    user: Option<String>,
    engine: EngineKind,
}

impl Parts {
    fn read(r: &mut Reader, f: &mut Fields<'_>, engine: EngineKind, folder: &Path) -> Self {
        let socket: Option<String> = f.optional(r, "socket");
        Self {
            host: f.optional(r, "host"),
            port: f.optional(r, "port"),
            socket: socket.map(|path| folder.join(path)),
            user: f.optional(r, "user"),
            engine,
        }
    }

    fn target(self, r: &mut Reader, place: Place, what: &str, password: Option<Secret>) -> Option<Target> {
        let port = self.port.unwrap_or(self.engine.port());
        let address = match (self.host, self.socket) {
            (Some(host), None) => Some(Address::Tcp { host, port }),
            (None, Some(path)) => Some(Address::Socket(path)),
            _ => {
                r.problem(place, format!("{what} must have `host` or `socket`, or a `url`"));
                None
            }
        };
        if self.user.is_none() {
            r.problem(place, format!("{what} lacks the key `user`"));
        }
        Some(Target { address: address?, user: self.user?, password, database: None })
    }
}

fn url(r: &mut Reader, key: &'static str, node: &Node, engine: EngineKind, folder: &Path) -> Option<Target> {
    let text: String = r.scalar(node, key)?;
    let (text, secret) = match key {
        "url_file" => {
            let path = folder.join(&text);
            match std::fs::read_to_string(&path) {
                Ok(text) => (text, Some(Secret::UrlFile(path))),
                Err(error) => {
                    r.problem(node.place, format!("`{key}`: {} cannot be read: {error}", path.display()));
                    return None;
                }
            }
        }
        "url_env" => match std::env::var(&text) {
            Ok(url) => (url, Some(Secret::UrlEnvironment(text))),
            Err(_) => {
                r.problem(node.place, format!("`{key}`: the environment variable {text} is not set"));
                return None;
            }
        },
        _ => (text, None),
    };
    let url = match DatabaseUrl::parse(text.trim()) {
        Ok(url) => url,
        Err(error) => {
            r.problem(node.place, format!("`{key}`: {error}"));
            return None;
        }
    };
    if url.engine != engine {
        r.problem(node.place, format!("`{key}`: the URL is that of another kind of database"));
        return None;
    }
    if url.password.is_some() && secret.is_none() {
        let message = "`url`: a password does not stand in this file; use `url_file`, `url_env` or `password_file`";
        r.problem(node.place, message);
        return None;
    }
    let password = secret.filter(|_| url.password.is_some());
    Some(Target { address: url.address, user: url.user, password, database: url.database })
}

fn password(r: &mut Reader, f: &mut Fields<'_>, folder: &Path) -> Option<Secret> {
    let file: Option<String> = f.optional(r, "password_file");
    let environment: Option<String> = f.optional(r, "password_env");
    if file.is_some() && environment.is_some() {
        r.problem(f.place(), "one of `password_file` and `password_env` is enough");
    }
    file.map(|file| Secret::File(folder.join(file))).or(environment.map(Secret::Environment))
}

fn tls(r: &mut Reader, node: &Node, folder: &Path) -> Option<Tls> {
    match node.text() {
        Some("disable") => Some(Tls::Disabled),
        Some("verify-full") => Some(Tls::Verified { authority: None }),
        Some(_) => {
            r.problem(node.place, "`tls` must be `verify-full`, `disable`, or a map with `ca`, a PEM file");
            None
        }
        None => {
            let mut f = r.fields(node, "`tls`")?;
            let authority: Option<String> = f.required(r, "ca");
            f.deny_unknown(r);
            Some(Tls::Verified { authority: Some(folder.join(authority?)) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Problems, parse};

    fn section(text: &str) -> Result<Section, Problems> {
        let root = parse("f.yaml", text)?;
        let mut r = Reader::new("f.yaml");
        let section = r.fields(&root, "`postgres`").and_then(|mut f| {
            let section =
                Section::read(&mut r, &mut f, "`postgres`", EngineKind::Postgres, Path::new("/etc/tributary"));
            f.deny_unknown(&mut r);
            section
        });
        r.finish(section)
    }

    #[test]
    fn a_server_is_given_by_its_parts_or_by_a_url() {
        let by_parts = section("{host: db.acme.fr, user: gw, database: state, password_file: pw, tls: {ca: ca.pem}}");
        let by_parts = by_parts.unwrap();
        assert_eq!(by_parts.address, Address::Tcp { host: "db.acme.fr".to_owned(), port: 5432 });
        assert_eq!(by_parts.password, Some(Secret::File("/etc/tributary/pw".into())));
        assert_eq!(by_parts.tls, Tls::Verified { authority: Some("/etc/tributary/ca.pem".into()) });
        let by_url = section("{url: 'postgres://gw@db.acme.fr/state', password_file: pw, tls: {ca: ca.pem}}").unwrap();
        assert_eq!(by_url, by_parts);
        let by_socket = section("{socket: /run/postgresql, user: gw}").unwrap();
        assert_eq!((by_socket.tls, by_socket.database), (Tls::Disabled, None));
    }

    #[test]
    fn what_is_missing_or_unsafe_is_said_with_its_place() {
        for (text, expected) in [
            ("{host: db.acme.fr, user: gw, tls: disable}", "`tls` may be `disable` for"),
            ("{user: gw}", "must have `host` or `socket`"),
            ("{host: h}", "lacks the key `user`"),
            ("{url: 'postgres://gw@h/d', host: h}", "must have one of `url`"),
            ("{url: 'postgres://gw:hunter2@h/d'}", "a password does not stand in this file"),
            ("{url: 'mysql://gw@h/d'}", "another kind of database"),
            ("{host: h, user: gw, tls: prefer}", "`tls` must be `verify-full`"),
            ("{host: h, user: gw, password_file: a, password_env: B}", "is enough"),
            ("{url_env: TRIBUTARY_NOT_SET}", "TRIBUTARY_NOT_SET is not set"),
        ] {
            let problems = section(text).unwrap_err().to_string();
            assert!(problems.contains(expected) && problems.starts_with("f.yaml:1:"), "{problems}");
            assert!(!problems.contains("hunter2"), "{problems}");
        }
    }
}
