//! Promises of export jobs, with systems that fail, wait and panic when a test wants it.

mod people;
mod presented;
mod room;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use futures::StreamExt;
use tributary_archive::attestation::{Answer, Attestation, NotSearched, NotSearchedReason};
use tributary_archive::digest::Sha256Hex;
use tributary_archive::frames::KeyEncryptionKey;
use tributary_archive::part::{Encoding, Part, PartKind, PartListDigest};
use tributary_archive::table::{self, Table};
use tributary_model::clock::{Clock, ManualClock};
use tributary_model::disposition::Disposition;
use tributary_model::id::IdentifierType;
use tributary_model::key::{SigningKey, ValidKey};
use tributary_model::mandate::Action;
use tributary_model::right::{Right, TableFormat};

use super::*;
use crate::collect::{CollectError, Collected, DatasetInfo, ManualCollection, PartSink, Request, StopFlag};
use crate::spool::Quota;

const PATIENCE: Duration = Duration::from_secs(30);

type Walking =
    Box<dyn Fn(u32, &Request, &mut dyn PartSink, &StopFlag) -> Result<Collected, CollectError> + Send + Sync>;

/// Systems whose walks are given by the test, with the walk's number from 1.
struct Fake {
    walks: AtomicU32,
    walk: Walking,
    manual: Vec<ManualCollection>,
    reviewed: BTreeSet<(FidesKey, String)>,
}

impl Systems for Fake {
    fn identifier_types(&self) -> Vec<IdentifierType> {
        Vec::new()
    }

    fn datasets(&self) -> Vec<DatasetInfo> {
        Vec::new()
    }

    fn manual(&self) -> Vec<ManualCollection> {
        self.manual.clone()
    }

    fn reviewed(&self) -> BTreeSet<(FidesKey, String)> {
        self.reviewed.clone()
    }

    /// Waits until it is told to stop.
    fn locate(&self, _: &[Identifier], stop: &StopFlag) -> Result<Located, CollectError> {
        while !stop.is_raised() {
            std::thread::yield_now();
        }
        Err(CollectError::Stopped)
    }

    fn collect(&self, request: &Request, sink: &mut dyn PartSink, stop: &StopFlag) -> Result<Collected, CollectError> {
        (self.walk)(self.walks.fetch_add(1, Ordering::SeqCst) + 1, request, sink, stop)
    }
}

struct World {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    key: SigningKey,
    limits: Limits,
    give_up: Option<Duration>,
    decision: Option<Duration>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kek = folder.path().join("kek");
        std::fs::write(&kek, KeyEncryptionKey::generate().unwrap()).unwrap();
        std::fs::set_permissions(&kek, std::fs::Permissions::from_mode(0o600)).unwrap();
        let clock = Arc::new(ManualClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
        let second = Duration::from_secs(1);
        let limits = Limits { retry_min: second, retry_max: second, ..Limits::default() };
        Self { folder, clock, key: SigningKey::generate().unwrap(), limits, give_up: None, decision: None }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn start(
        &self,
        walk: impl Fn(u32, &Request, &mut dyn PartSink, &StopFlag) -> Result<Collected, CollectError>
        + Send
        + Sync
        + 'static,
    ) -> Exports {
        self.start_in(&self.data(), Box::new(walk)).await
    }

    async fn start_in(&self, data: &Path, walk: Walking) -> Exports {
        Exports::start(self.setup(data, walk, Vec::new(), BTreeSet::new())).await.unwrap()
    }

    fn setup(
        &self,
        data: &Path,
        walk: Walking,
        manual: Vec<ManualCollection>,
        reviewed: BTreeSet<(FidesKey, String)>,
    ) -> Setup {
        let kek = KeyEncryptionKey::load(&self.folder.path().join("kek")).unwrap();
        let now = self.clock.now();
        let published = ValidKey {
            public_key: self.key.public(),
            not_before: now - SignedDuration::from_hours(1),
            not_after: now + SignedDuration::from_hours(24 * 30),
            revoked_at: None,
        };
        let signer = Signer {
            entity: "acme".parse().unwrap(),
            key: SigningKey::from_pem(&self.key.to_pem().unwrap()).unwrap(),
            published,
            group_version: 1,
            group_sha256: Sha256Hex::of(b"group"),
        };
        let day = Duration::from_secs(24 * 3600);
        Setup {
            ledger: Ledger::open(data, kek).unwrap(),
            spool: Spool::open(data.join("spool"), Quota::new(1 << 24)).unwrap(),
            systems: Arc::new(Fake { walks: AtomicU32::new(0), walk, manual, reviewed }),
            signer,
            clock: self.clock.clone(),
            turns: Turns::new(&self.limits),
            limits: self.limits.clone(),
            spool_limits: SpoolLimits::default(),
            due: Due { manual: 10 * day, review: 10 * day, decision: self.decision, give_up: self.give_up },
        }
    }

    fn later(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    fn mandate(&self) -> Mandate {
        let now = self.clock.now();
        Mandate {
            action: Action::Export,
            instruction: InstructionId::new(now),
            entity: "acme".parse().unwrap(),
            case: CaseId::new(now),
            right: Right::Access,
            salt: String::new(),
            identifiers_sha256: String::new(),
            group_version: 1,
            group_sha256: String::new(),
            not_before: now,
            expires_at: now,
        }
    }
}

fn requested() -> Requested {
    let identifiers = vec![Identifier::new("email".parse().unwrap(), "anna@example.org").unwrap()];
    Requested { identifiers, format: TableFormat::Csv, right: Right::Access }
}

fn letters() -> Table {
    serde_json::from_value(serde_json::json!({"dataset": "crm", "collection": "letter", "fields": []})).unwrap()
}

/// Puts part `index` into the sink.
fn part(sink: &mut dyn PartSink, index: u32) -> Result<Part, CollectError> {
    table_part(sink, index, &format!("content of part {index}").repeat(100))
}

/// Puts `bytes` into the sink as part `index` of the table of letters.
fn table_part(sink: &mut dyn PartSink, index: u32, bytes: &str) -> Result<Part, CollectError> {
    let digest = Sha256Hex::of(bytes.as_bytes());
    let part = Part {
        index,
        path: format!("crm/letter-{index:04}.csv").parse().unwrap(),
        dataset: "crm".parse().unwrap(),
        collection: "letter".to_owned(),
        kind: PartKind::Table,
        media_type: "text/csv".to_owned(),
        encoding: Encoding::Identity,
        rows: 1,
        bytes: bytes.len() as u64,
        encoded_bytes: bytes.len() as u64,
        crc32: crc32fast::hash(bytes.as_bytes()),
        sha256: digest,
        encoded_sha256: digest,
    };
    if index == 1 {
        sink.table(&letters())?;
    }
    sink.begin()?;
    sink.write(bytes.as_bytes())?;
    sink.finish(&part)?;
    Ok(part)
}

fn found(parts: &[Part]) -> Collected {
    let sum = |of: fn(&Part) -> u64| parts.iter().map(of).sum::<u64>();
    Collected {
        located: Located::Found,
        answers: vec![Answer {
            controller: "acme".parse().unwrap(),
            dataset: "crm".parse().unwrap(),
            disposition: Disposition::Fulfilled,
            reason: None,
            rows: sum(|part| part.rows),
            snapshot_at: None,
        }],
        searched: Vec::new(),
        not_searched: Vec::new(),
        redactions: Vec::new(),
        identifier_types: Vec::new(),
        parts: tributary_archive::attestation::PartsSummary {
            count: parts.len() as u32,
            bytes: sum(|part| part.bytes),
            encoded_bytes: sum(|part| part.encoded_bytes),
            rows: sum(|part| part.rows),
            sha256: PartListDigest::of(parts),
        },
        tables_sha256: table::digest([&letters()]),
        previews_sha256: None,
        information_sha256: None,
    }
}

fn whole(sink: &mut dyn PartSink) -> Result<Collected, CollectError> {
    Ok(found(&[part(sink, 1)?, part(sink, 2)?]))
}

async fn next(events: &mut (impl Stream<Item = Result<Event, ExportError>> + Unpin)) -> Result<Event, ExportError> {
    tokio::time::timeout(PATIENCE, events.next()).await.expect("something happens").expect("the stream goes on")
}

/// The next pause for a reason that contains `text`.
async fn pause(events: &mut (impl Stream<Item = Result<Event, ExportError>> + Unpin), text: &str) {
    while !matches!(next(events).await.unwrap(), Event::Pending { reason, .. } if reason.contains(text)) {}
}

async fn attested(events: &mut (impl Stream<Item = Result<Event, ExportError>> + Unpin)) -> (u32, Vec<u8>) {
    let mut generation = 0;
    loop {
        match next(events).await.unwrap() {
            Event::GenerationStarted(started) => generation = started,
            Event::Attested { envelope, .. } => return (generation, envelope),
            _ => {}
        }
    }
}

async fn bytes(exports: &Exports, mandate: &Mandate, generation: u32, index: u32) -> Vec<u8> {
    let name = PartName { instruction: mandate.instruction, generation, index };
    let chunks: Vec<_> = exports.read(name, mandate.case, 0).await.unwrap().collect().await;
    chunks.into_iter().flat_map(|chunk| chunk.unwrap().data.to_vec()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inside = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    // A socket is no file.
    entries.flat_map(inside).filter(|path| path.is_file()).collect()
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(file, target).unwrap();
    }
}

/// A walk that gives one part, says so, and goes on when it is told to.
fn halting() -> (Walking, mpsc::Sender<()>) {
    let (go, wait) = mpsc::channel();
    let wait = Mutex::new(wait);
    let walk = move |_, _: &Request, sink: &mut dyn PartSink, _: &StopFlag| {
        let first = part(sink, 1)?;
        wait.lock().unwrap().recv().map_err(|_| CollectError::Stopped)?;
        Ok(found(&[first, part(sink, 2)?]))
    };
    (Box::new(walk), go)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_can_be_read_while_the_walk_goes_on() {
    let world = World::new();
    let (walk, go) = halting();
    let exports = world.start(walk).await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    while !matches!(next(&mut events).await.unwrap(), Event::Part(1, Part { index: 1, .. })) {}
    assert_eq!(bytes(&exports, &mandate, 1, 1).await, b"content of part 1".repeat(100));
    let second = PartName { instruction: mandate.instruction, generation: 1, index: 2 };
    assert!(matches!(exports.read(second, mandate.case, 0).await.err(), Some(ExportError::NoPart { index: 2 })));
    let early = exports.attestation(mandate.instruction, mandate.case).await;
    assert!(matches!(early, Err(ExportError::NotReady)));
    go.send(()).unwrap();
    let (_, envelope) = attested(&mut events).await;
    let keys = [exports.0.setup.signer.published.clone()];
    assert_eq!(Attestation::open(&envelope, &keys, world.clock.now()).unwrap().parts.count, 2);
    assert!(events.next().await.is_none());
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_of_a_walk_begins_a_new_generation_and_leaves_no_file_behind() {
    let world = World::new();
    let (walk, go) = halting();
    let exports = world.start(walk).await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    while !matches!(next(&mut events).await.unwrap(), Event::Part(..)) {}
    // What a process that is killed now leaves on the disk.
    let crashed = world.folder.path().join("crashed");
    copy(&world.data(), &crashed);
    let again = world.start_in(&crashed, Box::new(|_, _, sink, _| whole(sink))).await;
    let mut events = pin!(again.watch(mandate.instruction, mandate.case).await.unwrap());
    let (generation, _) = attested(&mut events).await;
    assert_eq!(generation, 2);
    assert_eq!(bytes(&again, &mandate, 2, 2).await, b"content of part 2".repeat(100));
    let folder = crashed.join("spool").join(mandate.instruction.to_string()).join("2");
    assert!(files(&crashed.join("spool")).iter().all(|file| file.parent() == Some(&folder)));
    let first = PartName { instruction: mandate.instruction, generation: 1, index: 1 };
    let replaced = again.read(first, mandate.case, 0).await.err();
    assert!(matches!(replaced, Some(ExportError::Replaced { generation: 2 })));
    again.stop(PATIENCE).await;
    drop(go);
    exports.stop(PATIENCE).await;
    assert!(files(&world.data().join("spool")).is_empty(), "a walk that is stopped clears its files away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_hears_that_a_generation_replaces_what_it_had() {
    let world = World::new();
    let (walk, go) = halting();
    let exports = world
        .start(move |number, request, sink, stop| {
            if number > 1 {
                return whole(sink);
            }
            walk(number, request, sink, stop)?;
            Err(CollectError::Internal("on purpose".to_owned()))
        })
        .await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    while !matches!(next(&mut events).await.unwrap(), Event::Part(1, _)) {}
    go.send(()).unwrap();
    pause(&mut events, "internal error").await;
    world.later(2);
    let mut seen = Vec::new();
    loop {
        match next(&mut events).await.unwrap() {
            Event::GenerationStarted(generation) => seen.push(format!("generation {generation}")),
            Event::Table(table) => seen.push(table.collection),
            Event::Part(generation, part) => seen.push(format!("part {} of {generation}", part.index)),
            Event::Pending { .. } | Event::Preview(_) | Event::Information(_) => {}
            Event::Attested { .. } => break,
        }
    }
    assert_eq!(seen, ["generation 2", "letter", "part 1 of 2", "part 2 of 2"]);
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_cannot_be_read_in_time_is_tried_and_then_named() {
    let world = World { limits: Limits { snapshot_attempts: 2, ..World::new().limits }, ..World::new() };
    let exports = world
        .start(|_, request, _, _| {
            let Some(reason) = request.given_up.values().next() else {
                return Err(CollectError::SnapshotTooLong { dataset: "crm".parse().unwrap() });
            };
            assert_eq!(*reason, NotSearchedReason::SnapshotTooLong);
            let mut collected = found(&[]);
            collected.tables_sha256 = table::digest([]);
            collected.answers[0].disposition = Disposition::PartlyFulfilled;
            let (dataset, detail) = ("crm".parse().unwrap(), "it takes too long".to_owned());
            collected.not_searched = vec![NotSearched { dataset, collection: None, reason: *reason, detail }];
            Ok(collected)
        })
        .await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    pause(&mut events, "crm").await;
    world.later(2);
    pause(&mut events, "crm").await;
    world.later(2);
    assert_eq!(attested(&mut events).await.0, 3);
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_panics_or_lies_is_tried_again_and_never_attested() {
    let world = World::new();
    let exports = world
        .start(|walk, _, sink, _| match walk {
            1 => panic!("on purpose"),
            2 => {
                let mut collected = whole(sink)?;
                collected.parts.rows += 1;
                Ok(collected)
            }
            _ => whole(sink),
        })
        .await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    for _ in 0..2 {
        pause(&mut events, "an internal error; the cause is in the agent's log").await;
        assert!(files(&world.data().join("spool")).is_empty());
        world.later(2);
    }
    assert_eq!(attested(&mut events).await.0, 3);
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_whose_call_broke_off_walks_all_the_same() {
    let world = World::new();
    let exports = world.start(|_, _, sink, _| whole(sink)).await;
    let mandate = world.mandate();
    {
        let mut call = pin!(exports.begin(&mandate, requested()));
        // Under way, and then dropped as when its connection is cut.
        assert!(futures::poll!(call.as_mut()).is_pending());
    }
    let events = loop {
        if let Ok(events) = exports.watch(mandate.instruction, mandate.case).await {
            break events;
        }
    };
    attested(&mut pin!(events)).await;
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_waits_for_its_turn() {
    let world = World { limits: Limits { concurrent_exports: 1, ..World::new().limits }, ..World::new() };
    let (walk, go) = halting();
    let exports = world.start(walk).await;
    let (first, second) = (world.mandate(), world.mandate());
    exports.begin(&first, requested()).await.unwrap();
    let mut events = pin!(exports.watch(first.instruction, first.case).await.unwrap());
    while !matches!(next(&mut events).await.unwrap(), Event::Part(..)) {}
    let started = exports.begin(&second, requested()).await.unwrap();
    assert_eq!(started, Started { generation: 0, state: State::Pending });
    let mut waiting = pin!(exports.watch(second.instruction, second.case).await.unwrap());
    pause(&mut waiting, "turn").await;
    go.send(()).unwrap();
    attested(&mut events).await;
    go.send(()).unwrap();
    attested(&mut waiting).await;
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_an_export_stops_its_walk_and_drops_what_it_had() {
    let world = World::new();
    let exports = world
        .start(|_, _, sink, stop| {
            let mut parts = Vec::new();
            while !stop.is_raised() {
                parts.push(part(sink, parts.len() as u32 + 1)?);
            }
            Err(CollectError::Stopped)
        })
        .await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    while !matches!(next(&mut events).await.unwrap(), Event::Part(..)) {}
    exports.finish(mandate.instruction, mandate.case).await.unwrap();
    let ended = async { while events.next().await.is_some_and(|event| event.is_ok()) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("who watches is told");
    exports.stop(PATIENCE).await;
    assert!(files(&world.data().join("spool")).is_empty());
    assert_eq!(exports.spooled()(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_ends_when_nobody_waits_for_the_answer() {
    let world = World { limits: Limits { concurrent_locates: 1, ..World::new().limits }, ..World::new() };
    let exports = world.start(|_, _, sink, _| whole(sink)).await;
    let identifiers = requested().identifiers;
    {
        let mut first = pin!(exports.locate(identifiers.clone()));
        assert!(futures::poll!(&mut first).is_pending());
        assert!(matches!(exports.locate(identifiers.clone()).await, Err(ExportError::TooMuch)));
    }
    // The permit is free, and the thread has been told to stop: else the runtime would wait for it for ever.
    let mut second = pin!(exports.locate(identifiers));
    assert!(futures::poll!(&mut second).is_pending());
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_while_the_attestation_key_does_not_count() {
    let world = World::new();
    let exports = world.start(|_, _, sink, _| whole(sink)).await;
    world.later(31 * 24 * 3600);
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    pause(&mut events, "the key had expired; renew it in the group file").await;
    assert!(files(&world.data().join("spool")).is_empty());
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_whose_time_is_over_is_swept_while_the_agent_runs() {
    let world = World::new();
    let exports = world.start(|_, _, _, _| Err(CollectError::Internal("on purpose".to_owned()))).await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    pause(&mut events, "internal").await;
    world.later(8 * 24 * 3600);
    // Seen from the first instant after its time, it may be looked at as if it were never there.
    let swept = async {
        let as_it_stands =
            || exports.0.setup.ledger.export(mandate.instruction, Timestamp::MIN).unwrap().unwrap().state;
        while as_it_stands() != State::Expired {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, swept).await.expect("the sweep comes by");
    let ended = async { while events.next().await.is_some_and(|event| event.is_ok()) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("who watches is told");
    exports.stop(PATIENCE).await;
}
