//! The pool: one link per entity, dialled again when needed, shared by those who ask together.

use std::time::Duration;

use tributary_model::group::{Agent, Reach};
use tributary_model::id::EntityId;
use tributary_model::spiffe::SpiffeId;
use tributary_transport::dial::{DialError, Dialer};
use tributary_transport::links::Links;

use crate::world::{Entity, PATIENCE, ask, health, serve, who_am_i};

fn entity() -> EntityId {
    "acme-fr".parse().unwrap()
}

fn at(address: &str, id: &SpiffeId) -> Agent {
    Agent { spiffe_id: id.clone(), reach: Reach::At(address.to_owned()) }
}

#[tokio::test]
async fn a_link_is_shared_while_it_lasts_and_dialled_again_when_it_is_gone() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve(agent.tls("agent", &[&gateway]));
    let links = Links::new(Dialer::new(gateway.tls("gateway", &[&agent])), PATIENCE);
    let id = agent.id("agent");

    let first = links.get(&entity(), &at(&server.address, &id)).await.unwrap();
    let second = links.get(&entity(), &at(&server.address, &id)).await.unwrap();
    first.cut();
    tokio::time::timeout(PATIENCE, second.gone().cancelled()).await.expect("both are the same connection");

    let third = links.get(&entity(), &at(&server.address, &id)).await.unwrap();
    who_am_i(&third).await.unwrap();
}

#[tokio::test]
async fn a_link_to_an_old_address_or_identity_is_not_given_out() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let old = serve(agent.tls("agent", &[&gateway]));
    let new = serve(agent.tls("agent/new", &[&gateway]));
    let links = Links::new(Dialer::new(gateway.tls("gateway", &[&agent])), PATIENCE);
    let link = links.get(&entity(), &at(&old.address, &agent.id("agent"))).await.unwrap();
    let moved = links.get(&entity(), &at(&new.address, &agent.id("agent/new"))).await.unwrap();
    assert_eq!(moved.peer().id, agent.id("agent/new"));
    let wrong = links.get(&entity(), &at(&new.address, &agent.id("agent"))).await.unwrap_err();
    assert!(matches!(wrong, DialError::WrongPeer { .. }), "{wrong}");
    assert!(who_am_i(&link).await.is_ok(), "calls on the old link may finish");
}

#[tokio::test]
async fn a_peer_that_is_stopping_is_dialled_again_and_may_finish_what_it_began() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve(agent.tls("agent", &[&gateway]));
    let links = Links::new(Dialer::new(gateway.tls("gateway", &[&agent])), PATIENCE);
    let (key, id) = (entity(), agent.id("agent"));
    let link = links.get(&key, &at(&server.address, &id)).await.unwrap();
    let mut stream = health(&link).watch(ask("hang")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());

    server.stop.cancel();
    // Until the peer's announcement arrives, calls still go through.
    let refused = async { while who_am_i(&link).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
    assert!(!link.takes_calls() && !link.gone().is_cancelled(), "the stream still runs");
    let again = links.get(&key, &at(&server.address, &id)).await.unwrap_err();
    assert!(matches!(again, DialError::Refused { .. }), "{again}");
}

#[tokio::test]
async fn those_who_ask_together_share_one_failed_dial() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let links = Links::new(Dialer::new(gateway.tls("gateway", &[&agent])), Duration::from_millis(200));
    let id = agent.id("agent");
    let key = entity();
    let agent = at(&address, &id);
    let asks = futures::future::join_all((0..8).map(|_| links.get(&key, &agent)));
    let dialled = async {
        let (_open, _) = listener.accept().await.unwrap();
        let second = listener.accept().await;
        panic!("a second dial: {second:?}");
    };
    tokio::select! {
        outcomes = asks => {
            for outcome in outcomes {
                assert!(matches!(outcome, Err(DialError::TimedOut { .. })));
            }
        }
        () = dialled => {}
    }
}
