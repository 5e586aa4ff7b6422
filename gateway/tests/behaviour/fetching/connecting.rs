//! Reaching the agent: nobody there, somebody else there, and a link that breaks, each with its own meaning.

use std::time::Duration;

use tributary_gateway::entity::EntityError;
use tributary_model::disposition::Disposition;
use tributary_model::group::Reach;

use super::watch;
use crate::support::agent::Agent;
use crate::support::proxy::Proxy;
use crate::support::script::Script;
use crate::support::world::{World, impatient, patient};

const FR: &str = "acme-fr";

#[tokio::test]
async fn an_agent_that_is_not_there_is_unreachable_and_costs_no_attempt() {
    let world = World::new(&[FR]);
    drop(world.listener(FR));
    let error = world.client(FR).locate(&world.order()).await.unwrap_err();
    assert!(error.is_unreachable() && !error.counts_as_attempt(), "{error:?}");
    assert_eq!(error.observed(), Some(Disposition::Unreachable));
}

#[tokio::test]
async fn an_agent_that_is_down_behind_a_proxy_is_unreachable() {
    let world = World::new(&[FR]);
    drop(world.listener(FR));
    let proxy = Proxy::start(world.member(FR).address, u64::MAX);
    let mut entity = world.entity(FR);
    entity.agent.reach = Reach::At(proxy.address.to_string());
    let error = world.client_with(entity, &patient()).locate(&world.order()).await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
}

#[tokio::test]
async fn another_entitys_certificate_is_an_identity_that_somebody_must_look_at() {
    let world = World::new(&[FR, "acme-de"]);
    let agent = Agent::start_as(&world, FR, Script::honest(), world.tls(&world.member("acme-de").party));
    let error = world.client(FR).locate(&world.order()).await.unwrap_err();
    assert!(matches!(error, EntityError::Identity(_)), "{error:?}");
    assert!(error.counts_as_attempt());
    assert_eq!(error.observed(), Some(Disposition::Failed));
    assert!(agent.calls().is_empty(), "nothing was sent to a stranger");
}

#[tokio::test]
async fn an_expired_certificate_is_an_identity_that_somebody_must_look_at() {
    let world = World::new(&[FR]);
    let _agent = Agent::start(&world, FR, Script::honest());
    world.later(Duration::from_secs(2 * 3600));
    let error = world.client(FR).locate(&world.order()).await.unwrap_err();
    assert!(matches!(error, EntityError::Identity(_)), "{error:?}");
}

#[tokio::test]
async fn an_agent_serves_no_other_caller_than_the_gateway() {
    let world = World::new(&[FR]);
    let agent = Agent::start(&world, FR, Script::honest());
    let other = "spiffe://acme.example/portal".parse().unwrap();
    let client = world.client_as(FR, &other);
    let error = client.locate(&world.order()).await.unwrap_err();
    assert!(matches!(error, EntityError::Refused { reason: "PEER_NOT_GATEWAY", .. }), "{error:?}");
    assert!(agent.calls().is_empty());
}

#[tokio::test]
async fn a_link_that_breaks_while_it_is_watched_is_unreachable_and_the_next_watch_dials_anew() {
    let world = World::new(&[FR]);
    let agent = Agent::start(&world, FR, Script { watch_hangs: true, ..Script::honest() });
    agent.change(|script| *script = script.clone().telling(|events| drop(events.pop())));
    let proxy = Proxy::start(world.member(FR).address, 1_000_000);
    let mut entity = world.entity(FR);
    entity.agent.reach = Reach::At(proxy.address.to_string());
    let (client, order) = (world.client_with(entity, &patient()), world.order());
    let mut watched = client.watch_export(&order).await.unwrap();
    watched.next().await.unwrap();
    proxy.cut();
    let broken = async {
        loop {
            if let Err(error) = watched.next().await {
                return error;
            }
        }
    };
    let error = broken.await;
    assert!(error.is_unreachable(), "{error:?}");
    agent.change(|script| *script = Script::honest());
    assert_eq!(watch(&client, &order).await.unwrap().parts.len(), 4);
}

#[tokio::test]
async fn an_agent_that_accepts_and_says_nothing_is_not_waited_for_for_ever() {
    let world = World::new(&[FR]);
    let _listening = world.listener(FR);
    let client = world.client_dialling(FR, Duration::from_millis(300), &impatient());
    let error = client.locate(&world.order()).await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
}
