//! A late entity yields an addendum: an archive of the same form that names and signs the one before.

use std::io::Cursor;

use tributary_archive::bag::{BuildError, CaseFacts, Contribution, EarlierArchive};
use tributary_archive::digest::Sha256Hex;
use tributary_archive::information::{InformationFile, RecordState};
use tributary_archive::verify::{ReadSeek, Report, Severity, Verdict, VerifyOptions, verify};
use tributary_model::disposition::Disposition;

use crate::forge::Forgery;
use crate::world::{ASSEMBLED, Closed, Content, World, at, errors};

struct Late {
    world: World,
    first: Closed,
    facts: CaseFacts,
    contributions: Vec<Contribution>,
    addendum: Closed,
}

/// acme-fr answers at once; acme-nl answers after the first archive.
fn late() -> Late {
    let mut world = World::new(&["acme-fr", "acme-nl"]);
    let content = |path| vec![Content::csv(path, "customer", 1, "id,name,born\n1,Zoë,\n".to_owned())];
    let french = world.hands_over("acme-fr", content("f.csv"));
    let unheard = world.observed("acme-nl", Disposition::Unreachable);
    let first = world.close(&world.facts(), &[french.clone(), unheard]).unwrap();
    let mut dutch = world.hands_over("acme-nl", content("n.csv"));
    dutch.archive = Some(2);
    let mut facts = world.facts();
    facts.sequence = 2;
    facts.assembled_at = at("2026-06-09T00:00:00Z");
    facts.earlier = vec![EarlierArchive {
        sequence: 1,
        tagmanifest_sha256: first.bag.tagmanifest_sha256,
        assembled_at: at(ASSEMBLED),
        complete: first.bag.complete,
    }];
    let contributions = vec![french, dutch];
    let addendum = world.close(&facts, &contributions).unwrap();
    Late { world, first, facts, contributions, addendum }
}

fn check(world: &World, bytes: &[u8], before: Option<&[u8]>) -> Report {
    let pins = world.pins();
    let mut before = before.map(Cursor::new);
    let predecessor = before.as_mut().map(|before| before as &mut dyn ReadSeek);
    verify(&mut Cursor::new(bytes), VerifyOptions { group: Some(&pins), predecessor })
}

fn fails(world: &World, bytes: &[u8], before: Option<&[u8]>, why: &str) {
    let report = check(world, bytes, before);
    assert_eq!(report.verdict, Verdict::Failed, "went unseen: {why}");
    assert!(errors(&report).contains(why), "`{why}` is not among:\n{}", errors(&report));
}

#[test]
fn a_late_entity_yields_an_addendum_that_names_and_signs_the_archive_before() {
    let Late { world, first, addendum, .. } = late();
    let report = check(&world, &addendum.bytes, Some(&first.bytes));
    assert_eq!(report.verdict, Verdict::Authentic, "{}", errors(&report));
    assert!(report.findings.is_empty());
    assert!(addendum.bag.complete && !first.bag.complete);
    assert!(addendum.bag.file_name.ends_with("-addendum-2.zip"));
    let summary = report.summary.unwrap();
    assert_eq!(summary.entities.iter().map(|e| e.archive).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert!(summary.entities[0].collections.is_empty() && summary.entities[1].collections.len() == 1);
    let files = Forgery::of(&addendum.bytes);
    assert!(files.files.iter().all(|file| !file.path.starts_with("data/entities/acme-fr/")));
    assert!(files.files.iter().any(|file| file.path == "attestations/acme-fr.dsse.json"));
}

#[test]
fn an_addendum_cannot_become_complete_by_leaving_out_who_never_answered() {
    let Late { mut world, first, mut facts, mut contributions, .. } = late();
    world.group.version += 1;
    world.group.group_file_sha256 = "ab".repeat(32);
    world.group.entities.retain(|entity| entity.id.as_str() != "acme-nl");
    facts.public_group = world.group.clone();
    facts.trust_envelope = world.trust();
    facts.decisions.retain(|decision| decision.entity.as_str() != "acme-nl");
    contributions.retain(|contribution| contribution.entity.as_str() != "acme-nl");
    let addendum = world.close(&facts, &contributions).unwrap();
    assert!(addendum.bag.complete && !first.bag.complete);
    fails(&world, &addendum.bytes, Some(&first.bytes), "entity `acme-nl` stands in its roster and not in this one");
}

#[test]
fn an_addendum_alone_is_authentic_and_says_that_the_link_was_not_checked() {
    let Late { world, addendum, .. } = late();
    let report = check(&world, &addendum.bytes, None);
    assert_eq!(report.verdict, Verdict::Authentic);
    assert!(report.findings.iter().any(|f| f.severity == Severity::Note && f.what.contains("link")));
}

#[test]
fn a_wrong_predecessor_is_seen() {
    let Late { world, first, facts, contributions, addendum } = late();
    let mut other_time = world.facts();
    other_time.assembled_at = at("2026-06-02T00:00:00Z");
    let unheard = world.observed("acme-nl", Disposition::Unreachable);
    let other = world.close(&other_time, &[contributions[0].clone(), unheard]).unwrap();
    let why = "it is not the archive that this one names and signs";
    fails(&world, &addendum.bytes, Some(&other.bytes), why);
    fails(&world, &addendum.bytes, Some(&addendum.bytes), why);
    let mut broken = first.bytes.clone();
    broken[40] ^= 1;
    fails(&world, &addendum.bytes, Some(&broken), "the predecessor: it is not an archive that verifies");
    let readme = first.bytes.windows(10).position(|window| window == b"The folder").unwrap();
    let mut broken = first.bytes.clone();
    broken[readme] ^= 1;
    fails(&world, &addendum.bytes, Some(&broken), "the predecessor: it does not verify");
    fails(&world, &first.bytes, Some(&first.bytes), "is its case's first and has no predecessor");
    let mut wrong = facts;
    wrong.earlier[0].tagmanifest_sha256 = Sha256Hex::of(b"wrong");
    let wrong = world.close(&wrong, &contributions).unwrap();
    fails(&world, &wrong.bytes, Some(&first.bytes), why);
}

#[test]
fn an_addendum_cannot_say_of_the_archives_before_it_what_they_do_not() {
    let Late { world, first, facts, contributions, .. } = late();
    let mut lies = [facts.clone(), facts.clone()];
    lies[0].earlier[0].complete = true;
    lies[1].earlier[0].assembled_at = at("2026-06-01T00:00:00Z");
    for facts in lies {
        let addendum = world.close(&facts, &contributions).unwrap();
        fails(&world, &addendum.bytes, Some(&first.bytes), "what this archive says of the earlier ones");
    }
    let mut gap = facts;
    gap.sequence = 3;
    gap.earlier[0].sequence = 2;
    assert!(matches!(world.close(&gap, &contributions), Err(BuildError::Sequence(3))), "a chain with a gap");
}

#[test]
fn an_addendum_tells_of_the_record_of_processing_where_it_is() {
    let Late { addendum, .. } = late();
    let information = Forgery::of(&addendum.bytes).text("data/information.json");
    let information: InformationFile = serde_json::from_str(&information).unwrap();
    let states: Vec<_> = information.entities.iter().map(|entity| (entity.state, entity.archive)).collect();
    assert_eq!(states, [(RecordState::Earlier, Some(1)), (RecordState::NothingRecorded, None)]);
    assert!(information.entities[0].not_recorded.is_empty());
    assert!(information.entities[1].not_recorded.iter().all(|gap| gap.text == "not recorded by acme-nl société"));
}

#[test]
fn an_addendum_cannot_take_back_or_replace_what_an_entity_said_before() {
    let Late { world, first, facts, mut contributions, .. } = late();
    let forgotten = world.observed("acme-fr", Disposition::Unreachable);
    let taken = world.close(&facts, &[forgotten, contributions[1].clone()]).unwrap();
    fails(&world, &taken.bytes, Some(&first.bytes), "entity `acme-fr` answered later there than here");
    let mut other = world.attestation("acme-fr", Disposition::NoData, &[], &[]);
    other.finished_at = at("2026-06-05T00:00:00Z");
    contributions[0] = world.contribution(&other, Vec::new(), Vec::new());
    let replaced = world.close(&facts, &contributions).unwrap();
    fails(&world, &replaced.bytes, Some(&first.bytes), "entity `acme-fr` answered otherwise there");
}

#[test]
fn a_key_that_expired_since_does_not_spoil_an_answer_that_is_repeated() {
    let Late { mut world, facts, contributions, .. } = late();
    world.entity_mut("acme-fr").attestation_keys[0].not_after = at("2026-06-05T00:00:00Z");
    let mut later = CaseFacts { public_group: world.group.clone(), trust_envelope: world.trust(), ..facts };
    let addendum = world.close(&later, &contributions).unwrap();
    let report = check(&world, &addendum.bytes, None);
    assert_eq!(report.verdict, Verdict::Authentic, "{}", errors(&report));
    world.entity_mut("acme-fr").attestation_keys[0].revoked_at = Some(at("2026-06-06T00:00:00Z"));
    later.public_group = world.group.clone();
    later.trust_envelope = world.trust();
    assert!(world.close(&later, &contributions).is_err(), "revoked is another matter");
}

#[test]
fn an_answer_whose_key_was_revoked_since_may_be_taken_back_and_is_named() {
    let Late { mut world, first, facts, contributions, .. } = late();
    world.entity_mut("acme-fr").attestation_keys[0].revoked_at = Some(at("2026-06-06T00:00:00Z"));
    let later = CaseFacts { public_group: world.group.clone(), trust_envelope: world.trust(), ..facts };
    let void = world.observed("acme-fr", Disposition::Failed);
    let addendum = world.close(&later, &[void, contributions[1].clone()]).unwrap();
    let report = check(&world, &addendum.bytes, Some(&first.bytes));
    assert_eq!(report.verdict, Verdict::Authentic, "{}", errors(&report));
    assert!(
        report.findings.iter().any(|finding| finding.what.contains("its key was revoked")),
        "{:?}",
        report.findings
    );
}
