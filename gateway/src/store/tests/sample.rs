//! What tests of the store make up: cases, answers, archives and group files, all of them as small as they can be.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tributary_archive::attestation::{Answer, Attestation, PartsSummary};
use tributary_archive::digest::Sha256Hex;
use tributary_archive::part::{Encoding, Part, PartKind, PartListDigest};
use tributary_archive::table;
use tributary_model::disposition::Disposition;
use tributary_model::dsse::Envelope;
use tributary_model::group::signed::InForce;
use tributary_model::group::{PublicEntity, PublicGroup};
use tributary_model::id::EntityId;
use tributary_model::identifier::Identifier;
use tributary_model::key::SigningKey;
use tributary_model::language::Language;
use tributary_model::right::{Right, TableFormat};
use tributary_model::scope::{Decision, Outcome, Rule};

use crate::case::{Actor, Dates, Opening, Waiting};
use crate::cause::Cause;
use crate::stage::Staged;
use crate::store::{Claim, Failure, Fingerprint, NewCase, WrittenArchive};

pub(super) fn now() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

pub(super) fn days(days: i64) -> Timestamp {
    now() + SignedDuration::from_hours(24 * days)
}

pub(super) fn id(entity: &str) -> EntityId {
    entity.parse().unwrap()
}

/// What is asked under the request id with the digest `request`.
pub(super) fn new_case(waiting: Waiting, entities: &[&str], identity_confirmed: bool, request: [u8; 32]) -> NewCase {
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
pub(super) fn written(sequence: u32) -> WrittenArchive {
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
pub(super) fn public_part(version: u64, entities: &[&str]) -> Vec<u8> {
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

pub(super) fn decision(entity: &str) -> Decision {
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

pub(super) fn dates() -> Dates {
    Dates { escalation_margin: SignedDuration::from_hours(24 * 5), least_window: Duration::from_secs(24 * 3600) }
}

pub(super) fn actor() -> Actor {
    Actor { caller: "spiffe://crm.example/portal".to_owned(), on_behalf_of: "clerk".to_owned(), note: None }
}

pub(super) fn attestation(claim: &Claim, disposition: Disposition, at: Timestamp) -> Attestation {
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

pub(super) fn failure(counts: bool, progressed: bool) -> Failure {
    Failure {
        disposition: if counts { Disposition::Failed } else { Disposition::Unreachable },
        reason: "as the test says".to_owned(),
        cause: if counts { Cause::Failed } else { Cause::Unreachable },
        counts,
        progressed,
        pause: Duration::from_secs(1),
        cap: 3,
    }
}

/// A part of one row, with an object that a test makes up.
pub(super) fn staged(index: u32, object: &str) -> Staged {
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
