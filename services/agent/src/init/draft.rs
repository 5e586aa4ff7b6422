//! What is proposed of a schema, before it is written out: tables with what their columns, keys and references probably mean.

use tributary_model::id::IdentifierType;
use tributary_model::manifest::Direction;

use super::vocabulary::{Named, TableKind, Treat};
use crate::source::inventory::Table;

/// A table with what is proposed of it.
#[derive(Debug, Clone)]
pub(super) struct TableDraft<'i> {
    /// As the database describes it.
    pub(super) table: &'i Table,
    /// What its name says.
    pub(super) named: Option<Named>,
    /// What its rows are, by its name.
    pub(super) kind: Option<TableKind>,
    /// Whether each row is a person.
    pub(super) people: bool,
    /// Whether its rows belong to a person: found by an identifier, or by referring to such rows.
    pub(super) own: bool,
    /// Whether an identifier leads to it, by what is proposed.
    pub(super) reached: bool,
    /// Its columns, in order.
    pub(super) columns: Vec<ColumnDraft>,
    /// Its references, known and guessed.
    pub(super) links: Vec<Link>,
}

/// A column with what is proposed of it.
#[derive(Debug, Clone, Default)]
pub(super) struct ColumnDraft {
    /// What its name says.
    pub(super) named: Option<Named>,
    /// The proposed category and why.
    pub(super) category: Option<(String, &'static str)>,
    /// The identifier by which it may be searched.
    pub(super) identity: Option<Identity>,
    /// What is special about it.
    pub(super) treat: Option<Treat>,
    /// Whether it is about another person than the row's own.
    pub(super) other: bool,
}

/// An identifier by which a column may be searched.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// Its type.
    pub(super) kind: IdentifierType,
    /// Why it is proposed as a remark only; `None` when it is declared.
    pub(super) not: Option<String>,
}

/// A reference from one table to another.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// Columns that refer.
    pub(super) columns: Vec<usize>,
    /// The other table.
    pub(super) to: Target,
    /// Which way values go; none when it is proposed as a remark only.
    pub(super) ways: Vec<Direction>,
    /// Why it is a remark only, or that it is guessed.
    pub(super) why: Option<String>,
    /// Whether no foreign key says it.
    pub(super) guessed: bool,
}

/// Where a reference leads.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// To a table of the inventory, and columns of it.
    Table(usize, Vec<usize>),
    /// Somewhere else, by name.
    Elsewhere(String),
}

impl TableDraft<'_> {
    /// The type of an identifier that is declared on it.
    pub(super) fn is_found_by(&self, kind: &IdentifierType) -> bool {
        self.columns.iter().any(|column| column.identity.as_ref().is_some_and(|i| i.not.is_none() && i.kind == *kind))
    }

    /// Whether an identifier is declared on it.
    pub(super) fn is_seed(&self) -> bool {
        self.columns.iter().any(|column| column.identity.as_ref().is_some_and(|identity| identity.not.is_none()))
    }

    /// Whether something in it is probably about people.
    pub(super) fn looks_personal(&self) -> bool {
        self.people
            || self.own
            || self.columns.iter().any(|column| {
                column
                    .category
                    .as_ref()
                    .is_some_and(|(category, _)| category != "user" && category.starts_with("user."))
            })
    }

    /// Whether it is declared as a collection.
    pub(super) fn is_declared(&self) -> bool {
        self.reached || self.looks_personal()
    }
}
