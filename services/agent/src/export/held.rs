//! Waits for people: a walk is over, and what they have not answered is not signed. No snapshot is open meanwhile, and the
//! spool keeps what waits for as long as it waits.
//!
//! Once everything is answered, what they let through joins what was given before, and all of it is signed. A process that
//! dies on the way does the rest again at its next start, from the same answers. Neighbours: `giving`, `inbox`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tributary_model::id::{FidesKey, InstructionId};

use super::giving::Giving;
use super::job::wait;
use super::{Exports, Inner, after, blocking};
use crate::attest::{About, SignError};
use crate::inbox::{Against, Kind, Standing, due_at, settle};
use crate::ledger::{Ask, Attested, Held, LedgerError, Matter, Question, Walk, WalkEnd};

/// The pause after a failure that is not the people's.
const AGAIN: Duration = Duration::from_secs(60);

/// How a wait for people came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// Nothing is held: the export is to be walked.
    NotHeld,
    /// It is attested, or has ended.
    Ended,
}

/// What a look at a held export finds.
enum Step {
    NotHeld,
    Ended,
    /// Somebody has still to answer; at this instant something changes all the same.
    Waits(Timestamp),
    /// An answer has lost its files, and its question is open again.
    Again,
}

/// Why what was answered cannot be signed now.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeldError {
    /// The key does not count, or what was found contradicts itself.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The spool failed.
    #[error("spool: {0}")]
    Spool(#[from] std::io::Error),
}

/// What people are asked before anything is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// To search something.
    manual: bool,
    /// To decide whether anything leaves.
    pub(super) decision: bool,
}

impl Asked {
    /// Whether people are asked anything.
    pub(super) fn anything(self) -> bool {
        self.manual || self.decision
    }
}

/// Asks people about the collections that only they can search, and for their decision where one is wanted. Returns what
/// of it is part of this export.
pub(super) fn ask(
    inner: &Inner,
    instruction: InstructionId,
    walk: &Walk,
    now: Timestamp,
) -> Result<Asked, LedgerError> {
    let due_in = |time| due_at(walk.received_at, walk.case, time, now);
    let mut asks: Vec<Ask> = inner
        .setup
        .systems
        .manual()
        .into_iter()
        .map(|manual| {
            let due_at = due_in(manual.due.unwrap_or(inner.setup.due.manual));
            Ask { kind: Kind::Manual, dataset: manual.dataset, collection: manual.collection, due_at }
        })
        .collect();
    if let Some(time) = inner.setup.due.decision {
        asks.push(Ask::decision(&inner.setup.signer.entity, due_in(time))?);
    }
    if !asks.is_empty() {
        inner.setup.ledger.ask(instruction, &asks, now)?;
    }
    // Also what an earlier generation asked before manifest or configuration was changed: an answer given counts.
    let asked = inner.setup.ledger.questions_of(instruction)?;
    let has = |kind| asked.iter().any(|question| question.kind == kind);
    Ok(Asked { manual: has(Kind::Manual), decision: has(Kind::Decision) })
}

/// Ends a generation's walk. False: its export had ended before.
pub(super) fn hold(
    inner: &Inner,
    instruction: InstructionId,
    walk: &Walk,
    end: &WalkEnd,
    reviewed: &BTreeSet<(FidesKey, String)>,
) -> Result<bool, LedgerError> {
    let now = inner.now();
    let due = due_at(walk.received_at, walk.case, inner.setup.due.review, now);
    let due = |dataset: &FidesKey, collection: &str| {
        reviewed.contains(&(dataset.clone(), collection.to_owned())).then_some(due)
    };
    inner.setup.ledger.hold(instruction, walk.generation, end, due, now)
}

/// Waits until everything is answered and signed.
pub(super) async fn wait_for_people(exports: &Exports, instruction: InstructionId) -> Waited {
    let inner = Arc::clone(&exports.0);
    let mut changed = inner.changes.subscribe(instruction);
    loop {
        changed.mark_unchanged();
        let own = Arc::clone(&inner);
        let step = match blocking(move || step(&own, instruction)).await {
            Ok(Ok(step)) => step,
            Ok(Err(error)) => later(&inner, instruction, &error),
            // It panicked; the hook has said where.
            Err(_) => Step::Waits(after(inner.now(), AGAIN)),
        };
        match step {
            Step::NotHeld => return Waited::NotHeld,
            Step::Ended => return Waited::Ended,
            Step::Again => {}
            Step::Waits(until) => tokio::select! {
                // The sender lives as long as it is subscribed to.
                _ = changed.changed() => {}
                () = wait(&inner, until) => {}
            },
        }
    }
}

/// Says that it waits for another reason than people.
fn later(inner: &Inner, instruction: InstructionId, error: &HeldError) -> Step {
    let until = after(inner.now(), AGAIN);
    let reason = match error {
        HeldError::Sign(SignError::Key(_)) | HeldError::Ledger(LedgerError::Full) => error.to_string(),
        _ => super::generation::INTERNAL.to_owned(),
    };
    tracing::error!(%instruction, %error, "what people have answered cannot be signed now; it is tried again");
    if let Err(error) = say(inner, instruction, None, &reason, Some(until)) {
        tracing::error!(%instruction, %error, "the ledger cannot say why an export waits");
    }
    Step::Waits(until)
}

fn step(inner: &Inner, instruction: InstructionId) -> Result<Step, HeldError> {
    let ledger = &inner.setup.ledger;
    let now = inner.now();
    let Some(held) = ledger.held(instruction)? else { return Ok(Step::NotHeld) };
    let mut questions = ledger.questions_of(instruction)?;
    if let Some(patience) = inner.setup.due.give_up {
        let over = |q: &&Question| q.standing == Standing::Open && after(q.due_at, patience) <= now;
        let lapsed: Vec<_> = questions.iter().filter(over).map(|question| question.id).collect();
        if !lapsed.is_empty() {
            tracing::warn!(%instruction, questions = lapsed.len(), "nobody has answered, and nobody is waited for any longer");
            ledger.lapse(instruction, &lapsed, inner.expiry(now), now)?;
            questions = ledger.questions_of(instruction)?;
        }
    }
    if let Some(against) = against(inner, &questions)? {
        ledger.spare(instruction)?;
        return sign(inner, instruction, held, &[], Some(&against));
    }
    let open: Vec<&Question> = questions.iter().filter(|q| q.standing == Standing::Open).collect();
    if !open.is_empty() {
        return waits(inner, instruction, &held, &open, now);
    }
    if lost_files(inner, &held, &questions, instruction, now)? {
        return Ok(Step::Again);
    }
    sign(inner, instruction, held, &questions, None)
}

/// Whether it is decided that nothing leaves. Nobody needs to answer anything else then.
fn against(inner: &Inner, questions: &[Question]) -> Result<Option<Against>, LedgerError> {
    let Some(decision) = questions.iter().find(|question| question.kind == Kind::Decision) else { return Ok(None) };
    let answer = inner.setup.ledger.answers(decision.id)?.remove(&Matter::new());
    Ok(Against::of(decision.standing, answer))
}

/// Says for whom it waits since when, and when that changes.
fn waits(
    inner: &Inner,
    instruction: InstructionId,
    held: &Held,
    open: &[&Question],
    now: Timestamp,
) -> Result<Step, HeldError> {
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let since = open.iter().map(|question| question.created_at).min().unwrap_or(now);
    let due = open.iter().map(|question| question.due_at).min().unwrap_or(now);
    let entity = &inner.setup.signer.entity;
    let is_undecided = open.iter().any(|question| question.kind == Kind::Decision);
    let what = if is_undecided { "a decision" } else { "an answer" };
    let (said, is_late) = (format!("waits for {what} of {entity}'s people since {}", day(since)), due <= now);
    let reason = if is_late { format!("{said}, overdue since {}", day(due)) } else { said };
    say(inner, instruction, Some(held), &reason, (!is_late).then_some(due))?;
    let given_up = inner.setup.due.give_up.and_then(|time| open.iter().map(|q| after(q.due_at, time)).min());
    let due = if is_late { Timestamp::MAX } else { due };
    Ok(Step::Waits(given_up.map_or(due, |at| at.min(due))))
}

fn say(
    inner: &Inner,
    instruction: InstructionId,
    held: Option<&Held>,
    reason: &str,
    retry_at: Option<Timestamp>,
) -> Result<(), LedgerError> {
    let is_said = held.is_some_and(|held| held.said.0.as_deref() == Some(reason));
    if !is_said && inner.setup.ledger.say(instruction, reason, retry_at)? {
        inner.changes.tell(instruction);
    }
    Ok(())
}

/// Asks again about what has lost its files: a restored backup may have the ledger without the spool.
fn lost_files(
    inner: &Inner,
    held: &Held,
    questions: &[Question],
    instruction: InstructionId,
    now: Timestamp,
) -> Result<bool, HeldError> {
    let mut lost = false;
    for question in questions {
        for (matter, answer) in inner.setup.ledger.answers(question.id)? {
            let is_there =
                |file: &crate::inbox::GivenFile| inner.setup.spool.has(file.place(instruction), file.encoded_bytes);
            if !answer.files().iter().all(is_there) {
                tracing::error!(%instruction, question = %question.id, "files of an answer are gone; it is asked for again");
                let due = due_at(held.received_at, held.case, inner.setup.due.manual, now);
                inner.setup.ledger.unanswer(question.id, &matter, due, now)?;
                lost = true;
            }
        }
    }
    Ok(lost)
}

/// Gives what people let through, or nothing where they are against it, signs everything and keeps it.
fn sign(
    inner: &Inner,
    instruction: InstructionId,
    held: Held,
    questions: &[Question],
    against: Option<&Against>,
) -> Result<Step, HeldError> {
    let setup = &inner.setup;
    setup.signer.check(inner.now())?;
    let mut giving = Giving::new(inner, instruction, &held)?;
    for question in questions {
        giving.question(question)?;
    }
    let given = giving.finish()?;
    let mut collected = held.end.collected.clone();
    match against {
        Some(against) => against.settle(&mut collected, &setup.signer.entity, &setup.systems.manual()),
        None => settle(&mut collected, &setup.signer.entity, &given.reviews, &given.manual),
    }
    (collected.parts, collected.tables_sha256, collected.previews_sha256) = (given.parts, given.tables, given.previews);
    let (parts, now) = (collected.parts.count, inner.now());
    let WalkEnd { started_at, right, .. } = held.end;
    let about =
        About { case: held.case, instruction, right, generation: held.generation, started_at, finished_at: now };
    let attested = Attested { envelope: setup.signer.sign(collected, about)?, parts };
    let kept = setup.ledger.attest(instruction, held.generation, &attested, inner.expiry(now), now)?;
    inner.changes.tell(instruction);
    if kept {
        crate::metrics::walk_ended(&setup.signer.entity, "attested");
        tracing::info!(%instruction, generation = held.generation, parts, "an export is attested with what people have answered");
    }
    Ok(Step::Ended)
}
