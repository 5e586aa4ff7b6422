//! Fideslang manifests: what an entity says about where personal data lies, read as it is.
//!
//! `read` turns `dataset:` and `system:` files into these types, `check` resolves references across files. The agent
//! builds its graph from them. Keys that are not known are ignored, but not below our own `tributary:`. `wording` is what
//! people are told, `system` the record of processing. Source: Fideslang (Ethyca, CC BY 4.0), `models.py`.

mod check;
mod controller;
mod foreign_key;
mod manual;
mod namespace;
mod others;
mod read;
mod system;
mod wording;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::id::{FidesKey, IdentifierType, InvalidId};
use crate::identifier::Folding;
use crate::yaml::Place;

pub use controller::{ByColumn, Controller, Whose};
pub use foreign_key::{ForeignKey, KeyPart};
pub use manual::{Manual, PeopleWork};
pub use namespace::Namespace;
pub use others::{ActorRows, CollectionOthers, FieldOthers, FreeText, Role};
pub use system::{Flow, PrivacyDeclaration, System};
pub use wording::{Code, Moment, MomentForm, Represents, Wording};

/// Where something was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// The file as it was named to us.
    pub file: Arc<str>,
    /// Where in it.
    pub place: Place,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.place.line, self.place.column)
    }
}

/// All manifests of an agent, checked together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifests {
    /// Datasets in file order.
    pub datasets: Vec<Dataset>,
    /// Systems in file order.
    pub systems: Vec<System>,
}

/// A database or other store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Its `fides_key`.
    pub key: FidesKey,
    /// A name for people.
    pub name: Option<String>,
    /// What it is, for people.
    pub description: Option<String>,
    /// Both and ours, in several languages.
    pub wording: Wording,
    /// Whether its name stays hidden.
    pub redacted: bool,
    /// The key that people and the archive see: `key`, or a neutral one in its place.
    pub shown: FidesKey,
    /// Data categories of everything in it.
    pub categories: Vec<String>,
    /// Datasets to be walked first.
    pub after: Vec<FidesKey>,
    /// Where in its server it lies.
    pub namespace: Namespace,
    /// Whose its rows are, where several entities share it.
    pub controller: Option<Controller>,
    /// Tables of its store that hold nothing about people, and are therefore not declared.
    pub not_personal: Vec<String>,
    /// Its collections.
    pub collections: Vec<Collection>,
    /// Where it is declared.
    pub at: At,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Its name in the store.
    pub name: String,
    /// What it holds, for people.
    pub description: Option<String>,
    /// That and ours, in several languages.
    pub wording: Wording,
    /// Whether its name stays hidden.
    pub redacted: bool,
    /// The name that people and the archive see: `name`, or a neutral one in its place.
    pub shown: String,
    /// Data categories of every row.
    pub categories: Vec<String>,
    /// Collections to be walked first.
    pub after: Vec<After>,
    /// Collections to be erased first.
    pub erase_after: Vec<After>,
    /// Whether the collection is left out of the graph.
    pub skip: bool,
    /// Whose its rows are, where it says so itself.
    pub controller: Option<Controller>,
    /// What its rows hold of other people.
    pub others: CollectionOthers,
    /// What people at the entity have to do with it.
    pub people: PeopleWork,
    /// Its fields in file order, which is the order in which they are exported.
    pub fields: Vec<Field>,
    /// Where it is declared.
    pub at: At,
}

/// A `dataset.collection` that comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// As written.
    pub name: String,
    /// Where it is written.
    pub at: At,
}

/// A column, or a value within a structured one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it means, for people.
    pub description: Option<String>,
    /// That and ours, in several languages.
    pub wording: Wording,
    /// Whether its name stays hidden.
    pub redacted: bool,
    /// The name that people and the archive see: `name`, or a neutral one in its place.
    pub shown: String,
    /// What its values stand for, where they are codes.
    pub codes: Vec<Code>,
    /// The unit of its numbers.
    pub unit: Option<String>,
    /// The date that its values are, where the store has no type for it.
    pub represents: Option<Represents>,
    /// Its own data categories.
    pub categories: Vec<String>,
    /// Its declared type.
    pub data_type: Option<DataType>,
    /// The identifier type that seeds it.
    pub identity: Option<IdentifierType>,
    /// How its values are compared with identifiers, where that is not as their type has it.
    pub normal: Option<Folding>,
    /// Whether it is (part of) the primary key.
    pub primary_key: bool,
    /// References to fields of other collections, or of its own.
    pub references: Vec<Reference>,
    /// What it holds of other people.
    pub others: FieldOthers,
    /// Fields within it.
    pub fields: Vec<Field>,
    /// Where it is declared.
    pub at: At,
}

/// A reference between two fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The other field's dataset.
    pub dataset: FidesKey,
    /// The other field as `collection.field[.sub]`.
    pub field: String,
    /// Which way values go; `None` for either way.
    pub direction: Option<Direction>,
    /// The key of which it is a part: references with one name are matched as a whole.
    pub foreign_key: Option<String>,
    /// Where it is declared.
    pub at: At,
}

/// Which way values go along a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The declaring field is filled from the other one.
    From,
    /// The declaring field feeds the other one.
    To,
}

impl FromStr for Direction {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "from" => Ok(Self::From),
            "to" => Ok(Self::To),
            _ => Err(InvalidId { what: "a direction", rule: "'from' or 'to'; leave it out for either way" }),
        }
    }
}

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataType {
    /// The type of one value.
    pub base: BaseType,
    /// Whether the field holds a list of them.
    pub array: bool,
}

/// The type of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// True or false.
    Boolean,
    /// A document id.
    ObjectId,
    /// A structure with fields of its own.
    Object,
}

impl FromStr for DataType {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (name, array) = text.strip_suffix("[]").map_or((text, false), |name| (name, true));
        let base = match name {
            "string" => BaseType::String,
            "integer" => BaseType::Integer,
            "float" => BaseType::Float,
            "boolean" => BaseType::Boolean,
            "object_id" => BaseType::ObjectId,
            "object" => BaseType::Object,
            _ => {
                let rule = "string, integer, float, boolean, object_id or object, each also with []";
                return Err(InvalidId { what: "a data_type", rule });
            }
        };
        Ok(Self { base, array })
    }
}

/// A field found in the manifests: indexes into `datasets`, its `collections` and, level by level, `fields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRef {
    /// Which dataset.
    pub dataset: usize,
    /// Which of its collections.
    pub collection: usize,
    /// Which field, then which field within it, and so on; never empty.
    pub path: Vec<usize>,
}

impl Field {
    /// Whether its column holds JSON.
    pub fn is_structured(&self) -> bool {
        !self.fields.is_empty() || matches!(self.data_type, Some(DataType { array: true, .. }))
    }
}

impl Manifests {
    /// Looks a dataset up.
    pub fn dataset(&self, key: &FidesKey) -> Option<&Dataset> {
        self.datasets.iter().find(|dataset| dataset.key == *key)
    }

    /// Finds the field that a reference names.
    pub fn resolve(&self, reference: &Reference) -> Option<FieldRef> {
        check::resolve(self, reference).ok()
    }

    /// The collection called `dataset.collection`, as indexes.
    pub fn collection(&self, name: &str) -> Option<(usize, usize)> {
        self.datasets.iter().enumerate().find_map(|(d, dataset)| {
            let rest = name.strip_prefix(dataset.key.as_str())?.strip_prefix('.')?;
            Some((d, dataset.collections.iter().position(|collection| collection.name == rest)?))
        })
    }
}

impl Dataset {
    /// The categories of one of its collections, inherited ones included and those of fields not.
    pub fn categories_of(&self, collection: &Collection) -> Vec<String> {
        merged([&self.categories, &collection.categories])
    }

    /// Whether a collection holds personal data: a `user` category anywhere, or a field that nobody classified, neither
    /// itself nor through its collection or dataset. What nobody classified may be about a person.
    pub fn is_personal(&self, collection: &Collection) -> bool {
        let inherited = self.categories_of(collection);
        inherited.iter().any(|category| covers("user", category))
            || (inherited.is_empty() && collection.fields.is_empty())
            || collection.fields.iter().any(|field| may_be_personal(field, !inherited.is_empty()))
    }
}

/// Whether `category` is `selector` or lies below it, compared segment by segment.
pub fn covers(selector: &str, category: &str) -> bool {
    category.strip_prefix(selector).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn merged<'c>(lists: impl IntoIterator<Item = &'c Vec<String>>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for category in lists.into_iter().flatten() {
        if !all.contains(category) {
            all.push(category.clone());
        }
    }
    all
}

/// `classified`: whether a category is inherited; those are known not to be `user` ones.
fn may_be_personal(field: &Field, classified: bool) -> bool {
    let classified = classified || !field.categories.is_empty();
    field.categories.iter().any(|category| covers("user", category))
        || field.fields.iter().any(|sub| may_be_personal(sub, classified))
        || (field.fields.is_empty() && !classified)
}

#[cfg(test)]
mod tests;
