//! What replicas do beside attempts: dates, archives, the end of exports, retention.

use std::time::Duration;

use tributary_model::id::{CaseId, EntityId};

use super::Violation;
use super::call::{Believed, Call};
use super::group::gateway_key;
use super::schedule::Fault;
use super::world::{BACKOFF_MAX, LEASE, RETENTION, World};
use crate::assembly;
use crate::case::after;
use crate::store::{ArchiveFacts, Finish, Shredded, StoreError, WrittenArchive};

/// Pause before an archive is tried again, as the assembler makes it.
const AGAIN: Duration = Duration::from_secs(5);

impl World<'_> {
    pub(super) async fn escalate(&mut self, replica: usize) -> Result<(), Violation> {
        Ok(self.store.escalate(self.clock(replica)).await.map(drop)?)
    }

    pub(super) async fn decide(&mut self, replica: usize) -> Result<(), Violation> {
        Ok(self.store.decide_due(self.clock(replica)).await.map(drop)?)
    }

    /// An agent is back.
    pub(super) async fn back(&mut self, replica: usize, entity: usize) -> Result<(), Violation> {
        let (id, now) = (self.entities[entity].clone(), self.clock(replica));
        Ok(self.store.reachable(id, now).await?)
    }

    /// Claims a draft, and reads what its archive is built from.
    pub(super) async fn gather(&mut self, replica: usize, fault: Fault) -> Result<(), Violation> {
        let now = self.clock(replica);
        let call = Call::make(fault, self.store.claim_drafts(1, LEASE, now)).await;
        for claim in call.made.iter().flatten().flatten() {
            self.oracle.drafts.claimed((claim.case, claim.sequence), &claim.token, now, after(now, LEASE))?;
        }
        match call.believed()? {
            Believed::Answer(claims) => {
                for claim in claims {
                    let facts = self.store.archive_facts(claim.case).await?;
                    self.replicas[replica].gathered = facts.map(|facts| Box::new((claim, facts)));
                }
            }
            Believed::Failed => {}
            Believed::Dead => self.kill(replica),
        }
        Ok(())
    }

    /// Builds and keeps the archive whose facts were read, however long ago.
    pub(super) async fn write_archive(&mut self, replica: usize, fault: Fault) -> Result<(), Violation> {
        let Some(gathered) = self.replicas[replica].gathered.take() else { return Ok(()) };
        let (claim, facts) = *gathered;
        let (case, draft) = (claim.case, (claim.case, claim.sequence));
        let written = self.build(facts)?;
        let name = written.object.clone();
        let before = self.look().await?;
        let waits = before.archives.get(&draft).is_some_and(|archive| archive.object.is_none());
        let holds = waits && self.oracle.drafts.holds(&draft, &claim.token);
        let call = Call::make(fault, self.store.archive_written(&claim, written, self.clock(replica))).await;
        match (&call.made, holds) {
            (None, _) => {}
            (Some(Ok(_)), true) => self.oracle.drafts.over(&draft),
            (Some(Ok(_)), false) => return Err(Violation("an archive was written by somebody who may not".into())),
            (Some(Err(StoreError::Conflict(_) | StoreError::NoArchive | StoreError::StaleLease)), false) => {
                if self.look().await? != before {
                    return Err(Violation("an archive came too late, and changed something".into()));
                }
                self.objects.remove(case, vec![name]);
                return Ok(());
            }
            (Some(Err(error)), _) => return Err(Violation(format!("an archive could not be kept: {error}"))),
        }
        match call.believed()? {
            Believed::Answer(dropped) => self.objects.remove(case, dropped),
            Believed::Failed => {
                if self.broken.removes_in_doubt() {
                    self.objects.remove(case, vec![name]);
                }
                let again = after(self.clock(replica), AGAIN);
                if self.store.release_draft(&claim, again).await.is_ok() {
                    self.oracle.drafts.until(&draft, again);
                }
            }
            Believed::Dead => self.kill(replica),
        }
        Ok(())
    }

    fn build(&mut self, mut facts: ArchiveFacts) -> Result<WrittenArchive, Violation> {
        self.oracle.archives.gathered(&facts, &self.agents)?;
        let case = facts.case.id;
        let standings: Vec<_> = facts.entities.iter().map(|entity| entity.standing.clone()).collect();
        let entities = std::mem::take(&mut facts.entities);
        let built = assembly::build(&facts, entities, gateway_key());
        let (bag, voided) = built.map_err(|error| Violation(format!("an archive cannot be built: {error}")))?;
        self.oracle.archives.built(&facts, &standings, &bag, &voided)?;
        Ok(WrittenArchive {
            object: self.objects.create(case),
            pieces: bag.pieces.encode(),
            file_name: bag.file_name,
            size: bag.len,
            tagmanifest_sha256: bag.tagmanifest_sha256.to_string(),
            complete: bag.complete,
            voided,
        })
    }

    /// Tells the agent of an entity that an export is over.
    pub(super) async fn finish(&mut self, replica: usize, fault: Fault) -> Result<(), Violation> {
        let now = self.clock(replica);
        let Some(entity) = self.store.finishing(now).await?.pop() else { return Ok(()) };
        match self.store.claim_finishes(entity, 1, LEASE, now).await?.pop() {
            Some(finish) => self.tell(replica, finish, fault).await,
            None => Ok(()),
        }
    }

    pub(super) async fn tell(&mut self, replica: usize, finish: Finish, fault: Fault) -> Result<(), Violation> {
        let (agent, now) = (self.index_of(&finish.entity), self.clock(replica));
        let told = self.agents[agent].reached().is_ok();
        if told {
            self.agents[agent].finish(finish.instruction);
        }
        let (store, instruction) = (self.store.clone(), finish.instruction);
        let call = Call::make(fault, async move {
            if told {
                store.finished(instruction).await
            } else {
                store.finish_later(instruction, after(now, BACKOFF_MAX)).await
            }
        });
        if let Believed::Dead = call.await.believed()? {
            self.kill(replica);
        }
        Ok(())
    }

    /// Shreds what is over its time; only the first call meets the fault.
    pub(super) async fn retain(&mut self, replica: usize, fault: Fault) -> Result<(), Violation> {
        let now = self.clock(replica);
        let cutoffs = RETENTION.cutoffs(now);
        let cases = self.store.over_time(cutoffs).await?;
        self.oracle.retention.due(&self.oracle.seen, cutoffs, &cases)?;
        for (number, case) in cases.into_iter().enumerate() {
            let fault = if number == 0 { fault } else { Fault::None };
            let call = Call::make(fault, self.store.shred_over_time(case, cutoffs, now)).await;
            match call.believed()? {
                Believed::Answer(Shredded::Case) => self.objects.remove_case(case),
                Believed::Answer(Shredded::Objects(objects)) => self.objects.remove(case, objects),
                Believed::Failed => return Ok(()),
                Believed::Dead => {
                    self.kill(replica);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The object folder holds everything that the store names.
    pub(super) async fn check_objects(&self) -> Result<(), Violation> {
        let named = self.store.objects().await?;
        match named.iter().find(|(case, name)| !self.objects.contains(*case, name)) {
            Some((_, name)) => Err(Violation(format!("{name} is named, and is not in the object folder"))),
            None => Ok(()),
        }
    }
}

/// Names a task.
pub(super) type Task = (CaseId, EntityId);
