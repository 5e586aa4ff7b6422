//! Promises of attestations, over the public API.

use tributary_model::disposition::Disposition;

use super::*;
use crate::part::PartListDigest;
use crate::table;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn no_data() -> Attestation {
    Attestation {
        entity: "acme-fr".parse().unwrap(),
        case: CaseId::new(at("2026-06-01T00:00:00Z")),
        instruction: InstructionId::new(at("2026-06-01T00:00:00Z")),
        right: Right::Access,
        generation: 1,
        group_version: 3,
        group_sha256: Sha256Hex::of(b"group"),
        started_at: at("2026-06-01T00:00:00Z"),
        finished_at: at("2026-06-01T00:01:00Z"),
        identifier_types: vec!["email".parse().unwrap()],
        answers: vec![answer("crm", Disposition::NoData)],
        disposition: Disposition::NoData,
        searched: vec![Searched { dataset: "crm".parse().unwrap(), collection: "customer".to_owned(), rows: 0 }],
        not_searched: Vec::new(),
        redactions: Vec::new(),
        parts: PartsSummary { count: 0, bytes: 0, encoded_bytes: 0, rows: 0, sha256: PartListDigest::new().finish() },
        tables_sha256: table::digest([]),
        previews_sha256: None,
        information_sha256: None,
        software: "agent 1".to_owned(),
    }
}

fn answer(dataset: &str, disposition: Disposition) -> Answer {
    Answer {
        controller: "acme-fr".parse().unwrap(),
        dataset: dataset.parse().unwrap(),
        disposition,
        reason: None,
        rows: 0,
        snapshot_at: None,
    }
}

fn gap(dataset: &str, reason: NotSearchedReason) -> NotSearched {
    NotSearched { dataset: dataset.parse().unwrap(), collection: None, reason, detail: "x".to_owned() }
}

fn valid(key: &SigningKey) -> ValidKey {
    ValidKey {
        public_key: key.public(),
        not_before: at("2026-01-01T00:00:00Z"),
        not_after: at("2026-07-01T00:00:00Z"),
        revoked_at: None,
    }
}

#[test]
fn an_attestation_opens_with_its_entitys_keys_only() {
    let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let envelope = no_data().sign(&key).to_json();
    let now = at("2026-06-02T00:00:00Z");
    assert_eq!(Attestation::open(&envelope, &[valid(&other), valid(&key)], now), Ok(no_data_like(&envelope, &key)));
    assert!(matches!(Attestation::open(&envelope, &[valid(&other)], now), Err(AttestationError::Envelope(_))));
    assert!(Attestation::open(&envelope, &[], now).is_err());
    assert!(Attestation::open(b"{}", &[valid(&key)], now).is_err());
}

fn no_data_like(envelope: &[u8], key: &SigningKey) -> Attestation {
    let payload = Envelope::from_json(envelope).unwrap().verify(payload_type::IN_TOTO, &[key.public()], 1).unwrap();
    let statement: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["subject"][0]["name"], "parts");
    serde_json::from_value(statement["predicate"].clone()).unwrap()
}

#[test]
fn the_key_must_be_valid_when_it_signed_and_not_be_revoked_since() {
    let key = SigningKey::generate().unwrap();
    let envelope = no_data().sign(&key).to_json();
    let open = |key: ValidKey, now: &str| Attestation::open(&envelope, &[key], at(now)).map(|_| ());
    let june = "2026-06-02T00:00:00Z";
    assert_eq!(open(valid(&key), june), Ok(()));
    assert_eq!(open(valid(&key), "2026-08-01T00:00:00Z"), Ok(()), "an old answer stays an answer");
    let late = ValidKey { not_before: at("2026-06-01T12:00:00Z"), ..valid(&key) };
    assert!(matches!(open(late, june), Err(AttestationError::Key { invalid: KeyInvalid::NotYet, .. })));
    let expired = ValidKey { not_after: at("2026-05-01T00:00:00Z"), ..valid(&key) };
    assert!(matches!(open(expired, june), Err(AttestationError::Key { invalid: KeyInvalid::Expired, .. })));
    let revoked = ValidKey { revoked_at: Some(at("2026-06-01T12:00:00Z")), ..valid(&key) };
    assert_eq!(open(revoked.clone(), "2026-06-01T11:59:59Z"), Ok(()));
    assert!(matches!(open(revoked, june), Err(AttestationError::Key { invalid: KeyInvalid::Revoked, .. })));
}

#[test]
fn no_data_cannot_be_said_with_something_personal_unsearched() {
    let with = |reason| Attestation { not_searched: vec![gap("crm", reason)], ..no_data() }.check();
    assert_eq!(with(NotSearchedReason::NotPersonal), Ok(()));
    for reason in [NotSearchedReason::NotConnected, NotSearchedReason::SkippedByManifest] {
        assert!(matches!(with(reason), Err(Contradiction::Unsearched { .. })));
    }
    let elsewhere = Attestation { not_searched: vec![gap("hr", NotSearchedReason::Unavailable)], ..no_data() };
    assert!(matches!(elsewhere.check(), Err(Contradiction::Unsearched { .. })), "a dataset without an answer");
    let gaps = [gap("crm", NotSearchedReason::Unavailable)];
    let crm = "crm".parse().unwrap();
    assert_eq!(weaken(Disposition::NoData, &crm, &gaps), Disposition::PartlyFulfilled);
    assert_eq!(weaken(Disposition::NoData, &"hr".parse().unwrap(), &gaps), Disposition::NoData);
    let said = Disposition::PartlyFulfilled;
    let weakened =
        Attestation { answers: vec![answer("crm", said)], disposition: said, not_searched: gaps.to_vec(), ..no_data() };
    assert_eq!(weakened.check(), Ok(()));
}

#[test]
fn an_attestation_that_contradicts_itself_is_refused() {
    let good = no_data();
    assert_eq!(good.check(), Ok(()));
    let parts = PartsSummary { count: 1, ..good.parts };
    let two = |d| vec![answer("crm", Disposition::NoData), answer("hr", d)];
    let bad = [
        Attestation { answers: Vec::new(), ..good.clone() },
        Attestation { answers: vec![answer("crm", Disposition::NoData); 2], ..good.clone() },
        Attestation { answers: two(Disposition::Unreachable), disposition: Disposition::Unreachable, ..good.clone() },
        Attestation { answers: two(Disposition::NeedsIdentity), ..good.clone() },
        Attestation { answers: two(Disposition::Refused), disposition: Disposition::Refused, ..good.clone() },
        Attestation { parts, ..good.clone() },
        Attestation { parts: PartsSummary { rows: 1, ..good.parts }, ..good.clone() },
        Attestation { parts: PartsSummary { sha256: Sha256Hex::of(b""), ..good.parts }, ..good.clone() },
        Attestation { tables_sha256: Sha256Hex::of(b""), ..good.clone() },
        Attestation { finished_at: at("2026-05-01T00:00:00Z"), ..good.clone() },
        Attestation { generation: 0, ..good.clone() },
    ];
    for attestation in bad {
        assert!(attestation.check().is_err(), "{attestation:?}");
        let key = SigningKey::generate().unwrap();
        let envelope = attestation.sign(&key).to_json();
        assert!(Attestation::open(&envelope, &[valid(&key)], at("2026-06-02T00:00:00Z")).is_err());
    }
    let fulfilled = Attestation {
        answers: vec![
            answer("crm", Disposition::Fulfilled),
            Answer { reason: Some("held by court order".to_owned()), ..answer("hr", Disposition::Withheld) },
        ],
        disposition: Disposition::Withheld,
        parts,
        ..good
    };
    assert_eq!(fulfilled.check(), Ok(()), "one dataset's parts stand beside another's refusal");
}

#[test]
fn a_statement_about_another_part_list_is_refused() {
    let key = SigningKey::generate().unwrap();
    let statement = Statement::new(SUBJECT, Sha256Hex::of(b"other"), PREDICATE_TYPE, no_data());
    let envelope = Envelope::sign(payload_type::IN_TOTO, &statement.to_json(), &key).to_json();
    let opened = Attestation::open(&envelope, &[valid(&key)], at("2026-06-02T00:00:00Z"));
    assert_eq!(opened, Err(AttestationError::Contradiction(Contradiction::Subject)));
}
