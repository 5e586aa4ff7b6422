//! What callers do. A call that fails is repeated by them or not; one that is refused must have changed nothing.

use std::time::Duration;

use jiff::SignedDuration;
use tributary_model::id::CaseId;
use tributary_model::identifier::Identifier;
use tributary_model::language::Language;
use tributary_model::lifecycle::CaseEvent;
use tributary_model::right::{Right, TableFormat};
use tributary_model::scope;

use super::Violation;
use super::call::Call;
use super::schedule::{Change, Fault, Wait};
use super::world::World;
use crate::case::{Actor, Dates, Opening, Waiting};
use crate::store::{Fingerprint, NewCase, Opened, Scope, StoreError};

/// What stands in the database of a person and of who acted: never in clear.
pub(super) const PERSON: &str = "anna.marker@example.org";
pub(super) const HUMAN: &str = "clerk-marker";

const WINDOW: Duration = Duration::from_secs(3_600);

fn actor() -> Actor {
    Actor {
        caller: "spiffe://crm.example/portal".to_owned(),
        on_behalf_of: HUMAN.to_owned(),
        note: Some(PERSON.to_owned()),
    }
}

pub(super) fn dates() -> Dates {
    Dates { escalation_margin: SignedDuration::from_hours(24 * 5), least_window: Duration::from_secs(24 * 3600) }
}

fn identifier(value: &str) -> Identifier {
    Identifier::new("email".parse().unwrap(), value).unwrap()
}

impl World<'_> {
    pub(super) async fn open(&mut self, request: u8, wait: Wait, vouched: bool, fault: Fault) -> Result<(), Violation> {
        let new = self.new_case(request, wait, vouched);
        let call = Call::make(fault, self.store.open_case(new, self.now)).await;
        match (&call.made, self.requests.get(&request).copied()) {
            (None, _) => {}
            (Some(Ok(Opened::New(case))), None) => {
                self.requests.insert(request, case.id);
                self.cases.push(case.id);
            }
            (Some(Ok(Opened::Before(case))), Some(known)) if case.id == known => {}
            (Some(Ok(_)), Some(_)) => return Err(Violation("one request opened two cases".into())),
            (Some(Ok(_)), None) => return Err(Violation("a new request was taken for one seen before".into())),
            (Some(Err(error)), _) => return Err(Violation(format!("a case could not be opened: {error}"))),
        }
        Ok(())
    }

    pub(super) async fn open_other(&mut self, request: u8) -> Result<(), Violation> {
        if !self.requests.contains_key(&request) {
            return Ok(());
        }
        let mut new = self.new_case(request, Wait::ByDate, true);
        new.fingerprint.content = [255; 32];
        match self.store.open_case(new, self.now).await {
            Err(StoreError::RequestIdReused) => Ok(()),
            other => Err(Violation(format!("a request id was used with other content: {:?}", other.map(drop)))),
        }
    }

    fn new_case(&self, request: u8, wait: Wait, identity_confirmed: bool) -> NewCase {
        let waiting = match wait {
            Wait::ByDate => Waiting::ByDeliveryDate,
            Wait::Complete => Waiting::RequireComplete,
            Wait::Window => Waiting::BestEffort { window: WINDOW },
        };
        NewCase {
            opening: Opening {
                right: Right::Access,
                identifiers: vec![identifier(PERSON)],
                requested: Vec::new(),
                waiting,
                received_at: self.now,
                delivery_date: self.now + SignedDuration::from_hours(24 * 25),
                request_ref: HUMAN.to_owned(),
                format: TableFormat::Csv,
                identity_confirmed,
                language: Language::english(),
            },
            actor: actor(),
            fingerprint: Fingerprint { request: [request; 32], content: [request; 32] },
            decisions: scope::decide(&self.group.file(), &[]),
            group: self.group.in_force(),
            trace: None,
            dates: dates(),
        }
    }

    pub(super) async fn vouch(&mut self, case: u8, more: bool, fault: Fault) -> Result<(), Violation> {
        let Some(case) = self.case(case) else { return Ok(()) };
        let more = if more { vec![identifier(&format!("{}.{PERSON}", self.oracle.stats.steps))] } else { Vec::new() };
        self.vouch_for(case, more, fault).await
    }

    pub(super) async fn vouch_for(
        &mut self,
        case: CaseId,
        more: Vec<Identifier>,
        fault: Fault,
    ) -> Result<(), Violation> {
        let scope =
            Scope { decisions: scope::decide(&self.group.file(), &[]), group: self.group.in_force(), dates: dates() };
        let allowed = self.oracle.state(case).next(CaseEvent::IdentityConfirmed).is_ok();
        let call = Call::make(fault, self.store.confirm_identity(case, more, scope, actor(), self.now)).await;
        self.refused_rightly("confirm an identity", &call, !allowed).await?;
        if let Some(Ok((_, dropped))) = call.made {
            self.removed(case, dropped, fault);
        }
        Ok(())
    }

    pub(super) async fn retry(&mut self, case: u8, entity: usize, fault: Fault) -> Result<(), Violation> {
        let Some(case) = self.case(case) else { return Ok(()) };
        self.retry_task(case, entity, fault).await
    }

    pub(super) async fn retry_task(&mut self, case: CaseId, entity: usize, fault: Fault) -> Result<(), Violation> {
        let id = self.entities[entity].clone();
        let task = self.oracle.seen.tasks.get(&(case, id.clone()));
        let allowed = task.is_some_and(|task| task.state.next(tributary_model::lifecycle::TaskEvent::Retried).is_ok());
        let call = Call::make(fault, self.store.retry_task(case, id, actor(), self.now)).await;
        self.refused_rightly("retry a task", &call, !allowed).await?;
        if let Some(Ok((_, dropped))) = call.made {
            self.removed(case, dropped, fault);
        }
        Ok(())
    }

    pub(super) async fn cancel(&mut self, case: u8, fault: Fault) -> Result<(), Violation> {
        let Some(case) = self.case(case) else { return Ok(()) };
        let allowed = self.oracle.state(case).next(CaseEvent::Cancel).is_ok()
            || self.oracle.state(case) == tributary_model::lifecycle::CaseState::Cancelled;
        let call = Call::make(fault, self.store.cancel_case(case, actor(), self.now)).await;
        self.refused_rightly("cancel", &call, !allowed).await?;
        if call.kept() {
            self.oracle.leases.cancelled(case);
            if fault == Fault::None {
                self.objects.remove_case(case);
            }
        }
        Ok(())
    }

    pub(super) async fn deliver(&mut self, case: u8, archive: u8, fault: Fault) -> Result<(), Violation> {
        let Some(case) = self.case(case) else { return Ok(()) };
        self.deliver_archive(case, archive.into(), fault).await
    }

    pub(super) async fn deliver_archive(&mut self, case: CaseId, sequence: u32, fault: Fault) -> Result<(), Violation> {
        let confirmed = self.store.confirm_delivery(case, sequence, self.now, actor(), self.now);
        let call = Call::make(fault, confirmed).await;
        let expected = self.oracle.delivers(case, sequence);
        self.refused_rightly("confirm a delivery", &call, !expected).await
    }

    pub(super) async fn download(&mut self, case: u8, fault: Fault) -> Result<(), Violation> {
        let Some(case) = self.case(case) else { return Ok(()) };
        if self.oracle.seen.archives.get(&(case, 1)).is_none_or(|archive| archive.object.is_none()) {
            return Ok(());
        }
        let recorded = self.store.record_download(case, 1, (0, 1), actor(), self.now);
        let call = Call::make(fault, recorded).await;
        self.refused_rightly("record a download", &call, false).await
    }

    pub(super) async fn change_group(&mut self, change: Change, entity: usize) -> Result<(), Violation> {
        if self.group.change(change, entity, self.now) {
            self.store.put_group_in_force(self.group.in_force(), self.group.public_part()).await?;
        }
        Ok(())
    }

    /// A caller's call is refused when the table says so, and only then; and then nothing has changed.
    async fn refused_rightly<T>(&mut self, what: &str, call: &Call<T>, to_refuse: bool) -> Result<(), Violation> {
        match (&call.made, to_refuse) {
            (None, _) | (Some(Ok(_)), false) => Ok(()),
            (Some(Ok(_)), true) => Err(Violation(format!("{what}: done where it is not possible"))),
            (Some(Err(StoreError::Conflict(_) | StoreError::NoArchive | StoreError::NoTask)), true) => {
                if self.look().await? == self.oracle.seen {
                    return Ok(());
                }
                Err(Violation(format!("{what}: refused, and something changed all the same")))
            }
            (Some(Err(error)), _) => Err(Violation(format!("{what}: {error}"))),
        }
    }

    /// Files go after the commit, unless the process did not get there.
    fn removed(&mut self, case: CaseId, dropped: Vec<String>, fault: Fault) {
        if fault == Fault::None {
            self.objects.remove(case, dropped);
        }
    }
}
