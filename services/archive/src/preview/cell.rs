//! Reading a cell by its JSON type. What serde makes of an untagged enum keeps each cell aside and tries one form after
//! another, which for thousands of cells is most of the cost of reading previews.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::PreviewCell;
use crate::redaction::RedactionReason;

/// The properties of a cell that is an object.
#[derive(Deserialize)]
struct Properties {
    file: Option<String>,
    cut: Option<String>,
    bytes: Option<u64>,
    redacted: Option<RedactionReason>,
}

struct Cell;

impl<'de> Deserialize<'de> for PreviewCell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Cell)
    }
}

impl<'de> Visitor<'de> for Cell {
    type Value = PreviewCell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a text, a file, the beginning of a value or why it is hidden")
    }

    fn visit_unit<E: Error>(self) -> Result<PreviewCell, E> {
        Ok(PreviewCell::Null)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PreviewCell, E> {
        Ok(PreviewCell::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<PreviewCell, E> {
        Ok(PreviewCell::Text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PreviewCell, A::Error> {
        match Properties::deserialize(MapAccessDeserializer::new(map))? {
            Properties { file: Some(file), .. } => Ok(PreviewCell::File { file }),
            Properties { cut: Some(cut), bytes: Some(bytes), .. } => Ok(PreviewCell::Cut { cut, bytes }),
            Properties { redacted: Some(redacted), .. } => Ok(PreviewCell::Redacted { redacted }),
            _ => Err(A::Error::custom("an object that is no file, no beginning of a value and no reason")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PreviewCell, RedactionReason};

    #[test]
    fn every_form_of_a_cell_is_read_back() {
        let cells = [
            PreviewCell::Null,
            PreviewCell::Text("a \"quoted\" é\n".to_owned()),
            PreviewCell::Text(String::new()),
            PreviewCell::File { file: "files/1.pdf".to_owned() },
            PreviewCell::Cut { cut: "begin".to_owned(), bytes: u64::MAX },
            PreviewCell::Redacted { redacted: RedactionReason::ThirdParty },
        ];
        let json = serde_json::to_string(&cells).expect("cells are written");
        let read: Vec<PreviewCell> = serde_json::from_str(&json).expect("cells are read");
        assert!(read == cells, "{json}");
    }

    #[test]
    fn what_is_no_cell_is_refused() {
        for json in
            ["1", "true", "[]", "{}", r#"{"cut":"a"}"#, r#"{"bytes":1}"#, r#"{"file":1}"#, r#"{"redacted":"X"}"#]
        {
            assert!(serde_json::from_str::<PreviewCell>(json).is_err(), "{json}");
        }
    }
}
