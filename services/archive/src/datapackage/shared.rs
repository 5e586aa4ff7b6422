//! A schema that several resources have, written out once: a person's table may have hundreds of parts, and its schema is
//! most of what describes each of them.

use std::sync::OnceLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::Schema;

/// How deep a resource's schema lies in the file.
const DEPTH: &str = "      ";

/// A schema, and its text as it stands in the file once that was needed.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    schema: Schema,
    text: OnceLock<Option<Box<RawValue>>>,
}

impl Shared {
    pub(super) fn new(schema: Schema) -> Self {
        Self { schema, text: OnceLock::new() }
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The text, indented for its place. A line feed within a value is escaped there, so each one is a line's end.
    fn text(&self) -> Option<&RawValue> {
        let write = || {
            let text = serde_json::to_string_pretty(&self.schema).ok()?;
            RawValue::from_string(text.replace('\n', &format!("\n{DEPTH}"))).ok()
        };
        self.text.get_or_init(write).as_deref()
    }
}

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema
    }
}

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.text() {
            Some(text) => text.serialize(serializer),
            None => self.schema.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Schema::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A schema at its place in a file.
    fn file(schema: &impl Serialize) -> String {
        #[derive(Serialize)]
        struct Resource<T> {
            schema: T,
        }
        #[derive(Serialize)]
        struct File<T> {
            resources: [Resource<T>; 1],
        }
        serde_json::to_string_pretty(&File { resources: [Resource { schema }] }).unwrap()
    }

    #[test]
    fn a_shared_schema_stands_in_the_file_as_if_it_were_written_there() {
        let schema = json!({ "fields": [
            { "name": "a\nb", "type": "string", "codes": [{ "value": "1", "labels": { "en": "one\n" } }] },
            { "name": "c", "type": "integer" },
        ], "primaryKey": ["a\nb"] });
        let schema: Schema = serde_json::from_value(schema).unwrap();
        let shared = Shared::new(schema.clone());
        assert_eq!(file(&shared), file(&schema));
        assert_eq!(file(&shared), file(&schema), "and the second time");
    }
}
