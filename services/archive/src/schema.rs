//! The JSON Schemas of the archive's own files, generated from their types and committed beside the crate, so that a
//! stranger can read and check an archive without this software.

use schemars::{Schema, schema_for};

use crate::completeness::Completeness;
use crate::information::InformationFile;
use crate::overview::Overview;
use crate::preview::Preview;

/// Every schema with the name of the file it describes.
pub fn all() -> [(&'static str, Schema); 4] {
    [
        ("completeness", schema_for!(Completeness)),
        ("information", schema_for!(InformationFile)),
        ("overview", schema_for!(Overview)),
        ("preview", schema_for!(Preview)),
    ]
}

/// A schema as it is committed: indented, and ended by a line feed.
pub fn to_file(schema: &Schema) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(schema).map(|text| text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schemas_are_the_types_own() {
        for (name, schema) in all() {
            let path = format!("{}/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            let current = to_file(&schema).unwrap();
            assert!(committed == current, "{name} is not current; write it anew with the example `schemas`");
        }
    }
}
