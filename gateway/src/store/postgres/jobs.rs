//! Jobs: each in a transaction of its own, repeated when the database asks for that.
//!
//! Statements see what was committed before them (`READ COMMITTED`). What makes jobs as safe as under SQLite's one
//! writer is that a job which decides something about a case locks the case's row first (`Head::read`), and a job about
//! an attempt its task's row next (`Held::read`): jobs of one case follow one another, and each sees what the one before
//! it has done. Waiting in line costs nothing; under `SERIALIZABLE` everybody who had waited would fail and begin anew,
//! which is the normal case where eight entities answer one case. A job that locks no case is one statement that checks
//! what it changes.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tributary_model::id::CaseId;
use tributary_transport::tasks::Tasks;

use super::news::News;
use super::pool::{Connections, PATIENCE};
use crate::store::StoreError;
use crate::store::error::Repeat;
use crate::store::sql::Tx;

/// Times that a job is begun anew when others were in its way.
const REPEATS: u32 = 12;
/// Times that a job is begun anew when its connection was lost before the commit, or a row of its key was there already.
const SOME: u32 = 3;
/// Longest first pause before a repetition; it doubles.
const PAUSE: Duration = Duration::from_millis(4);
/// Longest pause.
const LONGEST: Duration = Duration::from_millis(250);
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// Runs jobs. Cheap to clone.
#[derive(Clone)]
pub(in crate::store) struct Jobs {
    connections: Arc<Connections>,
    news: Arc<News>,
    tasks: Tasks,
}

impl Jobs {
    pub(super) fn new(connections: Arc<Connections>, news: Arc<News>, tasks: Tasks) -> Self {
        Self { connections, news, tasks }
    }

    /// Runs `work` to its end, whether or not whoever asked still waits.
    pub(in crate::store) async fn run<T, W>(&self, name: &'static str, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Clone + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let jobs = self.clone();
        self.tasks.spawn(name, async move {
            let outcome = jobs.repeat(name, work).await;
            let _ = reply.send(outcome);
        });
        answer.await.map_err(|_| StoreError::Stopped)?
    }

    async fn repeat<T, W>(&self, name: &'static str, work: W) -> Result<T, StoreError>
    where
        W: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Clone + Send + 'static,
    {
        let mut repeats = 0;
        loop {
            let error = match self.once(work.clone()).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let most = match error.repeat() {
                Repeat::No => 0,
                Repeat::Some => SOME,
                Repeat::Often => REPEATS,
            };
            if repeats >= most {
                error.log(name);
                return Err(error);
            }
            crate::metrics::job_repeated();
            tokio::time::sleep(pause(repeats)).await;
            repeats += 1;
        }
    }

    async fn once<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        W: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>>,
    {
        let mut lent = self.connections.lend().await?;
        lent.say(BEGIN).await?;
        let mut tx = Tx::postgres(lent);
        let outcome = timeout(PATIENCE, work(&mut tx)).await.unwrap_or_else(|_| Err(StoreError::silent()));
        match outcome {
            Ok(value) if !tx.is_spoilt() => {
                let touched = self.commit(tx).await?;
                self.news.tell(touched);
                Ok(value)
            }
            // A statement failed and the job went on: the database has forgotten what it did.
            Ok(_) => Err(StoreError::Corrupt("a statement failed and its job took no notice")),
            Err(error) => {
                self.undo(tx, &error).await;
                Err(error)
            }
        }
    }

    /// Commits; from the first word of it on a lost connection means that nobody knows whether it was done.
    async fn commit(&self, mut tx: Tx) -> Result<Vec<CaseId>, StoreError> {
        match timeout(PATIENCE, tx.run("COMMIT", &[])).await {
            Ok(Ok(_)) => {
                let touched = std::mem::take(&mut tx.touched);
                tx.give_back();
                Ok(touched)
            }
            Ok(Err(error)) if error.is_refusal() => Err(error),
            Ok(Err(error)) => {
                self.connections.forget();
                Err(StoreError::Unknown(error.to_string()))
            }
            Err(_) => {
                self.connections.forget();
                Err(StoreError::Unknown(StoreError::silent().to_string()))
            }
        }
    }

    /// Ends a transaction that is not to be kept. A connection that cannot even do that is closed.
    async fn undo(&self, mut tx: Tx, error: &StoreError) {
        if matches!(error, StoreError::Unavailable(_)) {
            self.connections.forget();
        } else if let Ok(Ok(_)) = timeout(PATIENCE, tx.run("ROLLBACK", &[])).await {
            tx.give_back();
        }
    }
}

/// A random part of a pause that doubles, so that those who were in each other's way are not again.
fn pause(repeats: u32) -> Duration {
    let longest = PAUSE.saturating_mul(2_u32.saturating_pow(repeats.min(10))).min(LONGEST);
    let mut byte = [128];
    // Without randomness the pause is the middle one.
    let _ = rand::fill(&mut byte);
    longest.mul_f64(f64::from(byte[0]) / 255.0)
}
