//! The store that schedules run on, one after another: SQLite over real files, in memory where the machine has that, or
//! a PostgreSQL database of its own.
//!
//! SQLite is driven without a thread of its own (`inline`) for schedules by the thousand, or as the product drives it.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aho_corasick::AhoCorasick;
use tempfile::TempDir;
use tributary_transport::tasks::Tasks;

use super::Violation;
use super::agent::SAID;
use super::broken::Broken;
use super::callers::{HUMAN, PERSON};
use super::inline;
use super::oracle::Stats;
use super::schedule::Schedule;
use super::world::World;
use crate::store::Store;
use crate::store::sql::Snapshot;
use crate::store::sql::inline::Inline;
use crate::store::tests::place::{Engine, Place, kek};

/// Where files cost no flush of a disk.
const MEMORY: &str = "/dev/shm";
/// In all that may not stand in clear, and in nothing else.
const MARKER: &str = "marker";

/// How a store is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Driver {
    /// SQLite, by the thread that asks.
    Inline,
    /// As the product does it.
    Product(Engine),
}

pub(super) struct Bench {
    home: Home,
    tasks: Tasks,
    store: Store,
    /// The connection, where it is the only one.
    inline: Option<Inline>,
    broken: Broken,
    /// One statement per table.
    wipes: Vec<&'static str>,
    marker: AhoCorasick,
    /// Of the file that was read last: there are too many to have memory made for each.
    bytes: RefCell<Vec<u8>>,
}

/// Where a store's rows are.
enum Home {
    Folder(TempDir),
    Server(Place),
}

impl Home {
    fn new(driver: Driver) -> Self {
        match driver {
            Driver::Product(engine @ Engine::Postgres) => Self::Server(Place::new(engine)),
            _ if Path::new(MEMORY).is_dir() => Self::Folder(tempfile::tempdir_in(MEMORY).unwrap()),
            _ => Self::Folder(tempfile::tempdir().unwrap()),
        }
    }

    async fn open(&self, driver: Driver, tasks: &Tasks) -> Result<(Store, Option<Inline>), Violation> {
        match self {
            Self::Folder(folder) if driver == Driver::Inline => {
                let (store, inline) = inline::open(&data(folder), kek(folder.path(), "kek"), tasks).await?;
                Ok((store, Some(inline)))
            }
            Self::Folder(folder) => Ok((Store::open(&data(folder), kek(folder.path(), "kek"), tasks).await?, None)),
            Self::Server(place) => {
                place.migrate().await?;
                Ok((place.open(tasks).await?, None))
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
    pub(super) async fn open(driver: Driver, broken: Broken) -> Result<Self, Violation> {
        let (home, tasks) = (Home::new(driver), Tasks::new());
        let (store, inline) = home.open(driver, &tasks).await?;
        broken.install(&store).await?;
        let wipes = wipes(&store, home.tables()).await?;
        assert!([PERSON, HUMAN, SAID].iter().all(|secret| secret.contains(MARKER)));
        let marker = AhoCorasick::new([MARKER]).unwrap();
        Ok(Self { home, tasks, store, inline, broken, wipes, marker, bytes: RefCell::default() })
    }

    /// Runs a schedule on an empty store.
    pub(super) async fn run(&self, schedule: &Schedule) -> (Result<(), Violation>, Stats) {
        if let Err(violation) = self.wipe().await {
            return (Err(violation), Stats::default());
        }
        match World::new(self.store.clone(), self.inline.clone(), schedule, &self.broken).await {
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
        wiped.await?;
        // The log is looked through afterwards, for what this schedule wrote.
        self.inline.as_ref().map_or(Ok(()), Inline::cut_log).map_err(Violation::from)
    }

    /// Neither the database nor its log says anything about a person in clear. A server's files are not ours to read.
    fn check_clear(&self) -> Result<(), Violation> {
        let Home::Folder(folder) = &self.home else { return Ok(()) };
        let mut bytes = self.bytes.borrow_mut();
        for file in std::fs::read_dir(data(folder)).unwrap() {
            bytes.clear();
            File::open(file.unwrap().path()).unwrap().read_to_end(&mut bytes).unwrap();
            if self.marker.is_match(&*bytes) {
                return Err(Violation("something about a person stands in the database in clear".into()));
            }
        }
        Ok(())
    }

    pub(super) async fn close(self) {
        let Self { home, tasks, store, inline, .. } = self;
        drop((store, inline));
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
