//! The section `database`: PostgreSQL for the state of several gateways, in place of SQLite in the data directory.

use std::path::Path;
use std::time::Duration;

use tributary_model::database::{Address, EngineKind, Secret, Section, Tls};
use tributary_model::yaml::{Node, Reader};

use super::read::{count, time};

/// A PostgreSQL database that holds the gateway's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postgres {
    /// Where the server is.
    pub address: Address,
    /// As whom the gateway connects.
    pub user: String,
    /// Where the password is; some servers trust a socket's owner.
    pub password: Option<Secret>,
    /// The database.
    pub database: String,
    /// How the connection is protected.
    pub tls: Tls,
    /// Connections at once. One more listens for what other gateways change.
    pub connections: u32,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
}

impl Postgres {
    /// Connections at once unless said otherwise.
    pub const CONNECTIONS: u32 = 8;
    /// How long a connection may take to be made unless said otherwise.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

    /// What it is and where, for people.
    pub fn place(&self) -> String {
        format!("PostgreSQL database `{}` at {} as `{}`", self.database, self.address, self.user)
    }
}

/// Fewest connections: one for questions and one for what is written.
const LEAST: u32 = 2;

/// Reads `database`; nothing else than `postgres` may stand there.
pub(super) fn database(r: &mut Reader, node: &Node, folder: &Path) -> Option<Postgres> {
    let mut f = r.fields(node, "`database`")?;
    let postgres = f.required_node(r, "postgres").and_then(|node| postgres(r, node, folder));
    f.deny_unknown(r);
    postgres
}

fn postgres(r: &mut Reader, node: &Node, folder: &Path) -> Option<Postgres> {
    let mut f = r.fields(node, "`postgres`")?;
    let section = Section::read(r, &mut f, "`postgres`", EngineKind::Postgres, folder);
    let mut connections = Postgres::CONNECTIONS as usize;
    count(r, &mut f, "connections", &mut connections);
    let connections = u32::try_from(connections).unwrap_or(u32::MAX);
    if connections < LEAST {
        r.problem(node.place, format!("`connections` must be at least {LEAST}"));
    }
    let mut connect_timeout = Postgres::CONNECT_TIMEOUT;
    time(r, &mut f, "connect_timeout", &mut connect_timeout);
    f.deny_unknown(r);
    let Section { address, user, password, database, tls } = section?;
    let Some(database) = database else {
        r.problem(node.place, "`postgres` lacks the key `database`, or a URL with it");
        return None;
    };
    Some(Postgres { address, user, password, database, tls, connections, connect_timeout })
}
