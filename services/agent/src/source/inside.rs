//! Rows whose values lie within structured columns: every row is read, and what is within is compared here.

use std::collections::HashSet;

use tributary_model::identifier::Folding;

use super::{Matching, OnRow, Query, ReadError, Row, nested, normal};
use crate::value::{Tuple, Value};

/// The values that are sought.
pub(super) struct Inside<'q> {
    query: &'q Query<'q>,
    folding: Option<Folding>,
    sought: HashSet<Vec<u8>>,
}

impl<'q> Inside<'q> {
    pub(super) fn new(query: &'q Query<'q>, values: &[Tuple]) -> Self {
        let folding = match query.matching {
            Matching::Identifier(folding) => Some(folding),
            Matching::Exact => None,
        };
        let mut sought: HashSet<Vec<u8>> = values.iter().map(|tuple| key(folding, tuple)).collect();
        if let Some(folding) = folding {
            // A number in a document has no leading zeros.
            let folded = normal::folded(values, folding);
            let texts = values.iter().chain(&folded).flatten().filter_map(normal::text);
            let numbers = texts.filter(|text| text.bytes().all(|b| b.is_ascii_digit())).filter_map(|t| t.parse().ok());
            sought.extend(numbers.map(|n| key(None, &[Value::Integer(n)])));
        }
        Self { query, folding, sought }
    }

    /// Hands a row on when one of the values is within it.
    pub(super) fn pass(&self, row: &dyn Row, on_row: &mut OnRow<'_>) -> Result<(), ReadError> {
        let too_large = |_| ReadError::NotReadable("a JSON document is larger than 16 MiB".to_owned());
        let lookup = |field| nested::lookup(row, field).map_err(too_large);
        let found: Vec<Vec<Value>> = self.query.fields.iter().map(lookup).collect::<Result<_, _>>()?;
        let matches = crate::walk::tuples(&found).iter().any(|tuple| self.sought.contains(&key(self.folding, tuple)));
        if matches { on_row(row) } else { Ok(()) }
    }
}

fn key(folding: Option<Folding>, tuple: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in tuple {
        match (folding, value.text()) {
            (Some(folding), Some(text)) => {
                Value::Text(folding.fold(text).into_owned().into_bytes()).write_key(&mut out)
            }
            _ => value.write_key(&mut out),
        }
    }
    out
}
