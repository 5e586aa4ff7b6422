//! What a mandate is refused for.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::{Action, CLOCK_SKEW, Expected, Mandate, MandateError};
use crate::group::GroupFile;
use crate::id::{CaseId, InstructionId};
use crate::identifier::Identifier;
use crate::key::{SigningKey, ValidKey};
use crate::right::Right;

struct World {
    gateway: SigningKey,
    group: GroupFile,
    identifiers: Vec<Identifier>,
    mandate: Mandate,
    now: Timestamp,
}

fn world() -> World {
    let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
    let gateway = SigningKey::generate().unwrap();
    let valid = |key: &SigningKey| ValidKey {
        public_key: key.public(),
        not_before: now - SignedDuration::from_hours(1),
        not_after: now + SignedDuration::from_hours(1),
        revoked_at: None,
    };
    let group = GroupFile {
        group: "acme".parse().unwrap(),
        name: "Acme".into(),
        version: 7,
        issued_at: now,
        expires_at: now + SignedDuration::from_hours(1),
        operator: "acme-be".parse().unwrap(),
        gateway: crate::group::Gateway {
            spiffe_id: "spiffe://acme-be.example/gateway".parse().unwrap(),
            keys: vec![valid(&gateway)],
        },
        identifier_types: vec!["email".parse().unwrap()],
        trust_domains: Default::default(),
        entities: Vec::new(),
    };
    let identifiers = vec![Identifier::new("email".parse().unwrap(), "a@example.org").unwrap()];
    let mandate = Mandate {
        action: Action::Export,
        instruction: InstructionId::new(now),
        entity: "acme-fr".parse().unwrap(),
        case: CaseId::new(now),
        right: Right::Access,
        salt: BASE64_STANDARD.encode(b"salt"),
        identifiers_sha256: Mandate::digest_of(b"salt", &identifiers),
        group_version: 7,
        group_sha256: "00".into(),
        received_at: None,
        not_before: now,
        expires_at: now + SignedDuration::from_mins(10),
    };
    World { gateway, group, identifiers, mandate, now }
}

impl World {
    fn open_at(&self, signed: &[u8], now: Timestamp) -> Result<Mandate, MandateError> {
        let entity = self.mandate.entity.clone();
        let expected = Expected {
            action: Action::Export,
            instruction: self.mandate.instruction,
            entity: &entity,
            identifiers: Some(&self.identifiers),
        };
        Mandate::open(signed, &self.group, now, expected)
    }

    fn signed(&self) -> Vec<u8> {
        self.mandate.sign(&self.gateway).to_json()
    }
}

#[test]
fn a_mandate_counts_for_what_it_says_and_nothing_else() {
    let w = world();
    let signed = w.signed();
    assert_eq!(w.open_at(&signed, w.now), Ok(w.mandate.clone()));

    let (entity, other_entity) = (w.mandate.entity.clone(), "acme-de".parse().unwrap());
    let right = Expected {
        action: Action::Export,
        instruction: w.mandate.instruction,
        entity: &entity,
        identifiers: Some(&w.identifiers),
    };
    let open = |expected| Mandate::open(&signed, &w.group, w.now, expected).unwrap_err();
    assert_eq!(Mandate::addressee(&signed), Some(entity.clone()));
    assert_eq!(Mandate::addressee(b"{}"), None);
    assert_eq!(open(Expected { entity: &other_entity, ..right }), MandateError::Other("entity"));
    assert_eq!(open(Expected { action: Action::Locate, ..right }), MandateError::Other("action"));
    let instruction = InstructionId::new(w.now + SignedDuration::from_secs(1));
    assert_eq!(open(Expected { instruction, ..right }), MandateError::Other("instruction"));
    let others = [Identifier::new("email".parse().unwrap(), "b@example.org").unwrap()];
    let error = open(Expected { identifiers: Some(&others), ..right });
    assert!(matches!(error, MandateError::Other(_)) && !error.to_string().contains("example.org"));
}

#[test]
fn a_mandate_binds_when_the_request_was_received_and_need_not_say_it() {
    let mut w = world();
    assert!(!String::from_utf8(w.signed()).unwrap().contains("received_at"));
    let silent = w.open_at(&w.signed(), w.now).unwrap();
    let received = w.now - SignedDuration::from_hours(72);
    assert_eq!(silent.check_received_at(None), Ok(()));
    assert_eq!(silent.check_received_at(Some(received)), Err(MandateError::Other("time of reception")));
    w.mandate.received_at = Some(received);
    let said = w.open_at(&w.signed(), w.now).unwrap();
    assert_eq!(said.check_received_at(Some(received)), Ok(()));
    for other in [None, Some(w.now)] {
        assert_eq!(said.check_received_at(other), Err(MandateError::Other("time of reception")));
    }
}

#[test]
fn a_mandate_counts_only_in_its_time_give_or_take_the_clocks() {
    let w = world();
    let signed = w.signed();
    let second = SignedDuration::from_secs(1);
    assert!(w.open_at(&signed, w.mandate.not_before - CLOCK_SKEW).is_ok());
    assert!(matches!(w.open_at(&signed, w.mandate.not_before - CLOCK_SKEW - second), Err(MandateError::NotYet(_))));
    assert!(w.open_at(&signed, w.mandate.expires_at + CLOCK_SKEW - second).is_ok());
    assert!(matches!(w.open_at(&signed, w.mandate.expires_at + CLOCK_SKEW), Err(MandateError::Expired(_))));
}

#[test]
fn an_altered_mandate_or_one_of_another_key_is_refused() {
    let mut w = world();
    let genuine = w.signed();
    for at in (0..genuine.len()).step_by(7) {
        let mut altered = genuine.clone();
        altered[at] ^= 1;
        assert!(w.open_at(&altered, w.now).is_err(), "byte {at}");
    }
    let stranger = SigningKey::generate().unwrap();
    let foreign = w.mandate.sign(&stranger).to_json();
    assert!(matches!(w.open_at(&foreign, w.now), Err(MandateError::Signature(_))));
    w.group.gateway.keys[0].revoked_at = Some(w.now);
    assert_eq!(w.open_at(&genuine, w.now), Err(MandateError::Key));
}
