//! What goes wrong between an agent that dials out and its gateway, and how each side finds out.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tributary_transport::cause::TlsFailure;
use tributary_transport::dial::{DialError, Dialer};
use tributary_transport::limits::Limits;
use tributary_transport::outbound::{NotLinked, Pace};

use super::relay::Relay;
use super::{BRISK, Gateway, dial_out, dial_out_at, try_out};
use crate::world::{Entity, HOUR, PATIENCE, ask, health, serve, who_am_i};

fn pair() -> (Entity, Entity) {
    (Entity::new("acme"), Entity::new("acme-fr"))
}

#[tokio::test]
async fn a_gateway_that_refuses_the_certificate_is_a_failure_although_the_handshake_succeeds() {
    let (acme, agent) = pair();
    // The gateway does not know the agent's authority.
    let gateway = Gateway::start(acme.tls("gateway", &[]));
    let error = try_out(&Dialer::new(agent.tls("agent", &[&acme])), &acme, &gateway.address()).await.unwrap_err();
    let NotLinked::Dial(DialError::Tls { failure: TlsFailure::RefusedByPeer(reason), .. }) = &error else {
        panic!("{error}")
    };
    assert!(reason.contains("certificate") || reason.contains("authority"), "{reason}");
}

#[tokio::test]
async fn attempts_that_the_gateway_refuses_come_ever_more_seldom() {
    let (acme, agent) = pair();
    let gateway = Gateway::start(acme.tls("gateway", &[]));
    let relay = Relay::to(vec![gateway.socket]).await;
    let began = Instant::now();
    let pace = Pace { retry_min: Duration::from_millis(100), retry_max: HOUR, ..BRISK };
    let _outgoing = dial_out_at(pace, agent.tls("agent", &[&acme]), &acme, &[&relay.address]);
    let fourth = async {
        while relay.connections() < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, fourth).await.unwrap();
    // At least half of 200, 400 and 800 milliseconds. Were an accepted handshake taken for success, it would be nothing.
    assert!(began.elapsed() >= Duration::from_millis(700), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_connection_that_swallows_everything_is_noticed_on_both_sides_and_replaced() {
    let (acme, agent) = pair();
    let brisk = Duration::from_millis(200);
    let limits = Limits { ping_interval: brisk, ping_timeout: brisk, ..Limits::default() };
    let gateway = Gateway::replica(acme.tls("gateway", &[&agent]), "a", &["a"], limits);
    let relay = Relay::to(vec![gateway.socket]).await;
    let pace = Pace { patience: Duration::from_millis(500), ..BRISK };
    let _outgoing = dial_out_at(pace, agent.tls("agent", &[&acme]), &acme, &[&relay.address]);
    let first = gateway.link(&agent).await;
    who_am_i(&first).await.unwrap();

    relay.swallow(true);
    tokio::time::timeout(PATIENCE, first.gone().cancelled()).await.expect("the gateway notices");
    // The agent got no word of it: that it comes back shows that it noticed by itself.
    relay.swallow(false);
    let second = tokio::time::timeout(PATIENCE, gateway.link(&agent)).await.expect("the agent notices");
    who_am_i(&second).await.unwrap();
    assert!(relay.connections() > 1);
}

#[tokio::test]
async fn a_gateway_that_takes_the_connection_and_never_calls_is_no_gateway() {
    let (acme, agent) = pair();
    let gateway = Gateway::replica(acme.tls("gateway", &[&agent]), "mute", &[], Limits::default());
    let dialer = Dialer::new(agent.tls("agent", &[&acme]));
    // Its first call is another one than an introduction.
    let error = tokio::time::timeout(PATIENCE, async {
        let routes = tonic::service::Routes::default();
        let (id, address) = (acme.id("gateway"), gateway.address());
        tributary_transport::outbound::probe(&dialer, &id, &address, BRISK, routes).await
    });
    let error = error.await.unwrap().unwrap_err();
    assert!(matches!(error, NotLinked::Silent { .. } | NotLinked::Dial(DialError::Protocol { .. })), "{error:?}");
}

#[tokio::test]
async fn a_peer_that_takes_no_agents_is_told_apart_from_a_stranger() {
    let (acme, agent) = pair();
    let server = serve(acme.tls("gateway", &[&agent]));
    let error = try_out(&Dialer::new(agent.tls("agent", &[&acme])), &acme, &server.address).await.unwrap_err();
    assert_eq!(error, NotLinked::Dial(DialError::TakesNoAgents { address: server.address.clone() }));
}

#[tokio::test]
async fn an_agent_never_serves_whoever_is_not_its_gateway() {
    let (acme, agent) = pair();
    let impostor = Gateway::start(acme.tls("portal", &[&agent]));
    let error = try_out(&Dialer::new(agent.tls("agent", &[&acme])), &acme, &impostor.address()).await.unwrap_err();
    assert!(matches!(error, NotLinked::Dial(DialError::WrongPeer { .. })), "{error}");
    assert_eq!(impostor.arrived.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_connection_does_not_outlast_the_certificate_of_the_agent() {
    let (acme, agent) = pair();
    // Certificates of the tests last an hour; by the gateway's clock, this one's last second has begun.
    let tls = acme.tls("gateway", &[&agent]);
    acme.later(HOUR - Duration::from_secs(2));
    let gateway = Gateway::start(tls);
    let _outgoing = dial_out(agent.tls("agent", &[&acme]), &acme, &[&gateway.address()]);
    let link = gateway.link(&agent).await;
    let mut running = health(&link).watch(ask("hang")).await.unwrap().into_inner();
    assert!(running.message().await.unwrap().is_some());
    tokio::time::timeout(PATIENCE, running.message()).await.unwrap().unwrap_err();
    tokio::time::timeout(PATIENCE, link.gone().cancelled()).await.unwrap();
}

#[tokio::test]
async fn an_agent_that_is_down_is_waited_for_a_moment_only_after_it_was_there() {
    let (acme, agent) = pair();
    let gateway = Gateway::start(acme.tls("gateway", &[&agent]));
    let outgoing = dial_out(agent.tls("agent", &[&acme]), &acme, &[&gateway.address()]);
    let link = gateway.link(&agent).await;
    let mut running = health(&link).watch(ask("hang")).await.unwrap().into_inner();
    assert!(running.message().await.unwrap().is_some());
    assert!(gateway.is_linked(&agent));
    drop((outgoing, running));
    tokio::time::timeout(PATIENCE, link.gone().cancelled()).await.unwrap();
    let ended = async {
        while gateway.is_linked(&agent) {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
}
