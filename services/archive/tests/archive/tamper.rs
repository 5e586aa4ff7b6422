//! What a forger can do who holds every key but the entities' and the group's: nothing that goes unseen.

use jiff::{SignedDuration, Timestamp};
use tributary_archive::bag::{BuildError, Contribution};
use tributary_archive::completeness::roster_digest;
use tributary_archive::part::PartKind;
use tributary_archive::verify::{Verdict, VerifyOptions, verify};
use tributary_model::disposition::Disposition;
use tributary_model::dsse::{Envelope, payload_type};
use tributary_model::key::SigningKey;
use tributary_model::scope::Outcome;

use crate::forge::Forgery;
use crate::world::{ASSEMBLED, ATTESTED, Content, World, at, errors, valid};

const COMPLETENESS: &str = "completeness.json";
const FRENCH: &str = "attestations/acme-fr.dsse.json";

fn sample() -> (World, Vec<Contribution>, Forgery) {
    let (world, contributions) = World::sample();
    let bytes = world.close(&world.facts(), &contributions).unwrap().bytes;
    (world, contributions, Forgery::of(&bytes))
}

/// The archive fails, and says `why`.
fn fails(world: &World, bytes: &[u8], why: &str) {
    let report = world.verify(bytes);
    assert_eq!(report.verdict, Verdict::Failed, "went unseen: {why}");
    assert!(errors(&report).contains(why), "`{why}` is not among:\n{}", errors(&report));
}

#[test]
fn the_forgers_own_tools_make_an_archive_that_verifies() {
    let (world, _, mut forgery) = sample();
    forgery.resign(&world.gateway);
    let report = world.verify(&forgery.zip());
    assert_eq!(report.verdict, Verdict::Authentic, "{}", errors(&report));
}

#[test]
fn without_the_gateways_key_nothing_can_be_changed() {
    let (world, _, mut forgery) = sample();
    forgery.edit(COMPLETENESS, "TICKET-1", "TICKET-2");
    forgery.edit("bag-info.txt", "TICKET-1", "TICKET-2");
    fails(&world, &forgery.zip(), "tagmanifest-sha256.txt: it does not list exactly");
    forgery.refit();
    fails(&world, &forgery.zip(), "attestations/gateway.dsse.json: it is not the statement");
    let stranger = SigningKey::generate().unwrap();
    forgery.resign(&stranger);
    fails(&world, &forgery.zip(), "attestations/gateway.dsse.json: not signed by a gateway key");
    forgery.resign(&world.keys[&world.id("acme-fr")]);
    fails(&world, &forgery.zip(), "attestations/gateway.dsse.json: not signed by a gateway key");
}

#[test]
fn the_gateway_cannot_alter_what_an_entity_said() {
    let (world, _, forgery) = sample();
    for (from, to) in [
        ("\"disposition\": \"FULFILLED\"", "\"disposition\": \"NO_DATA\""),
        ("\"detail\": \"the system did not answer\"", "\"detail\": \"it was empty\""),
        ("\"reason\": \"UNAVAILABLE\"", "\"reason\": \"NOT_PERSONAL\""),
        ("acme-fr société", "acme-fr Ltd"),
    ] {
        let mut forgery = forgery.clone();
        forgery.edit(COMPLETENESS, from, to);
        forgery.resign(&world.gateway);
        fails(&world, &forgery.zip(), "does not follow from what it signed");
    }
    let mut forgery = forgery;
    forgery.edit(COMPLETENESS, "\"complete\": false,\n  \"entities\"", "\"complete\": true,\n  \"entities\"");
    forgery.resign(&world.gateway);
    fails(&world, &forgery.zip(), "`complete` does not follow");
}

#[test]
fn a_page_that_was_drawn_otherwise_is_seen_by_everyone_but_the_gateway_that_signed_it() {
    let (world, _, mut forgery) = sample();
    forgery.put("START-HERE.html", "<p>nothing is missing</p>");
    forgery.refit();
    fails(&world, &forgery.zip(), "attestations/gateway.dsse.json: it is not the statement");
    forgery.resign(&world.gateway);
    assert_eq!(world.verify(&forgery.zip()).verdict, Verdict::Authentic, "as the profile says");
}

#[test]
fn the_gateway_cannot_say_what_is_an_entitys_to_say() {
    let (world, _, mut forgery) = sample();
    forgery.edit(COMPLETENESS, "\"disposition\": \"UNREACHABLE\"", "\"disposition\": \"NO_DATA\"");
    forgery.resign(&world.gateway);
    fails(&world, &forgery.zip(), "entity `acme-nl`: its line does not follow");
    let (world, _, mut forgery) = sample();
    let text = forgery.text(COMPLETENESS);
    let start = text.find("\"entity\": \"acme-nl\"").unwrap();
    let changed = text[start..].replacen("\"UNREACHABLE\"", "\"NO_DATA\"", 1).replacen(
        "\"said_by\": \"observed\"",
        "\"said_by\": \"entity\"",
        1,
    );
    forgery.put(COMPLETENESS, format!("{}{changed}", &text[..start]));
    forgery.resign(&world.gateway);
    fails(&world, &forgery.zip(), "attestations/acme-nl.dsse.json: missing");
}

#[test]
fn the_gateway_cannot_drop_an_entity() {
    let (world, _, forgery) = sample();
    for dropped in ["acme-fr", "acme-nl", "acme-be"] {
        let mut forgery = forgery.clone();
        let text = forgery.text(COMPLETENESS);
        let start = text.find(&format!("    {{\n      \"entity\": \"{dropped}\"")).unwrap();
        let end = start + text[start..].find("\n    }").unwrap() + 6;
        let rest = text[end..].trim_start_matches(',').trim_start_matches('\n');
        let mut before = text[..start].to_owned();
        if rest.trim_start().starts_with(']') {
            before.truncate(before.rfind(',').unwrap());
            before.push('\n');
        }
        forgery.put(COMPLETENESS, format!("{before}{rest}"));
        let decisions: Vec<_> = world.facts().decisions.into_iter().filter(|d| d.entity.as_str() != dropped).collect();
        let old = roster_digest(world.case, &world.group, &world.facts().decisions).to_string();
        let new = roster_digest(world.case, &world.group, &decisions).to_string();
        forgery.edit(COMPLETENESS, &old, &new);
        if dropped == "acme-fr" {
            forgery.remove("data/entities/acme-fr/");
        }
        if dropped != "acme-nl" {
            forgery.remove(&format!("attestations/{dropped}"));
        }
        forgery.resign_with(&world.gateway, |statement| statement.replace(&old, &new));
        let report = world.verify(&forgery.zip());
        let found = errors(&report);
        assert!(
            found.starts_with("completeness.json: its entities are not exactly those of trust.json, in their order\n"),
            "{dropped}: {found}"
        );

        // Cut out of trust.json as well, which the group's key does not sign.
        let mut group = world.group.clone();
        group.entities.retain(|entity| entity.id.as_str() != dropped);
        let payload = serde_json::to_vec(&group).unwrap();
        forgery.put("trust.json", Envelope::sign(payload_type::PUBLIC_GROUP, &payload, &world.gateway).to_json());
        forgery.resign(&world.gateway);
        fails(&world, &forgery.zip(), "trust.json: group file: 0 of 1 needed signatures verify");
    }
}

#[test]
fn the_gateway_cannot_add_drop_swap_or_change_parts() {
    let (world, _, forgery) = sample();
    let change = |change: &dyn Fn(&mut Forgery), why: &str| {
        let mut forgery = forgery.clone();
        change(&mut forgery);
        forgery.resign(&world.gateway);
        fails(&world, &forgery.zip(), why);
    };
    let (one, two) = ("data/entities/acme-fr/crm/invoice-0001.csv", "data/entities/acme-fr/crm/invoice-0002.csv");
    change(
        &|f| f.put("data/entities/acme-fr/extra.csv", "id\n1\n"),
        "extra.csv: the archive has no place for this file",
    );
    change(
        &|f| f.put("data/entities/acme-be/extra.csv", "id\n1\n"),
        "extra.csv: the archive has no place for this file",
    );
    change(&|f| f.put("fetch.txt", "http://example.org 1 data/x\n"), "fetch.txt: the archive has no place");
    change(&|f| f.put("attestations/acme-nl.dsse.json", "{}"), "the archive has no place for this file");
    change(&|f| f.remove(one), "invoice-0001.csv: missing");
    change(&|f| f.remove("data/entities/acme-fr/"), "acme-fr/datapackage.json: missing");
    change(&|f| f.put(one, "id,customer,total\n7,1,1.00\n"), "invoice-0001.csv: its size, checksum or digest");
    let swap = |f: &mut Forgery| {
        for file in &mut f.files {
            if file.path == one {
                file.path = two.to_owned();
            } else if file.path == two {
                file.path = one.to_owned();
            }
        }
        f.files.sort_by(|a, b| a.path.cmp(&b.path));
    };
    change(&swap, "invoice-0001.csv: its size, checksum or digest is not as described");
    let package = "data/entities/acme-fr/datapackage.json";
    change(&|f| f.edit(package, "\"rows\": 2", "\"rows\": 1"), "datapackage.json: the parts are not the attested ones");
    change(
        &|f| f.edit(package, "Customers", "Suppliers"),
        "the descriptions of the parts' tables are not the attested",
    );
    change(&|f| f.edit(package, "\"user.name\"", "\"user.nickname\""), "the descriptions of the parts' tables");
    change(&|f| f.edit(package, "\n", "\n "), "datapackage.json: it is not spelt as the profile has it");
    change(&|f| f.edit(package, "acme-fr société", "Another"), "its name, title or date is not the entity's");
    let previews = "data/entities/acme-fr/previews.ndjson";
    change(&|f| f.edit(previews, "Zoë", "Eva"), "previews.ndjson: the previews are not the attested ones");
    change(&|f| f.edit(previews, "\n", " \n"), "previews.ndjson: the previews are not the attested ones");
    change(&|f| f.remove(previews), "previews.ndjson: missing");
    change(&|f| f.put("data/entities/acme-be/previews.ndjson", ""), "the archive has no place for this file");
    let information = "data/information.json";
    change(&|f| f.edit(information, "Consent", "Contract"), "its record of processing is not the one that it attested");
    change(&|f| f.edit(information, "Post & Co", "Nobody"), "its record of processing is not the one that it attested");
    change(
        &|f| f.edit(information, "\"authority\": \"CNIL\"", "\"authority\": \"ICO\""),
        "information.json: its content",
    );
    change(&|f| f.edit(information, "15(1)(d)", "15(1)(e)"), "information.json: its content is not what the rest");
    change(&|f| f.edit(information, "go to court", "go home"), "information.json: its content is not what the rest");
    change(&|f| f.edit("data/overview.json", "Zoë", "Eva"), "overview.json: its content is not what the rest");
    change(&|f| f.edit("data/overview.json", "false", "true"), "overview.json: its content is not what the rest");
    let linked = "data/ro-crate-metadata.json";
    change(&|f| f.edit(linked, "dpv:DataController", "dpv:DataProcessor"), "ro-crate-metadata.json: its content");
    for gone in [information, "data/overview.json", linked, "START-HERE.html", "mark.svg", "data/README.txt"] {
        change(&|f| f.remove(gone), &format!("{gone}: missing"));
    }
    change(
        &|f| f.edit(COMPLETENESS, "\"language\": \"en\"", "\"language\": \"EN\""),
        "completeness.json: it is not spelt",
    );
    change(&|f| f.edit(COMPLETENESS, "\n}", "\n }"), "completeness.json: it is not spelt");
    change(&|f| f.put("bagit.txt", "BagIt-Version: 0.97\n"), "bagit.txt: its content is not what");
    change(&|f| f.edit("bag-info.txt", "Acme Group", "Other"), "bag-info.txt: its content is not what");
}

#[test]
fn another_deflate_stream_of_the_same_content_is_not_as_the_entity_carried_it() {
    let (world, _, mut forgery) = sample();
    let path = "data/entities/acme-fr/crm/customer-0001.csv";
    let plain = crate::forge::inflate(&forgery.get(path).data);
    let stored_block =
        [&[1][..], &(plain.len() as u16).to_le_bytes(), &(!(plain.len() as u16)).to_le_bytes(), &plain].concat();
    let file = forgery.files.iter_mut().find(|file| file.path == path).unwrap();
    file.data = stored_block;
    forgery.resign(&world.gateway);
    let report = world.verify(&forgery.zip());
    assert_eq!(report.verdict, Verdict::Repacked, "{}", errors(&report));
    assert!(report.findings[0].what.starts_with("parts are compressed otherwise"), "{}", report.findings[0]);
    let (world, _, mut forgery) = sample();
    forgery.files.iter_mut().find(|file| file.path == path).unwrap().data.push(0);
    forgery.resign(&world.gateway);
    fails(&world, &forgery.zip(), "customer-0001.csv: bytes follow its deflate stream");
    let (world, _, mut forgery) = sample();
    forgery.files.iter_mut().find(|file| file.path == path).unwrap().data.pop();
    forgery.resign(&world.gateway);
    fails(&world, &forgery.zip(), "customer-0001.csv: its deflate stream has no end");
}

#[test]
fn an_entitys_answer_cannot_be_signed_with_a_foreign_key_or_be_about_something_else() {
    let (world, contributions, forgery) = sample();
    let french = contributions[0].attestation.clone().unwrap();
    let envelope = Envelope::from_json(&french).unwrap();
    let payload = envelope.unverified_payload().unwrap();
    for key in [&world.gateway, &world.keys[&world.id("acme-be")], &world.root] {
        let mut forgery = forgery.clone();
        forgery.put(FRENCH, Envelope::sign(payload_type::IN_TOTO, &payload, key).to_json());
        forgery.resign(&world.gateway);
        fails(&world, &forgery.zip(), "acme-fr.dsse.json: attestation: 0 of 1 needed signatures verify");
    }
    let other = World { keys: Default::default(), ..World::new(&["acme-fr"]) };
    let mut attestation = other.attestation("acme-fr", Disposition::NoData, &[], &[]);
    attestation.case = tributary_model::id::CaseId::new(at(ATTESTED));
    attestation.group_sha256 = world.group.group_file_sha256.parse().unwrap();
    let key = &world.keys[&world.id("acme-fr")];
    let mut forgery = forgery;
    forgery.put(FRENCH, attestation.sign(key).to_json());
    forgery.resign(&world.gateway);
    fails(&world, &forgery.zip(), "acme-fr.dsse.json: attestation: it is about another case");
    attestation.case = world.case;
    attestation.entity = world.id("acme-be");
    forgery.put(FRENCH, attestation.sign(key).to_json());
    forgery.resign(&world.gateway);
    fails(&world, &forgery.zip(), "acme-fr.dsse.json: attestation: it is about another entity");
}

#[test]
fn a_key_that_was_not_valid_or_was_revoked_at_assembly_does_not_count() {
    let (world, contributions) = World::sample();
    let assembled = at(ASSEMBLED);
    let second = SignedDuration::from_secs(1);
    type Change = fn(&mut tributary_model::key::ValidKey, Timestamp);
    let cases: [(Change, Timestamp, &str); 5] = [
        (|key, at| key.revoked_at = Some(at), assembled, "the key was revoked"),
        (|key, at| key.revoked_at = Some(at), at(ATTESTED), "the key was revoked"),
        (|key, at| key.not_after = at, assembled, "the key had expired"),
        (|key, at| key.not_after = at, at(ATTESTED), "the key had expired"),
        (|key, at| key.not_before = at, assembled + second, "the key was not valid yet"),
    ];
    for (change, when, why) in cases {
        for (entity, place) in [(true, FRENCH), (false, "attestations/gateway.dsse.json")] {
            let mut later = World { group: world.group.clone(), keys: Default::default(), ..rekeyed(&world) };
            change(
                if entity {
                    &mut later.entity_mut("acme-fr").attestation_keys[0]
                } else {
                    &mut later.group.gateway_keys[0]
                },
                when,
            );
            assert!(later.close(&later.facts(), &contributions).is_err(), "built: {why} {place}");
            // The gateway puts the archive together all the same: under the group file as it is.
            let bytes = world.close(&world.facts(), &contributions).unwrap().bytes;
            let mut forgery = Forgery::of(&bytes);
            forgery.put("trust.json", later.trust());
            forgery.resign(&world.gateway);
            fails(&later, &forgery.zip(), &format!("{place}: {}{why}", if entity { "attestation: " } else { "" }));
        }
    }
    let mut fine = rekeyed(&world);
    fine.group = world.group.clone();
    fine.entity_mut("acme-fr").attestation_keys[0].revoked_at = Some(assembled + second);
    fine.group.gateway_keys[0].not_after = assembled + second;
    let mut fine = World { staged: world.staged.clone(), ..fine };
    let bytes = fine.close(&fine.facts(), &contributions).unwrap().bytes;
    assert_eq!(fine.verify(&bytes).verdict, Verdict::Authentic, "revoked later");
    fine.entity_mut("acme-fr").attestation_keys.insert(0, valid(&SigningKey::generate().unwrap()));
    let bytes = fine.close(&fine.facts(), &contributions).unwrap().bytes;
    assert_eq!(fine.verify(&bytes).verdict, Verdict::Authentic, "any of the entity's keys");
}

/// The same case under the same keys, to be given another group file.
fn rekeyed(world: &World) -> World {
    let again = |key: &SigningKey| SigningKey::from_pem(&key.to_pem().unwrap()).unwrap();
    World {
        root: again(&world.root),
        gateway: again(&world.gateway),
        keys: Default::default(),
        group: world.group.clone(),
        case: world.case,
        staged: Default::default(),
    }
}

#[test]
fn an_older_group_file_cannot_be_put_in_place_of_the_one_in_force() {
    let (world, _, mut forgery) = sample();
    let mut older = rekeyed(&world);
    older.group.version = 6;
    older.group.group_file_sha256 = tributary_archive::digest::Sha256Hex::of(b"older").to_string();
    forgery.put("trust.json", older.trust());
    forgery.refit();
    fails(&world, &forgery.zip(), "completeness.json: it names another group file than trust.json belongs to");
    fails(&world, &forgery.zip(), "gateway.dsse.json: it is not the statement");
}

#[test]
fn a_threshold_of_group_keys_must_have_signed() {
    let (world, _, forgery) = sample();
    let bytes = forgery.zip();
    let mut pins = world.pins();
    pins.keys.push(SigningKey::generate().unwrap().public());
    let check = |pins: &_| {
        verify(&mut std::io::Cursor::new(&bytes), VerifyOptions { group: Some(pins), predecessor: None }).verdict
    };
    assert_eq!(check(&pins), Verdict::Authentic);
    pins.threshold = 2;
    assert_eq!(check(&pins), Verdict::Failed);
    pins = world.pins();
    pins.keys = vec![world.gateway.public()];
    assert_eq!(check(&pins), Verdict::Failed);
}

#[test]
fn entries_that_are_doubled_renamed_or_out_of_order_are_seen() {
    let (world, _, forgery) = sample();
    let mut doubled = forgery.clone();
    doubled.files.insert(1, doubled.files[0].clone());
    fails(&world, &doubled.zip(), "entries are not in the order of distinct names");
    let mut swapped = forgery.clone();
    swapped.files.swap(0, 1);
    let report = world.verify(&swapped.zip());
    assert_eq!(report.verdict, Verdict::Repacked, "the same files in another order");
    assert_eq!(report.findings[0].what, "entries stand in another order");
    for bad in ["../x", "a//b", "", "C:\\x", "data/entities/acme-fr/crm/../x"] {
        let mut renamed = forgery.clone();
        renamed.files.insert(0, forgery.files[0].clone());
        renamed.files[0].path = bad.to_owned();
        fails(&world, &renamed.zip(), "a name leaves the archive's folder or is no file's");
    }
}

#[test]
fn a_bomb_is_refused_before_it_goes_off() {
    let (world, _, mut forgery) = sample();
    let path = "data/entities/acme-fr/crm/customer-0001.csv";
    let bomb = crate::world::deflate(&vec![0; 64 << 20]);
    let file = forgery.files.iter_mut().find(|file| file.path == path).unwrap();
    file.data = bomb;
    forgery.resign(&world.gateway);
    fails(&world, &forgery.zip(), "customer-0001.csv: it is longer than announced");
    let file = forgery.files.iter_mut().find(|file| file.path == path).unwrap();
    (file.size, file.data) = (u32::MAX - 1, vec![0; 10]);
    fails(&world, &forgery.zip(), "an entry's sizes cannot be true");
}

#[test]
fn a_hostile_entity_cannot_put_a_file_where_another_reads() {
    let mut world = World::new(&["acme-be", "acme-fr"]);
    let contents = vec![Content::csv("x.csv", "customer", 1, "id,name,born\n1,a,\n".to_owned())];
    let french = world.hands_over("acme-fr", contents);
    assert_eq!(french.parts[0].kind, PartKind::Table);
    let mut stolen = french.clone();
    stolen.entity = world.id("acme-be");
    let refused = world.close(&world.facts(), &[stolen, french.clone()]);
    assert!(matches!(refused, Err(BuildError::Attestation { .. })));
    let mut facts = world.facts();
    facts.decisions[0] = world.decision(&world.id("acme-be"), Outcome::DoNotAsk);
    let asked = world.close(&facts, &[world.observed("acme-be", Disposition::NotAsked), french]).unwrap();
    assert_eq!(world.verify(&asked.bytes).verdict, Verdict::Authentic);
}
