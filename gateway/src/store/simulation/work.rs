//! The worker of a replica: attempts that go on call by call, each of them to an agent or to the store.
//!
//! Follows `worker::attempt` and `worker::export`, cut where a process can be cut. The oracle knows who really holds a
//! task, and so which calls the store must refuse.

use std::collections::BTreeMap;
use std::time::Duration;

use tributary_archive::information::Information;
use tributary_archive::part::Part;
use tributary_model::disposition::Disposition;
use tributary_model::lifecycle::TaskState;

use super::Violation;
use super::agent::Refusal;
use super::call::{Believed, Call};
use super::schedule::{Fault, Reach};
use super::world::{BACKOFF_MAX, BACKOFF_MIN, CAP, LEASE, World};
use crate::attest::{Expected, verify_attestation};
use crate::case::after;
use crate::cause::Cause;
use crate::stage::Staged;
use crate::store::{Brought, Claim, Failure, StoreError};

/// One attempt of a replica at a task.
pub(super) struct Attempt {
    /// No other attempt has it.
    pub(super) number: u64,
    pub(super) claim: Claim,
    /// Its lease's token, where the simulation has to break the store's check of it.
    pub(super) token: Option<String>,
    phase: Phase,
    generation: u32,
    staged: BTreeMap<u32, Part>,
    /// Table and record of processing that were kept by this attempt.
    told: u8,
    progressed: bool,
}

/// The next call of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Locate,
    Located,
    Start,
    Started,
    Resume,
    Watch,
    Pending,
    Begin(u32),
    Tell,
    Stage(u32),
    Attest,
}

/// Why an attempt ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Agent(Refusal),
    /// Its answer does not count, or it is not listed any more.
    Void,
    /// It waits for somebody.
    Later,
    /// The store could not be asked, as far as this process knows.
    Store,
    /// Somebody else holds the task.
    LeaseLost,
    Dead,
}

/// What a call came to.
type Came<T> = Result<Result<T, Trouble>, Violation>;

impl World<'_> {
    pub(super) async fn claim(
        &mut self,
        replica: usize,
        entity: usize,
        most: usize,
        fault: Fault,
    ) -> Result<(), Violation> {
        let (store, id, now) = (self.store.clone(), self.entities[entity].clone(), self.clock(replica));
        let call = Call::make(fault, store.claim(id, most, LEASE, now)).await;
        let mut numbers = Vec::new();
        if let Some(Ok(claims)) = &call.made {
            for claim in claims {
                let number = self.oracle.leases.claimed(claim.case, &claim.entity, now, after(now, LEASE))?;
                numbers.push(number);
            }
        }
        match call.believed()? {
            Believed::Answer(claims) => {
                for (claim, number) in claims.into_iter().zip(numbers) {
                    let token = self.broken.token(&self.store, &claim).await?;
                    self.replicas[replica].attempts.push(Attempt::new(number, claim, token));
                }
            }
            Believed::Failed => {}
            Believed::Dead => self.kill(replica),
        }
        Ok(())
    }

    /// Takes an attempt on by up to `calls` calls; the last of them meets the fault.
    pub(super) async fn work(
        &mut self,
        replica: usize,
        attempt: usize,
        calls: u8,
        fault: Fault,
    ) -> Result<(), Violation> {
        let attempts = &mut self.replicas[replica].attempts;
        if attempts.is_empty() {
            return Ok(());
        }
        let mut attempt = attempts.remove(attempt % attempts.len());
        for call in 1..=calls {
            let fault = if call == calls { fault } else { Fault::None };
            match self.go_on(replica, &mut attempt, fault).await? {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(trouble) => return self.give_back(replica, &attempt, trouble).await,
            }
        }
        self.replicas[replica].attempts.push(attempt);
        Ok(())
    }

    /// Extends the lease of an attempt; it ends when it has lost it.
    pub(super) async fn renew(&mut self, replica: usize, attempt: usize, fault: Fault) -> Result<(), Violation> {
        let attempts = &mut self.replicas[replica].attempts;
        if attempts.is_empty() {
            return Ok(());
        }
        let attempt = attempts.remove(attempt % attempts.len());
        let (store, claim, now) = (self.store.clone(), attempt.claim.clone(), self.clock(replica));
        let call = self.hold(&attempt, fault, "renew", async move { store.renew(&claim, LEASE, now).await }).await?;
        if call.kept() {
            self.oracle.leases.renewed(&attempt, after(now, LEASE));
        }
        match came(call)? {
            // One renewal that fails is tried again.
            Ok(()) | Err(Trouble::Store) => self.replicas[replica].attempts.push(attempt),
            Err(Trouble::Dead) => self.kill(replica),
            Err(_) => {}
        }
        Ok(())
    }

    /// Gives everything back, as a replica does that stops in order.
    pub(super) async fn stop(&mut self, replica: usize, fault: Fault) -> Result<(), Violation> {
        for attempt in std::mem::take(&mut self.replicas[replica].attempts) {
            self.release(replica, &attempt, Duration::ZERO, fault).await?;
        }
        self.kill(replica);
        Ok(())
    }

    /// A write of an attempt. The store must take it from the holder, and from nobody else.
    async fn hold<T>(
        &mut self,
        attempt: &Attempt,
        fault: Fault,
        what: &str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<Call<T>, Violation> {
        let holds = self.oracle.leases.holds(attempt);
        let before = if holds { None } else { Some(self.look().await?) };
        if !holds && self.broken.lets(what) {
            self.broken.steal(&self.store, attempt).await?;
        }
        let call = Call::make(fault, call).await;
        match (&call.made, before) {
            (Some(Err(StoreError::StaleLease)), None) => Err(Violation(format!("the holder may not {what}"))),
            (Some(Err(StoreError::StaleLease)), Some(before)) => {
                self.oracle.stats.refused += 1;
                if self.look().await? != before {
                    return Err(Violation(format!("a stale attempt changed something by {what}, though refused")));
                }
                Ok(call)
            }
            (Some(Ok(_)), Some(_)) => Err(Violation(format!("a stale attempt could {what}"))),
            (Some(Err(error)), _) => Err(Violation(format!("{what}: {error}"))),
            (Some(Ok(_)) | None, _) => Ok(call),
        }
    }

    /// One call; false when the attempt is over.
    async fn go_on(&mut self, replica: usize, attempt: &mut Attempt, fault: Fault) -> Came<bool> {
        let (store, claim, now) = (self.store.clone(), attempt.claim.clone(), self.clock(replica));
        let entity = self.index_of(&claim.entity);
        let group = self.group.file();
        let Some(listed) = group.entity(&claim.entity) else { return Ok(Err(Trouble::Void)) };
        let before = attempt.phase;
        attempt.phase = match before {
            Phase::Locate | Phase::Start | Phase::Watch if fault == Fault::NotMade => {
                return Ok(Err(Trouble::Agent(Refusal::Unreachable)));
            }
            Phase::Locate => match self.agents[entity].reached() {
                Ok(()) => match lost(fault) {
                    None => Phase::Located,
                    Some(trouble) => return Ok(Err(trouble)),
                },
                Err(refusal) => return Ok(Err(Trouble::Agent(refusal))),
            },
            Phase::Located => {
                let call = self.hold(attempt, fault, "locate", async { store.located(&claim, now).await }).await?;
                match came(call)? {
                    Ok(_) => attempt.progressed = true,
                    Err(trouble) => return Ok(Err(trouble)),
                }
                Phase::Start
            }
            Phase::Start => {
                if let Err(refusal) = self.agents[entity].reached() {
                    return Ok(Err(Trouble::Agent(refusal)));
                }
                let holds = self.oracle.leases.holds(attempt);
                let over = self.agents[entity].start(claim.export, claim.case, &claim.identifiers, !holds)?;
                if over && holds {
                    return Err(Violation("the agent was told that an export is over whose answer is not here".into()));
                }
                match (lost(fault), over, attempt.claim.state) {
                    (Some(trouble), ..) => return Ok(Err(trouble)),
                    (None, true, _) => return Ok(Err(Trouble::Void)),
                    (None, false, TaskState::Exporting) => Phase::Resume,
                    (None, false, _) => Phase::Started,
                }
            }
            Phase::Started => {
                let started = async { store.export_started(&claim, now).await };
                match came(self.hold(attempt, fault, "start an export", started).await?)? {
                    Ok(_) => attempt.progressed = true,
                    Err(trouble) => return Ok(Err(trouble)),
                }
                Phase::Resume
            }
            Phase::Resume => {
                attempt.staged = store.staged(&claim).await?.into_iter().map(|s| (s.part.index, s.part)).collect();
                attempt.generation = claim.generation;
                Phase::Watch
            }
            Phase::Watch => match self.agents[entity].reached() {
                Err(refusal) => return Ok(Err(Trouble::Agent(refusal))),
                Ok(()) if self.agents[entity].reach == Reach::Waits => Phase::Pending,
                Ok(()) => match self.agents[entity].exports[&claim.export].generation {
                    generation if generation == attempt.generation => Phase::Tell,
                    generation => Phase::Begin(generation),
                },
            },
            Phase::Pending => {
                let pending = async { store.pending(&claim, super::agent::SAID.to_owned(), now).await };
                let came = came(self.hold(attempt, fault, "say that an entity waits", pending).await?)?;
                return Ok(Err(came.err().unwrap_or(Trouble::Later)));
            }
            Phase::Begin(generation) => {
                let begun = async { store.generation_started(&claim, generation, now).await };
                match came(self.hold(attempt, fault, "begin a generation", begun).await?)? {
                    Ok(dropped) => self.objects.remove(claim.case, dropped),
                    Err(trouble) => return Ok(Err(trouble)),
                }
                (attempt.generation, attempt.told, attempt.progressed) = (generation, 0, true);
                attempt.staged.clear();
                Phase::Tell
            }
            Phase::Tell | Phase::Stage(_) | Phase::Attest
                if self.agents[entity].exports[&claim.export].generation != attempt.generation =>
            {
                Phase::Watch
            }
            Phase::Tell => {
                let generation = attempt.generation;
                let table = self.agents[entity].tables(claim.export).pop();
                let told = async {
                    let mut brought = Brought::default();
                    match table.filter(|_| attempt.told == 0) {
                        Some(table) => brought.table(&claim.keys, &table)?,
                        None => brought.information(&claim.keys, &Information::default())?,
                    }
                    store.brought(&claim, generation, brought, now).await
                };
                let last = attempt.told == 1 || self.agents[entity].tables(claim.export).is_empty();
                match came(self.hold(attempt, fault, "keep what tells of a table", told).await?)? {
                    Ok(()) if last => Phase::Stage(1),
                    Ok(()) => {
                        attempt.told = 1;
                        Phase::Tell
                    }
                    Err(trouble) => return Ok(Err(trouble)),
                }
            }
            Phase::Stage(index) => match self.agents[entity].parts(claim.export).get(index as usize - 1).cloned() {
                None => Phase::Attest,
                Some(part) if attempt.staged.contains_key(&index) => {
                    match (attempt.staged[&index] == part, self.oracle.leases.holds(attempt)) {
                        (true, _) => Phase::Stage(index + 1),
                        // What it reads may be of another instruction by now.
                        (false, false) => return Ok(Err(Trouble::Void)),
                        (false, true) => return Err(Violation("a staged part is of another generation".into())),
                    }
                }
                Some(part) => {
                    if let Err(refusal) = self.agents[entity].reached() {
                        return Ok(Err(Trouble::Agent(refusal)));
                    }
                    let object = self.objects.create(claim.case);
                    let (name, staged) = (object.clone(), Staged { object, part: part.clone() });
                    let generation = attempt.generation;
                    let kept = async {
                        let mut brought = Brought::default();
                        brought.part(&claim.keys, staged)?;
                        store.brought(&claim, generation, brought, now).await
                    };
                    let call = self.hold(attempt, fault, "stage a part", kept).await?;
                    let in_doubt =
                        matches!(fault, Fault::NotMade | Fault::AnswerLost) && self.broken.removes_in_doubt();
                    if in_doubt || (call.refused().is_some() && fault == Fault::None) {
                        self.objects.remove(claim.case, vec![name]);
                    }
                    match came(call)? {
                        Ok(()) => attempt.progressed = true,
                        Err(trouble) => return Ok(Err(trouble)),
                    }
                    attempt.staged.insert(index, part);
                    Phase::Stage(index + 1)
                }
            },
            Phase::Attest => {
                if let Err(refusal) = self.agents[entity].reached() {
                    return Ok(Err(Trouble::Agent(refusal)));
                }
                let (key, in_force) = (self.group.key_of(entity), self.group.in_force());
                let envelope =
                    self.agents[entity].sign(claim.export, key, (in_force.version, self.group.digest()), self.now);
                let parts: Vec<Part> = attempt.staged.values().cloned().collect();
                let expected = Expected {
                    case: claim.case,
                    right: claim.right,
                    instruction: claim.export,
                    generation: attempt.generation,
                    parts: &parts,
                    tables: &self.agents[entity].tables(claim.export),
                    previews: &[],
                    information: Some(&Information::default()),
                    group: &in_force,
                };
                let Ok(attestation) = verify_attestation(&envelope, listed, &expected, now) else {
                    return Ok(Err(Trouble::Void));
                };
                let attested = async { store.attested(&claim, attestation, envelope, now).await };
                let call = self.hold(attempt, fault, "keep an attestation", attested).await?;
                if call.kept() {
                    self.oracle.leases.gave_back(attempt);
                }
                return Ok(came(call)?.map(|()| false));
            }
        };
        Ok(Ok(true))
    }

    /// Records what an attempt that did not get to its end leaves behind.
    async fn give_back(&mut self, replica: usize, attempt: &Attempt, trouble: Trouble) -> Result<(), Violation> {
        let (cause, disposition, counts) = match trouble {
            Trouble::Dead => {
                self.kill(replica);
                return Ok(());
            }
            Trouble::LeaseLost => return Ok(()),
            Trouble::Later => return self.release(replica, attempt, BACKOFF_MAX, Fault::None).await,
            Trouble::Agent(Refusal::Unreachable) => (Cause::Unreachable, Disposition::Unreachable, false),
            Trouble::Agent(Refusal::TimedOut) => (Cause::TimedOut, Disposition::TimedOut, false),
            Trouble::Agent(Refusal::Failed) | Trouble::Void => (Cause::Failed, Disposition::Failed, true),
            Trouble::Store => (Cause::Gateway, Disposition::Pending, false),
        };
        let progressed = attempt.progressed && !counts;
        let pause = if progressed {
            BACKOFF_MIN / 10
        } else {
            BACKOFF_MIN.saturating_mul(2_u32.saturating_pow(attempt.claim.misses.min(16))).min(BACKOFF_MAX)
        };
        let reason = super::agent::SAID.to_owned();
        let failure = Failure { disposition, reason, cause, counts, progressed, pause, cap: CAP };
        let (store, claim, now) = (self.store.clone(), attempt.claim.clone(), self.clock(replica));
        let failed = async move { store.failed(&claim, failure, now).await };
        let call = self.hold(attempt, Fault::None, "record a failure", failed).await?;
        if call.kept() {
            self.oracle.leases.gave_back(attempt);
        }
        Ok(())
    }

    async fn release(
        &mut self,
        replica: usize,
        attempt: &Attempt,
        pause: Duration,
        fault: Fault,
    ) -> Result<(), Violation> {
        let (store, claim, at) = (self.store.clone(), attempt.claim.clone(), after(self.clock(replica), pause));
        let call = self.hold(attempt, fault, "release", async move { store.release(&claim, at).await }).await?;
        if call.kept() {
            self.oracle.leases.gave_back(attempt);
        }
        Ok(())
    }
}

impl Attempt {
    fn new(number: u64, claim: Claim, token: Option<String>) -> Self {
        let phase = if claim.state == TaskState::Queued { Phase::Locate } else { Phase::Start };
        Self { number, claim, token, phase, generation: 0, staged: BTreeMap::new(), told: 0, progressed: false }
    }
}

/// What a fault makes of a call to an agent that got through.
fn lost(fault: Fault) -> Option<Trouble> {
    match fault {
        Fault::None => None,
        Fault::NotMade | Fault::AnswerLost => Some(Trouble::Agent(Refusal::Unreachable)),
        Fault::DiesAfter => Some(Trouble::Dead),
    }
}

/// What an attempt makes of a call that a stale one may have had refused.
fn came<T>(call: Call<T>) -> Came<T> {
    if let (Some(StoreError::StaleLease), Fault::None) = (call.refused(), call.fault()) {
        return Ok(Err(Trouble::LeaseLost));
    }
    Ok(match call.believed()? {
        Believed::Answer(answer) => Ok(answer),
        Believed::Failed => Err(Trouble::Store),
        Believed::Dead => Err(Trouble::Dead),
    })
}
