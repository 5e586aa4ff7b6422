//! The one writer of SQLite: jobs queue up, many share a transaction, each in a savepoint; after the commit all are answered.
//!
//! A commit costs a flush of the disk whatever it holds, so the more is under way the less each job pays.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::{Notify, broadcast, mpsc, oneshot};
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
    pub(super) fn start(tx: Tx, changes: broadcast::Sender<Changed>, drafted: Arc<Notify>, tasks: &Tasks) -> Self {
        let (sender, jobs) = mpsc::channel(QUEUE);
        tasks.spawn("store writer", write(tx, jobs, changes, drafted));
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

async fn write(
    mut tx: Tx,
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
    changes: broadcast::Sender<Changed>,
    drafted: Arc<Notify>,
) {
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
        // A look in vain does no harm, should the job have failed.
        if std::mem::take(&mut tx.drafted) {
            drafted.notify_one();
        }
    }
    if let Err(error) = tx.close().await {
        tracing::warn!(%error, "the database did not close cleanly; it recovers at the next start");
    }
}

/// Runs jobs in one transaction, each in a savepoint. What opens and ends them is said together with what stands beside
/// it: each statement is handed to the database's own thread and back.
async fn commit_group(
    tx: &mut Tx,
    first: Box<dyn Job>,
    jobs: &mut mpsc::Receiver<Box<dyn Job>>,
    group: &mut Vec<Box<dyn Job>>,
) -> Result<(), StoreError> {
    if let Err(error) = tx.run("BEGIN IMMEDIATE; SAVEPOINT job", &[]).await {
        group.push(first);
        return Err(error);
    }
    let mut job = first;
    loop {
        let done = run_in_savepoint(tx, job.as_mut()).await;
        group.push(job);
        done?;
        let next = if group.len() < GROUP { jobs.try_recv().ok() } else { None };
        job = match next {
            Some(next) => next,
            None => break,
        };
        if let Err(error) = tx.run("RELEASE job; SAVEPOINT job", &[]).await {
            group.push(job);
            return Err(error);
        }
    }
    tx.run("RELEASE job; COMMIT", &[]).await.map(drop)
}

async fn run_in_savepoint(tx: &mut Tx, job: &mut dyn Job) -> Result<(), StoreError> {
    let touched = tx.touched.len();
    if !job.run(tx).await {
        tx.touched.truncate(touched);
        // Fails when a full disk has already rolled everything back; the whole group is then answered as failed.
        tx.run("ROLLBACK TO job", &[]).await?;
    }
    Ok(())
}
