//! The form of a collection's tables, for whoever reads them.

use tributary_archive::table::{Field, FieldKind, ForeignKey, Labels, Table};

use crate::graph::{FieldPath, Graph, Join, NodeId};

/// Describes a collection. `kinds` are its columns' types as far as the database guarantees them.
pub(crate) fn describe(graph: &Graph, node: NodeId, kinds: &[FieldKind]) -> Table {
    let (dataset, collection) = (graph.dataset(node), graph.collection(node));
    let inherited = dataset.categories_of(collection);
    let fields = collection.fields.iter().enumerate().map(|(index, field)| {
        let mut categories = inherited.clone();
        categories.extend(field.categories.iter().filter(|c| !inherited.contains(c)).cloned());
        Field {
            name: field.name.clone(),
            kind: kinds.get(index).copied().unwrap_or(FieldKind::Any),
            format: None,
            title: None,
            description: field.description.clone(),
            categories,
            labels: Labels::default(),
            codes: Vec::new(),
            unit: None,
        }
    });
    let keys = graph.nodes()[node].primary_key.iter().map(|&column| collection.fields[column].name.clone());
    let joins = graph.joins().iter().filter(|join| join.holder == node && is_flat(join));
    Table {
        dataset: dataset.key.clone(),
        collection: collection.name.clone(),
        title: None,
        description: collection.description.clone(),
        fields: fields.collect(),
        primary_key: keys.collect(),
        foreign_keys: joins.map(|join| foreign_key(graph, join)).collect(),
        labels: Labels::default(),
    }
}

fn is_flat(join: &Join) -> bool {
    join.holder_fields.iter().chain(&join.referenced_fields).all(|field| !field.structured)
}

fn foreign_key(graph: &Graph, join: &Join) -> ForeignKey {
    let names = |node: NodeId, fields: &[FieldPath]| {
        fields.iter().map(|field| graph.collection(node).fields[field.column].name.clone()).collect()
    };
    ForeignKey {
        fields: names(join.holder, &join.holder_fields),
        dataset: graph.dataset(join.referenced).key.clone(),
        collection: graph.collection(join.referenced).name.clone(),
        reference_fields: names(join.referenced, &join.referenced_fields),
    }
}
