//! One attempt at a task: from the claim to an answer, a failure that is recorded, or giving the task back.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use tributary_archive::frames::CryptoError;
use tributary_model::disposition::Disposition;
use tributary_model::id::InstructionId;
use tributary_model::lifecycle::TaskState;

use super::Worker;
use crate::attest::AttestationFault;
use crate::case::after;
use crate::cause::Cause;
use crate::entity::{EntityError, ExportState, Order};
use crate::store::{Claim, Failure, StoreError};

/// Whether an attempt got anywhere: state, parts or a word of the agent.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicBool);

impl Progress {
    pub(super) fn made(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn was_made(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why an attempt ended before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// A call, a part, or what the agent announced.
    #[error(transparent)]
    Entity(#[from] EntityError),
    /// The signed answer does not count.
    #[error(transparent)]
    Attestation(#[from] AttestationFault),
    /// Entity or generation changed what it had said before.
    #[error("the entity's agent changed {0} within a generation")]
    Changed(&'static str),
    /// The agent has ended the export, and its answer is not here: this side's state was restored from a copy, say.
    #[error(
        "the entity's agent says that the export is over, but its answer is not here; retry the task to have it asked anew"
    )]
    Over,
    /// More than this gateway takes in of one entity.
    #[error(
        "the entity's answer is larger than this gateway takes in (limits.{limit} is {most}); raise the limit and retry \
         the task"
    )]
    TooLarge {
        /// The setting.
        limit: &'static str,
        /// What it allows.
        most: u64,
    },
    /// The group file has moved on.
    #[error("the group file in force does not list the entity any more")]
    NotListed,
    /// Our own state. A lost lease is the common case: somebody else goes on.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The agent had said that it waits; it is looked at again later.
    #[error("the entity is at work")]
    Later,
}

impl From<CryptoError> for Trouble {
    fn from(error: CryptoError) -> Self {
        Self::Store(error.into())
    }
}

impl Trouble {
    /// How the task stands by it. What says nothing about the entity leaves it waiting: an archive must not call an
    /// entity failed that was busy, or for which this side had no room.
    fn disposition(&self) -> Disposition {
        match self {
            Self::Entity(error) => error.observed().unwrap_or(Disposition::Pending),
            Self::Attestation(_) | Self::Changed(_) | Self::Over | Self::TooLarge { .. } | Self::NotListed => {
                Disposition::Failed
            }
            Self::Store(_) | Self::Later => Disposition::Pending,
        }
    }

    /// What of it an archive says.
    fn cause(&self) -> Cause {
        match self {
            Self::Entity(error) => error.cause(),
            Self::Attestation(_) => Cause::Unverified,
            Self::Changed(_) => Cause::Failed,
            Self::Over => Cause::Over,
            Self::TooLarge { .. } => Cause::TooLarge,
            Self::NotListed => Cause::NotListed,
            Self::Store(StoreError::Full) => Cause::GatewayFull,
            Self::Store(_) => Cause::Gateway,
            Self::Later => Cause::Busy,
        }
    }

    /// Whether it counts towards parking. Being unreachable or slow never does, and neither does what is our own fault.
    fn counts(&self) -> bool {
        match self {
            Self::Entity(error) => error.counts_as_attempt(),
            Self::Attestation(_) | Self::Changed(_) | Self::Over | Self::TooLarge { .. } | Self::NotListed => true,
            Self::Store(_) | Self::Later => false,
        }
    }

    /// How many such failures park the task, where `usual` of the others do: what only somebody here can change is not
    /// tried in vain.
    fn cap(&self, usual: u32) -> u32 {
        if matches!(self, Self::TooLarge { .. }) { 1 } else { usual }
    }

    /// Whether the next attempt would most likely end in the same place, whatever came before this one's end.
    fn is_stubborn(&self) -> bool {
        self.counts()
    }
}

/// How the time that an attempt had came to its end.
enum Ended {
    Work(Result<(), Trouble>),
    LeaseLost,
    Aborted,
    Stopping,
}

impl Worker {
    pub(super) async fn attempt(&self, claim: Claim, abort: &CancellationToken) {
        let span = tracing::info_span!("attempt", case = %claim.case, entity = %claim.entity);
        if let Some(trace) = &claim.trace {
            tributary_transport::trace::follow(&span, trace);
        }
        self.attempt_in_span(claim, abort).instrument(span).await;
    }

    async fn attempt_in_span(&self, claim: Claim, abort: &CancellationToken) {
        let progress = Progress::default();
        let stopping = self.0.tasks.stopping();
        let ended = tokio::select! {
            biased;
            () = abort.cancelled() => Ended::Aborted,
            outcome = self.work(&claim, &progress) => Ended::Work(outcome),
            () = self.keep_lease(&claim) => Ended::LeaseLost,
            () = stopping.cancelled() => Ended::Stopping,
        };
        let outcome = match ended {
            Ended::Work(Ok(())) => Ok(()),
            Ended::Work(Err(Trouble::Later)) => {
                let at = after(self.0.clock.now(), self.0.limits.backoff_max);
                self.0.store.release(&claim, at).await
            }
            Ended::Work(Err(Trouble::Store(StoreError::StaleLease))) | Ended::LeaseLost | Ended::Aborted => {
                tracing::info!("the attempt ended: the task was cancelled or taken up by another attempt");
                Ok(())
            }
            Ended::Work(Err(trouble)) => self.record(&claim, &trouble, progress.was_made()).await,
            // What was staged stays; the next start goes on from there.
            Ended::Stopping => self.0.store.release(&claim, self.0.clock.now()).await,
        };
        match outcome {
            Ok(()) | Err(StoreError::StaleLease | StoreError::Stopped) => {}
            // The lease runs out and the task is taken up again.
            Err(error) => tracing::error!(%error, "the outcome of an attempt could not be recorded"),
        }
    }

    async fn work(&self, claim: &Claim, progress: &Progress) -> Result<(), Trouble> {
        let client = self.client(&claim.entity).ok_or(Trouble::NotListed)?;
        let mut state = claim.state;
        if state == TaskState::Queued {
            // Whatever the answer is: only the attestation of an export says it. A system that is away keeps it from being
            // known; an export waits for that system at the agent, which says so, asks it ever less often, and in the end
            // hands over the rest.
            match client.locate(&order(claim, claim.locate)).await {
                Err(error) if error.is_system_away() => {
                    tracing::info!("a system of the entity is away; its export waits")
                }
                answer => drop(answer?),
            }
            state = self.0.store.located(claim, self.0.clock.now()).await?;
            progress.made();
        }
        let order = order(claim, claim.export);
        if client.start_export(&order, claim.format, claim.received_at).await?.state == ExportState::Finished {
            return Err(Trouble::Over);
        }
        if state == TaskState::Located {
            self.0.store.export_started(claim, self.0.clock.now()).await?;
            progress.made();
        }
        self.export(&client, &order, claim, progress).await
    }

    async fn record(&self, claim: &Claim, trouble: &Trouble, progressed: bool) -> Result<(), StoreError> {
        let progressed = progressed && !trouble.is_stubborn();
        if matches!(trouble, Trouble::Store(_) | Trouble::Entity(EntityError::Local(_))) {
            tracing::error!(reason = %trouble, "an attempt failed for a reason of our own; nothing is lost");
        } else {
            tracing::warn!(reason = %trouble, disposition = %trouble.disposition(), progressed, "an attempt failed");
        }
        let asked = if let Trouble::Entity(error) = trouble { error.retry_after() } else { None };
        let failure = Failure {
            disposition: trouble.disposition(),
            reason: trouble.to_string(),
            cause: trouble.cause(),
            counts: trouble.counts(),
            progressed,
            pause: asked.unwrap_or_else(|| self.pause(claim.misses, progressed)),
            cap: trouble.cap(self.0.limits.failed_attempts),
        };
        self.0.store.failed(claim, failure, self.0.clock.now()).await?;
        match trouble {
            Trouble::Entity(error) if error.is_unreachable() => self.noted_unreachable(&claim.entity).await,
            _ => Ok(()),
        }
    }

    /// Renews the lease at a third of its length; returns when it is lost.
    async fn keep_lease(&self, claim: &Claim) {
        let lease = self.0.limits.lease;
        loop {
            tokio::time::sleep(lease / 3).await;
            match self.0.store.renew(claim, lease, self.0.clock.now()).await {
                Ok(()) => {}
                Err(StoreError::StaleLease | StoreError::Stopped) => return,
                Err(error) => tracing::warn!(%error, "a lease could not be renewed; trying again"),
            }
        }
    }
}

fn order(claim: &Claim, instruction: InstructionId) -> Order {
    Order { case: claim.case, right: claim.right, instruction, identifiers: claim.identifiers.clone() }
}
