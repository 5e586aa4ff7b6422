//! Fields that are taken for one key though nothing says that they are.

use tributary_model::manifest::{Collection, Field, ForeignKey, Manifests};

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
