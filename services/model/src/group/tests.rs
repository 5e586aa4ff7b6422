//! Promises of the group file, over the public API.

use jiff::{SignedDuration, Timestamp};

use super::signed::{GroupFileError, Pins, VerifiedGroup, open_public, sign};
use super::{GroupFile, Reach};
use crate::key::SigningKey;
use crate::scope::{Outcome, decide};

fn yaml(version: u64, second_country: &str) -> String {
    let key = || SigningKey::generate().unwrap().public();
    let valid = "not_before: 2026-01-01T00:00:00Z, not_after: 2028-01-01T00:00:00Z";
    let pem = "\"-----BEGIN CERTIFICATE-----\"";
    format!(
        "group: acme\nname: Acme\nversion: {version}\nissued_at: 2026-01-01T00:00:00Z\nexpires_at: 2027-01-01T00:00:00Z\n\
operator: acme-be\ngateway:\n  spiffe_id: spiffe://acme-be.example/gateway\n  keys:\n    - {{public_key: \"{}\", {valid}}}\n\
identifier_types: [email]\ntrust_domains:\n  acme-be.example: [{pem}]\n  acme-xx.example: [{pem}]\nentities:\n\
\x20 - id: acme-be\n    legal_name: Acme BE\n    country: BE\n    agent: {{spiffe_id: \"spiffe://acme-be.example/agent\", address: \"localhost:7001\"}}\n\
\x20   attestation_keys: [{{public_key: \"{}\", {valid}}}]\n\
\x20 - id: acme-xx\n    legal_name: Acme XX\n    country: {second_country}\n    agent: {{spiffe_id: \"spiffe://acme-xx.example/agent\", address: \"localhost:7002\"}}\n\
\x20   attestation_keys: [{{public_key: \"{}\", {valid}}}]\n",
        key(),
        key(),
        key()
    )
}

fn group(version: u64, country: &str) -> GroupFile {
    GroupFile::from_yaml("group.yaml", &yaml(version, country)).unwrap()
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

#[test]
fn every_error_is_printed_with_line_and_column() {
    let text = yaml(1, "FR").replace("operator: acme-be", "operator: nobody").replace("country: FR", "country: XX");
    let text = text.replace("localhost:7002", "localhost").replace("name: Acme\n", "nmae: Acme\n");
    let problems = GroupFile::from_yaml("group.yaml", &text).unwrap_err().to_string();
    for expected in ["group.yaml:2:1: the group file has no key `nmae`", "lacks the key `name`", "`country`: a country"]
    {
        assert!(problems.contains(expected), "{expected} not in\n{problems}");
    }
    let text = yaml(1, "FR").replace("operator: acme-be", "operator: nobody").replace("localhost:7002", "localhost");
    let problems = GroupFile::from_yaml("group.yaml", &text).unwrap_err();
    assert_eq!(problems.0.len(), 2, "{problems}");
    assert!(problems.to_string().contains("group.yaml:6:11: `operator` is `nobody`"), "{problems}");
}

#[test]
fn an_id_that_cannot_name_files_in_an_archive_is_refused() {
    for id in ["gateway", "con", "lpt9"] {
        let text = yaml(1, "FR").replace("id: acme-xx", &format!("id: {id}"));
        let problems = GroupFile::from_yaml("group.yaml", &text).unwrap_err().to_string();
        assert!(problems.contains("cannot be an entity's id"), "{problems}");
    }
}

#[test]
fn an_agent_has_an_address_or_dials_in_and_never_both_or_neither() {
    let address = "address: \"localhost:7002\"";
    let dialling = yaml(1, "FR").replace(address, "dials_in: true");
    let group = GroupFile::from_yaml("group.yaml", &dialling).unwrap();
    assert_eq!(group.entities[1].agent.reach, Reach::DialsIn);
    let json = serde_json::to_value(&group).unwrap();
    assert_eq!(json["entities"][1]["agent"]["dials_in"], true);
    assert!(json["entities"][0]["agent"].get("dials_in").is_none());
    assert_eq!(serde_json::from_value::<GroupFile>(json).unwrap(), group);
    for wrong in ["dials_in: false", "dials_in: true, address: \"localhost:7002\""] {
        let text = yaml(1, "FR").replace(address, wrong);
        let problems = GroupFile::from_yaml("group.yaml", &text).unwrap_err().to_string();
        assert!(problems.contains("either the `address`"), "{problems}");
    }
    let schema = serde_json::to_string(&super::json_schema()).unwrap();
    assert!(schema.contains("dials_in"), "{schema}");
}

#[test]
fn an_unsigned_older_expired_or_underspecified_group_file_is_refused() {
    let (a, b, stranger) =
        (SigningKey::generate().unwrap(), SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let pins = Pins { keys: vec![a.public(), b.public()], threshold: 2 };
    let mut pair = sign(&group(2, "FR"), &a).unwrap();
    let open = |bytes: &[u8], force: Option<&_>, at| VerifiedGroup::open(bytes, &pins, at, force);
    assert!(matches!(open(&pair.whole.to_json(), None, now()), Err(GroupFileError::Envelope(_))));
    pair.add_signature(&stranger).unwrap();
    assert!(matches!(open(&pair.whole.to_json(), None, now()), Err(GroupFileError::Envelope(_))));
    assert!(open(b"group: acme", None, now()).is_err());
    pair.add_signature(&b).unwrap();
    let verified = open(&pair.whole.to_json(), None, now()).unwrap();
    verified.check_public_part(&pair.public.to_json(), &pins).unwrap();
    assert!(open(&pair.whole.to_json(), Some(&verified.in_force()), now()).is_ok());

    let mut older = sign(&group(1, "FR"), &a).unwrap();
    older.add_signature(&b).unwrap();
    assert!(matches!(
        open(&older.whole.to_json(), Some(&verified.in_force()), now()),
        Err(GroupFileError::Older { found: 1, in_force: 2 })
    ));
    let mut other = sign(&group(2, "DE"), &a).unwrap();
    other.add_signature(&b).unwrap();
    assert_eq!(open(&other.whole.to_json(), Some(&verified.in_force()), now()), Err(GroupFileError::SameVersion(2)));
    assert_eq!(verified.check_public_part(&other.public.to_json(), &pins), Err(GroupFileError::Mismatch));
    let late = now() + SignedDuration::from_hours(24 * 365);
    assert!(matches!(open(&pair.whole.to_json(), None, late), Err(GroupFileError::Expired { .. })));
    assert!(open_public(&pair.public.to_json(), &pins).is_ok());
}

#[test]
fn an_entity_of_another_legal_area_is_not_asked_and_the_decision_says_why() {
    let asked = |group: &GroupFile| decide(group, &[]).iter().map(|d| d.outcome).collect::<Vec<_>>();
    assert_eq!(asked(&group(1, "FR")), [Outcome::Ask, Outcome::Ask]);
    assert_eq!(asked(&group(1, "NO")), [Outcome::Ask, Outcome::Ask]);
    assert_eq!(asked(&group(1, "GB")), [Outcome::Ask, Outcome::DoNotAsk]);
    let scoped = decide(&group(1, "FR"), &["acme-be".parse().unwrap()]);
    assert_eq!(scoped[1].outcome, Outcome::DoNotAsk);
}

#[test]
fn the_schema_names_every_key_that_is_read() {
    let schema = serde_json::to_value(super::json_schema()).unwrap();
    let json = serde_json::to_value(group(1, "FR")).unwrap();
    for key in json.as_object().unwrap().keys() {
        assert!(schema["properties"].get(key).is_some(), "{key}");
    }
}

#[test]
fn several_entities_may_have_one_agent() {
    let text = yaml(1, "FR").replace("acme-xx.example/agent", "acme-be.example/agent").replace(":7002", ":7001");
    let group = GroupFile::from_yaml("group.yaml", &text).unwrap();
    assert_eq!(group.entities[0].agent, group.entities[1].agent);
}
