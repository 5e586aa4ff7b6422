//! The queries of the SQLite connector. Names are quoted, values are bound.

use std::cell::Cell;
use std::rc::Rc;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use tributary_model::identifier::Folding;

use super::schema::{Column, Table, TableKind};
use super::{LARGE, Query};
use crate::graph::FieldPath;
use crate::source::Matching;

/// How one query is carried out.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    /// `SELECT` with its columns and `FROM`, with a marker in place of large cells.
    pub(super) guarded: String,
    /// The same without looking at the cells' lengths, which costs as much as to read them. `None` where that is no gain, or
    /// where a second reading might have another order.
    pub(super) bare: Option<String>,
    /// Whether a large cell was met: then `bare` will not do.
    pub(super) has_large: Rc<Cell<bool>>,
    /// How rows are told apart and ordered.
    pub(super) order: String,
    /// Columns in front of the declared ones that tell rows apart; none where only all of a row and its number do.
    pub(super) identity: usize,
    /// The condition, when SQLite can judge it.
    pub(super) how: How,
    /// The table, quoted.
    pub(super) table: String,
    /// The columns that are compared, as SQL expressions.
    compared: Vec<String>,
    /// The column that says whose a row is, and how many of its values mean others.
    owner: Option<(String, usize)>,
    /// Whether numbers and texts are told apart in the first of them: it has no type.
    pub(super) untyped: bool,
}

/// Who judges the condition, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// An index finds each value: one execution per value.
    Each,
    /// As `Each`, but the rows would have to be sorted: their keys are sorted instead.
    EachByKey,
    /// The table is read once for a whole list of values.
    List,
    /// The table is read once and the walk looks into the structured column.
    Inside,
}

/// Names the query in the cache of statements.
pub(super) fn cache_key(query: &Query<'_>) -> String {
    format!("{}\0{:?}\0{:?}\0{}", query.table, query.fields, query.matching, query.leaves_out().is_some())
}

impl Statement {
    pub(super) fn new(connection: &Connection, table: &Table, query: &Query<'_>) -> rusqlite::Result<Self> {
        let identity: Vec<String> = match &table.kind {
            TableKind::Rowid(alias) => vec![format!("\"{alias}\"")],
            TableKind::WithoutRowid => table.key().into_iter().map(quote).collect(),
            TableKind::View => query.primary_key.iter().map(|&c| quote(&query.columns[c])).collect(),
        };
        let name = quote(&table.name);
        let select = |cell: &dyn Fn(&String) -> String| {
            let columns: Vec<String> = identity.iter().cloned().chain(query.columns.iter().map(cell)).collect();
            format!("SELECT {} FROM {name}", columns.join(", "))
        };
        let bare = select(&|name| quote(name));
        // A large cell is read by its row's key, and as it comes where there is none.
        let guarded = if identity.is_empty() { bare.clone() } else { select(&|name| cell(table, name)) };
        let is_gain = guarded != bare && table.kind != TableKind::View;
        let mut statement = Self {
            guarded,
            bare: is_gain.then_some(bare),
            has_large: Rc::default(),
            // The key as bytes, whatever collation the column has; without a key there is no order to keep.
            order: match &table.kind {
                _ if identity.is_empty() => String::new(),
                TableKind::Rowid(_) => format!(" ORDER BY {}", identity.join(", ")),
                _ => format!(
                    " ORDER BY {}",
                    identity.iter().map(|c| format!("{c} COLLATE BINARY")).collect::<Vec<_>>().join(", ")
                ),
            },
            identity: identity.len(),
            how: How::Inside,
            table: name,
            compared: query.fields.iter().map(|field| quote(&query.columns[field.column])).collect(),
            owner: query.leaves_out().map(|owned| (quote(&query.columns[owned.column]), owned.others().len())),
            untyped: table.column(&query.columns[query.fields[0].column]).is_some_and(Column::is_untyped),
        };
        if !query.fields.iter().any(|field: &FieldPath| field.structured) {
            statement.how = statement.choose(connection, table, query)?;
        }
        Ok(statement)
    }

    /// Asks SQLite how it would find one value.
    fn choose(&self, connection: &Connection, table: &Table, query: &Query<'_>) -> rusqlite::Result<How> {
        if let Matching::Identifier(_) = query.matching {
            return Ok(How::List);
        }
        let plan = explain(connection, &self.each(&self.guarded))?;
        let found =
            plan.iter().any(|step| step.starts_with("SEARCH")) && !plan.iter().any(|step| step.starts_with("SCAN"));
        // A composite key found by its first part only would read that part's rows for every value.
        let by_all =
            plan.iter().any(|step| step.matches("=?").count() >= self.compared.len() || step.contains("rowid=?"));
        let sorts = plan.iter().any(|step| step.contains("TEMP B-TREE"));
        Ok(match (found && by_all, sorts, &table.kind) {
            (false, ..) => How::List,
            (true, true, TableKind::Rowid(_)) => How::EachByKey,
            (true, ..) => How::Each,
        })
    }

    pub(super) fn scans(&self) -> bool {
        matches!(self.how, How::List | How::Inside)
    }

    /// Rows with one value, bound from ?3 on; after it, in all statements with a condition, those that mean others.
    pub(super) fn each(&self, select: &str) -> String {
        format!("{select} WHERE {}{}", self.equal(), self.order)
    }

    /// A condition, and that the row's owner is none of the others, whose values are bound from `first` on. What is neither
    /// text nor a whole number is left to who looks at the row.
    fn own(&self, condition: String, first: usize) -> String {
        let Some((column, others)) = &self.owner else { return condition };
        let marks: Vec<String> = (first..first + others).map(|n| format!("?{n}")).collect();
        let text = format!("CAST({column} AS TEXT) COLLATE BINARY IN ({})", marks.join(", "));
        format!("({condition}) AND NOT (typeof({column}) IN ('text', 'integer') AND {text})")
    }

    /// As `each`; only the keys are sorted.
    pub(super) fn each_by_key(&self, select: &str, alias: &str) -> String {
        self.by_key(select, alias, &self.equal())
    }

    fn by_key(&self, select: &str, alias: &str, condition: &str) -> String {
        let keys = format!("SELECT \"{alias}\" FROM {} WHERE {condition}", self.table);
        format!("{select} WHERE \"{alias}\" IN ({keys}){}", self.order)
    }

    fn equal(&self) -> String {
        let equal: Vec<String> = self.compared.iter().zip(3..).map(|(c, n)| format!("{c} = ?{n}")).collect();
        self.own(equal.join(" AND "), 3 + self.compared.len())
    }

    /// Rows with one of the values in the list, read in the table's own order.
    pub(super) fn listed(&self, select: &str) -> String {
        let (columns, values) = (self.compared.join(", "), list_columns(self.compared.len()));
        let columns = if self.compared.len() > 1 { format!("({columns})") } else { columns };
        let scan = if self.order.contains("COLLATE") || self.order.is_empty() { "" } else { " NOT INDEXED" };
        let condition = self.own(format!("{columns} IN (SELECT {values} FROM temp.sought)"), 3);
        format!("{select}{scan} WHERE {condition}{}", self.order)
    }

    /// Rows with one of `count` spellings of identifiers, bound from ?3 on, or one of their `folded` forms, bound after them.
    /// Only the keys of what is found are sorted.
    pub(super) fn spelt(
        &self,
        select: &str,
        folding: Folding,
        (count, folded): (usize, usize),
        alias: Option<&str>,
    ) -> String {
        let marks =
            |from: usize, count: usize| (from..from + count).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        let (column, exact) = (&self.compared[0], marks(3, count));
        let condition = match (folding, function(folding)) {
            (Folding::Case, _) => format!("{column} COLLATE NOCASE IN ({exact})"),
            (_, Some(word)) => {
                format!("{column} IN ({exact}) OR {FOLD}('{word}', {column}) IN ({})", marks(3 + count, folded))
            }
            // A column that does not tell case apart narrows the search; an identifier does.
            _ => format!("{column} IN ({exact}) AND {column} COLLATE BINARY IN ({exact})"),
        };
        let condition = self.own(condition, 3 + count + folded);
        match alias {
            Some(alias) => self.by_key(select, alias, &condition),
            None => format!("{select} WHERE {condition}{}", self.order),
        }
    }

    /// All rows.
    pub(super) fn all(&self, select: &str) -> String {
        format!("{select}{}", self.order)
    }
}

/// Makes the list of values anew. It lives in memory (`temp_store`), not beside the file.
pub(super) fn make_list(columns: usize) -> String {
    format!("DROP TABLE IF EXISTS temp.sought; CREATE TEMP TABLE sought ({})", list_columns(columns))
}

/// Puts one tuple into the list.
pub(super) fn add_to_list(columns: usize) -> String {
    let marks: Vec<String> = (1..=columns).map(|n| format!("?{n}")).collect();
    format!("INSERT INTO temp.sought VALUES ({})", marks.join(", "))
}

fn list_columns(count: usize) -> String {
    (0..count).map(|n| format!("v{n}")).collect::<Vec<_>>().join(", ")
}

/// A cell, or the marker ?2 where it is longer than ?1 bytes: `octet_length` does not load it.
fn cell(table: &Table, name: &str) -> String {
    let quoted = quote(name);
    match table.column(name) {
        Some(column) if column.may_be_large() => format!("iif(octet_length({quoted}) > ?1, ?2, {quoted})"),
        _ => quoted,
    }
}

/// The function by which SQLite folds a column.
const FOLD: &str = "tributary_fold";

/// The word by which [`FOLD`] knows a folding; `None` for what SQLite compares by itself.
fn function(folding: Folding) -> Option<&'static str> {
    match folding {
        Folding::Exact | Folding::Case => None,
        Folding::Punctuation => Some("unpunctuated"),
        Folding::Digits => Some("digits"),
        Folding::Alphanumeric => Some("alphanumeric"),
    }
}

/// Gives the connection the function by which columns are folded.
pub(super) fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function(FOLD, 2, flags, |context| {
        let folding = context.get_raw(0).as_str().ok().and_then(|word| word.parse::<Folding>().ok());
        let fold = |text: &str| folding.map(|folding| folding.fold(text).into_owned());
        Ok(match context.get_raw(1) {
            ValueRef::Integer(n) => fold(&n.to_string()),
            ValueRef::Text(bytes) => fold(&String::from_utf8_lossy(bytes)),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => None,
        })
    })
}

/// Quotes a name for SQL.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn explain(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    // Bound as they will be: an unbound ?1 is NULL, and SQLite plans the same way for both.
    if statement.parameter_count() >= 1 {
        statement.raw_bind_parameter(1, LARGE)?;
    }
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(row.get("detail")?);
    }
    Ok(steps)
}
