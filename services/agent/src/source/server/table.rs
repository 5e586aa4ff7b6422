//! What a server says of a table or view.

use super::kind::Kind;

/// A table or view.
#[derive(Debug, Clone)]
pub(in crate::source) struct Table {
    /// Its name in SQL: qualified and quoted.
    pub(in crate::source) sql: String,
    /// Its columns.
    pub(in crate::source) columns: Vec<Column>,
    /// How a row is told from another.
    pub(in crate::source) key: Key,
    /// Its indexes.
    pub(in crate::source) indexes: Vec<Index>,
}

/// A column.
#[derive(Debug, Clone)]
pub(in crate::source) struct Column {
    /// Its name.
    pub(in crate::source) name: String,
    /// What it holds.
    pub(in crate::source) kind: Kind,
    /// Its type in SQL, to which values are cast that are compared with it.
    pub(in crate::source) sql_type: String,
    /// MySQL: its character set and collation.
    pub(in crate::source) collation: Option<(String, String)>,
    /// Whether a value may be large enough for a file of its own.
    pub(in crate::source) may_be_large: bool,
    /// Whether it is an array, read as JSON.
    pub(in crate::source) array: bool,
}

/// How a row is told from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) enum Key {
    /// By these columns, as the server guarantees.
    Columns(Vec<usize>),
    /// By where it lies: expressions in SQL, as text.
    Place(Vec<&'static str>),
    /// By the declared key, or by everything.
    Nothing,
    /// By everything in it: a key of its own or a declared one may stand in several rows.
    Content,
}

/// An index that finds rows by value.
#[derive(Debug, Clone)]
pub(in crate::source) struct Index {
    /// What it begins with, and so on.
    pub(in crate::source) parts: Vec<IndexPart>,
}

/// A part of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) enum IndexPart {
    /// A column.
    Column(usize),
    /// An expression, as the server writes it.
    Expression(String),
}

impl Table {
    /// Finds a column: by its very name, or else by the only one that differs in case.
    pub(in crate::source) fn position(&self, name: &str) -> Option<usize> {
        let exact = self.columns.iter().position(|column| column.name == name);
        exact.or_else(|| {
            let mut like = self.columns.iter().enumerate().filter(|(_, c)| c.name.eq_ignore_ascii_case(name));
            like.next().filter(|_| like.next().is_none()).map(|(index, _)| index)
        })
    }

    /// Whether an index finds rows by all these columns.
    pub(in crate::source) fn finds_by(&self, columns: &[usize]) -> bool {
        self.indexes.iter().any(|index| {
            index.parts.len() >= columns.len()
                && index.parts[..columns.len()]
                    .iter()
                    .all(|part| matches!(part, IndexPart::Column(column) if columns.contains(column)))
        })
    }

    /// Whether an index begins with one of these expressions.
    pub(in crate::source) fn finds_by_expression(&self, written: &[String]) -> bool {
        let begins =
            |index: &Index| matches!(index.parts.first(), Some(IndexPart::Expression(e)) if written.contains(e));
        self.indexes.iter().any(begins)
    }
}
