//! News of cases: what this gateway commits is told to its own watchers at once and to the other gateways through
//! `NOTIFY`; what they tell is heard through `LISTEN`. News names cases and nothing else.
//!
//! It is sent after the commit, many cases at once, not within each transaction: the database lets transactions that
//! notify commit one after the other only. A process that dies between the two leaves a case untold, and a connection
//! that is lost leaves some unheard, so whoever watches looks at everything again after each gap, and now and then.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;
use tributary_model::id::CaseId;
use tributary_transport::tasks::Tasks;
use uuid::Uuid;

use super::connect::options;
use super::pool::{Connections, PATIENCE};
use crate::config::Postgres;
use crate::store::sql::Tx;
use crate::store::{Changed, StoreError};

const CHANNEL: &str = "tributary_cases";
/// Cases in one notification: well below the 8000 bytes that it may have.
const AT_ONCE: usize = 150;
/// Pause before something that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often watchers look again though nothing was heard, and the connection is tried.
const ROUND: Duration = Duration::from_secs(20);

/// News of cases.
pub(in crate::store) struct News {
    /// Tells own news from others'.
    origin: Uuid,
    changes: broadcast::Sender<Changed>,
    untold: Mutex<BTreeSet<CaseId>>,
    more: Notify,
}

impl News {
    pub(in crate::store) fn new(changes: broadcast::Sender<Changed>) -> Arc<Self> {
        Arc::new(Self { origin: Uuid::new_v4(), changes, untold: Mutex::default(), more: Notify::new() })
    }

    pub(super) fn start(self: &Arc<Self>, settings: &Postgres, connections: &Arc<Connections>, tasks: &Tasks) {
        let (news, settings, stop) = (Arc::clone(self), settings.clone(), tasks.stopping());
        tasks.spawn("news from other gateways", async move {
            stop.run_until_cancelled(news.listen(&settings)).await;
        });
        let (news, connections, stop) = (Arc::clone(self), Arc::clone(connections), tasks.stopping());
        tasks.spawn("news for other gateways", async move { news.announce(&connections, &stop).await });
    }

    /// Tells of cases that a commit has changed.
    pub(super) fn tell(&self, mut cases: Vec<CaseId>) {
        if cases.is_empty() {
            return;
        }
        cases.sort();
        cases.dedup();
        for case in &cases {
            // Nobody may be watching.
            let _ = self.changes.send(Changed::Case(*case));
        }
        self.untold.lock().unwrap_or_else(PoisonError::into_inner).extend(cases);
        self.more.notify_one();
    }

    async fn announce(&self, connections: &Arc<Connections>, stop: &CancellationToken) {
        while stop.run_until_cancelled(self.more.notified()).await.is_some() {
            let cases = std::mem::take(&mut *self.untold.lock().unwrap_or_else(PoisonError::into_inner));
            let cases: Vec<CaseId> = cases.into_iter().collect();
            for some in cases.chunks(AT_ONCE) {
                if let Err(error) = self.send(connections, some).await {
                    tracing::warn!(%error, "other gateways could not be told what changed; trying again");
                    self.untold.lock().unwrap_or_else(PoisonError::into_inner).extend(some);
                    self.more.notify_one();
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn send(&self, connections: &Arc<Connections>, cases: &[CaseId]) -> Result<(), StoreError> {
        let mut lent = connections.lend().await?;
        lent.say("SELECT 1").await?;
        let mut tx = Tx::postgres(lent);
        let names: Vec<String> = cases.iter().map(ToString::to_string).collect();
        let payload = format!("{} {}", self.origin, names.join(","));
        // Its own transaction: nothing is open before or after it.
        let values = crate::store::sql::vals![CHANNEL, payload];
        let sending = tokio::time::timeout(PATIENCE, tx.run("SELECT pg_notify($1, $2)", &values));
        let sent = sending.await.unwrap_or_else(|_| Err(StoreError::silent()));
        if sent.is_ok() {
            tx.give_back();
        } else {
            connections.forget();
        }
        sent.map(drop)
    }

    async fn listen(&self, settings: &Postgres) {
        loop {
            if let Err(error) = self.hear(settings).await {
                tracing::warn!(%error, "news from other gateways are not heard; connecting again");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Listens until the connection is lost.
    async fn hear(&self, settings: &Postgres) -> Result<(), StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(settings.connect_timeout)
            .connect_lazy_with(options(settings)?);
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        // What was committed before this moment was not heard.
        let _ = self.changes.send(Changed::Any);
        loop {
            match tokio::time::timeout(ROUND, listener.try_recv()).await {
                Ok(Ok(Some(notification))) => self.heard(notification.payload()),
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => {
                    alive(&mut listener, settings.connect_timeout).await?;
                    let _ = self.changes.send(Changed::Any);
                }
            }
        }
    }

    fn heard(&self, payload: &str) {
        let Some((origin, cases)) = payload.split_once(' ') else { return };
        if origin == self.origin.to_string() {
            return;
        }
        for case in cases.split(',').filter_map(|case| case.parse().ok()) {
            let _ = self.changes.send(Changed::Case(case));
        }
    }
}

/// Whether the other end still answers: a connection that a network has forgotten says nothing for ever.
async fn alive(listener: &mut PgListener, patience: Duration) -> Result<(), StoreError> {
    let asked = sqlx::query("SELECT 1").execute(listener);
    match tokio::time::timeout(patience, asked).await {
        Ok(answered) => Ok(answered.map(drop)?),
        Err(_) => Err(StoreError::silent()),
    }
}
