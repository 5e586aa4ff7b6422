//! Promises of the check: only the entity's own word, about this order, on exactly what is staged, counts.

use tributary_archive::attestation::{Answer, PartsSummary, Searched};
use tributary_archive::digest::Sha256Hex;
use tributary_archive::part::{Encoding, PartKind, PartListDigest};
use tributary_archive::table;
use tributary_model::disposition::Disposition;
use tributary_model::group::{Agent, Reach};
use tributary_model::key::{SigningKey, ValidKey};

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-06-01T12:00:00Z";

struct World {
    key: SigningKey,
    entity: Entity,
    attestation: Attestation,
    parts: Vec<Part>,
    tables: Vec<Table>,
    previews: Vec<Preview>,
    information: Option<Information>,
    group: InForce,
}

fn world() -> World {
    let key = SigningKey::generate().unwrap();
    let valid = ValidKey {
        public_key: key.public(),
        not_before: at("2026-01-01T00:00:00Z"),
        not_after: at("2026-12-01T00:00:00Z"),
        revoked_at: None,
    };
    let entity = Entity {
        id: "acme-fr".parse().unwrap(),
        legal_name: "Acme SAS".to_owned(),
        country: "FR".parse().unwrap(),
        authority: None,
        contact: None,
        agent: Agent {
            spiffe_id: "spiffe://acme-fr.example/agent".parse().unwrap(),
            reach: Reach::At("localhost:1".to_owned()),
        },
        attestation_keys: vec![valid],
    };
    let content = b"id\r\n1\r\n";
    let parts = vec![Part {
        index: 1,
        path: "crm/customer-0001.csv".parse().unwrap(),
        dataset: "crm".parse().unwrap(),
        collection: "customer".to_owned(),
        kind: PartKind::Table,
        media_type: "text/csv".to_owned(),
        encoding: Encoding::Identity,
        rows: 1,
        bytes: content.len() as u64,
        encoded_bytes: content.len() as u64,
        crc32: crc32fast::hash(content),
        sha256: Sha256Hex::of(content),
        encoded_sha256: Sha256Hex::of(content),
    }];
    let tables = vec![Table {
        dataset: "crm".parse().unwrap(),
        collection: "customer".to_owned(),
        title: None,
        description: None,
        fields: Vec::new(),
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
        labels: table::Labels::default(),
        dataset_labels: table::Labels::default(),
        marks: Vec::new(),
    }];
    let group = InForce { version: 3, digest: Sha256Hex::of(b"group").to_string() };
    let attestation = Attestation {
        entity: entity.id.clone(),
        case: CaseId::new(at(NOW)),
        instruction: InstructionId::new(at(NOW)),
        right: Right::Access,
        generation: 2,
        group_version: 3,
        group_sha256: Sha256Hex::of(b"group"),
        started_at: at("2026-06-01T11:00:00Z"),
        finished_at: at("2026-06-01T11:59:00Z"),
        identifier_types: vec!["email".parse().unwrap()],
        answers: vec![Answer {
            controller: entity.id.clone(),
            dataset: "crm".parse().unwrap(),
            disposition: Disposition::Fulfilled,
            reason: None,
            rows: 1,
            snapshot_at: None,
        }],
        disposition: Disposition::Fulfilled,
        searched: vec![Searched { dataset: "crm".parse().unwrap(), collection: "customer".to_owned(), rows: 1 }],
        not_searched: Vec::new(),
        redactions: Vec::new(),
        parts: PartsSummary {
            count: 1,
            bytes: content.len() as u64,
            encoded_bytes: content.len() as u64,
            rows: 1,
            sha256: PartListDigest::of(&parts),
        },
        tables_sha256: table::digest(&tables),
        previews_sha256: None,
        information_sha256: None,
        software: "agent 1".to_owned(),
    };
    World { key, entity, attestation, parts, tables, previews: Vec::new(), information: None, group }
}

impl World {
    /// Checks `said` against what was asked for and staged.
    fn verify(&self, said: &Attestation) -> Result<Attestation, AttestationFault> {
        self.verify_at(&said.sign(&self.key).to_json(), NOW)
    }

    fn verify_at(&self, envelope: &[u8], now: &str) -> Result<Attestation, AttestationFault> {
        let asked = &self.attestation;
        let expected = Expected {
            case: asked.case,
            right: asked.right,
            instruction: asked.instruction,
            generation: asked.generation,
            parts: &self.parts,
            tables: &self.tables,
            previews: &self.previews,
            information: self.information.as_ref(),
            group: &self.group,
        };
        verify_attestation(envelope, &self.entity, &expected, at(now))
    }
}

#[test]
fn an_honest_attestation_counts() {
    let world = world();
    assert_eq!(world.verify(&world.attestation), Ok(world.attestation.clone()));
}

#[test]
fn a_foreign_key_an_altered_word_and_garbage_do_not_count() {
    let world = world();
    let foreign = SigningKey::generate().unwrap();
    let refused = world.verify_at(&world.attestation.sign(&foreign).to_json(), NOW);
    assert!(matches!(refused, Err(AttestationFault::Envelope(AttestationError::Envelope(_)))), "{refused:?}");
    assert!(world.verify_at(b"{}", NOW).is_err());
    assert!(world.verify_at(b"", NOW).is_err());
}

#[test]
fn an_attestation_about_anything_else_does_not_count() {
    let world = world();
    let good = &world.attestation;
    let later = at("2026-06-02T00:00:00Z");
    let others = [
        ("entity", Attestation { entity: "acme-de".parse().unwrap(), ..good.clone() }),
        ("case", Attestation { case: CaseId::new(later), ..good.clone() }),
        ("instruction", Attestation { instruction: InstructionId::new(later), ..good.clone() }),
        ("generation", Attestation { generation: 1, ..good.clone() }),
        ("group file", Attestation { group_sha256: Sha256Hex::of(b"another"), ..good.clone() }),
    ];
    for (what, other) in others {
        assert_eq!(world.verify(&other), Err(AttestationFault::Other(what)));
    }
}

#[test]
fn an_agent_may_have_another_version_of_the_group_file_in_force() {
    let world = world();
    for version in [2, 4] {
        let other = Attestation {
            group_version: version,
            group_sha256: Sha256Hex::of(b"another"),
            ..world.attestation.clone()
        };
        assert!(world.verify(&other).is_ok());
    }
}

#[test]
fn it_must_cover_exactly_what_is_staged() {
    let mut world = world();
    let said = world.attestation.clone();
    let staged = world.parts.clone();
    world.parts.clear();
    assert_eq!(world.verify(&said), Err(AttestationFault::Parts(PartsMismatch::Parts("number"))));
    world.parts = vec![Part { crc32: 1, ..staged[0].clone() }];
    assert_eq!(world.verify(&said), Err(AttestationFault::Parts(PartsMismatch::Parts("list digest"))));
    world.parts = staged;
    world.tables[0].title = Some("Customers".to_owned());
    assert_eq!(world.verify(&said), Err(AttestationFault::Parts(PartsMismatch::Tables)));
}

#[test]
fn it_must_cover_exactly_the_previews_and_the_record_that_came() {
    let mut world = world();
    let bare = world.attestation.clone();
    let preview = Preview {
        dataset: "crm".parse().unwrap(),
        collection: "customer".to_owned(),
        total_rows: 1,
        rows: Vec::new(),
        overview: Vec::new(),
    };
    let covering = Attestation { previews_sha256: Some(preview::digest([&preview])), ..bare.clone() };
    assert_eq!(world.verify(&covering), Err(AttestationFault::Previews), "attested, and did not come");
    world.previews = vec![preview];
    assert_eq!(world.verify(&bare), Err(AttestationFault::Previews), "came, and is not attested");
    assert!(world.verify(&covering).is_ok());
    world.previews[0].rows.push(Vec::new());
    assert_eq!(world.verify(&covering), Err(AttestationFault::Previews), "another one came");
    world.previews[0].total_rows = 2;
    assert!(matches!(world.verify(&covering), Err(AttestationFault::Unfit(_))), "no archive would take it");
    world.previews.clear();
    let record = Information::default();
    let informing = Attestation { information_sha256: Some(information::digest(&record)), ..bare.clone() };
    assert_eq!(world.verify(&informing), Err(AttestationFault::Information));
    world.information = Some(record);
    assert!(world.verify(&informing).is_ok());
    assert_eq!(world.verify(&bare), Err(AttestationFault::Information));
}

#[test]
fn a_key_counts_when_it_signed_and_still_now() {
    let mut world = world();
    let envelope = world.attestation.sign(&world.key).to_json();
    let late = "2026-12-02T00:00:00Z";
    assert_eq!(world.verify_at(&envelope, late), Err(AttestationFault::Key(KeyInvalid::Expired)));
    world.entity.attestation_keys[0].revoked_at = Some(at("2026-06-01T11:59:30Z"));
    assert!(world.verify_at(&envelope, NOW).is_err());
    world.entity.attestation_keys[0].revoked_at = None;
    world.entity.attestation_keys[0].not_before = at("2026-06-01T11:59:30Z");
    assert!(world.verify_at(&envelope, NOW).is_err());
}

#[test]
fn an_answer_from_the_future_does_not_count() {
    let world = world();
    let soon = Attestation { finished_at: at("2026-06-01T12:00:50Z"), ..world.attestation.clone() };
    assert!(world.verify(&soon).is_ok(), "clocks differ by up to a minute");
    let early = Attestation { finished_at: at("2026-06-01T12:02:00Z"), ..world.attestation.clone() };
    assert_eq!(world.verify(&early), Err(AttestationFault::Early));
}
