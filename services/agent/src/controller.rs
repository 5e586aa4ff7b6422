//! Whose rows a walk gives, where several entities share a store: an entity's graph is its part of the whole one, and a
//! row whose column names another entity is neither given nor followed.
//!
//! `problems` finds what would leave that open. The statements of `source` leave other entities' rows out where that is
//! cheap; what counts is [`Owned::whose`], which every row passes, whatever collation or cast its engine compared with.

mod problems;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tributary_archive::table::FieldKind;
use tributary_model::id::EntityId;
use tributary_model::manifest::{At, BaseType, ByColumn, Collection, Controller, Dataset, Manifests, Whose};

use crate::graph::Graph;
use crate::source::{LiveTable, Row};
use crate::value::{Cell, Value};

pub(crate) use problems::{check, problems};

/// Whose a row is, seen by one entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belongs {
    /// The entity's own.
    Ours,
    /// Another entity's.
    ToAnother,
    /// Its column is empty, or names nobody who is known: it leaves under no name.
    ToNobody,
}

/// How a row of a collection shows whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Its column, as a query numbers them.
    pub column: usize,
    /// Values that mean the entity.
    ours: BTreeSet<String>,
    /// Values that mean others.
    others: Vec<String>,
}

impl Owned {
    /// Whose a row is.
    pub fn whose(&self, row: &dyn Row) -> Belongs {
        let Some(value) = text(row.cell(self.column)) else { return Belongs::ToNobody };
        let value = ByColumn::trimmed(&value);
        if self.ours.contains(value) {
            Belongs::Ours
        } else if self.others.iter().any(|other| other == value) {
            Belongs::ToAnother
        } else {
            Belongs::ToNobody
        }
    }

    /// Values whose rows are others': a statement may leave out rows that hold exactly one of them, byte by byte.
    pub fn others(&self) -> &[String] {
        &self.others
    }
}

/// A value that names an entity, as text: whole numbers by their digits. Nothing else names one.
fn text(cell: Cell<'_>) -> Option<String> {
    match cell {
        Cell::Text(bytes) | Cell::Blob(bytes) => std::str::from_utf8(bytes).ok().map(str::to_owned),
        Cell::Null | Cell::Large(_) | Cell::Bool(_) | Cell::Redacted(_) => None,
        Cell::Integer(_) | Cell::Real(_) | Cell::Decimal(_) => {
            Value::of(cell)?.cast(Some(BaseType::String)).ok()?.text().map(str::to_owned)
        }
    }
}

/// Makes what an entity's own files declare that entity's, where they do not say otherwise.
pub(crate) fn assign(manifests: &mut Manifests, owners: &BTreeMap<String, EntityId>) {
    for dataset in manifests.datasets.iter_mut().filter(|dataset| dataset.controller.is_none()) {
        let whose = owners.get(&*dataset.at.file).map(|entity| Whose::Entity(entity.clone()));
        dataset.controller = whose.map(|whose| Controller { whose, at: dataset.at.clone() });
    }
}

/// The graph as `entity` sees it. `known` are the entities that a column without declared values may name.
pub(crate) fn graph_of(whole: &Graph, manifests: Manifests, entity: &EntityId, known: &BTreeSet<EntityId>) -> Graph {
    let mut graph = Graph::new(Arc::new(manifests));
    // What refers to a collection tells whether its rows are people, also when it is another entity's.
    let people: BTreeSet<String> =
        (0..whole.nodes().len()).filter(|&node| whole.nodes()[node].register).map(|node| whole.name(node)).collect();
    for node in 0..graph.nodes().len() {
        let owned = owned(graph.dataset(node), graph.collection(node), entity, known);
        let register = people.contains(&graph.name(node));
        let controller = graph.dataset(node).controller_of(graph.collection(node));
        let named = controller.is_some_and(|controller| matches!(controller.whose, Whose::Entity(_)));
        let node = graph.node_mut(node);
        node.owned = owned;
        node.named = named;
        node.register |= register;
    }
    graph
}

fn owned(dataset: &Dataset, collection: &Collection, entity: &EntityId, known: &BTreeSet<EntityId>) -> Option<Owned> {
    let Whose::Column(by) = &dataset.controller_of(collection)?.whose else { return None };
    let declared = collection.fields.iter().position(|field| field.name == by.name);
    let column = declared.unwrap_or(collection.fields.len());
    let means: Vec<(String, &EntityId)> = match &by.values {
        Some(values) => values.iter().map(|(value, entity)| (value.clone(), entity)).collect(),
        None => known.iter().chain([entity]).map(|entity| (entity.to_string(), entity)).collect(),
    };
    let (ours, others): (Vec<_>, Vec<_>) = means.into_iter().partition(|(_, of)| *of == entity);
    let ours: BTreeSet<String> = ours.into_iter().map(|(value, _)| value).collect();
    Some(Owned { column, ours, others: others.into_iter().map(|(value, _)| value).collect() })
}

/// The column that says whose a collection's rows are and that the manifest does not declare as a field: it is read, and
/// not given.
pub(crate) fn undeclared_column(graph: &Graph, node: usize) -> Option<&str> {
    let (dataset, collection) = (graph.dataset(node), graph.collection(node));
    graph.nodes()[node].owned.as_ref().filter(|owned| owned.column == collection.fields.len())?;
    match &dataset.controller_of(collection)?.whose {
        Whose::Column(by) => Some(&by.name),
        Whose::Entity(_) | Whose::Shared => None,
    }
}

/// What the live table says against what is declared of whose its rows are.
pub(crate) fn against<'d>(
    dataset: &'d Dataset,
    collection: &'d Collection,
    table: &LiveTable,
) -> Option<(&'d At, String)> {
    let there = |by: &ByColumn| table.column(&by.name).map(|column| column.kind);
    match (dataset.controller_of(collection), &dataset.controller) {
        (Some(Controller { whose: Whose::Column(by), at }), _) => match there(by) {
            None => Some((at, format!("`controller`: the table has no column `{}`", by.name))),
            Some(FieldKind::Boolean) => Some((at, format!("`controller`: the column `{}` is true or false", by.name))),
            Some(_) => None,
        },
        // Rows would pass for those of whoever leads to them, and their own column may say another.
        (None, Some(Controller { whose: Whose::Column(by), .. })) if there(by).is_some() => {
            let name = &by.name;
            let what =
                "by the dataset's `controller` it says whose the rows are, and the collection does not declare it";
            Some((&collection.at, format!("the table has the column `{name}`: {what}; declare it as a field")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
