//! JSON of the archive's own files: one spelling each, and errors that never quote what stood in the file.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Serialises `value` the one way files of the archive are written: indented by two spaces, ended by a line feed.
pub(crate) fn to_file(value: &impl Serialize) -> Vec<u8> {
    // The archive's files are structs of texts, numbers and lists, which cannot fail to serialise.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Serialises `value` on one line, ended by a line feed: the form that digests are taken of.
pub(crate) fn line(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Reads `json`; the error says what kind of problem stands where, and quotes nothing.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| {
        let kind = match error.classify() {
            serde_json::error::Category::Syntax => "not JSON",
            serde_json::error::Category::Eof => "cut short",
            serde_json::error::Category::Io | serde_json::error::Category::Data => "not of the expected form",
        };
        format!("{kind} at line {} column {}", error.line(), error.column())
    })
}
