//! The graph of an entity's collections: nodes, references as joins, and which identifier seeds what.
//!
//! Built once from the manifests; `plan` orients it for the identifier types of one request. `walk` follows the plan.

mod join;
mod plan;

use std::collections::BTreeSet;
use std::sync::Arc;

use tributary_model::id::IdentifierType;
use tributary_model::identifier::Folding;
use tributary_model::manifest::{BaseType, Collection, DataType, Dataset, Field, Manifests, Role, covers};

use crate::controller::Owned;
pub use join::Join;
pub use plan::{Edge, Lookup, LookupId, Plan, SoughtBy};

/// A collection of the graph, as an index.
pub type NodeId = usize;

/// A field, or a value within a structured one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath {
    /// Index of the column among the collection's declared fields.
    pub column: usize,
    /// Names of the way down into a structured value.
    pub sub: Vec<String>,
    /// Declared type of the values at its end.
    pub data_type: Option<BaseType>,
    /// Whether the column holds JSON: it has fields within, or is an array.
    pub structured: bool,
    /// How its values are compared with identifiers.
    pub folding: Folding,
}

/// A collection that takes part in walks.
#[derive(Debug, Clone)]
pub struct Node {
    /// Index of its dataset.
    pub dataset: usize,
    /// Index of the collection in it.
    pub collection: usize,
    /// Whether it holds personal data, as far as the manifest says.
    pub personal: bool,
    /// Whether each of its rows is a person, so that two rows are two people.
    pub register: bool,
    /// Fields that identifiers seed.
    pub identities: Vec<(IdentifierType, FieldPath)>,
    /// Those that name who acted on a row, which is about others.
    pub actors: Vec<(IdentifierType, FieldPath)>,
    /// Columns of the declared primary key.
    pub primary_key: Vec<usize>,
    /// Columns that are declared as true or false.
    pub booleans: Vec<usize>,
    /// How its rows show whose they are, where a column says so and the graph is one entity's.
    pub owned: Option<Owned>,
    /// Whether the manifest says by name that they are all the entity's.
    pub named: bool,
}

/// The whole graph.
#[derive(Debug, Clone)]
pub struct Graph {
    manifests: Arc<Manifests>,
    nodes: Vec<Node>,
    joins: Vec<Join>,
}

impl Graph {
    /// Builds the graph. The manifests were checked, so every reference leads somewhere.
    pub fn new(manifests: Arc<Manifests>) -> Self {
        let mut nodes = Vec::new();
        for (d, dataset) in manifests.datasets.iter().enumerate() {
            let searchable = |collection: &Collection| !collection.skip && collection.people.manual.is_none();
            for (c, collection) in dataset.collections.iter().enumerate().filter(|(_, c)| searchable(c)) {
                nodes.push(node(dataset, collection, d, c));
            }
        }
        let joins = join::joins(&manifests, &nodes);
        let mut graph = Self { manifests, nodes, joins };
        for index in 0..graph.nodes.len() {
            graph.nodes[index].register = graph.is_register(index);
        }
        graph
    }

    /// The manifests it was built from.
    pub fn manifests(&self) -> &Manifests {
        &self.manifests
    }

    /// All nodes, in file order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node, to be adjusted to what one entity sees.
    pub(crate) fn node_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node]
    }

    /// All references.
    pub fn joins(&self) -> &[Join] {
        &self.joins
    }

    /// The dataset of a node.
    pub fn dataset(&self, node: NodeId) -> &Dataset {
        &self.manifests.datasets[self.nodes[node].dataset]
    }

    /// The collection of a node.
    pub fn collection(&self, node: NodeId) -> &Collection {
        &self.dataset(node).collections[self.nodes[node].collection]
    }

    /// A node's columns that are declared as true or false.
    pub fn booleans(&self, node: NodeId) -> &[usize] {
        &self.nodes[node].booleans
    }

    /// `dataset.collection`, for people.
    pub fn name(&self, node: NodeId) -> String {
        format!("{}.{}", self.dataset(node).key, self.collection(node).name)
    }

    /// Identifier types by which anything can be searched.
    pub fn identifier_types(&self) -> BTreeSet<IdentifierType> {
        let all =
            |node: &Node| node.identities.iter().chain(&node.actors).map(|(kind, _)| kind.clone()).collect::<Vec<_>>();
        self.nodes.iter().flat_map(all).collect()
    }

    /// Orients the graph for a request with identifiers of these types.
    pub fn plan(&self, types: &BTreeSet<IdentifierType>) -> Plan {
        plan::plan(self, types)
    }

    /// Whether the rows of a collection are people.
    ///
    /// Fideslang has no word for it, so the key decides. A primary key in category `user.unique_id` names a person;
    /// one in another category (an order, a visit) does not. Where the key is not classified, rows count as people
    /// when they hold names, or when identifiers find them and other collections refer to them: two such rows under one e-mail address are then
    /// taken for two people, which costs a question and never shows one person's data to another.
    fn is_register(&self, index: NodeId) -> bool {
        // What several people share is none of them.
        !self.collection(index).others.shared
            && self.key_names_a_person(index).unwrap_or_else(|| {
                let referenced = self.joins.iter().any(|join| join.referenced == index && join.holder != index);
                let sought = !self.nodes[index].identities.is_empty();
                (sought && referenced) || holds_names(&self.collection(index).fields)
            })
    }

    /// Whether the primary key's categories say that it names a person; `None` when it has none.
    fn key_names_a_person(&self, index: NodeId) -> Option<bool> {
        let fields = &self.collection(index).fields;
        let mut categories =
            self.nodes[index].primary_key.iter().flat_map(|&column| &fields[column].categories).peekable();
        categories.peek()?;
        Some(categories.any(|category| covers("user.unique_id", category)))
    }
}

/// Names of others make no row a person.
fn holds_names(fields: &[Field]) -> bool {
    let own = |field: &&Field| field.others.third_party != Some(true) && !field.others.is_about_actor();
    let named = |field: &Field| field.categories.iter().any(|c| covers("user.name", c)) || holds_names(&field.fields);
    fields.iter().filter(own).any(named)
}

fn node(dataset: &Dataset, collection: &Collection, d: usize, c: usize) -> Node {
    let (mut identities, mut actors) = (Vec::new(), Vec::new());
    for (column, field) in collection.fields.iter().enumerate() {
        let mut seeded_by = |kind, path, role| match role {
            Role::Subject => identities.push((kind, path)),
            Role::Actor => actors.push((kind, path)),
        };
        seeded(field, column, &mut Vec::new(), &mut seeded_by, field.is_structured());
    }
    let keys = collection.fields.iter().enumerate().filter(|(_, field)| field.primary_key);
    Node {
        dataset: d,
        collection: c,
        personal: dataset.is_personal(collection),
        register: false,
        identities,
        actors,
        primary_key: keys.map(|(column, _)| column).collect(),
        booleans: (0..collection.fields.len()).filter(|&column| is_boolean(&collection.fields[column])).collect(),
        owned: None,
        named: false,
    }
}

fn is_boolean(field: &Field) -> bool {
    field.data_type == Some(DataType { base: BaseType::Boolean, array: false })
}

fn seeded(
    field: &Field,
    column: usize,
    sub: &mut Vec<String>,
    into: &mut impl FnMut(IdentifierType, FieldPath, Role),
    structured: bool,
) {
    if let Some(kind) = &field.identity {
        let data_type = field.data_type.map(|t| t.base);
        let folding = field.normal.unwrap_or_else(|| Folding::of(kind));
        let path = FieldPath { column, sub: sub.clone(), data_type, structured, folding };
        into(kind.clone(), path, field.others.role);
    }
    for inner in &field.fields {
        sub.push(inner.name.clone());
        seeded(inner, column, sub, into, structured);
        sub.pop();
    }
}

/// The path of a field that is part of a key.
fn field_path(collection: &Collection, path: &[usize]) -> FieldPath {
    let column = path.first().copied().unwrap_or_default();
    let mut field = &collection.fields[column];
    let structured = field.is_structured();
    let mut sub = Vec::new();
    for &index in path.iter().skip(1) {
        field = &field.fields[index];
        sub.push(field.name.clone());
    }
    FieldPath { column, sub, data_type: field.data_type.map(|t| t.base), structured, folding: Folding::Exact }
}

#[cfg(test)]
mod tests;
