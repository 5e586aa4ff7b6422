//! Whose rows each collection gives, where several entities share a store.

use tributary_model::id::EntityId;
use tributary_model::manifest::{Collection, Dataset, Manifests, Whose};

/// Whether it is worth saying: several entities are served, or the manifests name some.
pub(super) fn are_told(manifests: &Manifests, served: &[EntityId]) -> bool {
    let names = |dataset: &Dataset| {
        dataset.controller.is_some() || dataset.collections.iter().any(|collection| collection.controller.is_some())
    };
    served.len() > 1 || manifests.datasets.iter().any(names)
}

/// Whose rows a collection gives, for people.
pub(super) fn rows_of(dataset: &Dataset, collection: &Collection) -> String {
    let Some(controller) = dataset.controller_of(collection) else {
        return "whose the row is that leads there".to_owned();
    };
    match &controller.whose {
        Whose::Entity(entity) => entity.to_string(),
        Whose::Shared => "every entity, each as its own".to_owned(),
        Whose::Column(column) => {
            let named: Vec<&str> = controller.entities().into_iter().map(EntityId::as_str).collect();
            let named = if named.is_empty() { "the entity in it".to_owned() } else { named.join(", ") };
            format!("{named}, by `{}`", column.name)
        }
    }
}
