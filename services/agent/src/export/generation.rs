//! One walk, from its start to its attestation or to the reason why it came to nothing. Runs on a blocking thread.

use std::time::Duration;

use aws_lc_rs::rand;
use jiff::Timestamp;
use tributary_archive::attestation::NotSearchedReason;
use tributary_model::id::{FidesKey, InstructionId};

use super::sink::{Kept, Places, Sink, room};
use super::{Inner, after, held};
use crate::attest::{About, SignError};
use crate::collect::{CollectError, Located, Request, SinkError, StopFlag};
use crate::ledger::{Attested, LedgerError, State, Trouble, Walk, WalkEnd};
use crate::metrics;

/// What the gateway is told of a failure whose cause only our log may name.
pub(super) const INTERNAL: &str = "an internal error; the cause is in the agent's log";

/// How much more room there must be than a walk used up before it is worth another one: above what frames, blocks and the
/// ledger make of it.
const MORE: u64 = 256 * 1024;

/// What comes after a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing: it is attested, or the export has ended.
    Ended,
    /// The wait for people.
    Held,
    /// Another walk.
    Waits {
        /// Not before this instant.
        until: Timestamp,
        /// Not before the spool has room for so many bytes: more than this walk found too little.
        room: u64,
    },
}

/// Why a walk came to nothing.
enum Failure {
    /// It was told to stop, or its export has ended.
    Stopped,
    /// A dataset stands in the way; the detail is for our log, since it may name files and hosts of the entity.
    Dataset { dataset: FidesKey, trouble: Trouble, detail: String },
    /// No room is left; says where.
    Full(String),
    /// Nothing can be signed now.
    Sign(SignError),
    /// A defect or failure; the text is for our log.
    Internal(String),
}

/// Walks once.
pub(super) fn run(inner: &Inner, instruction: InstructionId, stop: &StopFlag) -> Outcome {
    let started_at = inner.now();
    let walk = match inner.setup.ledger.start_generation(instruction, inner.patience(), started_at) {
        Ok(Some(walk)) => walk,
        Ok(None) => return Outcome::Ended,
        Err(error) => {
            tracing::error!(%instruction, %error, "a walk cannot start");
            return Outcome::Waits { until: after(started_at, inner.setup.limits.retry_max), room: 0 };
        }
    };
    let generation = walk.generation;
    inner.changes.tell(instruction);
    match collect(inner, instruction, &walk, started_at, stop) {
        Ok(None) => {
            metrics::walk_ended(&inner.setup.signer.entity, "held");
            tracing::info!(%instruction, generation, "an export waits for people at the entity");
            inner.changes.tell(instruction);
            Outcome::Held
        }
        Ok(Some(parts)) => {
            metrics::walk_ended(&inner.setup.signer.entity, "attested");
            tracing::info!(%instruction, generation, parts, "an export is attested");
            inner.changes.tell(instruction);
            Outcome::Ended
        }
        Err(failure) => void(inner, instruction, generation, walk.failures, failure),
    }
}

/// After a walk that panicked.
pub(super) fn broke_off(inner: &Inner, instruction: InstructionId) -> Outcome {
    let failure = Failure::Internal("the walk panicked".to_owned());
    match inner.setup.ledger.export(instruction, inner.now()) {
        Ok(Some(export)) => void(inner, instruction, export.generation, export.failures, failure),
        _ => Outcome::Ended,
    }
}

/// Collects, signs and keeps. Returns the number of parts; nothing when people are waited for first.
fn collect(
    inner: &Inner,
    instruction: InstructionId,
    walk: &Walk,
    started_at: Timestamp,
    stop: &StopFlag,
) -> Result<Option<u32>, Failure> {
    let setup = &inner.setup;
    let generation = walk.generation;
    // Nobody would accept what a key signs that does not count: say so before the work is done.
    setup.signer.check(started_at)?;
    // Before anything is read, so that people can begin.
    let asked = held::ask(inner, instruction, walk, started_at)?;
    let reviewed = setup.systems.reviewed();
    let request = Request {
        controller: setup.signer.entity.clone(),
        identifiers: walk.requested.identifiers.clone(),
        format: walk.requested.format,
        given_up: walk.given_up.clone(),
    };
    let mut sink = Sink::new(inner, &walk.key, (instruction, generation), &reviewed, asked.decision);
    let collected = setup.systems.collect(&request, &mut sink, stop)?;
    let (kept, places) = sink.kept()?;
    if kept != Kept::said(&collected) {
        return Err(Failure::Internal("the walk gave something else than it says".to_owned()));
    }
    for gap in collected.not_searched.iter().filter(|gap| gap.reason == NotSearchedReason::ControllerUnknown) {
        let (dataset, collection, detail) = (&gap.dataset, gap.collection.as_deref(), &gap.detail);
        tracing::warn!(%instruction, %dataset, collection, detail, "rows that nobody hands over; correct the column or `values`");
    }
    let is_one = collected.located != Located::NeedsIdentity;
    if asked.anything() && !is_one {
        setup.ledger.withdraw(instruction)?;
    }
    if is_one && (asked.anything() || places.is_held) {
        sync(inner, instruction, generation, places)?;
        let Places { position, given: parts, .. } = places;
        let end = WalkEnd { started_at, collected, right: walk.requested.right, position, parts };
        let kept = held::hold(inner, instruction, walk, &end, &reviewed)?;
        return if kept { Ok(None) } else { Err(Failure::Stopped) };
    }
    let parts = collected.parts.count;
    let now = inner.now();
    let right = walk.requested.right;
    let about = About { case: walk.case, instruction, right, generation, started_at, finished_at: now };
    let envelope = setup.signer.sign(collected, about)?;
    // What is attested must outlive a loss of power; until here a restart would have begun anew anyway.
    sync(inner, instruction, generation, places)?;
    let attested = Attested { envelope, parts };
    let kept = setup.ledger.attest(instruction, generation, &attested, inner.expiry(now), now)?;
    if kept { Ok(Some(parts)) } else { Err(Failure::Stopped) }
}

/// Makes a generation's files durable. What is in the ledger becomes so with the commit that says it is over.
fn sync(inner: &Inner, instruction: InstructionId, generation: u32, places: Places) -> Result<(), Failure> {
    if places.has_files {
        inner.setup.spool.sync(instruction, generation).map_err(room)?;
    }
    Ok(())
}

/// Drops what a generation has kept, and says when and why the next one comes.
fn void(inner: &Inner, instruction: InstructionId, generation: u32, failures: u32, failure: Failure) -> Outcome {
    let room = match failure {
        Failure::Full(_) => inner.setup.spool.used_by(instruction, generation).saturating_add(MORE),
        _ => 0,
    };
    if let Err(error) = inner.setup.spool.remove_generation(instruction, generation) {
        tracing::warn!(%instruction, generation, %error, "files of a void generation could not be removed");
    }
    metrics::walk_ended(&inner.setup.signer.entity, failure.as_str());
    let now = inner.now();
    let mut retry_at = after(now, pause(inner, failures));
    let mut cause = None;
    let reason = match failure {
        Failure::Stopped => "the agent is stopping".to_owned(),
        Failure::Dataset { dataset, trouble, detail } => {
            tracing::warn!(%instruction, generation, detail, "a dataset stands in the way");
            retry_at = retry_at.min(given_up_at(inner, instruction, &dataset, trouble, now));
            let dataset = inner.shown(&dataset);
            match trouble {
                Trouble::Unavailable => format!("dataset `{dataset}` cannot be read now"),
                Trouble::SnapshotTooLong => format!("dataset `{dataset}` takes longer than its snapshot may be held"),
            }
        }
        Failure::Full(reason) => reason,
        Failure::Sign(error) => error.to_string(),
        Failure::Internal(text) => {
            cause = Some(text);
            INTERNAL.to_owned()
        }
    };
    match inner.setup.ledger.wait(instruction, generation, &reason, Some(retry_at)) {
        Ok(true) => {
            match cause {
                Some(cause) => tracing::error!(%instruction, generation, cause, %retry_at, "a walk failed"),
                None => tracing::info!(%instruction, generation, reason, %retry_at, "an export waits"),
            }
            inner.changes.tell(instruction);
            Outcome::Waits { until: retry_at, room }
        }
        // The export has ended meanwhile, which may well be what the walk ran into.
        Ok(false) => Outcome::Ended,
        Err(error) => {
            tracing::error!(%instruction, generation, %error, "the ledger cannot say that an export waits");
            // It still says that the generation runs; the next one mends that.
            Outcome::Waits { until: retry_at, room }
        }
    }
}

/// Says that an export waits for room, which comes nobody knows when.
pub(super) fn waits_for_room(inner: &Inner, instruction: InstructionId) -> Result<(), LedgerError> {
    let ledger = &inner.setup.ledger;
    let Some(export) = ledger.export(instruction, inner.now())? else { return Ok(()) };
    if let (State::Pending, Some(reason)) = (export.state, export.reason)
        && ledger.wait(instruction, export.generation, &reason, None)?
    {
        inner.changes.tell(instruction);
    }
    Ok(())
}

/// When a dataset that does not answer is given up; far away for one that does.
fn given_up_at(
    inner: &Inner,
    instruction: InstructionId,
    dataset: &FidesKey,
    trouble: Trouble,
    now: Timestamp,
) -> Timestamp {
    match (inner.setup.ledger.trouble(instruction, dataset, trouble, now), trouble) {
        (Ok(since), Trouble::Unavailable) => after(since, inner.setup.limits.unavailable_for).max(now),
        (Ok(_), Trouble::SnapshotTooLong) => Timestamp::MAX,
        (Err(error), _) => {
            tracing::error!(%instruction, %error, "the ledger cannot keep a dataset's trouble");
            Timestamp::MAX
        }
    }
}

/// The pause after this many failures: twice as long each time, with jitter, so that exports do not come back at once.
fn pause(inner: &Inner, failures: u32) -> Duration {
    let limits = &inner.setup.limits;
    let doubled = limits.retry_min.saturating_mul(1_u32.checked_shl(failures.min(20)).unwrap_or(u32::MAX));
    let longest = doubled.min(limits.retry_max);
    let mut byte = [0_u8];
    // Without randomness there is no jitter, and nothing else to it.
    let _ = rand::fill(&mut byte);
    longest.mul_f64(1.0 - f64::from(byte[0]) / 1024.0)
}

impl Failure {
    /// The name in metrics.
    fn as_str(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Dataset { trouble: Trouble::Unavailable, .. } => "unavailable",
            Self::Dataset { trouble: Trouble::SnapshotTooLong, .. } => "snapshot_too_long",
            Self::Full(_) => "full",
            Self::Sign(_) => "key",
            Self::Internal(_) => "internal",
        }
    }
}

impl From<CollectError> for Failure {
    fn from(error: CollectError) -> Self {
        let detail = error.to_string();
        match error {
            CollectError::Unavailable { dataset, .. } => {
                Self::Dataset { dataset, trouble: Trouble::Unavailable, detail }
            }
            CollectError::SnapshotTooLong { dataset } => {
                Self::Dataset { dataset, trouble: Trouble::SnapshotTooLong, detail }
            }
            CollectError::Stopped => Self::Stopped,
            CollectError::Sink(error) => error.into(),
            CollectError::Internal(cause) => Self::Internal(cause),
        }
    }
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Full(reason) => Self::Full(reason),
            SinkError::Io(error) => Self::Internal(error.to_string()),
        }
    }
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Key(_) => Self::Sign(error),
            SignError::Contradiction(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Full => Self::Full(error.to_string()),
            LedgerError::Replaced => Self::Stopped,
            other => Self::Internal(other.to_string()),
        }
    }
}
