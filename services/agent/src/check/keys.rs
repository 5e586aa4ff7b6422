//! References that find other rows than may be meant: those to a part of a key, by which all rows are found that share it.

use tributary_model::manifest::Field;

use crate::graph::{Graph, Join};

/// A line for each reference to a part of a primary key.
pub(super) fn partial(graph: &Graph) -> Vec<String> {
    let is_partial = |join: &&Join| {
        let other = &graph.nodes()[join.referenced];
        let [field] = join.referenced_fields.as_slice() else { return false };
        other.primary_key.len() > 1 && other.primary_key.contains(&field.column)
    };
    let line = |join: &Join| {
        let (holder, other) = (graph.collection(join.holder), graph.collection(join.referenced));
        let names = |fields: &[Field], paths: &[crate::graph::FieldPath]| {
            paths.iter().map(|path| format!("`{}`", fields[path.column].name)).collect::<Vec<_>>().join(", ")
        };
        let key =
            graph.nodes()[join.referenced].primary_key.iter().map(|&column| format!("`{}`", other.fields[column].name));
        format!(
            "{}: {}: {} refers to {} of {}, whose primary key is {}: whoever shares that part of it shares these rows; refer \
             to all of the key if it is meant",
            holder.fields[join.holder_fields[0].column].at,
            graph.name(join.holder),
            names(&holder.fields, &join.holder_fields),
            names(&other.fields, &join.referenced_fields),
            graph.name(join.referenced),
            key.collect::<Vec<_>>().join(", ")
        )
    };
    let mut found: Vec<String> = graph.joins().iter().filter(is_partial).map(line).collect();
    found.dedup();
    found
}
