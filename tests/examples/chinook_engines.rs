//! The Chinook database in three engines: all customers' rows from the SQLite file, from PostgreSQL and from MariaDB say
//! the same, names mapped, decimals and times compared by value. `chinook_engines FOLDER MANIFEST`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use flate2::read::DeflateDecoder;
use tributary_agent::collect::{
    Catalog, CollectLimits, Database, LARGE_CELL, PartSink, Request, SinkError, Sources, StopFlag,
};
use tributary_agent::source::server::{Address, EngineKind, Secret, Server, ServerLimits, Tls};
use tributary_archive::information::Information;
use tributary_archive::part::Part;
use tributary_archive::preview::Preview;
use tributary_archive::table::Table;
use tributary_model::clock::SystemClock;
use tributary_model::identifier::Identifier;
use tributary_model::right::TableFormat;
use tributary_tests::rows::select;
use tributary_tests::servers::{self, Engine, write_password};

const DATABASE: &str = "chinook_of_the_tests";

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().context("name the folder with the Chinook files")?.canonicalize()?;
    let manifest = std::fs::read_to_string(arguments.next().context("name the manifest")?)?;
    let work = tempfile::tempdir()?;
    let file = folder.join("Chinook_Sqlite.sqlite");
    let postgres = load(Engine::Postgres, &folder.join("Chinook_PostgreSql.sql"))?;
    let mariadb = load(Engine::MariaDb, &folder.join("Chinook_MySql.sql"))?;
    let catalogs = [
        catalog(&work.path().join("sqlite"), &manifest, Database::Sqlite(file.clone()))?,
        catalog(&work.path().join("postgres"), &snake_case(&manifest), connection(&postgres, work.path())?)?,
        catalog(&work.path().join("mariadb"), &manifest, connection(&mariadb, work.path())?)?,
    ];
    let customers = select(&file, "SELECT Email FROM Customer")?;
    ensure!(customers.len() == 59, "this is not the Chinook database");
    let mut rows = 0;
    for customer in &customers {
        let email = customer.get("Email").cloned().flatten().context("a customer without an address")?;
        let [file, postgres, mariadb] = [0, 1, 2].map(|n| find(&catalogs[n], &email));
        let (file, postgres, mariadb) = (file?, postgres?, mariadb?);
        ensure!(file.values().all(|table| !table.is_empty()), "a customer without rows");
        same(&file, &postgres).with_context(|| format!("PostgreSQL, {email}"))?;
        same(&file, &mariadb).with_context(|| format!("MariaDB, {email}"))?;
        rows += file.values().map(Vec::len).sum::<usize>();
    }
    postgres.remove(DATABASE)?;
    mariadb.remove(DATABASE)?;
    println!("{} customers, {rows} rows: the same values from SQLite, PostgreSQL and MariaDB", customers.len());
    Ok(())
}

/// Whether two engines say the same of a person; the data are a public sample, so that values may be shown.
fn same(one: &Rows, other: &Rows) -> Result<()> {
    for (table, rows) in one {
        let others = other.get(table).with_context(|| format!("no rows of {table}"))?;
        ensure!(rows.len() == others.len(), "{} rows of {table} and {}", rows.len(), others.len());
        for (row, other) in rows.iter().zip(others) {
            ensure!(row == other, "{table}: {row:?} is {other:?}");
        }
    }
    ensure!(one.len() == other.len(), "rows of a table that the file has none of");
    Ok(())
}

/// Fills a database from a script, whose own database it does not touch.
fn load(engine: Engine, script: &Path) -> Result<servers::Server> {
    let server = servers::Server::shared(engine)?;
    // What an earlier run left behind when it failed.
    let _ = server.remove(DATABASE);
    server.create(DATABASE)?;
    let text = std::fs::read_to_string(script).with_context(|| script.display().to_string())?;
    let elsewhere = ["DROP DATABASE", "CREATE DATABASE", "USE ", "\\c "];
    let own = text.lines().filter(|line| !elsewhere.iter().any(|start| line.trim_start().starts_with(start)));
    server.run(DATABASE, &own.collect::<Vec<_>>().join("\n"))?;
    Ok(server)
}

fn connection(server: &servers::Server, work: &Path) -> Result<Database> {
    let secret = work.join(server.engine.name());
    let secret = secret.with_extension("password");
    write_password(&secret, &server.password)?;
    Ok(Database::Server(Box::new(Server {
        engine: match server.engine {
            Engine::Postgres => EngineKind::Postgres,
            Engine::MariaDb => EngineKind::MySql,
        },
        address: Address::Tcp { host: "localhost".to_owned(), port: server.port },
        user: server.user.clone(),
        password: Some(Secret::File(secret)),
        database: Some(DATABASE.to_owned()),
        schema: None,
        tls: Tls::Verified { authority: Some(server.authority.clone()) },
        limits: ServerLimits::default(),
    })))
}

fn catalog(folder: &Path, manifest: &str, database: Database) -> Result<Catalog> {
    std::fs::create_dir(folder)?;
    let file = folder.join("chinook.yml");
    std::fs::write(&file, manifest)?;
    let sources = Sources {
        manifests: vec![file],
        own: BTreeMap::new(),
        databases: BTreeMap::from([("chinook".parse()?, database)]),
    };
    let limits = CollectLimits {
        snapshot_max: std::time::Duration::from_secs(60),
        part_bytes: 64 << 20,
        large_cell: LARGE_CELL,
        memory: 8 << 20,
        temp_dir: folder.to_owned(),
    };
    Catalog::load(&sources, limits, Arc::new(SystemClock)).map_err(|problems| anyhow::anyhow!("{problems}"))
}

/// The manifest with the names of the PostgreSQL script: `InvoiceLine` is `invoice_line` there.
fn snake_case(manifest: &str) -> String {
    let word = |text: &str| -> String {
        let starts = text.chars().next().is_some_and(char::is_uppercase);
        if !starts || text.chars().all(char::is_uppercase) {
            return text.to_owned();
        }
        let mut out = String::new();
        for c in text.chars() {
            if c.is_uppercase() && !out.is_empty() {
                out.push('_');
            }
            out.extend(c.to_lowercase());
        }
        out
    };
    let names: BTreeSet<&str> = manifest
        .split("name: ")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next())
        .filter(|name| !name.is_empty())
        .collect();
    let mut out = String::new();
    let mut rest = manifest;
    while let Some(start) = rest.find(|c: char| c.is_alphanumeric()) {
        let (before, after) = rest.split_at(start);
        let end = after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len());
        out.push_str(before);
        // The name of the dataset for people is prose, not a name.
        out.push_str(&if names.contains(&after[..end]) { word(&after[..end]) } else { after[..end].to_owned() });
        rest = &after[end..];
    }
    out + rest
}

type Rows = BTreeMap<String, Vec<Vec<String>>>;

/// A person's rows by table, in forms that can be compared.
fn find(catalog: &Catalog, email: &str) -> Result<Rows> {
    let request = Request {
        controller: "chinook-be".parse()?,
        identifiers: vec![Identifier::new("email".parse()?, email)?],
        format: TableFormat::Csv,
        given_up: BTreeMap::new(),
    };
    let mut sink = Tables::default();
    let collected = catalog.collect(&request, &mut sink, &StopFlag::new())?;
    ensure!(collected.not_searched.is_empty(), "{:?}", collected.not_searched);
    let mut rows = Rows::new();
    for (collection, carried) in sink.parts {
        let mut reader = csv::Reader::from_reader(DeflateDecoder::new(carried.as_slice()));
        let table = rows.entry(collection.to_lowercase().replace('_', "")).or_default();
        for record in reader.records() {
            table.push(record?.iter().map(comparable).collect());
        }
    }
    Ok(rows)
}

/// Decimals without zeros at their end, times with a `T`, text without blanks at its end: PostgreSQL itself drops them when
/// it reads the script's `N'…'`.
fn comparable(cell: &str) -> String {
    let cell = cell.trim_end_matches(' ');
    let is_decimal = cell.contains('.') && cell.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if is_decimal {
        return cell.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let is_time = cell.len() == 19 && cell.as_bytes()[10] == b' ' && cell.as_bytes()[4] == b'-';
    if is_time { cell.replacen(' ', "T", 1) } else { cell.to_owned() }
}

#[derive(Default)]
struct Tables {
    parts: Vec<(String, Vec<u8>)>,
    open: Vec<u8>,
}

impl PartSink for Tables {
    fn table(&mut self, _: &Table) -> Result<(), SinkError> {
        Ok(())
    }

    fn begin(&mut self) -> Result<(), SinkError> {
        self.open.clear();
        Ok(())
    }

    fn write(&mut self, carried: &[u8]) -> Result<(), SinkError> {
        self.open.extend_from_slice(carried);
        Ok(())
    }

    fn finish(&mut self, part: &Part) -> Result<(), SinkError> {
        self.parts.push((part.collection.clone(), std::mem::take(&mut self.open)));
        Ok(())
    }

    fn preview(&mut self, _: &Preview) -> Result<(), SinkError> {
        Ok(())
    }

    fn information(&mut self, _: &Information) -> Result<(), SinkError> {
        Ok(())
    }
}
