//! The databases of one walk, opened when they are needed first and held until the walk ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tributary_archive::table::FieldKind;
use tributary_model::manifest::BaseType;

use super::Catalog;
use crate::collect::{Database, StopFlag};
use crate::controller;
use crate::encode::Kinds;
use crate::graph::NodeId;
use crate::source::server::{Gate, Opening};
use crate::source::{ReadError, Snapshot, open_server, sqlite};
use crate::walk::Systems;

/// The snapshots of one walk.
pub(crate) struct OpenSystems<'c> {
    catalog: &'c Catalog,
    given_up: BTreeSet<usize>,
    stop: &'c StopFlag,
    open: BTreeMap<usize, Box<dyn Snapshot>>,
    kinds: &'c Kinds,
}

impl<'c> OpenSystems<'c> {
    pub(crate) fn new(catalog: &'c Catalog, given_up: BTreeSet<usize>, stop: &'c StopFlag, kinds: &'c Kinds) -> Self {
        Self { catalog, given_up, stop, open: BTreeMap::new(), kinds }
    }

    /// The snapshot of a dataset, taken now if it was not before; `None` when it is not connected or given up.
    pub(crate) fn live(&mut self, dataset: usize) -> Result<Option<&mut dyn Snapshot>, ReadError> {
        if self.given_up.contains(&dataset) {
            return Ok(None);
        }
        if !self.open.contains_key(&dataset) {
            let Some(mut database) = snapshot(self.catalog, dataset, self.stop)? else { return Ok(None) };
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

/// What all walks over a database share.
pub(super) fn gate(database: &Option<Database>) -> Option<Arc<Gate>> {
    match database {
        Some(Database::Server(server)) => Some(Gate::new(&server.limits)),
        _ => None,
    }
}

/// Takes a snapshot of a dataset's database, if it has one.
pub(super) fn snapshot(
    catalog: &Catalog,
    dataset: usize,
    stop: &StopFlag,
) -> Result<Option<Box<dyn Snapshot>>, ReadError> {
    let taken = take(catalog, dataset, stop);
    let (key, now) = (&catalog.graph.manifests().datasets[dataset].key, catalog.clock.now());
    match &taken {
        Ok(_) => catalog.standing.back(key, now),
        Err(ReadError::Unavailable(detail)) => catalog.standing.away(key, detail, now),
        Err(_) => {}
    }
    taken
}

fn take(catalog: &Catalog, dataset: usize, stop: &StopFlag) -> Result<Option<Box<dyn Snapshot>>, ReadError> {
    let Catalog { limits, clock, .. } = catalog;
    Ok(match (&catalog.databases[dataset], &catalog.gates[dataset]) {
        (Some(Database::Sqlite(path)), _) => {
            Some(Box::new(sqlite::Database::open(path, clock, stop, limits.snapshot_max)?))
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
            Some(open_server(&opening)?)
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
