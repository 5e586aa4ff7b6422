//! Values within structured columns: JSON, addressed by names, array elements one by one.

use serde_json::Value as Json;

use crate::graph::FieldPath;
use crate::source::Row;
use crate::value::{Cell, Value};

/// Largest JSON document that is looked into; larger ones are named as not readable.
const MAX_DOCUMENT: u64 = 16 * 1024 * 1024;

/// Why a structured column could not be looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// The values of a field in a row: one at most in a plain column, any number in a structured one.
pub fn values_at(row: &dyn Row, path: &FieldPath) -> Vec<Value> {
    lookup(row, path).unwrap_or_default()
}

/// As [`values_at`], and says when a document was too large.
pub(crate) fn lookup(row: &dyn Row, path: &FieldPath) -> Result<Vec<Value>, TooLarge> {
    let cell = row.cell(path.column);
    if !path.structured {
        return Ok(Value::of(cell).into_iter().collect());
    }
    let document = match cell {
        Cell::Text(bytes) | Cell::Blob(bytes) => serde_json::from_slice(bytes),
        Cell::Large(large) => {
            if large.bytes > MAX_DOCUMENT {
                return Err(TooLarge);
            }
            let mut bytes = Vec::new();
            let mut take = |slice: &[u8]| {
                bytes.extend_from_slice(slice);
                Ok(())
            };
            row.read_large(path.column, &mut take).map_err(|_| TooLarge)?;
            serde_json::from_slice(&bytes)
        }
        // A lone number in an array column is a value of its own.
        _ => return Ok(Value::of(cell).into_iter().collect()),
    };
    let mut found = Vec::new();
    match document {
        Ok(json) => descend(&json, &path.sub, &mut found),
        // Not JSON after all: a plain value where the manifest promises an array.
        Err(_) if path.sub.is_empty() => found.extend(Value::of(cell)),
        Err(_) => {}
    }
    Ok(found)
}

fn descend(json: &Json, sub: &[String], found: &mut Vec<Value>) {
    match (json, sub) {
        (Json::Array(items), _) => items.iter().for_each(|item| descend(item, sub, found)),
        (Json::Object(map), [name, rest @ ..]) => {
            if let Some(inner) = map.get(name) {
                descend(inner, rest, found);
            }
        }
        (scalar, []) => found.extend(Value::of_json(scalar)),
        _ => {}
    }
}
