//! References that find other rows than may be meant: fields that are taken for one key though nothing says that they are,
//! and those to a part of the key of people, by which all people are found who share it.

use tributary_model::manifest::{Collection, Field, ForeignKey, Manifests};

use crate::graph::{Graph, Join};

/// A line for each reference to a part of a primary key whose rows are people.
pub(super) fn partial(graph: &Graph) -> Vec<String> {
    let is_partial = |join: &&Join| {
        let other = &graph.nodes()[join.referenced];
        let [field] = join.referenced_fields.as_slice() else { return false };
        other.register && other.primary_key.len() > 1 && other.primary_key.contains(&field.column)
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

/// A line for each such key.
pub(super) fn assumed(manifests: &Manifests) -> Vec<String> {
    let mut found = Vec::new();
    for (d, dataset) in manifests.datasets.iter().enumerate() {
        let searched = |(_, c): &(usize, &Collection)| !c.skip && c.people.manual.is_none();
        for (c, collection) in dataset.collections.iter().enumerate().filter(searched) {
            let keys = manifests.foreign_keys(d, c);
            let mut told: Vec<&ForeignKey> = Vec::new();
            for key in keys.iter().filter(|key| key.assumed) {
                // With two directions it is the same key.
                if told.iter().any(|other| other.parts == key.parts) {
                    continue;
                }
                told.push(key);
                let (other, at) = (&manifests.datasets[key.to.0], &key.at);
                let to = &other.collections[key.to.1];
                let refers = |fields: &[Field], path: &[usize]| format!("`{}`", fields[path[0]].name);
                let from = key.parts.iter().map(|part| refers(&collection.fields, &part.from)).collect::<Vec<_>>();
                let fields = key.parts.iter().map(|part| refers(&to.fields, &part.to)).collect::<Vec<_>>();
                found.push(format!(
                    "{at}: {}.{}: {} are taken for one key that refers to {} of {}.{}: a row is found where all of them \
                     match; say so by `tributary: {{ foreign_key: NAME }}` on these references, or give each a name of its own \
                     if it refers by itself",
                    dataset.key,
                    collection.name,
                    from.join(", "),
                    fields.join(", "),
                    other.key,
                    to.name
                ));
            }
        }
    }
    found
}
