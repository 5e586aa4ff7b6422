//! What PostgreSQL and MySQL differ in: connecting, the catalogue, the words of a statement, and how values look.

use std::collections::HashSet;
use std::future::Future;

use sqlx::database::HasStatementCache;
use sqlx::{Connection, Database, Executor, IntoArguments};
use tributary_model::identifier::Folding;

use super::decoded::Decoded;
use super::fit::Fitted;
use super::kind::Kind;
use super::link::{Link, Session};
use super::settings::Server;
use super::shape::Shape;
use super::table::{Column, Table};
use crate::source::ReadError;

/// A value that is bound to a statement.
#[derive(Clone)]
pub(in crate::source) enum Bind {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// A whole number that needs all 64 bits.
    Unsigned(u64),
    /// Text, and digits of every kind.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list of texts.
    Texts(Vec<Option<String>>),
}

/// What a statement asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Mode {
    /// The rows with one value, which an index finds.
    One,
    /// The rows with each of so many values, which an index finds, in the order of the values.
    Each(usize),
    /// The rows with any of so many values: the table is read once.
    List(usize),
    /// The rows with an identifier in so many spellings, in a column of text. Where the column is folded, so are they.
    Spelt(Folding, usize),
    /// All rows.
    All,
}

/// What is said of a statement that took too long.
pub(in crate::source) const TOO_LATE: &str = "a statement took longer than `statement_timeout` allows";

/// The words by which a result is read in pages.
pub(in crate::source) struct Pages {
    /// Before the statement.
    pub(in crate::source) begin: &'static str,
    /// The next page, of `{}` rows.
    pub(in crate::source) next: &'static str,
    /// After the last.
    pub(in crate::source) end: &'static str,
}

/// One of the two kinds of server.
pub(in crate::source) trait Engine: Sized + 'static
where
    for<'c> &'c mut <Self::Db as Database>::Connection: Executor<'c, Database = Self::Db>,
{
    /// Its driver.
    type Db: Database<Connection: Connection<Database = Self::Db>, Arguments: IntoArguments<Self::Db>>
        + HasStatementCache;

    /// Values of one call where an index finds them. It does not show in the order of rows.
    const INDEXED_BATCH: usize;
    /// Most values of one statement.
    const MOST_BINDS: usize;
    /// What brings a transaction back to its state before a statement that failed, where one is needed.
    const RECOVER: Option<&'static str>;
    /// Asks whether the server hides rows of a table, whose name in SQL is bound, from the user by policies.
    const POLICIES: Option<&'static str> = None;

    /// How a result is read in pages, so that the server's clock does not count the time in which a walk waits for its own
    /// rate; `None` where that cannot be done, and the time of a statement is measured here instead.
    const PAGES: Option<Pages>;

    /// Connects and begins a read-only snapshot.
    fn connect(
        server: &Server,
        database: Option<&str>,
        password: Option<&str>,
    ) -> impl Future<Output = Result<(<Self::Db as Database>::Connection, Session), sqlx::Error>>;

    /// What the server says of a table.
    fn table(link: &mut Link<Self>, schema: Option<&str>, name: &str) -> Result<Option<Table>, ReadError>;

    /// A statement for a query.
    fn sql(shape: &Shape<'_>, fields: &[usize], mode: Mode) -> String;

    /// The values of a statement, as they are bound.
    fn binds(shape: &Shape<'_>, fields: &[usize], values: &[Vec<Fitted>], mode: Mode) -> Vec<Bind>;

    /// Whether an index finds rows by the spellings of an identifier.
    fn finds_identifier(table: &Table, field: usize, folding: Folding) -> bool;

    /// Whether text may have characters that the column has not.
    fn lacks_characters(session: Session, column: &Column) -> bool;

    /// Those of the texts that no value of the column can be, because it lacks a character of theirs. Sent all the same,
    /// they would be an error to PostgreSQL, and other texts to MySQL.
    fn unwritable(link: &mut Link<Self>, column: &Column, texts: &[String]) -> Result<HashSet<String>, ReadError>;

    /// A statement that gives one cell of one row in slices, each with its number and its length where the value is, and the
    /// values that name the row.
    fn slices(shape: &Shape<'_>, column: usize, row: &Decoded, bytes: u64, packet: u64) -> (String, Vec<Bind>);

    /// A statement by which another connection ends what this one is at.
    fn interrupt(session: Session) -> String;

    /// The bytes of a value as they came.
    fn raw(row: &<Self::Db as Database>::Row, index: usize) -> Option<&[u8]>;

    /// Bytes of a row as the driver holds it.
    fn weight(row: &<Self::Db as Database>::Row) -> usize;

    /// Binds values.
    fn arguments(binds: Vec<Bind>) -> Result<<Self::Db as Database>::Arguments, ReadError>;

    /// Appends a value of a result to a row.
    fn decode(
        row: &<Self::Db as Database>::Row,
        index: usize,
        kind: Kind,
        array: bool,
        into: &mut Decoded,
    ) -> Result<(), ReadError>;

    /// An error of a connection under way, in our words: never in the server's, which may quote values.
    fn explain(error: &sqlx::Error) -> ReadError;

    /// Whether there was no connection left for us.
    fn is_used_up(error: &sqlx::Error) -> bool;
}
