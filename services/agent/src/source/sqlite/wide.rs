//! Numbers in more digits than SQLite holds: a column of numbers takes them for rounded ones, and so for other numbers.

use super::schema::{Column, Table};
use crate::source::Query;
use crate::value::{Tuple, Value};

/// The digits that SQLite keeps of a number that is none of 64 bits.
const KEPT: usize = 15;

/// The values sought without those that their column would round; `None` when there are none of these.
pub(super) fn without(table: Option<&Table>, query: &Query<'_>, values: &[Tuple]) -> Option<Vec<Tuple>> {
    // What lies within JSON is compared here.
    if query.fields.iter().any(|field| field.structured) {
        return None;
    }
    let numeric = |column: &Column| !column.is_text() && !column.is_untyped();
    let columns: Vec<bool> = query
        .fields
        .iter()
        .map(|field| table.and_then(|table| table.column(&query.columns[field.column])).is_some_and(numeric))
        .collect();
    let rounded = |tuple: &Tuple| columns.iter().zip(tuple).any(|(&numeric, value)| numeric && is_wide(value));
    let any = columns.contains(&true) && values.iter().any(rounded);
    any.then(|| values.iter().filter(|tuple| !rounded(tuple)).cloned().collect())
}

fn is_wide(value: &Value) -> bool {
    let Value::Text(bytes) = value else { return false };
    let Some(text) = value.text().map(str::trim).filter(|_| bytes.len() > KEPT) else { return false };
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits > KEPT && text.parse::<i64>().is_err() && text.parse::<f64>().is_ok()
}
