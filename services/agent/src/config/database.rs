//! Reads `databases` of `agent.yaml`: SQLite files, and servers with how they are reached and how hard they may be worked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tributary_model::id::FidesKey;
use tributary_model::yaml::{Fields, Node, Place, Reader, Value};

use super::read::{count, time};
use super::url::DatabaseUrl;
use crate::collect::Database;
use crate::source::server::{Address, EngineKind, Secret, Server, ServerLimits, Tls};

pub(super) fn databases(r: &mut Reader, node: &Node, folder: &Path) -> Option<BTreeMap<FidesKey, Database>> {
    let Value::Map(entries) = &node.value else {
        r.problem(node.place, "`databases` must be a map from dataset key to a connection, such as {sqlite: crm.db}");
        return None;
    };
    let mut databases = BTreeMap::new();
    for (name, place, connection) in entries {
        let key = name.parse::<FidesKey>().map_err(|error| r.problem(*place, format!("`{name}`: {error}"))).ok();
        let database = database(r, connection, folder);
        if let (Some(key), Some(database)) = (key, database) {
            databases.insert(key, database);
        }
    }
    Some(databases)
}

fn database(r: &mut Reader, node: &Node, folder: &Path) -> Option<Database> {
    let mut f = r.fields(node, "a connection")?;
    let (sqlite, postgres, mysql) = (f.node("sqlite"), f.node("postgres"), f.node("mysql"));
    f.deny_unknown(r);
    match (sqlite, postgres, mysql) {
        (Some(path), None, None) => Some(Database::Sqlite(folder.join(r.scalar::<String>(path, "sqlite")?))),
        (None, Some(node), None) => server(r, node, EngineKind::Postgres, folder),
        (None, None, Some(node)) => server(r, node, EngineKind::MySql, folder),
        _ => {
            r.problem(node.place, "a connection must have one of the keys `sqlite`, `postgres` and `mysql`");
            None
        }
    }
}

/// Where a server is and who connects.
struct Target {
    address: Address,
    user: String,
    password: Option<Secret>,
    database: Option<String>,
}

fn server(r: &mut Reader, node: &Node, engine: EngineKind, folder: &Path) -> Option<Database> {
    let what = if engine == EngineKind::Postgres { "`postgres`" } else { "`mysql`" };
    let mut f = r.fields(node, what)?;
    let by_url = ["url", "url_file", "url_env"].map(|key| (key, f.node(key)));
    let by_parts = parts(r, &mut f, engine, folder);
    let password = password(r, &mut f, folder);
    let given: Vec<_> = by_url.iter().filter_map(|(key, node)| node.map(|node| (*key, node))).collect();
    let target = match (given.as_slice(), by_parts) {
        ([(key, node)], Parts { host: None, socket: None, user: None, .. }) => {
            url(r, key, node, engine, folder).map(|url| Target { password: password.or(url.password), ..url })
        }
        ([], parts) => parts.target(r, node.place, what, password),
        _ => {
            let message =
                format!("{what} must have one of `url`, `url_file` and `url_env`, or `host` or `socket` with `user`");
            r.problem(node.place, message);
            None
        }
    };
    let named: Option<String> = f.optional(r, "database");
    let schema = if engine == EngineKind::Postgres { f.optional(r, "schema") } else { None };
    let tls = f.node("tls").map_or(Some(Tls::Verified { authority: None }), |node| tls(r, node, folder));
    let limits = limits(r, &mut f);
    f.deny_unknown(r);
    let (target, tls) = (target?, tls?);
    let local = match &target.address {
        Address::Socket(_) => true,
        Address::Tcp { host, .. } => is_this_machine(host),
    };
    if tls == Tls::Disabled && !local {
        r.problem(node.place, "`tls` may be `disable` for `localhost`, a loopback address or a socket only");
    }
    // A socket never leaves the machine.
    let tls = if matches!(target.address, Address::Socket(_)) { Tls::Disabled } else { tls };
    let Target { address, user, password, database } = target;
    Some(Database::Server(Box::new(Server {
        engine,
        address,
        user,
        password,
        database: named.or(database),
        schema,
        tls,
        limits,
    })))
}

struct Parts {
    host: Option<String>,
    port: Option<u16>,
    socket: Option<PathBuf>,
    user: Option<String>,
    engine: EngineKind,
}

fn parts(r: &mut Reader, f: &mut Fields<'_>, engine: EngineKind, folder: &Path) -> Parts {
    let socket: Option<String> = f.optional(r, "socket");
    Parts {
        host: f.optional(r, "host"),
        port: f.optional(r, "port"),
        socket: socket.map(|path| folder.join(path)),
        user: f.optional(r, "user"),
        engine,
    }
}

impl Parts {
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

fn limits(r: &mut Reader, f: &mut Fields<'_>) -> ServerLimits {
    let mut limits = ServerLimits::default();
    let mut connections = limits.connections as usize;
    count(r, f, "connections", &mut connections);
    limits.connections = u32::try_from(connections).unwrap_or(u32::MAX);
    let mut rows = 0;
    count(r, f, "rows_per_second", &mut rows);
    limits.rows_per_second = u32::try_from(rows).ok().filter(|rows| *rows > 0);
    time(r, f, "statement_timeout", &mut limits.statement_timeout);
    time(r, f, "snapshot_max", &mut limits.snapshot_max);
    time(r, f, "connect_timeout", &mut limits.connect_timeout);
    limits
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
