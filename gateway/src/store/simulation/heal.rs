//! Faults stop, people do what waits for them, time goes on: every case must come to its end, and without a stall.

use jiff::SignedDuration;
use tributary_model::disposition::Disposition;
use tributary_model::lifecycle::{CaseState, TaskState};

use super::Violation;
use super::schedule::{Fault, Op};
use super::world::{BACKOFF_MAX, LEASE, RETENTION, Replica, SKEW, World};
use crate::store::sql::Snapshot;

/// Steps of the clock while work goes on.
const TICK: SignedDuration = SignedDuration::from_secs(10);
/// Rounds of answering what waits for people before a case counts as stuck.
const ROUNDS: usize = 12;

impl World<'_> {
    pub(super) async fn heal(&mut self) -> Result<(), Violation> {
        self.replicas.iter_mut().for_each(|replica| *replica = Replica::default());
        self.agents.iter_mut().for_each(super::agent::Agent::behave);
        self.group.reunite();
        self.store.put_group_in_force(self.group.in_force(), self.group.public_part()).await?;
        for _ in 0..ROUNDS {
            self.settle().await?;
            if self.over() {
                return self.end().await;
            }
            self.ask_people().await?;
        }
        let stuck: Vec<_> = self.oracle.seen.cases.values().map(|case| case.state.as_str()).collect();
        let tasks: Vec<_> = self.oracle.seen.tasks.values().map(|task| (task.state, task.disposition)).collect();
        Err(Violation(format!("cases never come to an end: {stuck:?}, with {tasks:?}")))
    }

    fn over(&self) -> bool {
        self.oracle.seen.cases.values().all(|case| case.state.is_final())
    }

    /// Lets the replicas work until no task can be worked on; takes no longer than what was left behind allows.
    async fn settle(&mut self) -> Result<(), Violation> {
        let longest = SignedDuration::try_from(LEASE.max(BACKOFF_MAX)).unwrap() + SKEW + TICK * 2;
        let last = self.now + longest;
        loop {
            self.pass(TICK);
            let replica = self.oracle.stats.steps as usize % self.replicas.len();
            self.round(replica).await?;
            self.watch(None).await?;
            if !self.oracle.seen.tasks.values().any(|task| task.state.is_runnable()) {
                break;
            }
            if self.now > last {
                return Err(Violation("a task stalls for longer than a lease and a pause".into()));
            }
        }
        Ok(())
    }

    /// One look of a replica at everything, without faults.
    pub(super) async fn round(&mut self, replica: usize) -> Result<(), Violation> {
        for entity in self.store.entities_due(self.clock(replica)).await? {
            self.claim(replica, self.index_of(&entity), 4, Fault::None).await?;
        }
        while !self.replicas[replica].attempts.is_empty() {
            self.work(replica, 0, u8::MAX, Fault::None).await?;
        }
        self.escalate(replica).await?;
        self.decide(replica).await?;
        for _ in 0..self.store.drafts(self.clock(replica)).await?.len() {
            self.gather(replica, Fault::None).await?;
            self.write_archive(replica, Fault::None).await?;
        }
        for entity in self.store.finishing(self.clock(replica)).await? {
            let due = self.store.claim_finishes(entity, 64, LEASE, self.clock(replica)).await?;
            for finish in due {
                self.tell(replica, finish, Fault::None).await?;
            }
        }
        Ok(())
    }

    /// People vouch, have entities asked again, and confirm what was handed over.
    async fn ask_people(&mut self) -> Result<(), Violation> {
        for case in self.cases.clone() {
            let tasks: Vec<_> = self.oracle.seen.tasks.clone().into_iter().filter(|((id, _), _)| *id == case).collect();
            let asked = tasks.iter().any(|(_, task)| task.disposition == Disposition::NeedsIdentity);
            if self.oracle.state(case) == CaseState::AwaitingIdentity || asked {
                self.vouch_for(case, Vec::new(), Fault::None).await?;
                self.watch(None).await?;
            }
            for ((_, entity), _) in tasks {
                let state = self.oracle.seen.tasks[&(case, entity.clone())].state;
                if matches!(state, TaskState::Parked | TaskState::Questioned) {
                    self.retry_task(case, self.index_of(&entity), Fault::None).await?;
                    self.watch(None).await?;
                }
            }
        }
        self.settle().await?;
        let due = self.oracle.seen.cases.values().filter(|case| !case.state.is_final()).filter_map(|case| case.due_at);
        self.now = due.max().map_or(self.now, |due| due.max(self.now));
        self.settle().await?;
        let archives = self.oracle.seen.archives.clone();
        for ((case, sequence), archive) in archives {
            let open = matches!(self.oracle.state(case), CaseState::Ready | CaseState::DeliveredIncomplete);
            if open && archive.object.is_some() && archive.delivered_at.is_none() {
                self.deliver_archive(case, sequence, Fault::None).await?;
                self.watch(None).await?;
            }
        }
        Ok(())
    }

    /// When all retention is over, nothing of the person is left.
    async fn end(&mut self) -> Result<(), Violation> {
        self.pass(SignedDuration::from_hours(24 * i64::from(RETENTION.undelivered_days) + 1));
        self.retain(0, Fault::None).await?;
        self.watch(Some(Op::Retain { replica: 0 })).await?;
        self.round(0).await?;
        self.watch(None).await?;
        self.oracle.history.reread(&self.store).await?;
        if self.oracle.seen.cases.values().any(|case| case.keyed) {
            return Err(Violation("a case keeps its key for ever".into()));
        }
        if !self.store.objects().await?.is_empty() {
            return Err(Violation("objects are named for ever".into()));
        }
        let open = self.agents.iter().flat_map(|agent| agent.exports.values());
        if open.filter(|export| !export.stray).any(|export| !export.finished) {
            return Err(Violation("an agent was never told that an export is over".into()));
        }
        let mut snapshot = Snapshot::open(&self.store.0.readers).await?;
        let sql = "SELECT (SELECT COUNT(*) FROM parts) + (SELECT COUNT(*) FROM tables) \
                   + (SELECT COUNT(*) FROM presentations) + (SELECT COUNT(*) FROM carried_parts) \
                   + (SELECT COUNT(*) FROM attestations) + (SELECT COUNT(*) FROM finishes) AS n";
        match snapshot.rows(sql, &[]).await?.pop().map(|row| row.int("n")).transpose()? {
            Some(0) => Ok(()),
            left => Err(Violation(format!("rows about the person are left: {left:?}"))),
        }
    }
}
