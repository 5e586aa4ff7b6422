//! The group changes while a case is open: who has left stands in the roster as before, with the keys of that time.

use tributary_archive::bag::{BuildError, CaseFacts, Contribution, Former};
use tributary_archive::verify::{Verdict, VerifyOptions, verify};
use tributary_model::disposition::Disposition;

use crate::world::{Content, World, errors};

/// acme-nl has answered, and left the group before the archive was closed; acme-fr has a new name by then.
fn changed() -> (World, CaseFacts, Vec<Contribution>) {
    let mut world = World::new(&["acme-fr", "acme-nl"]);
    let content = |path| vec![Content::csv(path, "customer", 1, "id,name,born\n1,Zoë,\n".to_owned())];
    let contributions =
        vec![world.hands_over("acme-fr", content("f.csv")), world.hands_over("acme-nl", content("n.csv"))];
    let mut facts = world.facts();
    let trust_envelope = world.trust();
    facts.former = vec![Former { group: world.group.clone(), trust_envelope, entities: vec![world.id("acme-nl")] }];
    world.group.version += 1;
    world.group.group_file_sha256 = "ab".repeat(32);
    world.group.entities.retain(|entity| entity.id.as_str() != "acme-nl");
    facts.public_group = world.group.clone();
    facts.trust_envelope = world.trust();
    (world, facts, contributions)
}

#[test]
fn an_entity_that_left_keeps_its_place_and_its_keys() {
    let (world, facts, contributions) = changed();
    let closed = world.close(&facts, &contributions).unwrap();
    let pins = world.pins();
    let options = VerifyOptions { group: Some(&pins), predecessor: None };
    let report = verify(&mut std::io::Cursor::new(&closed.bytes), options);
    assert_eq!(report.verdict, Verdict::Authentic, "{}", errors(&report));
    assert!(closed.bag.complete);
    let foreign = tributary_model::key::SigningKey::generate().unwrap().public();
    let pins = tributary_model::group::signed::Pins { keys: vec![foreign], threshold: 1 };
    let report =
        verify(&mut std::io::Cursor::new(&closed.bytes), VerifyOptions { group: Some(&pins), predecessor: None });
    assert_eq!(report.verdict, Verdict::Failed);
}

#[test]
fn an_earlier_group_file_must_fit_the_roster() {
    let refused = |spoil: fn(&mut CaseFacts)| {
        let (world, mut facts, contributions) = changed();
        spoil(&mut facts);
        world.close(&facts, &contributions).err()
    };
    let unfit = |error: &Option<BuildError>| matches!(error, Some(BuildError::Former(_)));
    let still_listed = refused(|facts| facts.former[0].entities.insert(0, "acme-fr".parse().unwrap()));
    assert!(unfit(&still_listed), "{still_listed:?}");
    let nobody = refused(|facts| facts.former[0].entities.clear());
    assert!(unfit(&nobody), "{nobody:?}");
    let unknown = refused(|facts| facts.former[0].entities[0] = "acme-it".parse().unwrap());
    assert!(unfit(&unknown), "{unknown:?}");
    let newer = refused(|facts| facts.former[0].group.version = facts.public_group.version);
    assert!(unfit(&newer), "{newer:?}");
    let other = refused(|facts| facts.former[0].trust_envelope = facts.trust_envelope.clone());
    assert_eq!(other, Some(BuildError::Trust));
    let missing = refused(|facts| facts.former.clear());
    assert!(matches!(missing, Some(BuildError::Roster(_))), "{missing:?}");
}

#[test]
fn an_entity_that_left_before_it_answered_is_named_all_the_same() {
    let (world, facts, mut contributions) = changed();
    contributions[1] = world.observed("acme-nl", Disposition::Failed);
    let closed = world.close(&facts, &contributions).unwrap();
    assert!(!closed.bag.complete);
}
