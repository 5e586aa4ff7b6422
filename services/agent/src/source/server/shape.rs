//! What a statement gives back, column by column, and by which of it a row is told from another.

use super::fit::Fitted;
use super::kind::Kind;
use super::table::{Column, Key, Table};
use super::{HELD, INLINE, LEAST};
use crate::source::Query;
use crate::value::Value;

/// The columns of a statement's result: first what tells a row from another and is not declared, then the declared
/// columns, each followed by its length where it may be large.
pub(in crate::source) struct Shape<'s> {
    /// The table.
    pub(in crate::source) table: &'s Table,
    /// Columns of the key; empty when rows are told apart by their place.
    pub(in crate::source) key: Vec<usize>,
    /// Those of them that come by themselves, before all others.
    pub(in crate::source) apart: Vec<usize>,
    /// Where rows lie, when that tells them apart.
    pub(in crate::source) place: &'s [&'static str],
    /// Whether the server guarantees that the key is one.
    pub(in crate::source) keyed: bool,
    /// The declared columns.
    pub(in crate::source) columns: Vec<usize>,
    /// Cells above this do not come with their row. A row without a key is held as a whole.
    pub(in crate::source) inline: u64,
    /// The column that says whose a row is, and its values that mean others, whose rows do not come.
    pub(in crate::source) without: Option<(usize, Vec<Fitted>)>,
    /// Where in a row the values of the key are, or of its place.
    identity: Vec<usize>,
}

impl<'s> Shape<'s> {
    /// The result of a query whose declared columns are these, in messages of so many bytes.
    pub(in crate::source) fn new(table: &'s Table, query: &Query<'_>, columns: Vec<usize>, packet: u64) -> Self {
        let (key, place, keyed): (Vec<usize>, &[&'static str], bool) = match &table.key {
            Key::Columns(key) => (key.clone(), &[], true),
            Key::Place(place) => (Vec::new(), place, true),
            Key::Content => (Vec::new(), &[], false),
            Key::Nothing => (query.primary_key.iter().map(|&column| columns[column]).collect(), &[], false),
        };
        let large = columns.iter().filter(|&&column| table.columns[column].may_be_large).count() as u64;
        let inline = if keyed { INLINE.min(packet / 2 / large.max(1)).max(LEAST) } else { HELD };
        let without = without(table, query, &columns);
        // What is declared is read once, unless it may not come with its row.
        let declared =
            |key: &usize| columns.iter().position(|column| column == key && !table.columns[*key].may_be_large);
        let apart: Vec<usize> = key.iter().copied().filter(|key| declared(key).is_none()).collect();
        let first = apart.len() + place.len();
        let mut alone = 0..apart.len();
        let at = |key| declared(key).map(|column| first + column).or_else(|| alone.next());
        let identity = key.iter().filter_map(at).chain(apart.len()..first).collect();
        Self { table, key, apart, place, keyed, columns, inline, without, identity }
    }

    /// Where in a row the values are that tell it from another; empty when only all of them do.
    pub(in crate::source) fn identity(&self) -> &[usize] {
        &self.identity
    }

    /// Where in a row the first declared column is.
    pub(in crate::source) fn first(&self) -> usize {
        self.apart.len() + self.place.len()
    }

    /// A column of the table.
    pub(in crate::source) fn column(&self, index: usize) -> &Column {
        &self.table.columns[index]
    }
}

/// Values of others in the column that says whose a row is, where the server compares them byte by byte: in text and in
/// whole numbers.
fn without(table: &Table, query: &Query<'_>, columns: &[usize]) -> Option<(usize, Vec<Fitted>)> {
    let owned = query.leaves_out()?;
    let column = columns[owned.column];
    let kind = table.columns[column].kind;
    let fit = |other: &String| Fitted::new(kind, &Value::Text(other.clone().into_bytes()));
    let same = |fitted: &Fitted, other: &String| match fitted {
        Fitted::Text(_) => true,
        // Another spelling of the number means nobody, and such rows are told apart here.
        Fitted::Integer(n) => n.to_string() == *other,
        _ => false,
    };
    let all = owned.others().iter().filter_map(|other| fit(other).ok().filter(|fitted| same(fitted, other)));
    let values: Vec<Fitted> =
        if matches!(kind, Kind::Text | Kind::Integer { .. }) { all.collect() } else { Vec::new() };
    (!values.is_empty()).then_some((column, values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Matching;

    fn table(key: Key) -> Table {
        let column = |name: &str, may_be_large| Column {
            name: name.to_owned(),
            kind: Kind::Text,
            sql_type: "text".to_owned(),
            collation: None,
            may_be_large,
            array: false,
        };
        let columns = vec![column("a", false), column("b", true), column("c", false), column("d", false)];
        Table { sql: "t".to_owned(), columns, key, indexes: Vec::new() }
    }

    fn shape(table: &Table) -> Shape<'_> {
        let query =
            Query { table: "t", columns: &[], primary_key: &[], fields: &[], matching: Matching::Exact, owned: None };
        Shape::new(table, &query, vec![3, 1, 0], u64::MAX)
    }

    #[test]
    fn a_key_that_is_declared_is_read_once_unless_its_values_may_stay_behind() {
        let table = table(Key::Columns(vec![0, 1, 2, 3]));
        let shape = shape(&table);
        assert_eq!(shape.apart, [1, 2]);
        assert_eq!(shape.first(), 2);
        // `b` and `c` come first; of the declared, `d` is third in a row and `a` fifth.
        assert_eq!(shape.identity(), [4, 0, 1, 2]);
    }

    #[test]
    fn a_place_comes_before_what_is_declared() {
        let table = table(Key::Place(vec!["t.tableoid", "t.ctid"]));
        let shape = shape(&table);
        assert_eq!((shape.identity(), shape.first()), ([0, 1].as_slice(), 2));
    }
}
