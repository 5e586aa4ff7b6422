//! The group changes while cases are open: every archive can still be closed and checked, and nobody is lost.

use std::sync::Arc;

use tributary_archive::verify::Verdict;
use tributary_model::clock::Clock;
use tributary_model::key::SigningKey;
use tributary_proto::gateway::v1::CaseState;
use tributary_proto::types::v1::Disposition;

use crate::case::{Case, disposition, request, task, verified};
use crate::hub::Hub;
use crate::support::script::Script;
use crate::support::world::{World, id};

fn entity<'w>(world: &'w mut World, name: &str) -> &'w mut tributary_model::group::Entity {
    world.group.entities.iter_mut().find(|entity| entity.id.as_str() == name).unwrap()
}

#[tokio::test]
async fn entities_join_leave_and_renew_their_keys_while_a_case_is_open() {
    let mut newcomer = None;
    let mut hub = Hub::with(&["be", "de", "fr", "nl"], |world| {
        newcomer = world.group.entities.pop();
    })
    .await;
    let _agents = [hub.agent("be", Script::honest()), hub.agent("de", Script::honest())];
    let mut case = Case::open(&hub, request(0)).await;
    case.until(|case| ["be", "de"].iter().all(|entity| disposition(case, entity) == Disposition::Fulfilled)).await;
    let renewed = Arc::new(SigningKey::generate().unwrap());
    hub.regroup(|world| {
        world.group.entities.retain(|entity| entity.id.as_str() != "de");
        world.group.entities.extend(newcomer);
        entity(world, "fr").attestation_keys[0].public_key = renewed.public();
        world.members.get_mut(&id("fr")).unwrap().key = Arc::clone(&renewed);
    })
    .await;
    let _fr = hub.agent("fr", Script::honest());
    let mut case = Case::of(&hub, case.id).await;
    let ready = case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    assert_eq!(disposition(&ready, "de"), Disposition::Fulfilled, "who left keeps its answer");
    assert_eq!(disposition(&ready, "nl"), Disposition::NotAsked);
    assert!(task(&ready, "nl").reason.contains("joined"), "{}", task(&ready, "nl").reason);
    let report = verified(&hub, &case.archive(0).await, None);
    assert_eq!(report.verdict, Verdict::Authentic, "{:#?}", report.findings);
    assert_eq!(case.deliver(0).await.state(), CaseState::Closed);
}

#[tokio::test]
async fn an_entity_that_left_before_it_answered_is_named_in_the_archive() {
    let mut hub = Hub::new(&["be", "de"]).await;
    let _be = hub.agent("be", Script::honest());
    let case = Case::open(&hub, request(60)).await;
    hub.regroup(|world| world.group.entities.retain(|entity| entity.id.as_str() != "de")).await;
    let mut case = Case::of(&hub, case.id).await;
    let ready = case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    assert_eq!(disposition(&ready, "de"), Disposition::Failed);
    let archive = case.archive(0).await;
    assert_eq!(verified(&hub, &archive, None).verdict, Verdict::Authentic);
    let why = b"the entity left the group before it had answered";
    assert!(archive.windows(why.len()).any(|window| window == why));
}

#[tokio::test]
async fn an_answer_whose_key_is_revoked_is_asked_for_anew_and_the_chain_holds() {
    let mut hub = Hub::new(&["be", "fr"]).await;
    let be = hub.agent("be", Script::honest());
    let mut case = Case::open(&hub, request(30)).await;
    case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    let first = case.archive(1).await;
    let renewed = Arc::new(SigningKey::generate().unwrap());
    hub.regroup(|world| {
        let now = world.clock.now();
        let keys = &mut entity(world, "be").attestation_keys;
        let mut key = keys[0].clone();
        key.public_key = renewed.public();
        keys[0].revoked_at = Some(now);
        keys.push(key);
    })
    .await;
    be.change(|script| script.signed_by = Some(Arc::clone(&renewed)));
    let _fr = hub.agent("fr", Script::honest());
    let mut case = Case::of(&hub, case.id).await;
    let last = case.advancing(&hub, |case| case.archives.len() == 3).await;
    assert_eq!(disposition(&last, "be"), Disposition::Fulfilled);
    assert!(!last.archives[1].complete && last.archives[2].complete);
    let (second, third) = (case.archive(2).await, case.archive(3).await);
    for (archive, before) in [(&second, &first), (&third, &second)] {
        let report = verified(&hub, archive, Some(before));
        assert_eq!(report.verdict, Verdict::Authentic, "{:#?}", report.findings);
    }
    assert_eq!(case.archive(1).await, first, "an archive's bytes never change");
}
