//! Durable state: SQLite in WAL mode with full syncs, one thread that commits whatever waits together.

use std::path::Path;
use std::sync::mpsc;

use anyhow::{Context, Result};
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

/// Jobs that share one commit.
const GROUP: usize = 256;

struct Job {
    case: u64,
    what: &'static str,
    bytes: usize,
    done: oneshot::Sender<()>,
}

/// Hands transitions to the thread. Cheap to clone.
#[derive(Clone)]
pub(super) struct Store(mpsc::Sender<Job>);

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "wal")?;
        db.pragma_update(None, "synchronous", "full")?;
        db.execute_batch(
            "CREATE TABLE state (id INTEGER PRIMARY KEY, what TEXT);
             CREATE TABLE event (id INTEGER PRIMARY KEY, state INTEGER, what TEXT, content BLOB);",
        )?;
        let (sender, jobs) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            while let Ok(first) = jobs.recv() {
                let group: Vec<Job> = std::iter::once(first).chain(jobs.try_iter().take(GROUP - 1)).collect();
                if commit(&mut db, &group).is_err() {
                    return;
                }
                for job in group {
                    let _ = job.done.send(());
                }
            }
        });
        Ok(Self(sender))
    }

    /// Moves `case` and records it with `bytes` of content; returns once that is durable.
    pub(super) async fn moved(&self, case: u64, what: &'static str, bytes: usize) -> Result<()> {
        let (done, told) = oneshot::channel();
        self.0.send(Job { case, what, bytes, done }).ok().context("the store has stopped")?;
        told.await.context("the store has failed")
    }
}

fn commit(db: &mut Connection, group: &[Job]) -> rusqlite::Result<()> {
    let tx = db.transaction()?;
    for Job { case, what, bytes, .. } in group {
        let case = i64::try_from(*case).unwrap_or(0);
        tx.prepare_cached("INSERT INTO state VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET what = ?2")?
            .execute(params![case, what])?;
        tx.prepare_cached("INSERT INTO event (state, what, content) VALUES (?1, ?2, ?3)")?.execute(params![
            case,
            what,
            vec![0_u8; *bytes]
        ])?;
    }
    tx.commit()
}
