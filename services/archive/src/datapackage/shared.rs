//! A schema that several resources have, written out once: a person's table may have hundreds of parts, and its schema is
//! most of what describes each of them.
//!
//! The file is written with a mark in each schema's place, which the text then takes. (serde_json could carry the text
//! itself, as a feature that changes what every JSON value of the process is read as.)

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{LazyLock, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Schema;

/// How deep a resource's schema lies in the file.
const DEPTH: &str = "      ";

/// What stands in a schema's place. Random, so that nothing else in a file is the same.
static MARK: LazyLock<String> = LazyLock::new(|| {
    let random = || RandomState::new().build_hasher().finish();
    format!("schema-{:016x}{:016x}", random(), random())
});

/// A schema, and its text as it stands in the file once that was needed.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    schema: Schema,
    text: OnceLock<String>,
}

impl Shared {
    pub(super) fn new(schema: Schema) -> Self {
        Self { schema, text: OnceLock::new() }
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The text, indented for its place. A line feed within a value is escaped there, so each one is a line's end.
    fn text(&self) -> &str {
        self.text.get_or_init(|| {
            // Texts, lists and maps with text keys cannot fail to serialise.
            let text = serde_json::to_string_pretty(&self.schema).unwrap_or_default();
            text.replace('\n', &format!("\n{DEPTH}"))
        })
    }
}

/// Puts the schemas in their places in a file, in whose order they come.
pub(super) fn put<'s>(schemas: impl Iterator<Item = &'s Shared>, file: &str) -> String {
    let mark = format!("\"{}\"", *MARK);
    let mut whole = String::with_capacity(2 * file.len());
    let mut rest = file;
    for schema in schemas {
        let Some((before, after)) = rest.split_once(&mark) else { break };
        whole.push_str(before);
        whole.push_str(schema.text());
        rest = after;
    }
    whole.push_str(rest);
    whole
}

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema
    }
}

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&MARK)
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
        for _ in 0..2 {
            assert_eq!(put([&shared].into_iter(), &file(&shared)), file(&schema));
        }
    }
}
