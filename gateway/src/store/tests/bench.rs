//! The store that a promise is tried on, with what callers, entities and the assembler do to it.

use std::time::Duration;

use jiff::Timestamp;
use tributary_model::disposition::Disposition;
use tributary_model::group::signed::InForce;
use tributary_model::id::CaseId;
use tributary_transport::tasks::Tasks;

use super::place::{Engine, Place};
use super::sample::{attestation, id, new_case, now, public_part, written};
use super::{CLOSE, LEASE};
use crate::case::{Case, Waiting};
use crate::store::{Brought, Claim, DraftClaim, Opened, Store, StoreError};

/// A store on a database of its own, which can be left as a dead process leaves it and opened again.
pub(super) struct Bench {
    pub(super) place: Place,
    pub(super) tasks: Tasks,
    pub(super) store: Store,
}

impl Bench {
    pub(super) async fn new(engine: Engine) -> Self {
        Self::at(Place::new(engine)).await
    }

    pub(super) async fn at(place: Place) -> Self {
        place.migrate().await.unwrap();
        let tasks = Tasks::new();
        let store = place.open(&tasks).await.unwrap();
        let group = InForce { version: 1, digest: "00".repeat(32) };
        store.put_group_in_force(group, public_part(1, &[])).await.unwrap();
        Self { place, tasks, store }
    }

    pub(super) async fn reopen(self) -> Self {
        let Self { place, tasks, store } = self;
        drop(store);
        tasks.drain(CLOSE).await;
        let tasks = Tasks::new();
        let store = place.open(&tasks).await.unwrap();
        Self { place, tasks, store }
    }

    pub(super) async fn case(&self, waiting: Waiting, entities: &[&str]) -> CaseId {
        self.open(waiting, entities, true).await
    }

    /// A case for which nobody has vouched.
    pub(super) async fn unvouched_case(&self) -> CaseId {
        self.open(Waiting::ByDeliveryDate, &["be"], false).await
    }

    async fn open(&self, waiting: Waiting, entities: &[&str], identity_confirmed: bool) -> CaseId {
        let unique = *CaseId::new(now()).as_bytes();
        let mut request = [0; 32];
        request[..16].copy_from_slice(&unique);
        let new = new_case(waiting, entities, identity_confirmed, request);
        let Opened::New(case) = self.store.open_case(new, now()).await.unwrap() else { panic!("opened before") };
        case.id
    }

    /// Keeps what `add` adds.
    pub(super) async fn brought(
        &self,
        claim: &Claim,
        generation: u32,
        now: Timestamp,
        add: impl FnOnce(&mut Brought) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut brought = Brought::default();
        add(&mut brought)?;
        self.store.brought(claim, generation, brought, now).await
    }

    pub(super) async fn get(&self, case: CaseId) -> Case {
        self.store.case(case).await.unwrap().unwrap()
    }

    pub(super) async fn claim(&self, entity: &str, at: Timestamp) -> Option<Claim> {
        self.store.claim(id(entity), 1, LEASE, at).await.unwrap().pop()
    }

    /// Has an entity answer with nothing but a disposition.
    pub(super) async fn answer(&self, entity: &str, disposition: Disposition, at: Timestamp) {
        let claim = self.claim(entity, at).await.unwrap();
        self.store.located(&claim, at).await.unwrap();
        self.store.export_started(&claim, at).await.unwrap();
        self.store.generation_started(&claim, 1, at).await.unwrap();
        self.store.attested(&claim, attestation(&claim, disposition, at), b"{}".to_vec(), at).await.unwrap();
    }

    /// Makes the archive that is due durable.
    pub(super) async fn write_archive(&self, case: CaseId, sequence: u32, at: Timestamp) -> Result<(), StoreError> {
        let claim = self.draft_claim(case, sequence, at).await;
        self.store.archive_written(&claim, written(sequence), at).await.map(drop)
    }

    /// As [`Bench::write_archive`], with the answers of some entities found void.
    pub(super) async fn write_voiding(
        &self,
        case: CaseId,
        sequence: u32,
        void: &[&str],
        at: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let claim = self.draft_claim(case, sequence, at).await;
        let mut written = written(sequence);
        written.voided = void.iter().map(|entity| (id(entity), "its key was revoked".to_owned())).collect();
        self.store.archive_written(&claim, written, at).await
    }

    /// The claim of a draft, which others may claim in the same moment; one that holds nothing when none waits.
    pub(super) async fn draft_claim(&self, case: CaseId, sequence: u32, at: Timestamp) -> DraftClaim {
        let claims = self.store.claim_drafts(64, Duration::ZERO, at).await.unwrap();
        let found = claims.into_iter().find(|claim| (claim.case, claim.sequence) == (case, sequence));
        found.unwrap_or(DraftClaim { case, sequence, token: String::new() })
    }

    /// What a statement counts as `n`.
    pub(super) async fn count(&self, sql: &'static str) -> i64 {
        let count = self.store.write("count", move |tx| {
            Box::pin(async move { tx.row(sql, &[]).await?.ok_or(StoreError::NoCase)?.int("n") })
        });
        count.await.unwrap()
    }
}
