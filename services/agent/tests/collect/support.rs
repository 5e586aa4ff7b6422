//! An entity in a temporary folder: SQLite files, manifests, and what a request brings.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::DeflateDecoder;
use rusqlite::Connection;
use tempfile::TempDir;
use tributary_agent::collect::{
    Catalog, CollectError, CollectLimits, Collected, Database, PartSink, Request, SinkError, Sources, StopFlag,
};
use tributary_archive::information::{self, Information};
use tributary_archive::part::{Encoding, Part};
use tributary_archive::preview::{self, MAX_BYTES, Preview};
use tributary_archive::table::Table;
use tributary_model::clock::{ManualClock, SharedClock};
use tributary_model::identifier::Identifier;
use tributary_model::right::TableFormat;
use tributary_model::yaml::Problems;

/// An entity's systems.
pub(crate) struct Entity {
    pub(crate) folder: TempDir,
    pub(crate) sources: Sources,
    pub(crate) limits: CollectLimits,
}

impl Entity {
    /// One dataset `shop` with this manifest below `collections:` and this schema and content.
    pub(crate) fn shop(collections: &str, sql: &str) -> Self {
        Self::new(&format!("dataset:\n  - fides_key: shop\n    collections:\n{collections}")).database("shop", sql)
    }

    pub(crate) fn new(manifest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.yml");
        std::fs::write(&path, manifest).unwrap();
        let limits = CollectLimits {
            snapshot_max: Duration::from_secs(60),
            part_bytes: 64 << 20,
            large_cell: tributary_agent::collect::LARGE_CELL,
            memory: 4 << 20,
            temp_dir: folder.path().join("tmp"),
        };
        std::fs::create_dir(&limits.temp_dir).unwrap();
        Self {
            sources: Sources { manifests: vec![path], own: BTreeMap::new(), databases: BTreeMap::new() },
            folder,
            limits,
        }
    }

    pub(crate) fn database(mut self, dataset: &str, sql: &str) -> Self {
        let path = self.path(dataset);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        self.sources.databases.insert(dataset.parse().unwrap(), Database::Sqlite(path));
        self
    }

    pub(crate) fn path(&self, dataset: &str) -> PathBuf {
        self.folder.path().join(format!("{dataset}.db"))
    }

    pub(crate) fn load(&self) -> Result<Catalog, Problems> {
        Catalog::load(&self.sources, self.limits.clone(), clock())
    }

    pub(crate) fn collect(&self, identifiers: &[(&str, &str)]) -> Parts {
        self.try_collect(&request(identifiers)).unwrap()
    }

    pub(crate) fn try_collect(&self, request: &Request) -> Result<Parts, CollectError> {
        let catalog = self.load().unwrap_or_else(|problems| panic!("{problems}"));
        let mut sink = Memory::default();
        let collected = catalog.collect(request, &mut sink, &StopFlag::new())?;
        Ok(sink.into_parts(collected))
    }

    /// What one collection's rows say in one column, in the order of the parts.
    pub(crate) fn found(&self, identifiers: &[(&str, &str)], collection: &str) -> Vec<String> {
        let first = |line: String| line.split(',').next().unwrap_or_default().to_owned();
        self.collect(identifiers).rows(collection).into_iter().map(first).collect()
    }
}

pub(crate) fn clock() -> SharedClock {
    Arc::new(ManualClock::at("2026-11-21T12:00:00Z".parse().unwrap()))
}

pub(crate) fn identifier(kind: &str, value: &str) -> Identifier {
    Identifier::new(kind.parse().unwrap(), value).unwrap()
}

pub(crate) fn request(identifiers: &[(&str, &str)]) -> Request {
    Request {
        controller: "acme-fr".parse().unwrap(),
        identifiers: identifiers.iter().map(|(kind, value)| identifier(kind, value)).collect(),
        format: TableFormat::Csv,
        given_up: BTreeMap::new(),
    }
}

/// What came out of a walk.
pub(crate) struct Parts {
    pub(crate) collected: Collected,
    /// Descriptors and bytes as carried.
    pub(crate) parts: Vec<(Part, Vec<u8>)>,
    pub(crate) tables: Vec<Table>,
    pub(crate) previews: Vec<Preview>,
    pub(crate) information: Option<Information>,
}

impl Parts {
    pub(crate) fn preview(&self, collection: &str) -> &Preview {
        self.previews.iter().find(|preview| preview.collection == collection).unwrap()
    }

    /// The lines of a collection's tables, without headers.
    pub(crate) fn rows(&self, collection: &str) -> Vec<String> {
        let of = |(part, _): &&(Part, Vec<u8>)| part.collection == collection && part.media_type == "text/csv";
        let text = |(part, carried): &(Part, Vec<u8>)| String::from_utf8(plain(part, carried)).unwrap();
        self.parts
            .iter()
            .filter(of)
            .flat_map(|part| text(part).split("\r\n").skip(1).map(str::to_owned).collect::<Vec<_>>())
            .filter(|line| !line.is_empty())
            .collect()
    }

    pub(crate) fn text(&self, path: &str) -> String {
        let (part, carried) = self.parts.iter().find(|(part, _)| part.path.as_str() == path).unwrap();
        String::from_utf8(plain(part, carried)).unwrap()
    }

    pub(crate) fn paths(&self) -> Vec<&str> {
        self.parts.iter().map(|(part, _)| part.path.as_str()).collect()
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

/// A sink that keeps everything, and checks the order of the calls.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) parts: Vec<(Part, Vec<u8>)>,
    pub(crate) tables: Vec<Table>,
    previews: Vec<Preview>,
    information: Option<Information>,
    open: Option<Vec<u8>>,
}

impl Memory {
    pub(crate) fn into_parts(self, collected: Collected) -> Parts {
        let Self { parts, tables, previews, information, .. } = self;
        let digest = |previews: &[Preview]| (!previews.is_empty()).then(|| preview::digest(previews));
        assert_eq!(collected.previews_sha256, digest(&previews));
        assert_eq!(collected.information_sha256, information.as_ref().map(information::digest));
        Parts { collected, parts, tables, previews, information }
    }
}

impl PartSink for Memory {
    fn table(&mut self, table: &Table) -> Result<(), SinkError> {
        assert!(!self.tables.iter().any(|t| t.dataset == table.dataset && t.collection == table.collection));
        self.tables.push(table.clone());
        Ok(())
    }

    fn begin(&mut self) -> Result<(), SinkError> {
        assert!(self.open.replace(Vec::new()).is_none(), "one part at a time");
        Ok(())
    }

    fn write(&mut self, carried: &[u8]) -> Result<(), SinkError> {
        self.open.as_mut().unwrap().extend_from_slice(carried);
        Ok(())
    }

    fn finish(&mut self, part: &Part) -> Result<(), SinkError> {
        part.check(self.parts.len() as u32 + 1).unwrap();
        let known = |t: &Table| t.dataset == part.dataset && t.collection == part.collection;
        assert!(part.rows == 0 || self.tables.iter().any(known), "a table is described before its first part");
        assert!(self.previews.is_empty() && self.information.is_none(), "previews come after all parts");
        self.parts.push((part.clone(), self.open.take().unwrap()));
        Ok(())
    }

    fn preview(&mut self, preview: &Preview) -> Result<(), SinkError> {
        assert!(self.open.is_none() && self.information.is_none());
        assert!(preview::to_file([preview]).len() <= MAX_BYTES);
        self.previews.push(preview.clone());
        Ok(())
    }

    fn information(&mut self, information: &Information) -> Result<(), SinkError> {
        assert!(self.open.is_none() && self.information.replace(information.clone()).is_none());
        Ok(())
    }
}
