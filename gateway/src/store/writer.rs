//! The one writer of SQLite: jobs queue up, many share a transaction, each in a savepoint; after the commit all are answered.
//!
//! A commit costs a flush of the disk whatever it holds, so the more is under way the less each job pays.

use futures::future::BoxFuture;
use tokio::sync::{broadcast, mpsc, oneshot};
use tributary_transport::tasks::Tasks;

use super::sql::Tx;
use super::{Changed, StoreError};

/// Jobs that may wait.
const QUEUE: usize = 1024;
/// Jobs that share one commit.
const GROUP: usize = 256;

/// What a job does with the transaction.
type Work<T> = Box<dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send>;

/// Hands jobs to the writer. The writer ends when the last of these is gone.
pub(super) struct Writer(mpsc::Sender<Box<dyn Job>>);

impl Writer {
    /// Starts the writer as one of `tasks`.
    pub(super) fn start(tx: Tx, changes: broadcast::Sender<Changed>, tasks: &Tasks) -> Self {
        let (sender, jobs) = mpsc::channel(QUEUE);
        tasks.spawn("store writer", write(tx, jobs, changes));
        Self(sender)
    }
}

impl Writer {
    /// Runs `work` in a savepoint of its own and answers once it is durable.
    pub(super) async fn run<T, W>(&self, name: &'static str, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Queued { name, work: Some(Box::new(work)), outcome: None, reply: Some(reply) };
        self.0.send(Box::new(job)).await.map_err(|_| StoreError::Stopped)?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }
}

/// A job whose result type is forgotten.
trait Job: Send {
    /// Does the work; says whether it is to be kept.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool>;
    /// Answers: with the outcome when the commit succeeded, with the failure otherwise.
    fn answer(&mut self, committed: Result<(), StoreError>);
}

struct Queued<T> {
    name: &'static str,
    work: Option<Work<T>>,
    outcome: Option<Result<T, StoreError>>,
    reply: Option<oneshot::Sender<Result<T, StoreError>>>,
}

impl<T: Send> Job for Queued<T> {
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            let outcome = work(tx).await;
            if let Err(error) = &outcome {
                error.log(self.name);
            }
            let keep = outcome.is_ok();
            self.outcome = Some(outcome);
            keep
        })
    }

    fn answer(&mut self, committed: Result<(), StoreError>) {
        let Some(reply) = self.reply.take() else { return };
        let outcome = match (committed, self.outcome.take()) {
            (_, Some(Err(error))) | (Err(error), _) => Err(error),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(StoreError::Stopped),
        };
        // Whoever asked may have gone; what was committed stays.
        let _ = reply.send(outcome);
    }
}

async fn write(mut tx: Tx, mut jobs: mpsc::Receiver<Box<dyn Job>>, changes: broadcast::Sender<Changed>) {
    while let Some(first) = jobs.recv().await {
        let mut group: Vec<Box<dyn Job>> = Vec::new();
        let committed = commit_group(&mut tx, first, &mut jobs, &mut group).await;
        let full = matches!(committed, Err(StoreError::Full));
        if let Err(error) = &committed {
            tracing::error!(%error, jobs = group.len(), "a commit failed; nothing of it was kept");
            let _ = tx.run("ROLLBACK", &[]).await;
            tx.touched.clear();
        }
        for mut job in group {
            job.answer(match &committed {
                Ok(()) => Ok(()),
                Err(_) if full => Err(StoreError::Full),
                Err(_) => Err(StoreError::Database(sqlx::Error::WorkerCrashed)),
            });
        }
        tx.touched.sort();
        tx.touched.dedup();
        for case in tx.touched.drain(..) {
            // Nobody may be watching.
            let _ = changes.send(Changed::Case(case));
        }
    }
    if let Err(error) = tx.close().await {
        tracing::warn!(%error, "the database did not close cleanly; it recovers at the next start");
    }
}

async fn commit_group(
    tx: &mut Tx,
    first: Box<dyn Job>,
    jobs: &mut mpsc::Receiver<Box<dyn Job>>,
    group: &mut Vec<Box<dyn Job>>,
) -> Result<(), StoreError> {
    let mut next = Some(first);
    let begun = tx.run("BEGIN IMMEDIATE", &[]).await;
    while let Some(mut job) = next.take() {
        let touched = tx.touched.len();
        let done = if begun.is_ok() { run_in_savepoint(tx, job.as_mut(), touched).await } else { Ok(()) };
        group.push(job);
        done?;
        if group.len() < GROUP && begun.is_ok() {
            next = jobs.try_recv().ok();
        }
    }
    begun?;
    tx.run("COMMIT", &[]).await.map(drop)
}

async fn run_in_savepoint(tx: &mut Tx, job: &mut dyn Job, touched: usize) -> Result<(), StoreError> {
    tx.run("SAVEPOINT job", &[]).await?;
    if !job.run(tx).await {
        tx.touched.truncate(touched);
        // Fails when a full disk has already rolled everything back; the whole group is then answered as failed.
        tx.run("ROLLBACK TO job", &[]).await?;
    }
    tx.run("RELEASE job", &[]).await.map(drop)
}
