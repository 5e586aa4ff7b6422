//! The store that schedules run on, one after another: real SQL over real files, in memory where the machine has that.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aho_corasick::AhoCorasick;
use tributary_archive::frames::KeyEncryptionKey;
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

/// Where files cost no flush of a disk.
const MEMORY: &str = "/dev/shm";

pub(super) struct Bench {
    folder: tempfile::TempDir,
    tasks: Tasks,
    pub(super) store: Store,
    broken: Broken,
    /// One statement per table.
    wipes: Vec<&'static str>,
}

impl Bench {
    pub(super) async fn open(broken: Broken) -> Result<Self, Violation> {
        let folder = if Path::new(MEMORY).is_dir() { tempfile::tempdir_in(MEMORY) } else { tempfile::tempdir() };
        let folder = folder.unwrap();
        let tasks = Tasks::new();
        let store = Store::open(&data(&folder), kek(folder.path()), &tasks).await?;
        broken.install(&store).await?;
        let wipes = wipes(&store).await?;
        Ok(Self { folder, tasks, store, broken, wipes })
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

    /// Neither the database nor its log says anything about a person in clear.
    fn check_clear(&self) -> Result<(), Violation> {
        let markers = AhoCorasick::new([PERSON, HUMAN, SAID]).unwrap();
        for file in std::fs::read_dir(data(&self.folder)).unwrap() {
            let path = file.unwrap().path();
            if markers.is_match(&std::fs::read(&path).unwrap()) {
                return Err(Violation("something about a person stands in the database in clear".into()));
            }
        }
        Ok(())
    }

    pub(super) async fn close(self) {
        let Self { folder, tasks, store, .. } = self;
        drop(store);
        tasks.drain(Duration::from_secs(5)).await;
        drop(folder);
    }
}

fn data(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("data")
}

fn kek(folder: &Path) -> KeyEncryptionKey {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("kek");
    std::fs::write(&path, KeyEncryptionKey::generate().unwrap()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    KeyEncryptionKey::load(&path).unwrap()
}

/// Statements live as long as the process; there is one set of them per bench.
async fn wipes(store: &Store) -> Result<Vec<&'static str>, Violation> {
    let mut snapshot = Snapshot::open(&store.0.readers).await?;
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
               AND name NOT IN ('_sqlx_migrations', 'meta')";
    let mut wipes = vec!["DELETE FROM meta WHERE name LIKE 'group%'"];
    for row in snapshot.rows(sql, &[]).await? {
        wipes.push(format!("DELETE FROM {}", row.text("name")?).leak());
    }
    Ok(wipes)
}
