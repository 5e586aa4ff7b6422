//! Promises of closing an archive.

use std::io::Cursor;

use crate::world::{ASSEMBLED, Content, World, at, errors, sample_contents};
use tributary_archive::bag::{BuildError, EarlierArchive};
use tributary_archive::container::{Piece, PieceList};
use tributary_archive::digest::Sha256Hex;
use tributary_archive::show::show;
use tributary_archive::verify::{Verdict, VerifyOptions, verify};
use tributary_model::disposition::Disposition;
use tributary_model::key::SigningKey;
use tributary_model::scope::Outcome;

#[test]
fn a_closed_archive_is_authentic_and_consistent_without_a_group_key() {
    let (world, contributions) = World::sample();
    let closed = world.close(&world.facts(), &contributions).unwrap();
    let report = world.verify(&closed.bytes);
    assert_eq!((report.verdict, errors(&report).as_str()), (Verdict::Authentic, ""));
    let report = verify(&mut Cursor::new(&closed.bytes), VerifyOptions::default());
    assert_eq!(report.verdict, Verdict::Consistent);
    assert_eq!(report.verdict.as_str(), "consistent, signers not authenticated");
}

#[test]
fn an_archive_says_what_is_missing() {
    let (world, mut contributions) = World::sample();
    let closed = world.close(&world.facts(), &contributions).unwrap();
    assert!(!closed.bag.complete);
    let summary = show(&mut Cursor::new(&closed.bytes)).unwrap();
    assert_eq!(world.verify(&closed.bytes).summary, Some(summary.clone()));
    let standing: Vec<(&str, Disposition)> =
        summary.entities.iter().map(|e| (e.entity.as_str(), e.disposition)).collect();
    assert_eq!(
        standing,
        [
            ("acme-be", Disposition::NoData),
            ("acme-de", Disposition::PartlyFulfilled),
            ("acme-fr", Disposition::Fulfilled),
            ("acme-nl", Disposition::Unreachable),
        ]
    );
    assert_eq!(summary.entities[1].not_searched.len(), 1);
    assert_eq!(summary.entities[3].reason.as_deref(), Some("no connection to the agent"));
    let collections: Vec<(&str, u64, u64)> =
        summary.entities[2].collections.iter().map(|c| (c.collection.as_str(), c.parts, c.rows)).collect();
    assert_eq!(collections, [("customer", 1, 2), ("documents", 1, 0), ("invoice", 2, 2)]);

    contributions[2] = world.says("acme-nl", Disposition::NoData);
    assert!(!world.close(&world.facts(), &contributions).unwrap().bag.complete, "one is PARTLY_FULFILLED");
    contributions[3] = world.says("acme-de", Disposition::NoData);
    assert!(world.close(&world.facts(), &contributions).unwrap().bag.complete);
}

#[test]
fn an_entity_that_was_not_asked_stands_in_the_roster_with_its_decision() {
    let (world, mut contributions) = World::sample();
    let mut facts = world.facts();
    facts.decisions[1] = world.decision(&world.id("acme-de"), Outcome::DoNotAsk);
    assert!(matches!(world.close(&facts, &contributions), Err(BuildError::Contribution { .. })));
    contributions[3] = world.observed("acme-de", Disposition::NotAsked);
    let closed = world.close(&facts, &contributions).unwrap();
    let report = world.verify(&closed.bytes);
    assert_eq!(report.verdict, Verdict::Authentic, "{}", errors(&report));
    let entity = &report.summary.unwrap().entities[1];
    assert_eq!(entity.disposition, Disposition::NotAsked);
    assert!(entity.reason.as_deref().unwrap().contains("another legal area"), "{:?}", entity.reason);
}

#[test]
fn the_same_facts_give_the_same_bytes_in_whatever_order_they_come() {
    let (world, mut contributions) = World::sample();
    let facts = world.facts();
    let first = world.close(&facts, &contributions).unwrap();
    contributions.reverse();
    let mut shuffled = facts.clone();
    shuffled.decisions.reverse();
    let second = world.close(&shuffled, &contributions).unwrap();
    assert_eq!(first.bag, second.bag);
    assert_eq!(first.bytes, second.bytes);
    assert_eq!(first.bag.file_name, format!("tributary-{}.zip", world.case));
}

#[test]
fn any_range_is_served_from_the_stored_list_of_pieces() {
    let (world, contributions) = World::sample();
    let closed = world.close(&world.facts(), &contributions).unwrap();
    let mut bag = closed.bag.clone();
    bag.pieces = PieceList::decode(&bag.pieces.encode()).unwrap();
    assert_eq!(bag, closed.bag);
    assert_eq!(bag.len, closed.bytes.len() as u64);
    assert_eq!(bag.pieces.pieces().iter().filter(|piece| matches!(piece, Piece::Part { .. })).count(), 4);
    let mut state = 1_usize;
    for _ in 0..2_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let start = (state >> 20) % (closed.bytes.len() + 10);
        let end = start + (state >> 8) % 3_000;
        let length = closed.bytes.len();
        assert_eq!(world.range(&bag, start as u64..end as u64), closed.bytes[start.min(length)..end.min(length)]);
    }
}

#[test]
fn an_archive_without_any_data_is_still_a_bag() {
    let world = World::new(&["acme-be", "acme-fr"]);
    let contributions =
        [world.says("acme-be", Disposition::NoData), world.observed("acme-fr", Disposition::Unreachable)];
    let closed = world.close(&world.facts(), &contributions).unwrap();
    let report = world.verify(&closed.bytes);
    assert_eq!(report.verdict, Verdict::Authentic, "{}", errors(&report));
    let manifest = crate::forge::Forgery::of(&closed.bytes).text("manifest-sha256.txt");
    let listed: Vec<&str> = manifest.lines().map(|line| &line[66..]).collect();
    let own = ["data/README.txt", "data/information.json", "data/overview.json", "data/ro-crate-metadata.json"];
    assert_eq!(listed, own);
}

#[test]
fn another_reader_finds_every_file() {
    let (world, contributions) = World::sample();
    let closed = world.close(&world.facts(), &contributions).unwrap();
    let archive = rawzip::ZipArchive::from_slice(&closed.bytes).unwrap();
    let mut names = Vec::new();
    for entry in archive.entries() {
        let entry = entry.unwrap();
        names.push(String::from_utf8(entry.file_path().as_bytes().to_vec()).unwrap());
        let data = archive.get_entry(entry.wayfinder()).unwrap();
        let mut plain = Vec::new();
        let read = match entry.compression_method() {
            rawzip::CompressionMethod::DEFLATE => {
                std::io::Read::read_to_end(&mut flate2::read::DeflateDecoder::new(data.data()), &mut plain)
            }
            _ => std::io::Read::read_to_end(&mut data.data(), &mut plain),
        };
        assert_eq!(read.unwrap() as u64, entry.uncompressed_size_hint());
        assert_eq!(crc32fast::hash(&plain), entry.crc32());
    }
    let folder = format!("{}/", world.case);
    let paths: Vec<&str> = names.iter().map(|name| name.strip_prefix(&folder).unwrap()).collect();
    assert!(paths.is_sorted());
    assert_eq!(
        paths,
        [
            "START-HERE.html",
            "attestations/acme-be.dsse.json",
            "attestations/acme-de.dsse.json",
            "attestations/acme-fr.dsse.json",
            "attestations/gateway.dsse.json",
            "bag-info.txt",
            "bagit.txt",
            "completeness.json",
            "data/README.txt",
            "data/entities/acme-fr/crm/customer-0001.csv",
            "data/entities/acme-fr/crm/invoice-0001.csv",
            "data/entities/acme-fr/crm/invoice-0002.csv",
            "data/entities/acme-fr/datapackage.json",
            "data/entities/acme-fr/files/Ausweis (Kopie) é.pdf",
            "data/entities/acme-fr/previews.ndjson",
            "data/information.json",
            "data/overview.json",
            "data/ro-crate-metadata.json",
            "manifest-sha256.txt",
            "mark.svg",
            "tagmanifest-sha256.txt",
            "trust.json",
        ]
    );
}

#[test]
fn what_would_not_verify_is_not_built() {
    let (mut world, contributions) = World::sample();
    let facts = world.facts();
    let refused = |facts: &_, contributions: &[_]| world.close(facts, contributions).err().map(|e| e.to_string());
    let expect = |found: Option<String>, part: &str| {
        let found = found.unwrap_or_else(|| panic!("{part}: built"));
        assert!(found.contains(part), "{part} not in: {found}");
    };
    expect(refused(&facts, &contributions[1..]), "`acme-fr` needs one decision and one contribution");
    expect(refused(&facts, &[&contributions[..], &contributions[..1]].concat()), "`acme-fr` needs one");
    let mut fewer = facts.clone();
    fewer.decisions.remove(0);
    expect(refused(&fewer, &contributions), "`acme-be` needs one decision");
    let mut other = facts.clone();
    other.public_group.name.push('x');
    expect(refused(&other, &contributions), "trust envelope");
    let mut addendum = facts.clone();
    addendum.sequence = 2;
    expect(refused(&addendum, &contributions), "sequence 2");
    addendum.earlier = vec![EarlierArchive {
        sequence: 2,
        tagmanifest_sha256: Sha256Hex::of(b""),
        assembled_at: addendum.received_at,
        complete: false,
    }];
    expect(refused(&addendum, &contributions), "sequence 2");
    let mut early = facts.clone();
    early.assembled_at = at("2025-06-01T00:00:00Z");
    expect(refused(&early, &contributions), "is not valid yet");

    let mut changed = contributions.clone();
    changed[0].parts.swap(0, 1);
    expect(refused(&facts, &changed), "expected index 1");
    changed[0].parts = contributions[0].parts[..3].to_vec();
    expect(refused(&facts, &changed), "number differs");
    changed[0].parts = contributions[0].parts.clone();
    changed[0].parts[0].sha256 = Sha256Hex::of(b"other");
    expect(refused(&facts, &changed), "list digest differs");
    changed[0].parts = contributions[0].parts.clone();
    changed[0].tables[0].title = Some("Other".to_owned());
    expect(refused(&facts, &changed), "descriptions");
    changed[0] = contributions[0].clone();
    changed[0].archive = None;
    expect(refused(&facts, &changed), "no archive carries them");
    changed[0].archive = Some(2);
    expect(refused(&facts, &changed), "after this one");
    changed[0] = contributions[0].clone();
    changed[0].attestation.clone_from(&contributions[1].attestation);
    expect(refused(&facts, &changed), "must be signed by a key that the group file lists for the entity");
    changed[0].attestation = None;
    expect(refused(&facts, &changed), "needs its attestation");
    changed[0] = contributions[0].clone();
    changed[0].disposition = Disposition::NoData;
    expect(refused(&facts, &changed), "another disposition");
    changed[0].disposition = Disposition::Failed;
    expect(refused(&facts, &changed), "not its source's to say");

    let stranger = SigningKey::generate().unwrap();
    let error = tributary_archive::bag::build(&facts, &contributions, &stranger).unwrap_err().to_string();
    assert!(error.contains("is not listed by the group file"), "{error}");

    world.case = tributary_model::id::CaseId::new(at(ASSEMBLED));
    expect(world.close(&world.facts(), &contributions).err().map(|e| e.to_string()), "another case");
}

#[test]
fn parts_that_could_not_be_extracted_side_by_side_are_refused() {
    for (first, second) in [("A.csv", "a.CSV"), ("a", "a/b.csv"), ("x/y.csv", "X"), ("straße.csv", "STRASSE.csv")] {
        let mut world = World::new(&["acme-fr"]);
        let csv = |path| Content::csv(path, "customer", 1, "id,name,born\n1,a,\n".to_owned());
        let contribution = world.hands_over("acme-fr", vec![csv(first), csv(second)]);
        let refused = world.close(&world.facts(), &[contribution]);
        assert!(matches!(refused, Err(BuildError::Path { part: 2, .. })), "{first} and {second}");
    }
}

#[test]
fn sizes_that_lie_do_not_wrap() {
    let mut world = World::new(&["acme-fr"]);
    let mut parts = world.stage("acme-fr", sample_contents());
    parts.truncate(1);
    parts[0].encoded_bytes = u64::MAX;
    let attestation = world.attestation("acme-fr", Disposition::Fulfilled, &parts, &[crate::world::customer()]);
    let contribution = world.contribution(&attestation, vec![crate::world::customer()], parts);
    assert!(matches!(world.close(&world.facts(), &[contribution]), Err(BuildError::TooLarge)));
}
