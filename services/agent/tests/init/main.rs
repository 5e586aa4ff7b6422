//! What a first manifest proposes of schemas that nobody of this project designed: loaded by our own parser, walked on real
//! SQLite files.

#![expect(clippy::unwrap_used, reason = "a step of the set-up that fails is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;
use tributary_agent::check::{About, Code, guesses, inspect};
use tributary_agent::collect::{CollectLimits, Database, LARGE_CELL, Sources};
use tributary_agent::dry_run::rehearse;
use tributary_agent::init::{InitError, Proposal, Wishes, propose};
use tributary_model::clock::{ManualClock, SharedClock};
use tributary_model::identifier::Identifier;

mod odd;
mod people;
mod references;

fn clock() -> SharedClock {
    Arc::new(ManualClock::at("2026-11-21T12:00:00Z".parse().unwrap()))
}

/// A database and what was proposed of it.
struct Proposed {
    folder: TempDir,
    proposal: Proposal,
}

fn file(folder: &Path) -> PathBuf {
    folder.join("shop.db")
}

fn of(sql: &str) -> Proposed {
    let folder = tempfile::tempdir().unwrap();
    Connection::open(file(folder.path())).unwrap().execute_batch(sql).unwrap();
    let proposal = propose(&Database::Sqlite(file(folder.path())), &Wishes::default(), &clock()).unwrap();
    let proposed = Proposed { folder, proposal };
    let report = inspect(&proposed.sources(), proposed.limits(), clock());
    assert!(report.is_ok(), "{:?}\n{}", report.problems, proposed.proposal.manifest);
    proposed
}

impl Proposed {
    fn sources(&self) -> Sources {
        let manifest = self.folder.path().join("manifest.yml");
        std::fs::write(&manifest, &self.proposal.manifest).unwrap();
        let databases = BTreeMap::from([(self.proposal.dataset.clone(), Database::Sqlite(file(self.folder.path())))]);
        Sources { manifests: vec![manifest], own: BTreeMap::new(), databases }
    }

    fn limits(&self) -> CollectLimits {
        CollectLimits {
            snapshot_max: Duration::from_secs(60),
            part_bytes: 64 << 20,
            large_cell: LARGE_CELL,
            memory: 4 << 20,
            temp_dir: self.folder.path().to_owned(),
        }
    }

    /// The rows that a request finds, by collection.
    fn rows(&self, kind: &str, value: &str) -> BTreeMap<String, u64> {
        let identifiers = [Identifier::new(kind.parse().unwrap(), value).unwrap()];
        let found = rehearse(&self.sources(), self.limits(), clock(), &identifiers, false).unwrap();
        found.collections.into_iter().map(|rows| (rows.collection, rows.rows)).collect()
    }

    /// What stands in the manifest from a field's name to the next one's.
    fn field(&self, collection: &str, field: &str) -> &str {
        let (_, rest) = self.proposal.manifest.split_once(&format!("      - name: {collection}\n")).unwrap();
        let (_, rest) = rest.split_once(&format!("          - name: {field}\n")).unwrap();
        rest.split("- name: ").next().unwrap()
    }
}
