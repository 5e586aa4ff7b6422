//! The databases of one walk, opened when they are needed first and held until the walk ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tributary_archive::table::FieldKind;
use tributary_model::manifest::{BaseType, Dataset};

use super::Catalog;
use crate::collect::{Database, StopFlag};
use crate::controller;
use crate::encode::Kinds;
use crate::graph::NodeId;
use crate::source::server::{Gate, Opening, Server};
use crate::source::{Links, ReadError, Snapshot, share_server, sqlite};
use crate::walk::Systems;

/// The snapshots of one walk.
pub(crate) struct OpenSystems<'c> {
    catalog: &'c Catalog,
    given_up: BTreeSet<usize>,
    stop: &'c StopFlag,
    open: BTreeMap<usize, Box<dyn Snapshot>>,
    links: Links,
    kinds: &'c Kinds,
}

impl<'c> OpenSystems<'c> {
    pub(crate) fn new(catalog: &'c Catalog, given_up: BTreeSet<usize>, stop: &'c StopFlag, kinds: &'c Kinds) -> Self {
        Self { catalog, given_up, stop, open: BTreeMap::new(), links: Links::default(), kinds }
    }

    /// The snapshot of a dataset, taken now if it was not before; `None` when it is not connected or given up.
    pub(crate) fn live(&mut self, dataset: usize) -> Result<Option<&mut dyn Snapshot>, ReadError> {
        if self.given_up.contains(&dataset) {
            return Ok(None);
        }
        if !self.open.contains_key(&dataset) {
            let Some(mut database) = snapshot(self.catalog, dataset, self.stop, &mut self.links)? else {
                return Ok(None);
            };
            for node in self.catalog.nodes_of(dataset) {
                let kinds = kinds(self.catalog, node, database.as_mut())?;
                self.kinds.borrow_mut().insert(node, kinds);
            }
            self.open.insert(dataset, database);
        }
        Ok(match self.open.get_mut(&dataset) {
            Some(database) => Some(database.as_mut()),
            None => None,
        })
    }
}

impl Systems for OpenSystems<'_> {
    fn snapshot(&mut self, dataset: usize) -> Result<Option<&mut (dyn Snapshot + '_)>, ReadError> {
        Ok(match self.live(dataset)? {
            Some(database) => Some(database),
            None => None,
        })
    }
}

/// What all walks over a database share, per dataset: one gate for all datasets in it. How hard it may be worked is said of
/// each of them; the strictest counts for all.
///
/// # Errors
/// When a walk would wait for itself: several users are needed, and fewer connections are allowed.
pub(super) fn gates(
    datasets: &[Dataset],
    databases: &mut [Option<Database>],
) -> Result<Vec<Option<Arc<Gate>>>, String> {
    let mut gates: Vec<Option<Arc<Gate>>> = vec![None; databases.len()];
    for first in 0..databases.len() {
        let Some(Database::Server(server)) = &databases[first] else { continue };
        if gates[first].is_some() {
            continue;
        }
        let place = |at: usize, server: &Server| {
            let database = server.database_in(datasets[at].namespace.database.as_deref()).map(str::to_owned);
            (server.engine, server.address.clone(), database)
        };
        let own = place(first, server);
        let (mut strictest, mut members) = (server.clone(), Vec::new());
        for (at, database) in databases.iter().enumerate() {
            if let Some(Database::Server(other)) = database
                && place(at, other) == own
            {
                strictest.tighten(other);
                members.push(at);
            }
        }
        let mut ways: Vec<Server> = Vec::new();
        for &at in &members {
            let Some(Database::Server(member)) = &mut databases[at] else { continue };
            member.limits = strictest.limits.clone();
            let way = member.anywhere();
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        let count = u32::try_from(ways.len()).unwrap_or(u32::MAX);
        if count > strictest.limits.connections {
            let names: Vec<String> = members.iter().map(|&at| format!("`{}`", datasets[at].key)).collect();
            return Err(format!(
                "databases: {} are in one database and reached in {count} ways, each over a connection of its own; reach them as one \
                 user with one password and `tls`, or allow as many `connections` for each",
                names.join(", ")
            ));
        }
        let gate = Gate::new(&strictest.limits, count);
        members.iter().for_each(|&at| gates[at] = Some(Arc::clone(&gate)));
    }
    Ok(gates)
}

/// Takes a snapshot of a dataset's database, if it has one.
pub(super) fn snapshot(
    catalog: &Catalog,
    dataset: usize,
    stop: &StopFlag,
    links: &mut Links,
) -> Result<Option<Box<dyn Snapshot>>, ReadError> {
    let taken = take(catalog, dataset, stop, links);
    let (key, now) = (&catalog.graph.manifests().datasets[dataset].key, catalog.clock.now());
    match &taken {
        Ok(_) => catalog.standing.back(key, now),
        Err(ReadError::Unavailable(detail)) => catalog.standing.away(key, detail, now),
        Err(_) => {}
    }
    taken
}

fn take(
    catalog: &Catalog,
    dataset: usize,
    stop: &StopFlag,
    links: &mut Links,
) -> Result<Option<Box<dyn Snapshot>>, ReadError> {
    let Catalog { limits, clock, .. } = catalog;
    Ok(match (&catalog.databases[dataset], &catalog.gates[dataset]) {
        (Some(Database::Sqlite(path)), _) => {
            let opened = sqlite::Database::open(path, clock, stop, limits.snapshot_max)?;
            Some(Box::new(opened.knowing(&catalog.seen[dataset])?))
        }
        (Some(Database::Server(server)), Some(gate)) => {
            let namespace = &catalog.graph.manifests().datasets[dataset].namespace;
            let opening = Opening {
                server,
                namespace: (namespace.database.as_deref(), namespace.schema.as_deref()),
                gate,
                clock,
                stop,
                temp_dir: limits.temp_dir.clone(),
            };
            Some(share_server(&opening, links)?)
        }
        (None | Some(Database::Server(_)), _) => None,
    })
}

/// Column types as far as the database guarantees them.
fn kinds(catalog: &Catalog, node: NodeId, database: &mut dyn Snapshot) -> Result<Vec<FieldKind>, ReadError> {
    let collection = catalog.graph.collection(node);
    let table = match database.table(&collection.name) {
        // What cannot be read is named when it is walked.
        Err(ReadError::NotReadable(_)) => None,
        table => table?,
    };
    // A database that was not there at the start may differ: rows whose owner nobody looks at must not leave.
    if let Some((at, message)) =
        table.as_ref().and_then(|t| controller::against(catalog.graph.dataset(node), collection, t))
    {
        return Err(ReadError::Unavailable(format!("{at}: {message}; then restart the agent")));
    }
    let kind = |field: &tributary_model::manifest::Field| {
        let kind = table.as_ref().and_then(|table| table.column(&field.name)).map_or(FieldKind::Any, |c| c.kind);
        let boolean = field.data_type.is_some_and(|declared| declared.base == BaseType::Boolean && !declared.array);
        // Numbers that are declared as true and false are written as such: see `walk`.
        if boolean && kind == FieldKind::Integer { FieldKind::Any } else { kind }
    };
    Ok(collection.fields.iter().map(kind).collect())
}
