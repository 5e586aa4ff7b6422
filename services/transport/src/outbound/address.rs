//! One configured address of the gateway, kept connected: dial, serve, and again, as long as something is missing.
//!
//! Behind an address there may be a balancer with several processes of the gateway: it is dialled until each process that
//! the gateway names is connected, in rounds with a pause between them. An attempt counts as a success only when the
//! gateway's first call was answered: a peer that refuses us lets the handshake succeed first (TLS 1.3). A connection that
//! breaks is made again at once; one that the gateway closes in order soon after is most likely displaced by another
//! process with our identity, and two that displace each other have to slow down.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tributary_model::spiffe::SpiffeId;

use super::Pace;
use super::error::NotLinked;
use super::replicas::{Replicas, State};
use super::serving::{Ended, serve};
use super::session::{Said, Session};
use crate::dial::{DialError, Dialer};
use crate::limits::Limits;
use crate::rpc::Handled;
use crate::tasks::Tasks;

/// Attempts of one round for each process that the gateway names: with a balancer that takes turns or draws lots, a round
/// that finds nothing new means that there is nothing to be found this way.
const ATTEMPTS_PER_REPLICA: usize = 6;

/// What keeps one address connected.
#[derive(Clone)]
pub(super) struct Keeper {
    pub(super) index: usize,
    pub(super) address: String,
    pub(super) dialer: Dialer,
    pub(super) gateway: SpiffeId,
    pub(super) pace: Pace,
    pub(super) limits: Limits,
    pub(super) service: Handled<Routes>,
    pub(super) replicas: Replicas,
    pub(super) tasks: Tasks,
    pub(super) stop: CancellationToken,
    pub(super) drain: Duration,
    /// Connections whose calls were cut at the end.
    pub(super) cut: Arc<AtomicUsize>,
    /// Connections in a row that the gateway closed in order, soon after it had taken them.
    pub(super) displaced: Arc<AtomicU32>,
}

/// How an attempt ended.
enum Attempt {
    /// A connection to a process that had none.
    Linked,
    /// A process to which there is a connection already.
    Spare,
    Failed(NotLinked),
}

/// What happened at this address so far.
#[derive(Default)]
struct Past {
    failures: u32,
    /// Attempts in a row that led to a process which is connected.
    spares: usize,
    /// How many connections had ended, anywhere, when an attempt led to a connected process.
    spare_since: Option<u64>,
}

impl Keeper {
    pub(super) async fn run(self) {
        let stop = self.stop.clone();
        stop.run_until_cancelled(self.keep()).await;
    }

    async fn keep(&self) {
        let mut changes = self.replicas.subscribe();
        let mut past = Past::default();
        loop {
            // Cannot fail: the sender is ours.
            let _ = changes.wait_for(|state| self.is_wanted(state, &past)).await;
            let displaced = self.displaced.load(Ordering::Relaxed);
            if displaced > 0 {
                tokio::time::sleep(self.pace.after_failures(displaced)).await;
            }
            let attempt = self.attempt().await;
            let pause = self.remember(&mut past, &attempt);
            if matches!(attempt, Attempt::Failed(_)) {
                tokio::time::sleep(pause).await;
                continue;
            }
            // A connection that is lost meanwhile is not left waiting for the end of a round.
            let ended = changes.borrow().ended();
            let lost = async { changes.wait_for(|state| state.ended() != ended).await.is_ok() };
            if tokio::time::timeout(pause, lost).await.is_ok() {
                tokio::time::sleep(self.pace.after_success()).await;
            }
        }
    }

    fn is_wanted(&self, state: &State, past: &Past) -> bool {
        let is_idle = !state.goes_through(self.index) && past.spare_since != Some(state.ended());
        is_idle || state.is_missing_any()
    }

    fn remember(&self, past: &mut Past, attempt: &Attempt) -> Duration {
        match attempt {
            Attempt::Linked => {
                *past = Past::default();
                self.pace.after_success()
            }
            Attempt::Spare => {
                let (ended, named) = self.replicas.ended_and_named();
                *past = Past { failures: 0, spares: past.spares + 1, spare_since: Some(ended) };
                if past.spares < ATTEMPTS_PER_REPLICA * named.max(1) {
                    return self.pace.after_success();
                }
                past.spares = 0;
                self.report_missing();
                self.pace.between_rounds()
            }
            Attempt::Failed(error) => {
                past.failures = past.failures.saturating_add(1);
                let pause = self.pace.after_failures(past.failures);
                // What goes on for hours is said less and less often.
                if past.failures.is_power_of_two() {
                    let (address, failures) = (&self.address, past.failures);
                    tracing::warn!(address, failures, again_in = ?pause, "no connection to the gateway: {error}");
                }
                pause
            }
        }
    }

    fn report_missing(&self) {
        let state = self.replicas.subscribe();
        let missing = state.borrow().missing().join(", ");
        if !missing.is_empty() {
            tracing::warn!(
                address = self.address,
                missing,
                "processes of the gateway are not reached through this address; if a balancer stands there, let it take turns, or configure each process's own address"
            );
        }
    }

    /// Dials, begins to serve and waits for the gateway's first word.
    async fn attempt(&self) -> Attempt {
        let cut = CancellationToken::new();
        let offered = self.dialer.offer(&self.address, &self.gateway, self.pace.patience, &cut).await;
        let conn = match offered {
            Ok(conn) => conn,
            Err(error) => return Attempt::Failed(error.into()),
        };
        let holder = self.replicas.begin(self.index);
        let session = Session::new(holder, Some(self.replicas.clone()));
        let conn = conn.of(session.clone()).impatient(self.pace.patience);
        let (over, ended) = oneshot::channel();
        let (keeper, of_session, token, began) = (self.clone(), session.clone(), cut.clone(), Instant::now());
        self.tasks.spawn("gateway session", async move {
            let ended = serve(conn, keeper.service.clone(), &keeper.limits, &token, &keeper.stop, keeper.drain).await;
            keeper.cut.fetch_add(usize::from(ended.was_cut), Ordering::Relaxed);
            if let Said::Welcome { replica } = of_session.said_so_far() {
                keeper.was_used(&replica, &ended, began.elapsed());
            }
            keeper.replicas.end(holder);
            let _ = over.send(ended);
        });
        let said = tokio::select! {
            biased;
            said = session.said() => said,
            ended = ended => return Attempt::Failed(self.ended(ended.ok())),
            () = tokio::time::sleep(self.pace.patience) => Said::Nothing,
        };
        match said {
            Said::Welcome { replica } => {
                tracing::info!(address = self.address, replica, "connected to the gateway");
                Attempt::Linked
            }
            Said::Spare { .. } => {
                cut.cancel();
                Attempt::Spare
            }
            Said::Refused { reason } => {
                cut.cancel();
                Attempt::Failed(NotLinked::Refused { address: self.address.clone(), reason })
            }
            Said::Nothing => {
                cut.cancel();
                let after = self.pace.patience;
                Attempt::Failed(NotLinked::Silent { address: self.address.clone(), after })
            }
        }
    }

    /// A connection that was in use has ended.
    fn was_used(&self, replica: &str, ended: &Ended, lasted: Duration) {
        let (address, cause) = (&self.address, ended.error.as_ref().map(|error| error.kind().to_string()));
        tracing::info!(address, replica, cause, "the connection to the gateway has ended");
        if ended.error.is_some() || lasted > self.pace.retry_max {
            self.displaced.store(0, Ordering::Relaxed);
            return;
        }
        let displaced = self.displaced.fetch_add(1, Ordering::Relaxed) + 1;
        if displaced > 2 && displaced.is_power_of_two() && !self.stop.is_cancelled() {
            let advice = "is another agent running with the same certificate?";
            tracing::warn!(
                address,
                displaced,
                "the gateway closes this agent's connections soon after it takes them: {advice}"
            );
        }
    }

    fn ended(&self, ended: Option<Ended>) -> NotLinked {
        not_used(&self.address, ended.and_then(|ended| ended.error).as_deref())
    }
}

/// What it means that a connection ended before the gateway's first call: most likely it does not accept us.
pub(super) fn not_used(address: &str, error: Option<&io::Error>) -> NotLinked {
    let closed = || DialError::Protocol {
        address: address.to_owned(),
        reason: "it closed the connection before it asked anything".to_owned(),
    };
    let error = match (address.parse(), error) {
        (Ok(address), Some(error)) => DialError::of_io(&address, error),
        (Err(error), _) => error,
        (Ok(_), None) => closed(),
    };
    NotLinked::Dial(error)
}
