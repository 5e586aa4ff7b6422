//! Promises of the ledger, over a real file.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use tributary_archive::attestation::NotSearchedReason;
use tributary_archive::digest::Sha256Hex;
use tributary_archive::part::{Encoding, Part, PartKind};
use tributary_model::id::{CaseId, InstructionId};
use tributary_model::identifier::Identifier;
use tributary_model::right::{Right, TableFormat};

use super::*;

const PATIENCE: Patience = Patience { unavailable_for: Duration::from_secs(600), snapshot_attempts: 2 };

const MANY: Most = Most { items: 9, bytes: usize::MAX };

struct Place {
    _folder: tempfile::TempDir,
    data: PathBuf,
    key: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("kek");
        std::fs::write(&key, KeyEncryptionKey::generate().unwrap()).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        Self { data: folder.path().join("data"), key, _folder: folder }
    }

    fn open(&self) -> Result<Ledger, LedgerError> {
        Ledger::open(&self.data, KeyEncryptionKey::load(&self.key).unwrap())
    }
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn request(value: &str) -> NewExport {
    NewExport {
        instruction: InstructionId::new(now()),
        case: CaseId::new(now()),
        requested: Requested {
            identifiers: vec![Identifier::new("email".parse().unwrap(), value).unwrap()],
            format: TableFormat::Csv,
            right: Right::Access,
        },
        received_at: None,
        expires_at: later(1000),
    }
}

fn entries(items: &[Item]) -> Vec<Entry> {
    items.iter().cloned().map(Entry::from).collect()
}

/// Items as they are seen when nothing is kept back.
fn numbered(items: &[Item]) -> Vec<(u32, Item)> {
    (1..).zip(items.iter().cloned()).collect()
}

#[test]
fn an_instruction_repeated_finds_its_export_and_other_content_is_told_apart() {
    let place = Place::new();
    let ledger = place.open().unwrap();
    let new = request("anna@example.org");
    assert_eq!(ledger.begin(&new, 9, now()).unwrap(), Begun::New { generation: 0 });
    let known = Begun::Known { state: State::Pending, generation: 0 };
    assert_eq!(ledger.begin(&new, 9, now()).unwrap(), known);
    drop(ledger);
    let ledger = place.open().unwrap();
    assert_eq!(ledger.begin(&new, 9, now()).unwrap(), known);
    for other in [
        NewExport { requested: request("berta@example.org").requested, ..new.clone() },
        NewExport { case: CaseId::new(now()), ..new.clone() },
        NewExport { requested: Requested { format: TableFormat::Ndjson, ..new.requested.clone() }, ..new.clone() },
    ] {
        assert_eq!(ledger.begin(&other, 9, now()).unwrap(), Begun::Differs);
    }
    assert_eq!(ledger.begin(&request("c@example.org"), 1, now()).unwrap(), Begun::TooMany);
}

#[test]
fn when_a_request_was_received_is_said_once_and_silence_contradicts_nothing() {
    let place = Place::new();
    let ledger = place.open().unwrap();
    // Started by a gateway, or at an agent, that knew nothing of it: the repetition that does is the same order.
    let silent = request("anna@example.org");
    let said = |at| NewExport { received_at: Some(at), ..silent.clone() };
    ledger.begin(&silent, 9, now()).unwrap();
    for repeated in [&said(later(-86_400)), &silent, &said(later(-86_400))] {
        assert!(matches!(ledger.begin(repeated, 9, now()).unwrap(), Begun::Known { .. }));
    }
    assert_eq!(ledger.begin(&said(later(-86_399)), 9, now()).unwrap(), Begun::Differs);
    // Started again after its time was over, by who does not say it any more.
    assert!(matches!(ledger.begin(&silent, 9, later(3000)).unwrap(), Begun::New { .. }));
    let walk = ledger.start_generation(silent.instruction, PATIENCE, now()).unwrap().unwrap();
    assert_eq!(walk.received_at, Some(later(-86_400)));
}

#[test]
fn a_generation_that_was_overtaken_changes_nothing() {
    let place = Place::new();
    let ledger = place.open().unwrap();
    let new = request("anna@example.org");
    let id = new.instruction;
    ledger.begin(&new, 9, now()).unwrap();
    let first = ledger.start_generation(id, PATIENCE, now()).unwrap().unwrap();
    assert_eq!((first.generation, &first.requested), (1, &new.requested));
    assert_eq!(ledger.resume().unwrap(), [id]);
    let second = ledger.start_generation(id, PATIENCE, now()).unwrap().unwrap();
    assert_eq!(second.generation, 2);
    let item = table();
    assert!(matches!(
        ledger.keep(id, 1, 1, &entries(std::slice::from_ref(&item)), &first.key),
        Err(LedgerError::Replaced)
    ));
    let signed = Attested { envelope: b"{}".to_vec(), parts: 0 };
    assert!(!ledger.attest(id, 1, &signed, later(9), now()).unwrap());
    assert!(!ledger.wait(id, 1, "x", None).unwrap());
    ledger.keep(id, 2, 1, &entries(std::slice::from_ref(&item)), &second.key).unwrap();
    assert_eq!(ledger.view(id, 2, 0, MANY, now()).unwrap().unwrap().items, numbered(&[item]));
    assert!(ledger.attest(id, 2, &signed, later(9), now()).unwrap());
    assert!(ledger.start_generation(id, PATIENCE, now()).unwrap().is_none(), "it is at its end");
    assert_eq!(ledger.view(id, 2, 1, MANY, now()).unwrap().unwrap().attested, Some(signed));
}

#[test]
fn items_that_come_together_are_all_kept_in_their_order_or_none_is() {
    let place = Place::new();
    let ledger = place.open().unwrap();
    let new = request("anna@example.org");
    let id = new.instruction;
    ledger.begin(&new, 9, now()).unwrap();
    let walk = ledger.start_generation(id, PATIENCE, now()).unwrap().unwrap();
    let first = [table(), Item::Part(part(1))];
    ledger.keep(id, 1, 1, &entries(&first), &walk.key).unwrap();
    // The part's place is taken: the table before it is not kept either.
    assert!(ledger.keep(id, 1, 3, &entries(&[table(), Item::Part(part(1))]), &walk.key).is_err());
    assert_eq!(ledger.view(id, 1, 0, MANY, now()).unwrap().unwrap().items, numbered(&first));
}

/// A look costs what it shows, wherever it begins; so the sum over all looks of a watcher is linear.
#[test]
fn fifty_thousand_parts_are_kept_and_looked_at_in_bounded_batches() {
    const PARTS: u32 = 50_000;
    let place = Place::new();
    let ledger = place.open().unwrap();
    let new = request("anna@example.org");
    let id = new.instruction;
    ledger.begin(&new, 9, now()).unwrap();
    let walk = ledger.start_generation(id, PATIENCE, now()).unwrap().unwrap();
    for index in 1..=PARTS {
        ledger.keep(id, 1, index, &entries(&[Item::Part(part(index))]), &walk.key).unwrap();
    }
    ledger.attest(id, 1, &Attested { envelope: b"{}".to_vec(), parts: PARTS }, later(1000), now()).unwrap();
    let most = Most { items: 64, bytes: 20_000 };
    let (mut position, mut ended) = (0, false);
    while !ended {
        let view = ledger.view(id, 1, position, most, now()).unwrap().unwrap();
        assert!(view.items.len() <= 64 && (view.items.len() > 10 || view.attested.is_some()));
        for item in &view.items {
            position += 1;
            assert!(matches!(item, (_, Item::Part(part)) if part.index == position));
        }
        ended = view.attested.is_some();
    }
    assert_eq!(position, PARTS);
    let mut looked = 0;
    assert!(
        !ledger.all_parts(id, 1, |_, _| (looked += 1, looked < 7).1).unwrap() && looked == 7,
        "the first no ends it"
    );
    assert_eq!(ledger.part(id, 1, PARTS).unwrap().unwrap().part.index, PARTS);
    ledger.finish(id).unwrap();
    let left: i64 = ledger.read(|tx| Ok(tx.query_row("SELECT count(*) FROM item", [], |r| r.get(0))?)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_look_is_bounded_in_bytes_and_shows_one_item_at_least() {
    let place = Place::new();
    let ledger = place.open().unwrap();
    let new = request("anna@example.org");
    let id = new.instruction;
    ledger.begin(&new, 9, now()).unwrap();
    let walk = ledger.start_generation(id, PATIENCE, now()).unwrap().unwrap();
    for index in 1..=3 {
        ledger.keep(id, 1, index, &entries(&[Item::Part(part(index))]), &walk.key).unwrap();
    }
    let look = |bytes, from| ledger.view(id, 1, from, Most { items: 9, bytes }, now()).unwrap().unwrap().items.len();
    assert_eq!((look(1, 0), look(1, 2), look(1, 3), look(1 << 20, 0)), (1, 1, 0, 3));
}

fn part(index: u32) -> Part {
    let digest = Sha256Hex::of(b"");
    Part {
        index,
        path: format!("crm/scan-files/{index:06}.bin").parse().unwrap(),
        dataset: "crm".parse().unwrap(),
        collection: "scan".to_owned(),
        kind: PartKind::Attachment,
        media_type: "application/octet-stream".to_owned(),
        encoding: Encoding::Identity,
        rows: 0,
        bytes: 0,
        encoded_bytes: 0,
        crc32: 0,
        sha256: digest,
        encoded_sha256: digest,
    }
}

fn table() -> Item {
    let json = serde_json::json!({"dataset": "crm", "collection": "marker-collection", "fields": []});
    Item::Table(serde_json::from_value(json).unwrap())
}

#[test]
fn what_has_ended_is_shredded_and_its_attestation_stays() {
    let place = Place::new();
    let ledger = place.open().unwrap();
    let new = request("anna@example.org");
    let id = new.instruction;
    ledger.begin(&new, 9, now()).unwrap();
    let walk = ledger.start_generation(id, PATIENCE, now()).unwrap().unwrap();
    ledger.keep(id, 1, 1, &entries(&[table()]), &walk.key).unwrap();
    let signed = Attested { envelope: b"{signed}".to_vec(), parts: 0 };
    ledger.attest(id, 1, &signed, later(1000), now()).unwrap();
    let wrapped: Vec<u8> =
        ledger.read(|tx| Ok(tx.query_row("SELECT wrapped_key FROM export", [], |r| r.get(0))?)).unwrap();
    assert_eq!(ledger.finish(id).unwrap(), Some(State::Attested));
    assert_eq!(ledger.finish(id).unwrap(), Some(State::Finished));
    assert_eq!(ledger.finish(InstructionId::new(now())).unwrap(), None);
    let (export, attested) = ledger.attestation(id, now()).unwrap().unwrap();
    assert_eq!((export.state, attested), (State::Finished, Some(signed)));
    assert_eq!(ledger.begin(&new, 9, now()).unwrap(), Begun::Known { state: State::Finished, generation: 1 });
    drop(ledger);
    let files =
        ["ledger.sqlite", "ledger.sqlite-wal"].map(|name| std::fs::read(place.data.join(name)).unwrap_or_default());
    for needle in [wrapped.as_slice(), b"anna@example.org", b"marker-collection"] {
        assert!(!files.concat().windows(needle.len()).any(|window| window == needle));
    }
}

#[test]
fn an_export_that_nobody_fetches_expires_and_can_be_started_again() {
    let place = Place::new();
    let ledger = place.open().unwrap();
    let new = request("anna@example.org");
    let id = new.instruction;
    ledger.begin(&new, 9, now()).unwrap();
    ledger.start_generation(id, PATIENCE, now()).unwrap().unwrap();
    ledger.touch(id, later(2000)).unwrap();
    assert!(ledger.expire(later(1999)).unwrap().is_empty());
    assert_eq!(ledger.export(id, later(2000)).unwrap().unwrap().state, State::Expired, "also before the sweep");
    assert_eq!(ledger.expire(later(2000)).unwrap(), [id]);
    assert!(ledger.start_generation(id, PATIENCE, now()).unwrap().is_none());
    let again = NewExport { expires_at: later(5000), ..new };
    assert_eq!(ledger.begin(&again, 9, later(3000)).unwrap(), Begun::New { generation: 1 });
    assert_eq!(ledger.start_generation(id, PATIENCE, later(3000)).unwrap().unwrap().generation, 2);
}

#[test]
fn a_dataset_is_given_up_after_a_bounded_time_or_number_of_tries() {
    let place = Place::new();
    let ledger = place.open().unwrap();
    let new = NewExport { expires_at: later(100_000), ..request("anna@example.org") };
    let id = new.instruction;
    ledger.begin(&new, 9, now()).unwrap();
    let (slow, away) = ("slow".parse().unwrap(), "away".parse().unwrap());
    let fail = |dataset, trouble, at| {
        ledger.trouble(id, dataset, trouble, at).unwrap();
        let given_up = ledger.start_generation(id, PATIENCE, at).unwrap().unwrap().given_up;
        let generation = ledger.export(id, at).unwrap().unwrap().generation;
        assert!(ledger.wait(id, generation, "x", None).unwrap());
        given_up
    };
    assert!(fail(&slow, Trouble::SnapshotTooLong, now()).is_empty());
    assert!(fail(&away, Trouble::Unavailable, now()).is_empty());
    let given_up = fail(&slow, Trouble::SnapshotTooLong, later(1));
    assert_eq!(given_up.into_iter().collect::<Vec<_>>(), [(slow.clone(), NotSearchedReason::SnapshotTooLong)]);
    assert_eq!(fail(&away, Trouble::Unavailable, later(599)).len(), 1);
    let given_up = fail(&away, Trouble::Unavailable, later(600));
    assert_eq!(given_up.get(&away), Some(&NotSearchedReason::Unavailable));
}

#[test]
fn a_second_agent_another_key_and_a_newer_schema_are_refused() {
    let place = Place::new();
    let ledger = place.open().unwrap();
    assert!(matches!(place.open(), Err(LedgerError::Locked { .. })));
    drop(ledger);
    let right = std::fs::read(&place.key).unwrap();
    std::fs::write(&place.key, KeyEncryptionKey::generate().unwrap()).unwrap();
    let error = place.open().err().unwrap().to_string();
    assert!(error.contains("restore that key file"), "{error}");
    std::fs::write(&place.key, right).unwrap();
    let connection = Connection::open(place.data.join("ledger.sqlite")).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert!(matches!(place.open(), Err(LedgerError::NewerSchema(99))));
}

#[test]
fn a_full_volume_is_told_apart_from_a_failure() {
    let place = Place::new();
    let ledger = place.open().unwrap();
    ledger.connection.lock().unwrap().connection.pragma_update(None, "max_page_count", 1).unwrap();
    let mut outcome = Ok(Begun::TooMany);
    for _ in 0..1000 {
        outcome = ledger.begin(&request("anna@example.org"), usize::MAX, now());
        if outcome.is_err() {
            break;
        }
    }
    assert!(matches!(outcome, Err(LedgerError::Full)), "{outcome:?}");
}

#[test]
fn the_group_files_version_only_rises() {
    let place = Place::new();
    let ledger = place.open().unwrap();
    assert_eq!(ledger.group_in_force().unwrap(), None);
    let group = |version| tributary_model::group::signed::InForce { version, digest: format!("digest {version}") };
    for version in [2, 5, 3] {
        ledger.put_group_in_force(&group(version), now()).unwrap();
    }
    drop(ledger);
    assert_eq!(place.open().unwrap().group_in_force().unwrap(), Some(group(5)));
}
