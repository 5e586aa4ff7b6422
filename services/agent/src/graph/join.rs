//! References as joins. Those that are one key are one join, matched as a whole: see the manifest's `foreign_key`.

use tributary_model::manifest::{Direction, Manifests, Role};

use super::{FieldPath, Node, NodeId, field_path};

/// A reference between two collections, over one field or the fields of a composite key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The collection that declares it.
    pub holder: NodeId,
    /// Its fields.
    pub holder_fields: Vec<FieldPath>,
    /// The collection that is referred to.
    pub referenced: NodeId,
    /// The fields there, in the order of `holder_fields`.
    pub referenced_fields: Vec<FieldPath>,
    /// Which way values go.
    pub direction: Option<Direction>,
    /// What whoever is referred to has to do with the rows that refer to them.
    pub role: Role,
}

/// All joins of the manifests, in file order.
pub(super) fn joins(manifests: &Manifests, nodes: &[Node]) -> Vec<Join> {
    let mut joins = Vec::new();
    for (holder, node) in nodes.iter().enumerate() {
        let collection = &manifests.datasets[node.dataset].collections[node.collection];
        let mut of_holder = Vec::new();
        // What is about someone else leads to their rows, and from theirs to the person's.
        let keys = manifests.foreign_keys(node.dataset, node.collection);
        for key in keys.iter().filter(|key| !key.is_about_someone_else()) {
            let found = nodes.iter().position(|n| (n.dataset, n.collection) == key.to);
            let Some(referenced) = found else { continue };
            let other = &manifests.datasets[key.to.0].collections[key.to.1];
            of_holder.push(Join {
                holder,
                holder_fields: key.parts.iter().map(|part| field_path(collection, &part.from)).collect(),
                referenced,
                referenced_fields: key.parts.iter().map(|part| field_path(other, &part.to)).collect(),
                direction: key.direction,
                role: key.role(),
            });
        }
        of_holder.sort_by_key(|join| (join.referenced, direction_number(join.direction), join.holder_fields.len() > 1));
        joins.append(&mut of_holder);
    }
    joins
}

fn direction_number(direction: Option<Direction>) -> u8 {
    match direction {
        None => 0,
        Some(Direction::From) => 1,
        Some(Direction::To) => 2,
    }
}
