//! Export jobs: durable orders to find a person and keep what is found until the gateway has fetched it.
//!
//! `job` waits and tries again, `generation` is one walk from its start to its attestation (through `sink` into spool
//! and ledger); `watch` and `read` serve what is there. An instruction repeated at any time is answered from the ledger.

mod changes;
mod error;
mod generation;
mod giving;
mod held;
mod job;
mod read;
mod sink;
mod sweep;
mod systems;
mod turns;
mod watch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{Stream, StreamExt};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use tributary_archive::part::Part;
use tributary_model::clock::SharedClock;
use tributary_model::id::{CaseId, FidesKey, InstructionId};
use tributary_model::identifier::Identifier;
use tributary_model::mandate::Mandate;
use tributary_transport::tasks::Tasks;

use crate::attest::Signer;
use crate::collect::{CollectError, Located};
use crate::config::{Limits, SpoolLimits};
use crate::inbox::Due;
use crate::ledger::{Begun, Export, Ledger, LedgerError, NewExport, Patience, Readable, Requested, Source, State};
use crate::spool::{PartName, Spool};
use changes::Changes;
pub(crate) use error::ExportError;
use job::Job;
pub(crate) use read::Chunk;
pub(crate) use systems::Systems;
pub(crate) use turns::Turns;
pub(crate) use watch::Event;

/// All exports of one entity. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Exports(Arc<Inner>);

/// What the exports are made of.
pub(crate) struct Setup {
    /// What is remembered.
    pub(crate) ledger: Ledger,
    /// Where the bytes are.
    pub(crate) spool: Spool,
    /// The entity's systems.
    pub(crate) systems: Arc<dyn Systems>,
    /// Who signs.
    pub(crate) signer: Signer,
    /// The time.
    pub(crate) clock: SharedClock,
    /// How much at once, over all entities of the process.
    pub(crate) turns: Turns,
    /// How much of one entity's, and how long it may take.
    pub(crate) limits: Limits,
    /// How long exports are kept.
    pub(crate) spool_limits: SpoolLimits,
    /// How long people may take.
    pub(crate) due: Due,
}

struct Inner {
    setup: Setup,
    jobs: Mutex<HashMap<InstructionId, Job>>,
    /// Held while an export is started or swept, so that what ends one that expired never ends its successor.
    starting: Mutex<()>,
    changes: Changes,
    tasks: Tasks,
    stopping: CancellationToken,
}

/// Where an export stands after it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Started {
    /// The last generation that started; 0 before the first.
    pub(crate) generation: u32,
    /// Where it stands.
    pub(crate) state: State,
}

impl Exports {
    /// Takes up what the last process left: attested exports are served on, unfinished ones begin a new generation,
    /// and files that belong to neither are removed.
    pub(crate) async fn start(setup: Setup) -> Result<Self, ExportError> {
        let inner = Inner {
            jobs: Mutex::default(),
            starting: Mutex::default(),
            changes: Changes::default(),
            tasks: Tasks::new(),
            stopping: CancellationToken::new(),
            setup,
        };
        let exports = Self(Arc::new(inner));
        let unfinished = exports.blocking(Inner::take_up).await?;
        for instruction in unfinished {
            exports.run(instruction);
        }
        exports.0.tasks.spawn("export sweep", sweep::run(exports.clone()));
        Ok(exports)
    }

    /// Starts an export, or finds the one that the instruction started before.
    pub(crate) async fn begin(&self, mandate: &Mandate, requested: Requested) -> Result<Started, ExportError> {
        if self.0.stopping.is_cancelled() {
            return Err(ExportError::Stopping);
        }
        let (instruction, case, received_at) = (mandate.instruction, mandate.case, mandate.received_at);
        let exports = self.clone();
        let begun = self
            .blocking(move |inner| {
                let now = inner.now();
                let new = NewExport { instruction, case, requested, received_at, expires_at: inner.expiry(now) };
                let _starting = inner.starting.lock().unwrap_or_else(PoisonError::into_inner);
                let begun = inner.setup.ledger.begin(&new, inner.setup.limits.open_exports, now)?;
                if let Begun::New { .. } = begun {
                    // One that had expired may not have been swept yet.
                    inner.drop_files(instruction);
                    // Here and not after the await: the call may be dropped with its connection at any time, and what
                    // stands in the ledger must have its job all the same.
                    exports.run(instruction);
                }
                Ok(begun)
            })
            .await?;
        match begun {
            Begun::Differs => Err(ExportError::Differs),
            Begun::TooMany => Err(ExportError::TooMuch),
            Begun::Known { state, generation } => Ok(Started { generation, state }),
            Begun::New { generation } => Ok(Started { generation, state: State::Pending }),
        }
    }

    /// Whether the person is known.
    pub(crate) async fn locate(&self, identifiers: Vec<Identifier>) -> Result<Located, ExportError> {
        let _permit = self.0.setup.turns.locates.try_acquire().map_err(|_| ExportError::TooMuch)?;
        let (systems, stop) = (Arc::clone(&self.0.setup.systems), job::StopOnDrop::new());
        let flag = stop.flag();
        // The question ends with the call: dropping `stop` tells the thread.
        let located = blocking(move || systems.locate(&identifiers, &flag)).await?;
        located.map_err(|error| {
            // The caller learns its name only, and whoever mends it has this log.
            if let CollectError::Unavailable { dataset, detail } = &error {
                tracing::warn!(entity = %self.0.setup.signer.entity, %dataset, detail, "a system cannot be asked whether it knows a person");
            }
            match ExportError::from(error) {
                ExportError::Unavailable { dataset } => ExportError::Unavailable { dataset: self.0.shown(&dataset) },
                other => other,
            }
        })
    }

    /// Everything the export has produced and produces, to its attestation.
    pub(crate) async fn watch(
        &self,
        instruction: InstructionId,
        case: CaseId,
    ) -> Result<impl Stream<Item = Result<Event, ExportError>> + Send + use<>, ExportError> {
        let touch = move |inner: &Inner| {
            inner.open(instruction, case)?;
            Ok(inner.setup.ledger.touch(instruction, inner.expiry(inner.now()))?)
        };
        self.blocking(touch).await?;
        Ok(watch::events(self.clone(), instruction))
    }

    /// The bytes of a finished part from `offset` to its end.
    pub(crate) async fn read(
        &self,
        name: PartName,
        case: CaseId,
        offset: u64,
    ) -> Result<impl Stream<Item = Result<Chunk, ExportError>> + Send + use<>, ExportError> {
        let find = move |inner: &Inner| {
            let export = inner.open(name.instruction, case)?;
            let readable = matches!(export.state, State::Running | State::Held | State::Attested);
            if name.generation != export.generation || !readable {
                return Err(ExportError::Replaced { generation: export.generation });
            }
            Ok(inner.setup.ledger.part(name.instruction, name.generation, name.index)?)
        };
        let found = self.blocking(find).await?;
        let Readable { part, source, key, content } = found.ok_or(ExportError::NoPart { index: name.index })?;
        if offset > part.encoded_bytes {
            return Err(ExportError::BeyondEnd { size: part.encoded_bytes });
        }
        if let Some(content) = content {
            return Ok(read::at_once(content, offset).left_stream());
        }
        let name = PartName { generation: source.generation, index: source.index, ..name };
        Ok(read::chunks(self.clone(), name, key, offset..part.encoded_bytes).right_stream())
    }

    /// Ends an export: everything was received, or nothing is wanted any more. Again or for an unknown one: nothing.
    pub(crate) async fn finish(&self, instruction: InstructionId, case: CaseId) -> Result<(), ExportError> {
        self.blocking(move |inner| {
            match inner.setup.ledger.export(instruction, inner.now())? {
                None => return Ok(()),
                Some(export) if export.case != case => return Err(ExportError::OtherCase),
                Some(_) => {}
            }
            inner.setup.ledger.finish(instruction)?;
            inner.end(instruction);
            Ok(())
        })
        .await
    }

    /// What was signed for an export that is at its end.
    pub(crate) async fn attestation(&self, instruction: InstructionId, case: CaseId) -> Result<Vec<u8>, ExportError> {
        let found = self.blocking(move |inner| Ok(inner.setup.ledger.attestation(instruction, inner.now())?)).await?;
        let (export, attested) = found.ok_or(ExportError::NotFound)?;
        if export.case != case {
            return Err(ExportError::OtherCase);
        }
        match (export.state, attested) {
            (State::Attested | State::Finished, Some(attested)) => Ok(attested.envelope),
            (State::Pending | State::Running | State::Held, _) => Err(ExportError::NotReady),
            (State::Attested | State::Finished | State::Expired, _) => Err(ExportError::NotFound),
        }
    }

    /// Stops walks and streams, and waits up to `limit` for them to end.
    pub(crate) async fn stop(&self, limit: Duration) {
        self.stopping();
        let drained = self.0.tasks.drain(limit).await;
        if drained.stuck > 0 {
            tracing::warn!(tasks = drained.stuck, "exports did not stop in time; they begin anew at the next start");
        }
    }

    /// Ends streams that wait and walks that run; what is served from the spool goes on.
    pub(crate) fn stopping(&self) {
        self.0.stopping.cancel();
        for job in self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner).values() {
            job.stop();
        }
    }

    /// Asks how many bytes the spool holds, for as long as there is one.
    pub(crate) fn spooled(&self) -> impl Fn() -> Option<u64> + Send + Sync + use<> {
        let inner = Arc::downgrade(&self.0);
        move || inner.upgrade().map(|inner| inner.setup.spool.used())
    }

    /// Looks into ledger and spool for the people at the entity.
    pub(crate) async fn at_desk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Setup) -> Result<T, ExportError> + Send + 'static,
    ) -> Result<T, ExportError> {
        self.blocking(move |inner| work(&inner.setup)).await
    }

    /// Something was answered.
    pub(crate) fn changed(&self, instruction: InstructionId) {
        self.0.changes.tell(instruction);
    }

    /// Runs what belongs to the exports and ends with them.
    pub(crate) fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(name, future);
    }

    /// Fires when the exports stop.
    pub(crate) fn stopped(&self) -> CancellationToken {
        self.0.stopping.clone()
    }

    /// Runs an export's job, once any before it has ended.
    fn run(&self, instruction: InstructionId) {
        let job = Job::new();
        let before = self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner).insert(instruction, job.clone());
        if let Some(before) = &before {
            before.stop();
        }
        if self.0.stopping.is_cancelled() {
            job.stop();
        }
        let span = tracing::info_span!("export", entity = %self.0.setup.signer.entity);
        self.0.tasks.spawn("export", job::run(self.clone(), instruction, job, before).instrument(span));
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, ExportError> + Send + 'static,
    ) -> Result<T, ExportError> {
        let inner = Arc::clone(&self.0);
        blocking(move || work(&inner)).await?
    }
}

impl Inner {
    fn now(&self) -> Timestamp {
        self.setup.clock.now()
    }

    /// An export whose data is there or to come, of this case.
    fn open(&self, instruction: InstructionId, case: CaseId) -> Result<Export, ExportError> {
        let found = self.setup.ledger.export(instruction, self.now())?;
        let export = found.filter(|export| export.state.is_open()).ok_or(ExportError::NotFound)?;
        if export.case == case { Ok(export) } else { Err(ExportError::OtherCase) }
    }

    /// When an export that is asked for at `now` is given up.
    fn expiry(&self, now: Timestamp) -> Timestamp {
        after(now, self.setup.spool_limits.keep)
    }

    /// A dataset's key as others see it.
    fn shown(&self, dataset: &FidesKey) -> FidesKey {
        let found = self.setup.systems.datasets().into_iter().find(|info| info.key == *dataset);
        found.map_or_else(|| dataset.clone(), |info| info.shown)
    }

    fn patience(&self) -> Patience {
        let Limits { unavailable_for, snapshot_attempts, .. } = self.setup.limits;
        Patience { unavailable_for, snapshot_attempts }
    }

    fn take_up(&self) -> Result<Vec<InstructionId>, ExportError> {
        self.setup.ledger.expire(self.now())?;
        let Setup { ledger, spool, .. } = &self.setup;
        for (instruction, generation) in ledger.kept()? {
            if !self.is_whole(instruction, generation)? {
                tracing::error!(%instruction, generation, "files of an export are gone; it begins anew");
                ledger.reopen(instruction, generation, "the agent lost what it had kept")?;
            }
        }
        let unfinished = ledger.resume()?;
        spool.sweep(&[ledger.kept()?, ledger.given()?].concat())?;
        Ok(unfinished)
    }

    /// Whether the spool has every file that the ledger names: a restored backup may have one without the other.
    fn is_whole(&self, instruction: InstructionId, generation: u32) -> Result<bool, ExportError> {
        let has = |source: Source, part: &Part| {
            let name = PartName { instruction, generation: source.generation, index: source.index };
            self.setup.spool.has(name, part.encoded_bytes)
        };
        Ok(self.setup.ledger.all_parts(instruction, generation, has)?)
    }

    /// Stops an export's job, drops its files and tells who watches.
    fn end(&self, instruction: InstructionId) {
        if let Some(job) = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(&instruction) {
            job.stop();
        }
        self.drop_files(instruction);
        self.changes.tell(instruction);
    }

    /// The key is shredded before: files that cannot be removed now are unreadable, and the next start removes them.
    fn drop_files(&self, instruction: InstructionId) {
        if let Err(error) = self.setup.spool.remove(instruction) {
            tracing::warn!(%instruction, %error, "files of an export that has ended could not be removed");
        }
    }
}

impl From<LedgerError> for ExportError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Full => Self::StorageFull,
            LedgerError::Replaced => Self::NotFound,
            other => Self::Internal(other.to_string()),
        }
    }
}

/// Runs `work` where blocking is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ExportError> {
    let span = tracing::Span::current();
    let joined = tokio::task::spawn_blocking(move || span.in_scope(work)).await;
    joined.map_err(|_| ExportError::Internal("a thread panicked".to_owned()))
}

/// `now` and `time`, or the end of time.
fn after(now: Timestamp, time: Duration) -> Timestamp {
    SignedDuration::try_from(time).ok().and_then(|time| now.checked_add(time).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
