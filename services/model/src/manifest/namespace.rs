//! Where in a database server a dataset lies: `fides_meta.namespace`.

/// The database and schema that a dataset names. Kinds of store with other words for it are read as far as they have these.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Namespace {
    /// `database_name`.
    pub database: Option<String>,
    /// `schema`.
    pub schema: Option<String>,
}
