//! Reads `databases` of `agent.yaml`: SQLite files, and servers with how they are reached and how hard they may be worked.

use std::collections::BTreeMap;
use std::path::Path;

use tributary_model::database::{EngineKind, Section};
use tributary_model::id::FidesKey;
use tributary_model::yaml::{Fields, Node, Reader, Value};

use super::read::{count, time};
use crate::collect::Database;
use crate::source::server::{Server, ServerLimits};

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

fn server(r: &mut Reader, node: &Node, engine: EngineKind, folder: &Path) -> Option<Database> {
    let what = if engine == EngineKind::Postgres { "`postgres`" } else { "`mysql`" };
    let mut f = r.fields(node, what)?;
    let section = Section::read(r, &mut f, what, engine, folder);
    let schema = if engine == EngineKind::Postgres { f.optional(r, "schema") } else { None };
    let limits = limits(r, &mut f);
    f.deny_unknown(r);
    let Section { address, user, password, database, tls } = section?;
    Some(Database::Server(Box::new(Server { engine, address, user, password, database, schema, tls, limits })))
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
