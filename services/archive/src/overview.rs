//! `overview.json`: the values of one data category side by side across entities, each with its source. Nothing is merged:
//! a person sees where entities disagree, and decides. Made from the previews' lists of values, so that no part is opened.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tributary_model::id::{EntityId, FidesKey};

use crate::completeness::PROFILE;
use crate::preview::{OverviewField, Preview};
use crate::table::Table;

/// Sources that one overview lists, shared evenly by the entities.
const MAX_SOURCES: usize = 20_000;
/// Sources of one entity that are listed in any case.
const MIN_SOURCES: usize = 20;
/// Bytes of values that one overview lists; beyond, every source lists fewer of its values.
const MAX_VALUE_BYTES: usize = 4 << 20;
/// Only what is about a person has a place here.
const PERSONAL: &str = "user";
/// The category whose values are the same in either case.
const EMAIL: &str = "user.contact.email";

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overview {
    /// Version of the archive profile.
    pub profile: String,
    /// Whether sources or values were left out to keep the file small.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shortened: bool,
    /// The categories found, by their keys.
    pub categories: Vec<Category>,
}

/// One data category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// The Fideslang key, for example `user.contact.email`.
    pub category: String,
    /// Whether two sources hold other values; spaces around them do not count, nor does the case of e-mail addresses.
    pub differs: bool,
    /// What each field holds, by entity, dataset, collection and field.
    pub sources: Vec<Source>,
}

/// What one field of one entity holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The entity.
    pub entity: EntityId,
    /// The dataset.
    pub dataset: FidesKey,
    /// The collection.
    pub collection: String,
    /// The collection's name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection_title: Option<String>,
    /// The field.
    pub field: String,
    /// The field's name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field_title: Option<String>,
    /// Its different values over all rows, in the order of their first rows.
    pub values: Vec<String>,
    /// Whether there are more than these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// Collects an overview entity by entity, keeping no more of each than will be listed.
pub(crate) struct Collector {
    per_entity: usize,
    shortened: bool,
    categories: BTreeMap<String, Vec<Source>>,
}

impl Collector {
    /// For an archive with the previews of this many entities.
    pub(crate) fn new(entities: usize) -> Self {
        let per_entity = (MAX_SOURCES / entities.max(1)).max(MIN_SOURCES);
        Self { per_entity, shortened: false, categories: BTreeMap::new() }
    }

    /// Adds an entity's values. Entities come in the order of their ids.
    pub(crate) fn add(&mut self, entity: &EntityId, previews: &[Preview], tables: &[Table]) {
        let mut sorted: Vec<&Preview> = previews.iter().collect();
        sorted.sort_by_key(|preview| (&preview.dataset, &preview.collection));
        let mut left = self.per_entity;
        for preview in sorted {
            let of = |table: &&Table| table.dataset == preview.dataset && table.collection == preview.collection;
            let Some(table) = tables.iter().find(of) else { continue };
            let values: BTreeMap<&str, &OverviewField> =
                preview.overview.iter().map(|values| (values.field.as_str(), values)).collect();
            for field in &table.fields {
                let Some(values) = values.get(field.name.as_str()) else { continue };
                for category in narrowest(&field.categories) {
                    if left == 0 {
                        self.shortened = true;
                        return;
                    }
                    left -= 1;
                    let source = Source {
                        entity: entity.clone(),
                        dataset: table.dataset.clone(),
                        collection: table.collection.clone(),
                        collection_title: filled(&table.title),
                        field: field.name.clone(),
                        field_title: filled(&field.title),
                        values: values.values.clone(),
                        more: values.more,
                    };
                    self.categories.entry(category.to_owned()).or_default().push(source);
                }
            }
        }
    }

    /// The overview of everything added.
    pub(crate) fn finish(self) -> Overview {
        let mut shortened = self.shortened;
        let mut categories: Vec<Category> = self
            .categories
            .into_iter()
            .map(|(category, sources)| Category { differs: differs(&category, &sources), category, sources })
            .collect();
        let bytes = |most: usize| -> usize {
            let sources = categories.iter().flat_map(|category| &category.sources);
            sources.flat_map(|source| source.values.iter().take(most)).map(String::len).sum()
        };
        let longest = categories.iter().flat_map(|c| &c.sources).map(|source| source.values.len()).max().unwrap_or(0);
        let most = (0..=longest).rev().find(|most| bytes(*most) <= MAX_VALUE_BYTES).unwrap_or(0);
        for source in categories.iter_mut().flat_map(|category| &mut category.sources) {
            if source.values.len() > most {
                source.values.truncate(most);
                source.more = true;
                shortened = true;
            }
        }
        Overview { profile: PROFILE.to_owned(), shortened, categories }
    }
}

/// The personal categories of a field that say most, each once: one that another of them refines says nothing more.
fn narrowest(categories: &[String]) -> impl Iterator<Item = &str> {
    let says_more = move |(at, category): &(usize, &String)| {
        is_within(category, PERSONAL)
            && !categories[..*at].contains(category)
            && !categories.iter().any(|other| other != *category && is_within(other, category))
    };
    categories.iter().enumerate().filter(says_more).map(|(_, category)| category.as_str())
}

/// Whether a category is another or refines it, by whole segments.
fn is_within(category: &str, other: &str) -> bool {
    category.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether two sources with values hold other ones.
fn differs(category: &str, sources: &[Source]) -> bool {
    let is_email = is_within(category, EMAIL);
    let fold = |value: &String| {
        let value = value.trim();
        if is_email { value.to_lowercase() } else { value.to_owned() }
    };
    let mut sets = sources.iter().filter(|source| !source.values.is_empty()).map(|source| {
        let mut values: Vec<String> = source.values.iter().map(fold).collect();
        values.sort();
        values.dedup();
        (values, source.more)
    });
    let Some(first) = sets.next() else { return false };
    sets.any(|set| set != first)
}

fn filled(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
