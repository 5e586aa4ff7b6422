//! What a collection's rows mean: fields, keys and references, in the words of Frictionless Table Schema.
//! Neighbours: `part`, the files with the rows, and `attestation`, which signs the digest of these descriptions.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tributary_model::id::FidesKey;
use tributary_model::language::Texts;

use crate::digest::{Hasher, Sha256Hex};
use crate::redaction::RedactionReason;

/// The description of one collection. Empty texts and absent ones are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The dataset.
    pub dataset: FidesKey,
    /// The collection within it.
    pub collection: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "is_blank")]
    pub title: Option<String>,
    /// What it holds, for people.
    #[serde(default, skip_serializing_if = "is_blank")]
    pub description: Option<String>,
    /// The columns, in the order of the files.
    pub fields: Vec<Field>,
    /// Names of the fields that tell rows apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub primary_key: Vec<String>,
    /// References to other collections.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_keys: Vec<ForeignKey>,
    /// Title and description in several languages.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Title and description of the dataset in several languages. Tables of one dataset say the same.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub dataset_labels: Labels,
    /// The reasons whose marks may stand in its files where a value was. With any, data that begin as a mark does have an
    /// apostrophe in front.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<RedactionReason>,
}

/// What something is called, and what it is, in several languages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// A name for people.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub titles: Texts,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub descriptions: Texts,
}

impl Labels {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.titles.is_empty() && self.descriptions.is_empty()
    }
}

/// A value that stands for something, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// The value as it stands in the files.
    pub value: String,
    /// What it means, for people.
    pub labels: Texts,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name in the files.
    pub name: String,
    /// What its values are. Where values may disagree with their declaration, [`FieldKind::Any`].
    pub kind: FieldKind,
    /// Frictionless format, for example `default`, `email`, `%d/%m/%Y`.
    #[serde(default, skip_serializing_if = "is_blank")]
    pub format: Option<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "is_blank")]
    pub title: Option<String>,
    /// What it means, for people.
    #[serde(default, skip_serializing_if = "is_blank")]
    pub description: Option<String>,
    /// Fideslang data categories, for example `user.contact.email`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Title and description in several languages.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// What its values stand for, where they are codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<Code>,
    /// The unit of its numbers, for example `EUR`, `kg`, `s`.
    #[serde(default, skip_serializing_if = "is_blank")]
    pub unit: Option<String>,
    /// What people are shown in its place where the files keep another form, for example a date that is seconds since
    /// 1970 in them, or where only most values have this one, for example in a column of dates with `infinity`. The cells
    /// of previews then have this kind's form, where they can; absent, they have that of `kind`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_as: Option<FieldKind>,
}

/// Type of a field, as in Frictionless Table Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A calendar date.
    Date,
    /// An instant or local date and time.
    Datetime,
    /// Anything: nothing is promised about the values.
    Any,
    /// A JSON object.
    Object,
}

impl FieldKind {
    /// The name in Table Schema and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Any => "any",
            Self::Object => "object",
        }
    }
}

/// A text is not a field type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a field type must be one of string, integer, number, boolean, date, datetime, any, object")]
pub struct InvalidFieldKind;

impl FromStr for FieldKind {
    type Err = InvalidFieldKind;
    fn from_str(text: &str) -> Result<Self, InvalidFieldKind> {
        use FieldKind::*;
        let all = [String, Integer, Number, Boolean, Date, Datetime, Any, Object];
        all.into_iter().find(|kind| kind.as_str() == text).ok_or(InvalidFieldKind)
    }
}

/// A reference from fields of one collection to fields of another, or of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignKey {
    /// The referring fields.
    pub fields: Vec<String>,
    /// The dataset referred to.
    pub dataset: FidesKey,
    /// The collection referred to.
    pub collection: String,
    /// The fields referred to, in the order of `fields`.
    pub reference_fields: Vec<String>,
}

/// The digest of the descriptions that go with a part list; an attestation signs it beside the list's own.
///
/// Give exactly the tables that table parts belong to, in any order. SHA-256 over UTF-8 text: the line
/// `tributary tables v1`, then each table as one line of JSON with the fields of [`Table`] in their order (absent and
/// empty ones left out, so that a table without `dataset_labels`, `shown_as` and `marks` has the digest that it had before
/// they were known), sorted by dataset and collection, every line ended by a line feed.
pub fn digest<'t>(tables: impl IntoIterator<Item = &'t Table>) -> Sha256Hex {
    let mut sorted: Vec<&Table> = tables.into_iter().collect();
    sorted.sort_by_key(|table| (&table.dataset, &table.collection));
    let mut hasher = Hasher::new();
    hasher.update(b"tributary tables v1\n");
    for table in sorted {
        // A struct of texts and lists cannot fail to serialise.
        hasher.update(&serde_json::to_vec(table).unwrap_or_default());
        hasher.update(b"\n");
    }
    hasher.finish()
}

/// Absent and empty are one thing: the wire cannot always tell them apart, and the digest must not depend on it.
pub(crate) fn is_blank(text: &Option<String>) -> bool {
    text.as_deref().is_none_or(str::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(collection: &str) -> Table {
        Table {
            dataset: "crm".parse().unwrap(),
            collection: collection.to_owned(),
            title: None,
            description: None,
            fields: vec![Field {
                name: "id".to_owned(),
                kind: FieldKind::Integer,
                format: None,
                title: None,
                description: None,
                categories: vec!["user.unique_id".to_owned()],
                labels: Labels::default(),
                codes: Vec::new(),
                unit: None,
                shown_as: None,
            }],
            primary_key: vec!["id".to_owned()],
            foreign_keys: Vec::new(),
            labels: Labels::default(),
            dataset_labels: Labels::default(),
            marks: Vec::new(),
        }
    }

    #[test]
    fn the_digest_depends_on_neither_order_nor_how_absence_is_spelt() {
        let (a, b) = (table("a"), table("b"));
        assert_eq!(digest([&a, &b]), digest([&b, &a]));
        let blank = Table { title: Some(String::new()), ..table("a") };
        assert_eq!(digest([&a]), digest([&blank]));
        assert_ne!(digest([&a]), digest([&Table { title: Some("A".to_owned()), ..table("a") }]));
        assert_ne!(digest([&a]), digest([&a, &b]));
    }

    #[test]
    fn the_digest_is_the_documented_text() {
        let line = r#"{"dataset":"crm","collection":"a","fields":[{"name":"id","kind":"integer","categories":["user.unique_id"]}],"primary_key":["id"]}"#;
        assert_eq!(digest([&table("a")]), Sha256Hex::of(format!("tributary tables v1\n{line}\n").as_bytes()));
    }

    #[test]
    fn the_dataset_s_labels_what_is_shown_and_the_marks_come_last_in_the_documented_text() {
        let mut table = table("a");
        table.dataset_labels.titles.0.insert("fr".parse().unwrap(), "Clients".to_owned());
        table.fields[0].shown_as = Some(FieldKind::Datetime);
        table.marks = vec![RedactionReason::ThirdParty];
        let line = r#"{"dataset":"crm","collection":"a","fields":[{"name":"id","kind":"integer","categories":["user.unique_id"],"shown_as":"datetime"}],"primary_key":["id"],"dataset_labels":{"titles":{"fr":"Clients"}},"marks":["THIRD_PARTY"]}"#;
        assert_eq!(digest([&table]), Sha256Hex::of(format!("tributary tables v1\n{line}\n").as_bytes()));
    }
}
