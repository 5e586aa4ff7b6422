//! The store that schedules run on, one after another: SQLite over real files, in memory where the machine has that, or
//! a PostgreSQL database of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aho_corasick::AhoCorasick;
use tempfile::TempDir;
use tributary_transport::tasks::Tasks;

use super::Violation;
use super::agent::SAID;
use super::broken::Broken;
use super::callers::{HUMAN, PERSON};
use super::oracle::Stats;
use super::schedule::Schedule;
use super::world::World;
use crate::store::Store;
use crate::store::sql::Snapshot;
use crate::store::tests::place::{Engine, Place, kek};

/// Where files cost no flush of a disk.
const MEMORY: &str = "/dev/shm";

pub(super) struct Bench {
    home: Home,
    tasks: Tasks,
    pub(super) store: Store,
    broken: Broken,
    /// One statement per table.
    wipes: Vec<&'static str>,
}

/// Where a store's rows are.
enum Home {
    Folder(TempDir),
    Server(Place),
}

impl Home {
    fn new(engine: Engine) -> Self {
        match engine {
            Engine::Postgres => Self::Server(Place::new(engine)),
            Engine::Sqlite if Path::new(MEMORY).is_dir() => Self::Folder(tempfile::tempdir_in(MEMORY).unwrap()),
            Engine::Sqlite => Self::Folder(tempfile::tempdir().unwrap()),
        }
    }

    async fn open(&self, tasks: &Tasks) -> Result<Store, Violation> {
        match self {
            Self::Folder(folder) => Ok(Store::open(&data(folder), kek(folder.path(), "kek"), tasks).await?),
            Self::Server(place) => {
                place.migrate().await?;
                Ok(place.open(tasks).await?)
            }
        }
    }

    /// How the database names its tables.
    fn tables(&self) -> &'static str {
        match self {
            Self::Folder(_) => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
                 AND name NOT IN ('_sqlx_migrations', 'meta')"
            }
            Self::Server(_) => {
                "SELECT table_name::text AS name FROM information_schema.tables \
                 WHERE table_schema = current_schema() AND table_name NOT IN ('_sqlx_migrations', 'meta')"
            }
        }
    }
}

impl Bench {
    pub(super) async fn open(engine: Engine, broken: Broken) -> Result<Self, Violation> {
        let (home, tasks) = (Home::new(engine), Tasks::new());
        let store = home.open(&tasks).await?;
        broken.install(&store).await?;
        let wipes = wipes(&store, home.tables()).await?;
        Ok(Self { home, tasks, store, broken, wipes })
    }

    /// Runs a schedule on an empty store.
    pub(super) async fn run(&self, schedule: &Schedule) -> (Result<(), Violation>, Stats) {
        if let Err(violation) = self.wipe().await {
            return (Err(violation), Stats::default());
        }
        match World::new(self.store.clone(), schedule, &self.broken).await {
            Ok(world) => {
                let (outcome, stats) = world.run(schedule).await;
                (outcome.and_then(|()| self.check_clear()), stats)
            }
            Err(violation) => (Err(violation), Stats::default()),
        }
    }

    async fn wipe(&self) -> Result<(), Violation> {
        let wipes = self.wipes.clone();
        let wiped = self.store.write("wipe", move |tx| {
            Box::pin(async move {
                for wipe in wipes {
                    tx.run(wipe, &[]).await?;
                }
                Ok(())
            })
        });
        Ok(wiped.await?)
    }

    /// Neither the database nor its log says anything about a person in clear. A server's files are not ours to read.
    fn check_clear(&self) -> Result<(), Violation> {
        let Home::Folder(folder) = &self.home else { return Ok(()) };
        let markers = AhoCorasick::new([PERSON, HUMAN, SAID]).unwrap();
        for file in std::fs::read_dir(data(folder)).unwrap() {
            let path = file.unwrap().path();
            if markers.is_match(&std::fs::read(&path).unwrap()) {
                return Err(Violation("something about a person stands in the database in clear".into()));
            }
        }
        Ok(())
    }

    pub(super) async fn close(self) {
        let Self { home, tasks, store, .. } = self;
        drop(store);
        tasks.drain(Duration::from_secs(5)).await;
        drop(home);
    }
}

fn data(folder: &TempDir) -> PathBuf {
    folder.path().join("data")
}

/// Statements live as long as the process; there is one set of them per bench.
async fn wipes(store: &Store, tables: &'static str) -> Result<Vec<&'static str>, Violation> {
    let mut snapshot = Snapshot::open(&store.0.readers).await?;
    let mut wipes = vec!["DELETE FROM meta WHERE name LIKE 'group%'"];
    for row in snapshot.rows(tables, &[]).await? {
        wipes.push(format!("DELETE FROM {}", row.text("name")?).leak());
    }
    Ok(wipes)
}
