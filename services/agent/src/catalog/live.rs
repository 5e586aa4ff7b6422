//! Manifests against live schemas: a table or column that is declared and not there is an error with its place.

use tributary_model::id::FidesKey;
use tributary_model::manifest::At;
use tributary_model::yaml::Problem;

use super::Catalog;
use crate::collect::{Database, StopFlag};
use crate::source::sqlite;

/// Something declared that the database does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    at: At,
    message: String,
}

impl Missing {
    pub(super) fn into_problem(self) -> Problem {
        Problem { file: self.at.file.to_string(), place: self.at.place, message: self.message }
    }
}

/// A database that cannot be opened now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// Its dataset.
    pub dataset: FidesKey,
    /// What was tried and what to do.
    pub detail: String,
}

/// Everything that one dataset declares and its database does not have.
pub(super) fn compare(catalog: &Catalog, dataset: usize) -> Result<Vec<Missing>, Unavailable> {
    let Some(Database::Sqlite(path)) = &catalog.databases[dataset] else { return Ok(Vec::new()) };
    let declared = &catalog.graph.manifests().datasets[dataset];
    let unavailable =
        |error: crate::source::ReadError| Unavailable { dataset: declared.key.clone(), detail: error.to_string() };
    let mut database = sqlite::Database::open(path, &catalog.clock, &StopFlag::new(), catalog.limits.snapshot_max)
        .map_err(unavailable)?;
    let mut missing = Vec::new();
    for collection in declared.collections.iter().filter(|collection| !collection.skip) {
        let place = format!("dataset `{}`, collection `{}`", declared.key, collection.name);
        let Some(table) = database.table(&collection.name).map_err(unavailable)? else {
            let message = format!("{place}: {} has no table or view of this name", path.display());
            missing.push(Missing { at: collection.at.clone(), message });
            continue;
        };
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        for field in collection.fields.iter().filter(|field| table.column(&field.name).is_none()) {
            let there = names.join(", ");
            let message = format!("{place}, field `{}`: the table has no such column; it has {there}", field.name);
            missing.push(Missing { at: field.at.clone(), message });
        }
    }
    Ok(missing)
}
