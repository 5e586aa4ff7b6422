//! A database server of the entity: how it is reached, and how hard it may be worked. Passwords are read when a
//! connection is made, so that a new one counts from the next connection on; none of them prints.

use std::time::Duration;

use tributary_model::database::{Address, EngineKind, Secret, Tls};
use tributary_model::sensitive::Sensitive;

use super::super::ReadError;

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

impl ServerLimits {
    /// The stricter of two, limit by limit.
    fn stricter(&self, other: &Self) -> Self {
        Self {
            connections: self.connections.min(other.connections),
            rows_per_second: self.rows_per_second.into_iter().chain(other.rows_per_second).min(),
            statement_timeout: self.statement_timeout.min(other.statement_timeout),
            snapshot_max: self.snapshot_max.min(other.snapshot_max),
            connect_timeout: self.connect_timeout.min(other.connect_timeout),
        }
    }
}

impl Server {
    /// The database that is connected to, where a manifest names this one; `None` for the user's own.
    pub(crate) fn database_in<'s>(&'s self, named: Option<&'s str>) -> Option<&'s str> {
        self.database.as_deref().or(named)
    }

    /// The server without the database and the schema: the one is compared with what the manifest names, see
    /// [`Self::database_in`], and the other is no matter of the connection.
    pub(crate) fn anywhere(&self) -> Self {
        Self { schema: None, database: None, ..self.clone() }
    }

    /// Takes over the limits of another dataset in the same database where they are stricter.
    pub(crate) fn tighten(&mut self, other: &Self) {
        self.limits = self.limits.stricter(&other.limits);
    }

    /// What it is and where, for people.
    pub fn place(&self) -> String {
        let engine = match self.engine {
            EngineKind::Postgres => "PostgreSQL",
            EngineKind::MySql => "MySQL",
        };
        format!("{engine} at {} as `{}`", self.address, self.user)
    }

    /// The password as it is now.
    pub(super) fn password_now(&self) -> Result<Option<Sensitive<String>>, ReadError> {
        let password = self.password.as_ref().map(Secret::read).transpose();
        Ok(password.map_err(|error| ReadError::Unavailable(format!("{}: {error}", self.place())))?.flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_of_each_limit_counts_for_datasets_of_one_database() {
        let one = ServerLimits { connections: 1, rows_per_second: None, ..ServerLimits::default() };
        let other = ServerLimits {
            rows_per_second: Some(100),
            snapshot_max: Duration::from_secs(60),
            ..ServerLimits::default()
        };
        let both = ServerLimits {
            connections: 1,
            rows_per_second: Some(100),
            snapshot_max: Duration::from_secs(60),
            ..ServerLimits::default()
        };
        assert_eq!((one.stricter(&other), other.stricter(&one)), (both.clone(), both));
    }
}
