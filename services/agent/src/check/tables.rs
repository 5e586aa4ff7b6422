//! Tables that a connected database has and no manifest declares: what stands in them is found by nobody, and no answer
//! names it.

use std::collections::BTreeMap;

use tributary_model::manifest::Dataset;

use super::DatasetReport;
use super::finding::{Code, Findings};
use crate::catalog::Catalog;
use crate::collect::{Database, StopFlag};
use crate::source::inventory::{Inventory, Table, inventory};

/// Finds them in each database that answers; several datasets may share one. Returns what could not be looked at, and
/// what is said of tables that are not there.
pub(super) fn undeclared(catalog: &Catalog, reports: &[DatasetReport], findings: &mut Findings) -> Vec<String> {
    let mut shared: BTreeMap<String, (Database, Vec<&Dataset>)> = BTreeMap::new();
    for ((dataset, database), report) in catalog.places().zip(reports) {
        let Some(database) = database.filter(|_| report.unavailable.is_none()) else { continue };
        shared.entry(place(&database)).or_insert_with(|| (database, Vec::new())).1.push(dataset);
    }
    let mut warnings = Vec::new();
    for (database, datasets) in shared.into_values() {
        match inventory(&database, None, catalog.clock(), &StopFlag::new()) {
            Ok(found) => look(&found, &datasets, findings, &mut warnings),
            Err(error) => warnings.push(format!("dataset `{}`: its tables cannot be listed: {error}", datasets[0].key)),
        }
    }
    warnings
}

/// What tells one list of tables from another.
fn place(database: &Database) -> String {
    match database {
        Database::Sqlite(path) => path.display().to_string(),
        Database::Server(server) => {
            format!("{:?} {} {:?} {:?}", server.engine, server.address, server.database, server.schema)
        }
    }
}

fn look(found: &Inventory, datasets: &[&Dataset], findings: &mut Findings, warnings: &mut Vec<String>) {
    for table in found.tables.iter().filter(|table| !table.is_view) {
        let named = |dataset: &&Dataset| {
            let declared = dataset.collections.iter().map(|collection| &collection.name);
            declared.chain(&dataset.not_personal).any(|name| name.eq_ignore_ascii_case(&table.name))
        };
        if let Some(first) = datasets.first().filter(|_| !datasets.iter().any(named)) {
            let name = format!("{}.{}", first.key, table.name);
            findings.add(Code::UndeclaredTables, &first.at, &name, detail(table));
        }
    }
    for dataset in datasets {
        let there = |name: &&String| found.tables.iter().any(|table| table.name.eq_ignore_ascii_case(name));
        for name in dataset.not_personal.iter().filter(|name| !there(name)) {
            warnings.push(format!("{}: `not_personal` names `{name}`, which the database does not have", dataset.at));
        }
    }
}

fn detail(table: &Table) -> String {
    if !table.is_readable {
        return "this user may not read it".to_owned();
    }
    table.rows.map(|rows| format!("about {rows} rows")).unwrap_or_default()
}
