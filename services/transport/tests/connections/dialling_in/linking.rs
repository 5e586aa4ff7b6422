//! A link that the agent opened is as good as one that the gateway dialled.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tributary_transport::failure::{Local, RpcFailure, classify};
use tributary_transport::outbound::Pace;

use super::{BRISK, Gateway, dial_out, dial_out_at};
use crate::world::{Entity, HOUR, PATIENCE, ask, dial, health, who_am_i};

fn pair() -> (Entity, Entity) {
    (Entity::new("acme"), Entity::new("acme-fr"))
}

#[tokio::test]
async fn an_agent_without_a_port_is_called_over_the_connection_that_it_opened() {
    let (acme, agent) = pair();
    let gateway = Gateway::start(acme.tls("gateway", &[&agent]));
    let _outgoing = dial_out(agent.tls("agent", &[&acme]), &acme, &[&gateway.address()]);
    let link = gateway.link(&agent).await;
    assert_eq!(link.peer().id, agent.id("agent"));
    assert_eq!(who_am_i(&link).await.unwrap(), acme.id("gateway").to_string(), "the agent knows who calls");
}

#[tokio::test]
async fn callers_and_agents_come_through_the_same_port() {
    let (acme, agent) = pair();
    let portal = Entity::new("portal");
    let gateway = Gateway::start(acme.tls("gateway", &[&agent, &portal]));
    let _outgoing = dial_out(agent.tls("agent", &[&acme]), &acme, &[&gateway.address()]);
    who_am_i(&gateway.link(&agent).await).await.unwrap();
    let caller = dial(portal.tls("portal", &[&acme]), &gateway.address(), &acme.id("gateway")).await.unwrap();
    assert_eq!(who_am_i(&caller).await.unwrap(), portal.id("portal").to_string());
}

#[tokio::test]
async fn a_cut_connection_is_opened_again_by_the_agent() {
    let (acme, agent) = pair();
    let gateway = Gateway::start(acme.tls("gateway", &[&agent]));
    let _outgoing = dial_out(agent.tls("agent", &[&acme]), &acme, &[&gateway.address()]);
    for _ in 0..5 {
        let link = gateway.link(&agent).await;
        let mut stream = health(&link).watch(ask("hang")).await.unwrap().into_inner();
        assert!(stream.message().await.unwrap().is_some());
        link.cut();
        let status = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap_err();
        assert_eq!(classify(&status), RpcFailure::Local(Local::Broken));
        tokio::time::timeout(PATIENCE, link.gone().cancelled()).await.unwrap();
    }
    who_am_i(&gateway.link(&agent).await).await.unwrap();
}

#[tokio::test]
async fn the_newest_connection_wins_and_the_end_of_the_older_one_does_not_evict_it() {
    let (acme, agent) = pair();
    let gateway = Gateway::start(acme.tls("gateway", &[&agent]));
    let tls = agent.tls("agent", &[&acme]);
    let _first = dial_out(tls.clone(), &acme, &[&gateway.address()]);
    let older = gateway.link(&agent).await;
    let mut running = health(&older).watch(ask("hang")).await.unwrap().into_inner();
    assert!(running.message().await.unwrap().is_some());

    // A second process with the same identity, as when the first was replaced and does not know it yet.
    let _second = dial_out(tls, &acme, &[&gateway.address()]);
    let newer = async {
        loop {
            let link = gateway.link(&agent).await;
            if !std::ptr::eq(link.gone(), older.gone()) {
                return link;
            }
            tokio::task::yield_now().await;
        }
    };
    let newer = tokio::time::timeout(PATIENCE, newer).await.unwrap();
    assert!(!older.gone().is_cancelled(), "calls on the older one may end");
    older.cut();
    tokio::time::timeout(PATIENCE, older.gone().cancelled()).await.unwrap();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    who_am_i(&newer).await.unwrap();
    assert!(gateway.is_linked(&agent), "the older one's end takes nothing away");
}

#[tokio::test]
async fn two_processes_with_one_identity_do_not_displace_each_other_without_end() {
    let (acme, agent) = pair();
    let gateway = Gateway::start(acme.tls("gateway", &[&agent]));
    let tls = agent.tls("agent", &[&acme]);
    let pace = Pace { retry_max: HOUR, ..BRISK };
    let _both = [(); 2].map(|()| dial_out_at(pace, tls.clone(), &acme, &[&gateway.address()]));
    who_am_i(&gateway.link(&agent).await).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let arrived = gateway.arrived.load(Ordering::SeqCst);
    assert!((2..20).contains(&arrived), "{arrived} connections within two seconds");
    who_am_i(&gateway.link(&agent).await).await.unwrap();
}

#[tokio::test]
async fn an_agent_that_stops_lets_calls_end_and_is_not_called_again() {
    let (acme, agent) = pair();
    let gateway = Gateway::start(acme.tls("gateway", &[&agent]));
    let outgoing = dial_out(agent.tls("agent", &[&acme]), &acme, &[&gateway.address()]);
    let link = gateway.link(&agent).await;
    let mut running = health(&link).watch(ask("hang")).await.unwrap().into_inner();
    assert!(running.message().await.unwrap().is_some());
    outgoing.stop.cancel();
    let refused = async { while who_am_i(&link).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
    assert!(!link.takes_calls() && !link.gone().is_cancelled(), "the stream still runs");
    drop(running);
    tokio::time::timeout(PATIENCE, link.gone().cancelled()).await.unwrap();
    assert_eq!(outgoing.tasks.drain(PATIENCE).await.forced, 0);
}

#[tokio::test]
async fn a_gateway_cannot_run_more_calls_at_once_than_the_agent_allows() {
    let (acme, agent) = pair();
    let gateway = Gateway::start(acme.tls("gateway", &[&agent]));
    let _outgoing = dial_out(agent.tls("agent", &[&acme]), &acme, &[&gateway.address()]);
    let link = gateway.link(&agent).await;
    // A first call, so that the agent's settings have arrived.
    who_am_i(&link).await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..256 {
        streams.push(health(&link).watch(ask("hang")).await.unwrap().into_inner());
    }
    let one_more = tokio::time::timeout(Duration::from_millis(300), who_am_i(&link)).await;
    assert!(one_more.is_err(), "it waits for its turn");
    streams.pop();
    tokio::time::timeout(PATIENCE, who_am_i(&link)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_peer_that_is_not_trusted_any_more_is_cut_with_its_running_calls() {
    let (acme, agent) = pair();
    let gateway = Gateway::start(acme.tls("gateway", &[&agent]));
    let _outgoing = dial_out(agent.tls("agent", &[&acme]), &acme, &[&gateway.address()]);
    let link = gateway.link(&agent).await;
    let mut running = health(&link).watch(ask("hang")).await.unwrap().into_inner();
    assert!(running.message().await.unwrap().is_some());
    assert_eq!(gateway.links.cut(&agent.id("another")).await, 0);
    assert_eq!(gateway.links.cut(&agent.id("agent")).await, 1);
    tokio::time::timeout(PATIENCE, running.message()).await.unwrap().unwrap_err();
}
