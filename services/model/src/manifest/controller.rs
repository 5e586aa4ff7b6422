//! Whose rows a store holds that several entities share: `tributary.controller` of a dataset or collection.
//!
//! Each entity's part of the manifests is [`Manifests::of`]; which rows of it are its own, the agent says row by row.

use std::collections::{BTreeMap, BTreeSet};

use super::{At, Collection, Dataset, Manifests, System};
use crate::id::{EntityId, FidesKey};

/// What is said of whose rows a dataset or collection holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// Whose they are.
    pub whose: Whose,
    /// Where it is said.
    pub at: At,
}

/// Whose rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// All of them this entity's.
    Entity(EntityId),
    /// Each row's own column says it.
    Column(ByColumn),
    /// Each served entity's: every one gives them as its own.
    Shared,
}

/// A column that says whose a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByColumn {
    /// The column.
    pub name: String,
    /// Which entity each of its values means; absent where the column holds entities' ids.
    pub values: Option<BTreeMap<String, EntityId>>,
}

impl ByColumn {
    /// A value as it is compared: blanks at its end are how columns of a fixed width are filled.
    pub fn trimmed(value: &str) -> &str {
        value.trim_end_matches(' ')
    }
}

impl Controller {
    /// Entities that it names.
    pub fn entities(&self) -> BTreeSet<&EntityId> {
        match &self.whose {
            Whose::Entity(entity) => BTreeSet::from([entity]),
            Whose::Column(column) => column.values.iter().flat_map(BTreeMap::values).collect(),
            Whose::Shared => BTreeSet::new(),
        }
    }

    /// Whether any row could be `entity`'s.
    fn gives_to(&self, entity: &EntityId) -> bool {
        match &self.whose {
            Whose::Entity(other) => other == entity,
            Whose::Column(ByColumn { values: Some(values), .. }) => values.values().any(|other| other == entity),
            Whose::Column(ByColumn { values: None, .. }) | Whose::Shared => true,
        }
    }
}

impl Dataset {
    /// Whose the rows of one of its collections are: what the collection says itself, or else the dataset. A column that
    /// the dataset names counts for the collections that declare it. `None`: a row belongs to whom the row belongs that
    /// leads to it.
    pub fn controller_of<'d>(&'d self, collection: &'d Collection) -> Option<&'d Controller> {
        let inherited = self.controller.as_ref().filter(|controller| match &controller.whose {
            Whose::Column(column) => collection.fields.iter().any(|field| field.name == column.name),
            Whose::Entity(_) | Whose::Shared => true,
        });
        collection.controller.as_ref().or(inherited)
    }
}

impl Manifests {
    /// The part that can concern `entity`: without the collections whose rows are all of others, the datasets of which
    /// nothing is left then, and the records of systems that are about such datasets only.
    pub fn of(&self, entity: &EntityId) -> Self {
        let gives = |dataset: &Dataset, collection: &Collection| {
            dataset.controller_of(collection).is_none_or(|controller| controller.gives_to(entity))
        };
        let mut datasets = Vec::new();
        for dataset in &self.datasets {
            let empty = dataset.collections.is_empty();
            let kept: Vec<Collection> = dataset.collections.iter().filter(|c| gives(dataset, c)).cloned().collect();
            let own = dataset.controller.as_ref().is_none_or(|controller| controller.gives_to(entity));
            if !kept.is_empty() || (empty && own) {
                datasets.push(Dataset { collections: kept, ..dataset.clone() });
            }
        }
        let gone = |key: &FidesKey| {
            self.dataset(key).is_some() && !datasets.iter().any(|dataset: &Dataset| dataset.key == *key)
        };
        let systems = self.systems.iter().filter_map(|system| without(system, &gone)).collect();
        Self { systems, datasets }
    }
}

/// A system's record without the datasets that are `gone`; nothing when it was about these only.
fn without(system: &System, gone: &dyn Fn(&FidesKey) -> bool) -> Option<System> {
    let left = |keys: &[FidesKey]| {
        let left: Vec<FidesKey> = keys.iter().filter(|key| !gone(key)).cloned().collect();
        (keys.is_empty() || !left.is_empty()).then_some(left)
    };
    let mut system = System { datasets: left(&system.datasets)?, ..system.clone() };
    let had_any = !system.declarations.is_empty();
    system.declarations.retain_mut(|declaration| match left(&declaration.datasets) {
        Some(left) => {
            declaration.datasets = left;
            true
        }
        None => false,
    });
    (!had_any || !system.declarations.is_empty()).then_some(system)
}

#[cfg(test)]
mod tests;
