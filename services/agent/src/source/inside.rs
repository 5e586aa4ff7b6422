//! Rows whose values lie within structured columns: every row is read, and what is within is compared here.

use std::collections::HashSet;

use tributary_model::id::IdentifierType;
use tributary_model::manifest::BaseType;

use super::normal::fold;
use super::{Matching, OnRow, Query, ReadError, Row, nested};
use crate::value::{Tuple, Value};

/// The values that are sought.
pub(super) struct Inside<'q> {
    query: &'q Query<'q>,
    kind: Option<&'q IdentifierType>,
    sought: HashSet<Vec<u8>>,
}

impl<'q> Inside<'q> {
    pub(super) fn new(query: &'q Query<'q>, values: &[Tuple]) -> Self {
        let kind = match query.matching {
            Matching::Identifier(kind) => Some(kind),
            Matching::Exact => None,
        };
        Self { query, kind, sought: values.iter().map(|tuple| key(kind, tuple)).collect() }
    }

    /// Hands a row on when one of the values is within it.
    pub(super) fn pass(&self, row: &dyn Row, on_row: &mut OnRow<'_>) -> Result<(), ReadError> {
        let too_large = |_| ReadError::NotReadable("a JSON document is larger than 16 MiB".to_owned());
        let lookup = |field| nested::lookup(row, field).map_err(too_large);
        let found: Vec<Vec<Value>> = self.query.fields.iter().map(lookup).collect::<Result<_, _>>()?;
        let matches = crate::walk::tuples(&found).iter().any(|tuple| self.sought.contains(&key(self.kind, tuple)));
        if matches { on_row(row) } else { Ok(()) }
    }
}

fn key(kind: Option<&IdentifierType>, tuple: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in tuple {
        match (kind, value.text()) {
            (Some(kind), Some(text)) => Value::Text(fold(kind, text).into_bytes()).write_key(&mut out),
            // An identifier is text; a number within JSON is compared by its digits.
            (Some(_), None) => {
                value.clone().cast(Some(BaseType::String)).unwrap_or(Value::Integer(0)).write_key(&mut out);
            }
            (None, _) => value.write_key(&mut out),
        }
    }
    out
}
