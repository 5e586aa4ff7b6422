//! A server that is asked to stop lets calls finish, but not for ever.

use std::time::Duration;

use tributary_transport::dial::DialError;
use tributary_transport::failure::{RpcFailure, classify};
use tributary_transport::limits::Limits;
use tributary_transport::server::Shutdown;

use crate::world::{Entity, PATIENCE, ask, dial, health, serve, serve_with};

#[tokio::test]
async fn a_hung_stream_is_cut_at_the_drain_deadline() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let drain = Duration::from_millis(300);
    let server = serve_with(agent.tls("agent", &[&gateway]), Limits::default(), drain);
    let link = dial(gateway.tls("gateway", &[&agent]), &server.address, &agent.id("agent")).await.unwrap();
    let mut stream = health(&link).watch(ask("hang")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());

    let asked = tokio::time::Instant::now();
    assert_eq!(server.stop().await, Shutdown { cut: 1 });
    assert!(asked.elapsed() >= drain, "it had its time");
    let status = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap_err();
    assert!(matches!(classify(&status), RpcFailure::Local(_)));
}

#[tokio::test]
async fn a_hung_unary_call_is_cut_at_the_drain_deadline() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve_with(agent.tls("agent", &[&gateway]), Limits::default(), Duration::from_millis(300));
    let link = dial(gateway.tls("gateway", &[&agent]), &server.address, &agent.id("agent")).await.unwrap();
    // A first answer shows that the connection is served; the hung call is sent before the stop.
    crate::world::who_am_i(&link).await.unwrap();
    let mut client = health(&link);
    let (call, ended) = tokio::join!(client.check(ask("hang")), async {
        tokio::task::yield_now().await;
        server.stop().await
    });
    assert!(matches!(classify(&call.unwrap_err()), RpcFailure::Local(_)));
    assert_eq!(ended, Shutdown { cut: 1 });
}

#[tokio::test]
async fn an_idle_connection_ends_at_once_and_new_ones_are_refused() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve(agent.tls("agent", &[&gateway]));
    let (tls, id, address) = (gateway.tls("gateway", &[&agent]), agent.id("agent"), server.address.clone());
    let link = dial(tls.clone(), &address, &id).await.unwrap();
    crate::world::who_am_i(&link).await.unwrap();
    assert_eq!(server.stop().await, Shutdown { cut: 0 });
    tokio::time::timeout(PATIENCE, link.gone().cancelled()).await.unwrap();
    assert_eq!(dial(tls, &address, &id).await.unwrap_err(), DialError::Refused { address });
}

#[tokio::test]
async fn a_handshake_under_way_does_not_delay_the_stop() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve(agent.tls("agent", &[&gateway]));
    let _silent = tokio::net::TcpStream::connect(server.socket).await.unwrap();
    assert_eq!(server.stop().await, Shutdown { cut: 0 });
}
