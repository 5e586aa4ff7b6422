//! The databases of one walk, opened when they are needed first and held until the walk ends.

use std::collections::{BTreeMap, BTreeSet};

use tributary_archive::table::FieldKind;

use super::Catalog;
use crate::collect::{Database, StopFlag};
use crate::encode::Kinds;
use crate::graph::NodeId;
use crate::source::{ReadError, Snapshot, sqlite};
use crate::walk::Systems;

/// The snapshots of one walk.
pub(crate) struct OpenSystems<'c> {
    catalog: &'c Catalog,
    given_up: BTreeSet<usize>,
    stop: &'c StopFlag,
    open: BTreeMap<usize, sqlite::Database>,
    kinds: &'c Kinds,
}

impl<'c> OpenSystems<'c> {
    pub(crate) fn new(catalog: &'c Catalog, given_up: BTreeSet<usize>, stop: &'c StopFlag, kinds: &'c Kinds) -> Self {
        Self { catalog, given_up, stop, open: BTreeMap::new(), kinds }
    }

    pub(crate) fn sqlite(&mut self, dataset: usize) -> Result<Option<&mut sqlite::Database>, ReadError> {
        if self.given_up.contains(&dataset) {
            return Ok(None);
        }
        let Some(Database::Sqlite(path)) = &self.catalog.databases[dataset] else { return Ok(None) };
        if !self.open.contains_key(&dataset) {
            let limits = &self.catalog.limits;
            let mut database = sqlite::Database::open(path, &self.catalog.clock, self.stop, limits.snapshot_max)?;
            for node in self.catalog.nodes_of(dataset) {
                let kinds = kinds(self.catalog, node, &mut database)?;
                self.kinds.borrow_mut().insert(node, kinds);
            }
            self.open.insert(dataset, database);
        }
        Ok(self.open.get_mut(&dataset))
    }
}

impl Systems for OpenSystems<'_> {
    fn snapshot(&mut self, dataset: usize) -> Result<Option<&mut (dyn Snapshot + '_)>, ReadError> {
        Ok(self.sqlite(dataset)?.map(|database| database as &mut dyn Snapshot))
    }
}

/// Column types as far as SQLite guarantees them: outside of strict tables any column may hold anything, except that a
/// rowid is a number and a text column turns numbers into text.
fn kinds(catalog: &Catalog, node: NodeId, database: &mut sqlite::Database) -> Result<Vec<FieldKind>, ReadError> {
    let collection = catalog.graph.collection(node);
    let table = database.table(&collection.name)?;
    let kind = |name: &str| {
        let Some((table, column)) = table.and_then(|table| Some((table, table.column(name)?))) else {
            return FieldKind::Any;
        };
        let declared = column.declared.to_ascii_uppercase();
        match declared.as_str() {
            _ if table.is_rowid(column) => FieldKind::Integer,
            "INT" | "INTEGER" if table.strict => FieldKind::Integer,
            _ if column.is_text() => FieldKind::String,
            _ => FieldKind::Any,
        }
    };
    Ok(collection.fields.iter().map(|field| kind(&field.name)).collect())
}
