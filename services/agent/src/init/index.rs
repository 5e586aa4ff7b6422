//! The index that would spare a search from reading the whole table, as a statement to try.

use crate::collect::Database;
use crate::source::inventory::Column;
use crate::source::server::EngineKind;

/// Whose SQL is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
    /// MySQL's and MariaDB's.
    MySql,
}

impl Dialect {
    /// A database's.
    pub(super) fn of(database: &Database) -> Self {
        match database {
            Database::Sqlite(_) => Self::Sqlite,
            Database::Server(server) => match server.engine {
                EngineKind::Postgres => Self::Postgres,
                EngineKind::MySql => Self::MySql,
            },
        }
    }

    /// What to do about a search by an identifier of this type that reads the whole table; `None` when it does not.
    pub(super) fn search(self, table: &str, column: &Column, kind: &str) -> Option<String> {
        let reads = "each search by it reads the whole table";
        match kind {
            "email" if column.is_indexed && column.is_folded => None,
            "email" => {
                let name = self.quoted(&column.name);
                let expression = match self {
                    Self::Sqlite => format!("{name} COLLATE NOCASE"),
                    Self::Postgres => format!("lower({name})"),
                    Self::MySql => name,
                };
                let why = if column.is_indexed { "no index without regard to case" } else { "no index" };
                Some(format!("{why}: {reads}; for example: {}", self.statement(table, &column.name, &expression)))
            }
            // Numbers are written in many ways, and a plain index finds one of them.
            "phone_number" => (!column.is_indexed).then(|| format!("no index: {reads}")),
            _ => self.lookup(table, column),
        }
    }

    /// The same for a look-up by reference.
    pub(super) fn lookup(self, table: &str, column: &Column) -> Option<String> {
        let statement = || self.statement(table, &column.name, &self.quoted(&column.name));
        (!column.is_indexed)
            .then(|| format!("no index: each search by it reads the whole table; for example: {}", statement()))
    }

    fn statement(self, table: &str, column: &str, expression: &str) -> String {
        let name: String =
            format!("{table}_{column}").chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        format!("CREATE INDEX {} ON {} ({expression})", self.quoted(&name), self.quoted(table))
    }

    fn quoted(self, name: &str) -> String {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let mark = if self == Self::MySql { '`' } else { '"' };
        if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain) {
            return name.to_owned();
        }
        format!("{mark}{}{mark}", name.replace(mark, &format!("{mark}{mark}")))
    }
}
