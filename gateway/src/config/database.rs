//! The section `database`: PostgreSQL for the state of several gateways, in place of SQLite in the data directory.

use std::time::Duration;

use tributary_model::database::{Address, Secret, Tls};

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
