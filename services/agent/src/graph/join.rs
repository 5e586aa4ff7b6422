//! References as joins. References to several fields of one composite key are one join, matched as a whole: matched
//! one by one, a shared part of the key (a tenant, a year) would bring in everybody else's rows.

use std::collections::BTreeMap;

use tributary_model::manifest::{Direction, Field, Manifests, Role};

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

struct Link {
    holder: FieldPath,
    referenced: FieldPath,
    role: Role,
}

/// All joins of the manifests, in file order.
pub(super) fn joins(manifests: &Manifests, nodes: &[Node]) -> Vec<Join> {
    let mut joins = Vec::new();
    for (holder, node) in nodes.iter().enumerate() {
        let mut links: BTreeMap<(NodeId, u8), Vec<Link>> = BTreeMap::new();
        let collection = &manifests.datasets[node.dataset].collections[node.collection];
        let mut visit = |path: &[usize], field: &Field| {
            // What is about someone else leads to their rows, and from theirs to the person's.
            if field.others.third_party == Some(true) && field.others.role == Role::Subject {
                return;
            }
            for reference in &field.references {
                let Some(target) = manifests.resolve(reference) else { continue };
                let found = nodes.iter().position(|n| (n.dataset, n.collection) == (target.dataset, target.collection));
                let Some(referenced) = found else { continue };
                let other = &manifests.datasets[target.dataset].collections[target.collection];
                let (from, to) = (field_path(collection, path), field_path(other, &target.path));
                let link = Link { holder: from, referenced: to, role: field.others.role };
                links.entry((referenced, direction_number(reference.direction))).or_default().push(link);
            }
        };
        for_each_field(&collection.fields, &mut Vec::new(), &mut visit);
        for ((referenced, direction), links) in links {
            let direction = [None, Some(Direction::From), Some(Direction::To)][usize::from(direction)];
            let make = |links: &[&Link]| Join {
                holder,
                holder_fields: links.iter().map(|link| link.holder.clone()).collect(),
                referenced,
                referenced_fields: links.iter().map(|link| link.referenced.clone()).collect(),
                direction,
                // Of a composite key, one field says it for all: a tenant is no role.
                role: if links.iter().any(|link| link.role == Role::Actor) { Role::Actor } else { Role::Subject },
            };
            joins.extend(group(&links, node, &nodes[referenced]).iter().map(|group| make(group)));
        }
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

fn for_each_field(fields: &[Field], path: &mut Vec<usize>, visit: &mut impl FnMut(&[usize], &Field)) {
    for (index, field) in fields.iter().enumerate() {
        path.push(index);
        visit(path, field);
        for_each_field(&field.fields, path, visit);
        path.pop();
    }
}

/// Puts links that are parts of one composite key together; the others stay alone.
fn group<'l>(links: &'l [Link], holder: &Node, referenced: &Node) -> Vec<Vec<&'l Link>> {
    let is_key = |node: &Node, path: &FieldPath| path.sub.is_empty() && node.primary_key.contains(&path.column);
    let by_referenced: Vec<&Link> = links.iter().filter(|link| is_key(referenced, &link.referenced)).collect();
    let by_holder: Vec<&Link> = links.iter().filter(|link| is_key(holder, &link.holder)).collect();
    // A join table refers with each part of its own key to the same field: two references, not one.
    let parts = if columns(&by_referenced).len() > 1 {
        by_referenced
    } else if columns(&by_holder).len() > 1 && columns(&by_holder).len() == by_holder.len() {
        by_holder
    } else {
        Vec::new()
    };
    let alone = links.iter().filter(|link| !parts.iter().any(|part| std::ptr::eq(*part, *link)));
    let mut groups: Vec<Vec<&Link>> = alone.map(|link| vec![link]).collect();
    let columns = columns(&parts);
    // Two references to one composite key (sender and recipient) name its fields in the same order; a part that is
    // declared once (the tenant) belongs to both.
    let candidates: Vec<Vec<&Link>> =
        columns.iter().map(|c| parts.iter().copied().filter(|link| link.referenced == **c).collect()).collect();
    let count = candidates.iter().map(Vec::len).max().unwrap_or(0);
    for nth in 0..count {
        groups.push(candidates.iter().filter_map(|c| c.get(nth.min(c.len() - 1)).copied()).collect());
    }
    groups
}

/// The distinct fields referred to, in declaration order.
fn columns<'l>(links: &[&'l Link]) -> Vec<&'l FieldPath> {
    let mut distinct: Vec<&FieldPath> = Vec::new();
    for link in links {
        if !distinct.contains(&&link.referenced) {
            distinct.push(&link.referenced);
        }
    }
    distinct
}
