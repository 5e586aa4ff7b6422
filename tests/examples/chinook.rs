//! The Chinook database through the whole stack: every customer's rows counted and compared with plain SQL, nobody
//! else's; no employee's request returns a customer. `chinook DATABASE MANIFEST`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tributary_tests::archive::{Archive, Row, cell};
use tributary_tests::client::{Caller, disposition};
use tributary_tests::command;
use tributary_tests::fixture::Fixture;
use tributary_tests::group::{EntityPlan, Group, PORTAL, Plan};
use tributary_tests::rows::{Plain, plain, select};

const ENTITY: &str = "chinook-be";
const DATASET: &str = "chinook";
const PATIENCE: Duration = Duration::from_secs(60);
/// Cases under way at once.
const AT_ONCE: usize = 4;

/// A database that nobody here designed, read where it lies.
struct Chinook {
    manifest: String,
    database: PathBuf,
}

impl Fixture for Chinook {
    fn key(&self) -> String {
        DATASET.to_owned()
    }

    fn manifest(&self) -> String {
        self.manifest.clone()
    }

    fn make(&self, path: &Path) -> Result<()> {
        Ok(std::os::unix::fs::symlink(&self.database, path)?)
    }
}

struct Check {
    group: Group,
    portal: Caller,
    database: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let database = arguments.next().context("name the database")?.canonicalize()?;
    let manifest = std::fs::read_to_string(arguments.next().context("name the manifest")?)?;
    let before = std::fs::read(&database)?;
    let chinook = Chinook { manifest, database: database.clone() };
    let group = Plan::new(vec![EntityPlan::new(ENTITY, "BE").holds(chinook)]).lay_out()?;
    let _agent = group.start_agent(ENTITY).await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let check = Arc::new(Check { group, portal, database: database.clone() });

    let customers = select(&database, "SELECT CustomerId AS id, Email FROM Customer")?;
    let employees = select(&database, "SELECT EmployeeId AS id, Email FROM Employee")?;
    ensure!((customers.len(), employees.len()) == (59, 8), "this is not the Chinook database");
    let mut totals = [0; 3];
    for batch in customers.chunks(AT_ONCE) {
        let mut running = tokio::task::JoinSet::new();
        for person in batch {
            let person = person.clone();
            let check = Arc::clone(&check);
            running.spawn(async move { check.customer(&person).await });
        }
        while let Some(counted) = running.join_next().await {
            for (total, count) in totals.iter_mut().zip(counted??) {
                *total += count;
            }
        }
    }
    for person in &employees {
        check.employee(person).await?;
    }
    let count = |table: &str| -> Result<usize> { Ok(select(&database, &format!("SELECT 1 AS n FROM {table}"))?.len()) };
    let all = [count("Customer")?, count("Invoice")?, count("InvoiceLine")?];
    ensure!(totals == all, "{totals:?} rows came back of {all:?}");
    ensure!(std::fs::read(&database)? == before, "the database's bytes changed");
    ensure!(leftovers(&database)?.is_empty(), "files appeared beside the database: {:?}", leftovers(&database)?);
    println!(
        "{} customers, {} invoices, {} invoice lines: each with its own case, nobody else's; {} employees without a customer",
        totals[0],
        totals[1],
        totals[2],
        employees.len()
    );
    Ok(())
}

impl Check {
    /// One person's case: the archive, and the value of a column of the person.
    async fn archive(&self, person: &Plain) -> Result<(Archive, String)> {
        let value = |column: &str| person.get(column).cloned().flatten().with_context(|| format!("no {column}"));
        let case = self.portal.open_for(&[("email", &value("Email")?)]).await?;
        let ready = self.portal.ready(&case, PATIENCE).await?;
        ensure!(disposition(&ready, ENTITY) == "FULFILLED", "{}", disposition(&ready, ENTITY));
        let path = self.group.root().join(format!("{case}.zip"));
        self.portal.download(&case, 0, &path).await?;
        let verified = command::verify(&path, Some(&self.group.group_key()), None)?;
        ensure!(verified.code == Some(0), "{}", verified.said());
        Ok((Archive::open(&path)?, value("id")?))
    }

    /// The customer's row, invoices and lines are exactly those of plain SQL, in the columns that the manifest declares.
    async fn customer(&self, person: &Plain) -> Result<[usize; 3]> {
        let (archive, id) = self.archive(person).await?;
        let mut counts = [0; 3];
        let of_customer = format!("SELECT InvoiceId FROM Invoice WHERE CustomerId = {id}");
        for ((table, condition), count) in [
            ("Customer", format!("CustomerId = {id}")),
            ("Invoice", format!("CustomerId = {id}")),
            ("InvoiceLine", format!("InvoiceId IN ({of_customer})")),
        ]
        .into_iter()
        .zip(&mut counts)
        {
            let rows = archive.rows(ENTITY, DATASET, table)?;
            let expected = select(&self.database, &format!("SELECT * FROM {table} WHERE {condition}"))?;
            *count = rows.len();
            ensure!(rows.len() == expected.len(), "{table} of {id}: {} rows of {}", rows.len(), expected.len());
            ensure!(agree(&rows, &expected), "{table} of {id}: other values");
        }
        ensure!(archive.rows(ENTITY, DATASET, "Employee")?.is_empty(), "customer {id} got an employee's row");
        Ok(counts)
    }

    async fn employee(&self, person: &Plain) -> Result<()> {
        let (archive, id) = self.archive(person).await?;
        let rows = archive.rows(ENTITY, DATASET, "Employee")?;
        ensure!(rows.len() == 1 && cell(&rows[0], "EmployeeId").as_ref() == Some(&id), "employee {id}");
        for table in ["Customer", "Invoice", "InvoiceLine"] {
            ensure!(archive.rows(ENTITY, DATASET, table)?.is_empty(), "employee {id} got rows of {table}");
        }
        Ok(())
    }
}

/// The rows say the same as SQL in every column that they have; numbers are compared as numbers.
fn agree(rows: &[Row], expected: &[Plain]) -> bool {
    let Some(columns) = rows.first().map(|row| row.keys().cloned().collect::<Vec<_>>()) else { return true };
    let spell = |value: &Option<String>| match value.as_deref().map(str::parse::<f64>) {
        Some(Ok(number)) => Some(number.to_string()),
        _ => value.clone(),
    };
    let narrow = |row: &Plain| -> Vec<Option<String>> {
        columns.iter().map(|column| spell(row.get(column).unwrap_or(&None))).collect()
    };
    let sorted = |rows: &[Plain]| {
        let mut all: Vec<_> = rows.iter().map(narrow).collect();
        all.sort();
        all
    };
    sorted(&plain(rows)) == sorted(expected)
}

/// Journals and the like that a reader left beside the database.
fn leftovers(database: &Path) -> Result<Vec<PathBuf>> {
    let name = database.file_name().context("the database has no name")?.to_string_lossy().into_owned();
    let folder = database.parent().context("the database has no folder")?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let other = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if other.starts_with(&name) && other != name {
            found.push(path);
        }
    }
    Ok(found)
}
