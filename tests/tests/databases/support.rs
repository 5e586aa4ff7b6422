//! An entity whose one dataset `shop` lies in any of the three engines, and what a request finds there.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::DeflateDecoder;
use tempfile::TempDir;
use tributary_agent::collect::{
    Catalog, CollectError, CollectLimits, Collected, Database, LARGE_CELL, PartSink, Request, SinkError, Sources,
    StopFlag,
};
use tributary_agent::source::server::{Address, EngineKind, Secret, Server, ServerLimits, Tls};
use tributary_archive::information::Information;
use tributary_archive::part::{Encoding, Part};
use tributary_archive::preview::Preview;
use tributary_archive::table::Table;
use tributary_model::clock::{ManualClock, SharedClock};
use tributary_model::identifier::Identifier;
use tributary_model::right::TableFormat;
use tributary_model::yaml::Problems;
use tributary_tests::servers::{self, Engine, write_password};

/// SQLite, which needs no server, and the servers.
pub(crate) const PLACES: [Option<Engine>; 3] = [None, Some(Engine::Postgres), Some(Engine::MariaDb)];

pub(crate) const ANNA: &[(&str, &str)] = &[("email", "anna@x.org")];

/// Where a dataset lies.
pub(crate) enum Place {
    Sqlite,
    Server { server: Arc<servers::Server>, database: String },
}

/// An entity with one dataset.
pub(crate) struct Entity {
    pub(crate) folder: TempDir,
    pub(crate) sources: Sources,
    pub(crate) limits: CollectLimits,
    pub(crate) place: Place,
}

impl Drop for Entity {
    fn drop(&mut self) {
        if let Place::Server { server, database } = &self.place {
            // A test that stopped its server has nothing left to remove.
            let _ = server.remove(database);
        }
    }
}

/// The numbers from 1 to `count`, as the source `s` with the column `n`.
pub(crate) fn series(place: Option<Engine>, count: u64) -> String {
    match place {
        None => format!(
            "(WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {count}) SELECT n FROM r) AS s"
        ),
        Some(Engine::Postgres) => format!("generate_series(1, {count}) AS s (n)"),
        Some(Engine::MariaDb) => format!("(SELECT seq AS n FROM seq_1_to_{count}) AS s"),
    }
}

impl Entity {
    /// In a SQLite file, or with a database of its own on the shared server.
    pub(crate) fn in_place(place: Option<Engine>, collections: &str, sql: &str) -> Self {
        match place {
            None => Self::sqlite(collections, sql),
            Some(engine) => Self::on(engine, collections, sql),
        }
    }

    /// With a SQLite file.
    pub(crate) fn sqlite(collections: &str, sql: &str) -> Self {
        let mut entity = Self::new(collections, Place::Sqlite);
        let path = entity.folder.path().join("shop.db");
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        entity.sources.databases.insert("shop".parse().unwrap(), Database::Sqlite(path));
        entity
    }

    /// With a database of its own on the shared server.
    pub(crate) fn on(engine: Engine, collections: &str, sql: &str) -> Self {
        Self::at(Arc::new(servers::Server::shared(engine).unwrap()), collections, sql)
    }

    /// With a database of its own on this server.
    pub(crate) fn at(server: Arc<servers::Server>, collections: &str, sql: &str) -> Self {
        let database = format!("t_{}", uuid::Uuid::new_v4().simple());
        server.create(&database).unwrap();
        server.run(&database, sql).unwrap();
        let mut entity = Self::new(collections, Place::Server { server, database });
        entity.connect(|_| {});
        entity
    }

    fn new(collections: &str, place: Place) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.yml");
        let manifest = format!("dataset:\n  - fides_key: shop\n    collections:\n{collections}");
        std::fs::write(&path, manifest).unwrap();
        let limits = CollectLimits {
            snapshot_max: Duration::from_secs(60),
            part_bytes: 64 << 20,
            large_cell: LARGE_CELL,
            memory: 4 << 20,
            temp_dir: folder.path().join("tmp"),
        };
        std::fs::create_dir(&limits.temp_dir).unwrap();
        Self {
            sources: Sources { manifests: vec![path], own: BTreeMap::new(), databases: BTreeMap::new() },
            folder,
            limits,
            place,
        }
    }

    /// How the agent reaches the server, changed as wanted.
    pub(crate) fn connect(&mut self, change: impl FnOnce(&mut Server)) {
        let Place::Server { server, database } = &self.place else { return };
        let secret = self.folder.path().join("password");
        write_password(&secret, &format!("{}\n", server.password)).unwrap();
        let mut settings = Server {
            engine: match server.engine {
                Engine::Postgres => EngineKind::Postgres,
                Engine::MariaDb => EngineKind::MySql,
            },
            address: Address::Tcp { host: "localhost".to_owned(), port: server.port },
            user: server.user.clone(),
            password: Some(Secret::File(secret)),
            database: Some(database.clone()),
            schema: None,
            tls: Tls::Verified { authority: Some(server.authority.clone()) },
            limits: ServerLimits::default(),
        };
        change(&mut settings);
        self.sources.databases.insert("shop".parse().unwrap(), Database::Server(Box::new(settings)));
    }

    /// Runs SQL beside the agent.
    pub(crate) fn run(&self, sql: &str) {
        self.try_run(sql).unwrap();
    }

    pub(crate) fn try_run(&self, sql: &str) -> anyhow::Result<()> {
        match &self.place {
            Place::Sqlite => {
                let path: PathBuf = self.folder.path().join("shop.db");
                Ok(rusqlite::Connection::open(path)?.execute_batch(sql)?)
            }
            Place::Server { server, database } => server.run(database, sql),
        }
    }

    pub(crate) fn load(&self) -> Result<Catalog, Problems> {
        Catalog::load(&self.sources, self.limits.clone(), clock())
    }

    pub(crate) fn catalog(&self) -> Catalog {
        self.load().unwrap_or_else(|problems| panic!("{problems}"))
    }

    pub(crate) fn collect(&self, format: TableFormat) -> Parts {
        self.try_collect(format, &mut |_| {}).unwrap()
    }

    /// Collects; `during` is called before each part that is begun, with its number.
    pub(crate) fn try_collect(
        &self,
        format: TableFormat,
        during: &mut dyn FnMut(usize),
    ) -> Result<Parts, CollectError> {
        collect(&self.catalog(), &request(ANNA, format), during)
    }
}

pub(crate) fn collect(
    catalog: &Catalog,
    request: &Request,
    during: &mut dyn FnMut(usize),
) -> Result<Parts, CollectError> {
    let mut sink = Sink { parts: Vec::new(), tables: Vec::new(), open: None, during };
    let collected = catalog.collect(request, &mut sink, &StopFlag::new())?;
    Ok(Parts { collected, parts: sink.parts, tables: sink.tables })
}

pub(crate) fn clock() -> SharedClock {
    Arc::new(ManualClock::at("2026-11-21T12:00:00Z".parse().unwrap()))
}

pub(crate) fn identifier(kind: &str, value: &str) -> Identifier {
    Identifier::new(kind.parse().unwrap(), value).unwrap()
}

pub(crate) fn request(identifiers: &[(&str, &str)], format: TableFormat) -> Request {
    Request {
        controller: "acme-fr".parse().unwrap(),
        identifiers: identifiers.iter().map(|(kind, value)| identifier(kind, value)).collect(),
        format,
        given_up: BTreeMap::new(),
    }
}

/// What came out of a walk.
pub(crate) struct Parts {
    pub(crate) collected: Collected,
    pub(crate) parts: Vec<(Part, Vec<u8>)>,
    pub(crate) tables: Vec<Table>,
}

impl Parts {
    /// The parts in plain, by path.
    pub(crate) fn plain(&self) -> BTreeMap<String, Vec<u8>> {
        self.parts.iter().map(|(part, carried)| (part.path.as_str().to_owned(), plain(part, carried))).collect()
    }

    /// The lines of a collection's tables, without headers.
    pub(crate) fn rows(&self, collection: &str) -> Vec<String> {
        let of = |(part, _): &&(Part, Vec<u8>)| part.collection == collection && part.media_type == "text/csv";
        let text = |(part, carried): &(Part, Vec<u8>)| String::from_utf8(plain(part, carried)).unwrap();
        let lines = |part| text(part).split("\r\n").skip(1).map(str::to_owned).collect::<Vec<_>>();
        self.parts.iter().filter(of).flat_map(lines).filter(|line| !line.is_empty()).collect()
    }
}

pub(crate) fn plain(part: &Part, carried: &[u8]) -> Vec<u8> {
    match part.encoding {
        Encoding::Identity => carried.to_vec(),
        Encoding::Deflate => {
            let mut plain = Vec::new();
            DeflateDecoder::new(carried).read_to_end(&mut plain).unwrap();
            plain
        }
    }
}

struct Sink<'s> {
    parts: Vec<(Part, Vec<u8>)>,
    tables: Vec<Table>,
    open: Option<Vec<u8>>,
    during: &'s mut dyn FnMut(usize),
}

impl PartSink for Sink<'_> {
    fn table(&mut self, table: &Table) -> Result<(), SinkError> {
        self.tables.push(table.clone());
        Ok(())
    }

    fn begin(&mut self) -> Result<(), SinkError> {
        (self.during)(self.parts.len());
        self.open = Some(Vec::new());
        Ok(())
    }

    fn write(&mut self, carried: &[u8]) -> Result<(), SinkError> {
        self.open.as_mut().unwrap().extend_from_slice(carried);
        Ok(())
    }

    fn finish(&mut self, part: &Part) -> Result<(), SinkError> {
        self.parts.push((part.clone(), self.open.take().unwrap()));
        Ok(())
    }

    fn preview(&mut self, _: &Preview) -> Result<(), SinkError> {
        Ok(())
    }

    fn information(&mut self, _: &Information) -> Result<(), SinkError> {
        Ok(())
    }
}
