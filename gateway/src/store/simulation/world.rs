//! One simulated world: replicas on one store, their agents, callers and clocks, and the oracle that watches.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tributary_model::id::{CaseId, EntityId};

use super::Violation;
use super::agent::Agent;
use super::broken::Broken;
use super::group::Group;
use super::look::Eye;
use super::objects::Objects;
use super::oracle::{Oracle, Stats};
use super::schedule::{Op, Schedule, Step};
use super::work::Attempt;
use crate::config::Retention;
use crate::store::sql::inline::Inline;
use crate::store::{ArchiveFacts, DraftClaim, Store};

pub(super) const LEASE: Duration = Duration::from_secs(30);
pub(super) const BACKOFF_MIN: Duration = Duration::from_secs(1);
pub(super) const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// How far a replica's clock may be off: what schedules draw.
pub(super) const SKEW: SignedDuration = SignedDuration::from_secs(300);
/// Failures that park a task.
pub(super) const CAP: u32 = 2;
pub(super) const RETENTION: Retention = Retention { delivered_days: 10, undelivered_days: 30 };

/// A gateway process.
#[derive(Default)]
pub(super) struct Replica {
    pub(super) attempts: Vec<Attempt>,
    /// What its assembler has read and not built yet.
    pub(super) gathered: Option<Box<(DraftClaim, ArchiveFacts)>>,
    pub(super) skew: SignedDuration,
}

pub(super) struct World<'b> {
    pub(super) store: Store,
    pub(super) now: Timestamp,
    pub(super) replicas: Vec<Replica>,
    pub(super) entities: Vec<EntityId>,
    pub(super) agents: Vec<Agent>,
    pub(super) group: Group,
    pub(super) objects: Objects,
    /// Cases that were really opened, by request.
    pub(super) requests: BTreeMap<u8, CaseId>,
    /// In the order in which they were opened.
    pub(super) cases: Vec<CaseId>,
    pub(super) oracle: Oracle,
    pub(super) eye: Eye,
    pub(super) broken: &'b Broken,
}

impl<'b> World<'b> {
    pub(super) async fn new(
        store: Store,
        inline: Option<Inline>,
        schedule: &Schedule,
        broken: &'b Broken,
    ) -> Result<Self, Violation> {
        let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let group = Group::new(schedule.agents.len(), now);
        store.put_group_in_force(group.in_force(), group.public_part()).await?;
        let entities = group.ids();
        let agents = entities.iter().zip(&schedule.agents);
        Ok(Self {
            now,
            replicas: (0..schedule.replicas).map(|_| Replica::default()).collect(),
            agents: agents.map(|(entity, answers)| Agent::new(entity.clone(), answers.clone())).collect(),
            entities,
            group,
            objects: Objects::default(),
            requests: BTreeMap::new(),
            cases: Vec::new(),
            oracle: Oracle::default(),
            eye: Eye::new(inline),
            broken,
            store,
        })
    }

    /// Runs all steps, then lets everything come to its end; the oracle looks after each step.
    pub(super) async fn run(mut self, schedule: &Schedule) -> (Result<(), Violation>, Stats) {
        let outcome = self.run_all(schedule).await;
        (outcome, self.oracle.stats)
    }

    async fn run_all(&mut self, schedule: &Schedule) -> Result<(), Violation> {
        for (number, step) in schedule.steps.iter().enumerate() {
            let done = self.step(step).await;
            done.map_err(|violation| violation.at(&format!("at step {}, {step:?}", number + 1)))?;
        }
        self.heal().await.map_err(|violation| violation.at("after the faults were over"))
    }

    async fn step(&mut self, step: &Step) -> Result<(), Violation> {
        // Each thing happens at an instant of its own, so that ids and dates have one order.
        self.pass(SignedDuration::from_millis(1));
        self.apply(step).await?;
        self.watch(Some(step.op)).await
    }

    async fn apply(&mut self, step: &Step) -> Result<(), Violation> {
        let fault = step.fault;
        let replicas = self.replicas.len();
        let at = |replica: u8| usize::from(replica) % replicas;
        let entities = self.entities.len();
        let of = |entity: u8| usize::from(entity) % entities;
        match step.op {
            Op::Open { request, wait, vouched } => self.open(request, wait, vouched, fault).await,
            Op::OpenOther { request } => self.open_other(request).await,
            Op::Vouch { case, more } => self.vouch(case, more, fault).await,
            Op::Retry { case, entity } => self.retry(case, of(entity), fault).await,
            Op::Cancel { case } => self.cancel(case, fault).await,
            Op::Deliver { case, archive } => self.deliver(case, archive, fault).await,
            Op::Download { case } => self.download(case, fault).await,
            Op::Claim { replica, entity, most } => self.claim(at(replica), of(entity), most.into(), fault).await,
            Op::Work { replica, attempt, calls } => self.work(at(replica), attempt.into(), calls, fault).await,
            Op::Renew { replica, attempt } => self.renew(at(replica), attempt.into(), fault).await,
            Op::Stop { replica } => self.stop(at(replica), fault).await,
            Op::Escalate { replica } => self.escalate(at(replica)).await,
            Op::Decide { replica } => self.decide(at(replica)).await,
            Op::Gather { replica } => self.gather(at(replica), fault).await,
            Op::Write { replica } => self.write_archive(at(replica), fault).await,
            Op::Round { replica } => self.round(at(replica)).await,
            Op::Finish { replica } => self.finish(at(replica), fault).await,
            Op::Retain { replica } => self.retain(at(replica), fault).await,
            Op::Back { replica, entity } => self.back(at(replica), of(entity)).await,
            Op::Group { change, entity } => self.change_group(change, of(entity)).await,
            Op::Kill { replica } => {
                self.kill(at(replica));
                Ok(())
            }
            Op::Skew { replica, seconds } => {
                self.replicas[at(replica)].skew = SignedDuration::from_secs(seconds.into());
                Ok(())
            }
            Op::Crash { entity } => {
                self.agents[of(entity)].crash();
                Ok(())
            }
            Op::Reach { entity, reach } => {
                self.agents[of(entity)].reach = reach;
                Ok(())
            }
            Op::Pass { seconds } => {
                self.pass(SignedDuration::from_secs(seconds.into()));
                Ok(())
            }
        }
    }

    pub(super) fn pass(&mut self, by: SignedDuration) {
        self.now += by;
    }

    /// What a replica takes for the time.
    pub(super) fn clock(&self, replica: usize) -> Timestamp {
        self.now + self.replicas[replica].skew
    }

    /// A replica dies, and another process starts in its place with nothing in its memory.
    pub(super) fn kill(&mut self, replica: usize) {
        self.replicas[replica] = Replica { skew: self.replicas[replica].skew, ..Replica::default() };
    }

    pub(super) fn index_of(&self, entity: &EntityId) -> usize {
        self.entities.iter().position(|known| known == entity).unwrap()
    }

    /// The case that an index means, once there is one.
    pub(super) fn case(&self, index: u8) -> Option<CaseId> {
        let index = usize::from(index).checked_rem(self.cases.len())?;
        self.cases.get(index).copied()
    }
}
