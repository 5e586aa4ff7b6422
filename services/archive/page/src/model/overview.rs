//! The overview: the values of one category side by side across entities, each with its source, never merged.

use super::text::Text;

/// One data category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category<'a> {
    /// The Fideslang key, for example `user.contact.email`.
    pub key: &'a str,
    /// Whether its sources disagree.
    pub differs: bool,
    /// Its values, in the order to show them.
    pub values: Vec<Value<'a>>,
}

/// What one column of one entity holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value<'a> {
    /// The entity's registered name.
    pub entity: &'a str,
    /// The collection, by its name for people where there is one.
    pub collection: Text<'a>,
    /// The column, by its name for people where there is one.
    pub column: Text<'a>,
    /// Its different values.
    pub values: Vec<&'a str>,
    /// Whether there are more than these.
    pub more: bool,
}
