//! Promises of the store over real files: leases, history, waiting policies over a month, schema and keys.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tributary_archive::attestation::{Answer, Attestation, PartsSummary};
use tributary_archive::digest::Sha256Hex;
use tributary_archive::frames::ContentKey;
use tributary_archive::information::Information;
use tributary_archive::part::{Encoding, Part, PartKind, PartListDigest};
use tributary_archive::preview::Preview;
use tributary_archive::table;
use tributary_model::disposition::Disposition;
use tributary_model::dsse::Envelope;
use tributary_model::group::signed::InForce;
use tributary_model::group::{PublicEntity, PublicGroup};
use tributary_model::id::{CaseId, EntityId};
use tributary_model::identifier::Identifier;
use tributary_model::key::SigningKey;
use tributary_model::language::Language;
use tributary_model::lifecycle::{CaseState, TaskState};
use tributary_model::right::{Right, TableFormat};
use tributary_model::scope::{Decision, Outcome, Rule};
use tributary_transport::tasks::Tasks;

pub(super) mod place;
mod replicas;
#[path = "../../tests/support/server.rs"]
mod server;
mod shared;
mod starting;

use super::*;
use crate::case::{Actor, Case, Dates, Opening, Waiting};
use crate::group::public_of;
use crate::stage::Staged;
use place::{Engine, Place, kek};

const LEASE: Duration = Duration::from_secs(30);
const CLOSE: Duration = Duration::from_secs(5);

/// A store on a database of its own, which can be left as a dead process leaves it and opened again.
struct Bench {
    place: Place,
    tasks: Tasks,
    store: Store,
}

fn now() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

fn days(days: i64) -> Timestamp {
    now() + SignedDuration::from_hours(24 * days)
}

fn id(entity: &str) -> EntityId {
    entity.parse().unwrap()
}

impl Bench {
    /// Keeps what `add` adds.
    async fn brought(
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

    async fn new(engine: Engine) -> Self {
        Self::at(Place::new(engine)).await
    }

    async fn at(place: Place) -> Self {
        place.migrate().await.unwrap();
        let tasks = Tasks::new();
        let store = place.open(&tasks).await.unwrap();
        let group = InForce { version: 1, digest: "00".repeat(32) };
        store.put_group_in_force(group, public_part(1, &[])).await.unwrap();
        Self { place, tasks, store }
    }

    async fn reopen(self) -> Self {
        let Self { place, tasks, store } = self;
        drop(store);
        tasks.drain(CLOSE).await;
        let tasks = Tasks::new();
        let store = place.open(&tasks).await.unwrap();
        Self { place, tasks, store }
    }

    async fn case(&self, waiting: Waiting, entities: &[&str]) -> CaseId {
        self.open(waiting, entities, true).await
    }

    /// A case for which nobody has vouched.
    async fn unvouched_case(&self) -> CaseId {
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

    async fn get(&self, case: CaseId) -> Case {
        self.store.case(case).await.unwrap().unwrap()
    }

    async fn claim(&self, entity: &str, at: Timestamp) -> Option<Claim> {
        self.store.claim(id(entity), 1, LEASE, at).await.unwrap().pop()
    }

    /// Has an entity answer with nothing but a disposition.
    async fn answer(&self, entity: &str, disposition: Disposition, at: Timestamp) {
        let claim = self.claim(entity, at).await.unwrap();
        self.store.located(&claim, at).await.unwrap();
        self.store.export_started(&claim, at).await.unwrap();
        self.store.generation_started(&claim, 1, at).await.unwrap();
        self.store.attested(&claim, attestation(&claim, disposition, at), b"{}".to_vec(), at).await.unwrap();
    }

    /// Makes the archive that is due durable.
    async fn write_archive(&self, case: CaseId, sequence: u32, at: Timestamp) -> Result<(), StoreError> {
        let claim = self.draft_claim(case, sequence, at).await;
        self.store.archive_written(&claim, written(sequence), at).await.map(drop)
    }

    /// As [`Bench::write_archive`], with the answers of some entities found void.
    async fn write_voiding(
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
    async fn draft_claim(&self, case: CaseId, sequence: u32, at: Timestamp) -> DraftClaim {
        let claims = self.store.claim_drafts(64, Duration::ZERO, at).await.unwrap();
        let found = claims.into_iter().find(|claim| (claim.case, claim.sequence) == (case, sequence));
        found.unwrap_or(DraftClaim { case, sequence, token: String::new() })
    }

    /// What a statement counts as `n`.
    async fn count(&self, sql: &'static str) -> i64 {
        let count = self.store.write("count", move |tx| {
            Box::pin(async move { tx.row(sql, &[]).await?.ok_or(StoreError::NoCase)?.int("n") })
        });
        count.await.unwrap()
    }
}

/// What is asked under the request id with the digest `request`.
fn new_case(waiting: Waiting, entities: &[&str], identity_confirmed: bool, request: [u8; 32]) -> NewCase {
    NewCase {
        opening: Opening {
            right: Right::Access,
            identifiers: vec![Identifier::new("email".parse().unwrap(), "anna@example.org").unwrap()],
            requested: Vec::new(),
            waiting,
            received_at: now(),
            delivery_date: days(25),
            request_ref: String::new(),
            format: TableFormat::Csv,
            identity_confirmed,
            language: Language::english(),
        },
        actor: actor(),
        fingerprint: Fingerprint { request, content: [0; 32] },
        decisions: entities.iter().map(|entity| decision(entity)).collect(),
        group: InForce { version: 1, digest: "00".repeat(32) },
        trace: None,
        dates: dates(),
    }
}

/// An archive as if it had been built.
fn written(sequence: u32) -> WrittenArchive {
    WrittenArchive {
        object: format!("object-{sequence}"),
        pieces: Vec::new(),
        file_name: "a.zip".to_owned(),
        size: 1,
        tagmanifest_sha256: "00".repeat(32),
        complete: true,
        voided: Vec::new(),
    }
}

/// A public part, signed by somebody, that lists `entities`.
fn public_part(version: u64, entities: &[&str]) -> Vec<u8> {
    let key = SigningKey::generate().unwrap();
    let entity = |entity: &&str| PublicEntity {
        id: id(entity),
        legal_name: (*entity).to_owned(),
        country: "FR".parse().unwrap(),
        authority: None,
        contact: None,
        attestation_keys: Vec::new(),
    };
    let group = PublicGroup {
        group: "acme".parse().unwrap(),
        name: "Acme".to_owned(),
        version,
        issued_at: now(),
        expires_at: days(365),
        group_file_sha256: "00".repeat(32),
        operator: id("be"),
        gateway_keys: Vec::new(),
        entities: entities.iter().map(entity).collect(),
    };
    Envelope::sign("application/json", &serde_json::to_vec(&group).unwrap(), &key).to_json()
}

fn decision(entity: &str) -> Decision {
    Decision {
        entity: id(entity),
        outcome: Outcome::Ask,
        rule: Rule::SameLegalArea,
        exporter: id("be"),
        exporter_area: "EEA".to_owned(),
        importer_area: "EEA".to_owned(),
        group_version: 1,
    }
}

fn dates() -> Dates {
    Dates { escalation_margin: SignedDuration::from_hours(24 * 5), least_window: Duration::from_secs(24 * 3600) }
}

fn actor() -> Actor {
    Actor { caller: "spiffe://crm.example/portal".to_owned(), on_behalf_of: "clerk".to_owned(), note: None }
}

fn attestation(claim: &Claim, disposition: Disposition, at: Timestamp) -> Attestation {
    let digest = PartListDigest::new().finish();
    let answer = Answer {
        controller: claim.entity.clone(),
        dataset: "crm".parse().unwrap(),
        disposition,
        reason: Some("because".to_owned()),
        rows: 0,
        snapshot_at: None,
    };
    Attestation {
        entity: claim.entity.clone(),
        case: claim.case,
        instruction: claim.export,
        right: claim.right,
        generation: 1,
        group_version: 1,
        group_sha256: digest,
        started_at: at,
        finished_at: at,
        identifier_types: Vec::new(),
        answers: vec![answer],
        disposition,
        searched: Vec::new(),
        not_searched: Vec::new(),
        redactions: Vec::new(),
        parts: PartsSummary { count: 0, bytes: 0, encoded_bytes: 0, rows: 0, sha256: digest },
        tables_sha256: table::digest([]),
        previews_sha256: None,
        information_sha256: None,
        software: "test".to_owned(),
    }
}

fn failure(counts: bool, progressed: bool) -> Failure {
    Failure {
        disposition: if counts { Disposition::Failed } else { Disposition::Unreachable },
        reason: "as the test says".to_owned(),
        counts,
        progressed,
        pause: Duration::from_secs(1),
        cap: 3,
    }
}

/// Has each promise kept on both databases.
macro_rules! on_both_databases {
    ($($promise:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $promise() {
                    super::$promise(super::Engine::Sqlite).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $promise() {
                    super::$promise(super::Engine::Postgres).await;
                }
            )+
        }
    };
}
use on_both_databases;

on_both_databases![
    a_task_has_one_holder_and_a_stale_one_cannot_write,
    only_failures_that_count_park_a_task_and_progress_clears_them,
    by_delivery_date_waits_a_month_and_then_writes_what_there_is,
    require_complete_writes_nothing_incomplete_before_the_date,
    a_draft_survives_and_is_the_same_however_often_it_is_read,
    a_case_that_was_cancelled_takes_no_archive,
    more_identifiers_do_not_change_what_an_entity_under_way_was_told,
    a_damaged_case_holds_up_no_other,
    who_has_an_entity_asked_at_once_is_recorded,
    history_has_no_gaps_and_follows_the_lifecycle,
    a_failed_job_leaves_nothing_and_its_neighbours_stay,
    who_never_vouches_is_told_before_the_delivery_date_and_once,
    entities_get_time_when_the_identity_is_confirmed_after_the_delivery_date,
    who_joined_is_decided_on_and_who_left_is_looked_up_where_it_answered,
    an_answer_that_lost_its_key_is_asked_for_anew_and_its_archive_keeps_its_parts,
    what_makes_an_answer_readable_goes_with_its_generation_and_the_case,
    a_case_of_a_thousand_entities_comes_to_its_end,
];

async fn a_task_has_one_holder_and_a_stale_one_cannot_write(engine: Engine) {
    let bench = Bench::new(engine).await;
    bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let stale = bench.claim("be", now()).await.unwrap();
    assert!(bench.claim("be", now()).await.is_none(), "it is held");
    let later = now() + SignedDuration::from_secs(31);
    let holder = bench.claim("be", later).await.unwrap();
    for outcome in [
        bench.store.renew(&stale, LEASE, later).await,
        bench.store.located(&stale, later).await.map(drop),
        bench.store.failed(&stale, failure(true, false), later).await,
        bench.store.release(&stale, later).await,
    ] {
        assert!(matches!(outcome, Err(StoreError::StaleLease)));
    }
    bench.store.located(&holder, later).await.unwrap();
}

#[tokio::test]
async fn a_renewed_lease_lasts_and_a_new_process_takes_over_at_once() {
    let bench = Bench::new(Engine::Sqlite).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let claim = bench.claim("be", now()).await.unwrap();
    let later = now() + SignedDuration::from_secs(20);
    bench.store.renew(&claim, LEASE, later).await.unwrap();
    assert!(bench.claim("be", now() + SignedDuration::from_secs(40)).await.is_none());
    let bench = bench.reopen().await;
    let taken = bench.claim("be", later).await.expect("the lock file proves that the holder is dead");
    assert_eq!((taken.case, taken.export), (case, claim.export), "the instruction stays the same");
}

async fn only_failures_that_count_park_a_task_and_progress_clears_them(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let mut at = now();
    let outcomes = [(false, false), (true, false), (true, false), (true, true), (false, false), (true, false)];
    for (counts, progressed) in outcomes {
        let claim = bench.claim("be", at).await.unwrap();
        bench.store.failed(&claim, failure(counts, progressed), at).await.unwrap();
        at += SignedDuration::from_secs(2);
    }
    let task = bench.get(case).await.tasks.remove(0);
    assert_eq!((task.state, task.failed_attempts), (TaskState::Queued, 2));
    let claim = bench.claim("be", at).await.unwrap();
    bench.store.failed(&claim, failure(true, false), at).await.unwrap();
    assert_eq!(bench.get(case).await.tasks[0].state, TaskState::Parked);
    assert!(bench.claim("be", days(30)).await.is_none(), "a parked task waits for somebody");
}

async fn by_delivery_date_waits_a_month_and_then_writes_what_there_is(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be", "fr"]).await;
    bench.answer("be", Disposition::NoData, now()).await;
    for day in 0..25 {
        assert_eq!(bench.store.decide_due(days(day)).await.unwrap(), 0);
        let late = bench.store.escalate(days(day)).await.unwrap();
        assert_eq!(late.len(), usize::from(day == 20), "day {day}");
    }
    assert_eq!(bench.store.decide_due(days(25)).await.unwrap(), 1);
    assert_eq!(bench.get(case).await.state, CaseState::Assembling);
    bench.write_archive(case, 1, days(25)).await.unwrap();
    bench.answer("fr", Disposition::NoData, days(26)).await;
    assert_eq!(bench.store.drafts(days(26)).await.unwrap(), [case], "the late answer waits as an addendum");
    bench.write_archive(case, 2, days(26)).await.unwrap();
    bench.store.confirm_delivery(case, 1, days(26), actor(), days(26)).await.unwrap();
    let closed = bench.store.confirm_delivery(case, 2, days(26), actor(), days(26)).await.unwrap();
    assert_eq!(closed.state, CaseState::Closed);
}

async fn require_complete_writes_nothing_incomplete_before_the_date(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::RequireComplete, &["be"]).await;
    bench.answer("be", Disposition::Refused, now()).await;
    assert_eq!(bench.get(case).await.state, CaseState::Running);
    assert_eq!(bench.store.decide_due(days(24)).await.unwrap(), 0);
    bench.store.decide_due(days(25)).await.unwrap();
    assert_eq!(bench.get(case).await.state, CaseState::Assembling);
}

async fn a_draft_survives_and_is_the_same_however_often_it_is_read(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be", "fr"]).await;
    bench.answer("be", Disposition::NoData, now()).await;
    // An addendum repeats the instant from the database, which keeps milliseconds.
    bench.store.decide_due(days(25) + jiff::SignedDuration::from_nanos(1)).await.unwrap();
    let before = bench.store.archive_facts(case).await.unwrap().unwrap().draft;
    // What happens after the draft does not change it.
    bench.answer("fr", Disposition::NoData, days(25)).await;
    let bench = bench.reopen().await;
    let after = bench.store.archive_facts(case).await.unwrap().unwrap().draft;
    assert_eq!(before, after);
    assert_eq!((after.assembled_at, after.sequence), (days(25), 1));
    bench.write_archive(case, 1, days(25)).await.unwrap();
    let next = bench.store.archive_facts(case).await.unwrap().unwrap().draft;
    assert_eq!(next.sequence, 2, "the answer that came meanwhile is the addendum");
}

async fn a_case_that_was_cancelled_takes_no_archive(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    bench.answer("be", Disposition::NoData, now()).await;
    bench.store.cancel_case(case, actor(), now()).await.unwrap();
    assert!(matches!(bench.write_archive(case, 1, now()).await, Err(StoreError::Conflict(_))));
    assert!(bench.store.drafts(now()).await.unwrap().is_empty());
    assert!(bench.store.objects().await.unwrap().is_empty());
}

async fn more_identifiers_do_not_change_what_an_entity_under_way_was_told(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be", "de", "fr"]).await;
    bench.answer("be", Disposition::NeedsIdentity, now()).await;
    let claim = bench.claim("fr", now()).await.unwrap();
    bench.store.located(&claim, now()).await.unwrap();
    bench.store.export_started(&claim, now()).await.unwrap();
    bench.store.release(&claim, now()).await.unwrap();
    let more = vec![Identifier::new("email".parse().unwrap(), "aaron@example.org").unwrap()];
    let scope = Scope { decisions: Vec::new(), group: InForce { version: 1, digest: "00".repeat(32) }, dates: dates() };
    bench.store.confirm_identity(case, more, scope, actor(), now()).await.unwrap();
    let again = bench.claim("fr", now()).await.unwrap();
    assert_eq!((again.export, &again.identifiers), (claim.export, &claim.identifiers), "it goes on as it began");
    for entity in ["be", "de"] {
        assert_eq!(bench.claim(entity, now()).await.unwrap().identifiers.len(), 2, "{entity} is told all");
    }
}

async fn a_damaged_case_holds_up_no_other(engine: Engine) {
    let bench = Bench::new(engine).await;
    let damaged = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let whole = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let damage = "UPDATE cases SET content_key = record_key WHERE case_id = $1";
    bench
        .store
        .write("damage", move |tx| Box::pin(async move { tx.run(damage, &sql::vals![damaged]).await.map(drop) }))
        .await
        .unwrap();
    let claims = bench.store.claim(id("be"), 2, LEASE, now()).await.unwrap();
    assert_eq!(claims.iter().map(|claim| claim.case).collect::<Vec<_>>(), [whole]);
    assert_eq!(bench.store.escalate(days(20)).await.unwrap().len(), 1);
    assert_eq!(bench.store.decide_due(days(25)).await.unwrap(), 1);
    assert_eq!(bench.get(whole).await.state, CaseState::Assembling);
}

async fn who_has_an_entity_asked_at_once_is_recorded(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let (before, _) = bench.store.events_after(case, 0).await.unwrap();
    bench.store.retry_task(case, id("be"), actor(), now()).await.unwrap();
    let (after, _) = bench.store.events_after(case, before.len() as u64).await.unwrap();
    assert_eq!(after.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["RETRIED"]);
}

async fn history_has_no_gaps_and_follows_the_lifecycle(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be", "fr"]).await;
    tokio::join!(bench.answer("be", Disposition::NoData, now()), bench.answer("fr", Disposition::NoData, now()));
    let (events, state) = bench.store.events_after(case, 0).await.unwrap();
    assert!(events.iter().zip(1..).all(|(event, cursor)| event.cursor == cursor));
    assert_eq!((events.last().unwrap().state, state), (CaseState::Assembling, CaseState::Assembling));
    assert_eq!(bench.get(case).await.cursor, events.len() as u64);
}

async fn a_failed_job_leaves_nothing_and_its_neighbours_stay(engine: Engine) {
    let bench = Bench::new(engine).await;
    let good = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let store = &bench.store;
    let nobody = CaseId::new(days(1));
    // Queued together, these share one transaction.
    let (failed, kept) =
        tokio::join!(store.cancel_case(nobody, actor(), now()), store.retry_task(good, id("be"), actor(), days(1)),);
    assert!(matches!(failed, Err(StoreError::NoCase)));
    assert_eq!(kept.unwrap().0.tasks[0].next_attempt_at, Some(days(1)));
}

#[tokio::test]
async fn a_full_disk_fails_clearly_and_loses_nothing() {
    let bench = Bench::new(Engine::Sqlite).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let claim = bench.claim("be", now()).await.unwrap();
    // A limit on the database's pages is what a full disk looks like to SQLite.
    let limit = |pages: &'static str| {
        bench.store.write("limit", move |tx| Box::pin(async move { tx.rows(pages, &[]).await.map(drop) }))
    };
    limit("PRAGMA max_page_count = 1").await.unwrap();
    let large = "x".repeat(400_000);
    let full = bench.store.pending(&claim, large.clone(), now()).await;
    assert!(matches!(full, Err(StoreError::Full)), "{full:?}");
    assert_eq!(bench.get(case).await.tasks[0].reason, "");
    limit("PRAGMA max_page_count = 1000000").await.unwrap();
    bench.store.pending(&claim, large.clone(), now()).await.unwrap();
    assert_eq!(bench.get(case).await.tasks[0].reason, large);
}

#[test]
fn store_keys_are_bound_to_their_case() {
    let folder = tempfile::tempdir().unwrap();
    let kek = kek(folder.path(), "kek");
    let wrapped = kek.wrap(&ContentKey::generate().unwrap(), b"tributary case a content").unwrap();
    assert!(kek.unwrap(&wrapped, b"tributary case b content").is_err());
}

async fn who_never_vouches_is_told_before_the_delivery_date_and_once(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.unvouched_case().await;
    for day in 0..30 {
        let late = bench.store.escalate(days(day)).await.unwrap();
        let expected = (day == 20).then_some(Escalation { case, late: Late::Identity });
        assert_eq!(late, Vec::from_iter(expected), "day {day}");
    }
    let found = bench.get(case).await;
    assert_eq!((found.state, found.escalated_at), (CaseState::AwaitingIdentity, Some(days(20))));
    let (events, _) = bench.store.events_after(case, 0).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.name == "ESCALATED" && event.entity.is_none()).count(), 1);
}

async fn entities_get_time_when_the_identity_is_confirmed_after_the_delivery_date(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.unvouched_case().await;
    let scope = Scope {
        decisions: vec![decision("be")],
        group: InForce { version: 1, digest: "00".repeat(32) },
        dates: dates(),
    };
    bench.store.confirm_identity(case, Vec::new(), scope, actor(), days(40)).await.unwrap();
    assert_eq!(bench.store.decide_due(days(40) + SignedDuration::from_hours(23)).await.unwrap(), 0);
    assert_eq!(bench.get(case).await.state, CaseState::Locating);
    assert_eq!(bench.store.decide_due(days(41)).await.unwrap(), 1);
}

async fn who_joined_is_decided_on_and_who_left_is_looked_up_where_it_answered(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be", "de", "fr"]).await;
    for (version, entities) in [(2, vec!["be", "fr", "nl"]), (3, vec!["be", "nl"])] {
        let group = InForce { version, digest: "00".repeat(32) };
        bench.store.put_group_in_force(group, public_part(version, &entities)).await.unwrap();
        if version == 2 {
            bench.answer("fr", Disposition::NoData, now()).await;
        }
    }
    bench.store.decide_due(days(25)).await.unwrap();
    let facts = bench.store.archive_facts(case).await.unwrap().unwrap();
    let decided: Vec<_> =
        facts.case.decisions.iter().map(|decision| (decision.entity.as_str(), decision.rule)).collect();
    assert_eq!(decided[3], ("nl", Rule::JoinedAfterScope));
    assert_eq!(decided.len(), 4);
    let versions: Vec<_> = facts
        .former
        .iter()
        .map(|left| (public_of(&left.public_part).unwrap().version, left.entities.clone()))
        .collect();
    assert_eq!(versions, [(1, vec![id("de")]), (2, vec![id("fr")])], "de was decided on under 1, fr answered under 2");
    let (events, _) = bench.store.events_after(case, 0).await.unwrap();
    assert!(events.iter().any(|event| event.name == "ENTITY_JOINED" && event.entity == Some(id("nl"))));
}

/// A part of one row, with an object that a test makes up.
fn staged(index: u32, object: &str) -> Staged {
    let digest = Sha256Hex::of(b"x");
    let part = Part {
        index,
        path: format!("crm/{index}.csv").parse().unwrap(),
        dataset: "crm".parse().unwrap(),
        collection: "customer".to_owned(),
        kind: PartKind::Table,
        media_type: "text/csv".to_owned(),
        encoding: Encoding::Identity,
        rows: 1,
        bytes: 1,
        encoded_bytes: 1,
        crc32: 0,
        sha256: digest,
        encoded_sha256: digest,
    };
    Staged { object: object.to_owned(), part }
}

async fn an_answer_that_lost_its_key_is_asked_for_anew_and_its_archive_keeps_its_parts(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be", "fr"]).await;
    let claim = bench.claim("be", now()).await.unwrap();
    bench.store.located(&claim, now()).await.unwrap();
    bench.store.export_started(&claim, now()).await.unwrap();
    bench.store.generation_started(&claim, 1, now()).await.unwrap();
    bench.brought(&claim, 1, now(), |brought| brought.part(&claim.keys, staged(1, "first"))).await.unwrap();
    let fulfilled = attestation(&claim, Disposition::Fulfilled, now());
    bench.store.attested(&claim, fulfilled, b"{}".to_vec(), now()).await.unwrap();
    bench.store.decide_due(days(25)).await.unwrap();
    bench.write_archive(case, 1, days(25)).await.unwrap();
    bench.answer("fr", Disposition::NoData, days(26)).await;
    let dropped = bench.write_voiding(case, 2, &["be"], days(26)).await.unwrap();
    assert!(dropped.is_empty(), "the first archive needs its objects");
    let task = bench.get(case).await.tasks.remove(0);
    assert_eq!((task.state, task.disposition, task.parts), (TaskState::Queued, Disposition::Pending, 0));
    // The new answer has another object, and stands beside the old one.
    let again = bench.claim("be", days(27)).await.unwrap();
    assert_ne!(again.export, claim.export);
    bench.store.located(&again, days(27)).await.unwrap();
    bench.store.export_started(&again, days(27)).await.unwrap();
    bench.store.generation_started(&again, 1, days(27)).await.unwrap();
    bench.brought(&again, 1, days(27), |brought| brought.part(&again.keys, staged(1, "second"))).await.unwrap();
    let renewed = attestation(&again, Disposition::Fulfilled, days(27));
    bench.store.attested(&again, renewed, b"{}".to_vec(), days(27)).await.unwrap();
    bench.write_archive(case, 3, days(27)).await.unwrap();
    for (sequence, object) in [(1, "first"), (3, "second")] {
        let stored = bench.store.archive(case, sequence).await.unwrap();
        assert_eq!(stored.objects, [(id("be"), 1, object.to_owned())], "archive {sequence}");
    }
    let kept = bench.store.objects().await.unwrap();
    assert!(kept.contains(&(case, "first".to_owned())) && kept.contains(&(case, "second".to_owned())));
    bench.store.cancel_case(case, actor(), days(28)).await.unwrap();
    assert!(bench.store.objects().await.unwrap().is_empty());
}

async fn what_makes_an_answer_readable_goes_with_its_generation_and_the_case(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let claim = bench.claim("be", now()).await.unwrap();
    bench.store.located(&claim, now()).await.unwrap();
    bench.store.export_started(&claim, now()).await.unwrap();
    let preview = |rows| Preview {
        dataset: "crm".parse().unwrap(),
        collection: "customer".to_owned(),
        total_rows: rows,
        rows: Vec::new(),
        overview: Vec::new(),
    };
    for generation in 1..=2 {
        bench.store.generation_started(&claim, generation, now()).await.unwrap();
        assert!(bench.store.staged_previews(&claim).await.unwrap().is_empty(), "generation {generation}");
        assert!(bench.store.staged_information(&claim).await.unwrap().is_none(), "generation {generation}");
        let both = |brought: &mut Brought| {
            brought.preview(&claim.keys, &preview(u64::from(generation)))?;
            brought.information(&claim.keys, &Information::default())
        };
        bench.brought(&claim, generation, now(), both).await.unwrap();
    }
    let stale = bench.brought(&claim, 1, now(), |brought| brought.preview(&claim.keys, &preview(9))).await;
    assert!(matches!(stale, Err(StoreError::StaleLease)), "a generation that is void takes nothing");
    assert!(bench.store.staged_previews(&claim).await.unwrap() == [preview(2)]);
    let mut question = attestation(&claim, Disposition::NeedsIdentity, now());
    question.generation = 2;
    bench.store.attested(&claim, question, b"{}".to_vec(), now()).await.unwrap();
    bench.store.decide_due(days(25)).await.unwrap();
    // Asked anew while the archive is written, the record that was attested is still there for it.
    bench.store.retry_task(case, id("be"), actor(), days(25)).await.unwrap();
    let facts = bench.store.archive_facts(case).await.unwrap().unwrap();
    assert_eq!(facts.entities[0].information, Some(Information::default()));
    bench.store.cancel_case(case, actor(), days(25)).await.unwrap();
    let left = bench.count("SELECT COUNT(*) AS n FROM presentations").await;
    assert_eq!(left, 0);
}

/// The work grows with the number of entities and not with its square: what is asked after each answer are counts.
async fn a_case_of_a_thousand_entities_comes_to_its_end(engine: Engine) {
    let bench = Bench::new(engine).await;
    let names: Vec<String> = (0..1000).map(|number| format!("entity-{number}")).collect();
    let entities: Vec<&str> = names.iter().map(String::as_str).collect();
    let case = bench.case(Waiting::ByDeliveryDate, &entities).await;
    assert_eq!(bench.store.entities_due(now()).await.unwrap().len(), 1000);
    // Side by side, as the gateway works: many answers share a commit.
    for some in entities.chunks(100) {
        futures::future::join_all(some.iter().map(|entity| bench.answer(entity, Disposition::NoData, now()))).await;
    }
    let found = bench.get(case).await;
    assert_eq!(found.state, CaseState::Assembling);
    assert!(found.tasks.iter().all(|task| task.state == TaskState::Answered));
    let facts = bench.store.archive_facts(case).await.unwrap().unwrap();
    assert_eq!(facts.entities.len(), 1000);
    bench.write_archive(case, 1, now()).await.unwrap();
    let closed = bench.store.confirm_delivery(case, 1, now(), actor(), now()).await.unwrap();
    assert_eq!(closed.state, CaseState::Closed);
}
