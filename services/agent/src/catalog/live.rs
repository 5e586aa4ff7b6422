//! Manifests against live schemas: a table or column that is declared and not there is an error with its place.

use tributary_model::id::FidesKey;
use tributary_model::manifest::At;
use tributary_model::yaml::Problem;

use super::{Catalog, open};
use crate::collect::{Database, StopFlag};
use crate::controller;
use crate::source::{Links, ReadError};

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
    let declared = &catalog.graph.manifests().datasets[dataset];
    let unavailable = |error: ReadError| Unavailable { dataset: declared.key.clone(), detail: error.to_string() };
    let opened = open::snapshot(catalog, dataset, &StopFlag::new(), &mut Links::default()).map_err(unavailable)?;
    let Some(mut database) = opened else { return Ok(Vec::new()) };
    let mut missing = Vec::new();
    for collection in declared.collections.iter().filter(|c| !c.skip && c.people.manual.is_none()) {
        let place = format!("dataset `{}`, collection `{}`", declared.key, collection.name);
        let table = match database.table(&collection.name) {
            Ok(table) => table,
            // A table that may not be read is there: every answer names it.
            Err(ReadError::NotReadable(_)) => continue,
            Err(error) => return Err(unavailable(error)),
        };
        let Some(table) = table else {
            let message = format!("{place}: {} has no table or view of this name", name(&catalog.databases[dataset]));
            missing.push(Missing { at: collection.at.clone(), message });
            continue;
        };
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        if let Some((at, message)) = controller::against(declared, collection, &table) {
            missing.push(Missing { at: at.clone(), message: format!("{place}: {message}") });
        }
        for field in collection.fields.iter().filter(|field| table.column(&field.name).is_none()) {
            let there = names.join(", ");
            let message = format!("{place}, field `{}`: the table has no such column; it has {there}", field.name);
            missing.push(Missing { at: field.at.clone(), message });
        }
    }
    Ok(missing)
}

fn name(database: &Option<Database>) -> String {
    match database {
        Some(Database::Sqlite(path)) => path.display().to_string(),
        Some(Database::Server(server)) => server.place(),
        None => String::new(),
    }
}
