//! A failed dial says which step failed, so that a retry, an alert and a person each know what to do.

use std::time::Duration;

use tributary_transport::dial::{DialError, Dialer};

use crate::world::{Entity, PATIENCE, dial, serve, who_am_i};

#[tokio::test]
async fn a_port_where_nobody_listens_is_refused() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = dial(gateway.tls("gateway", &[&agent]), &address, &agent.id("agent")).await.unwrap_err();
    assert_eq!(error, DialError::Refused { address });
    assert!(error.is_unreachable() && !error.is_identity());
}

#[tokio::test]
async fn a_name_without_an_address_is_a_dns_error() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let error = dial(gateway.tls("gateway", &[&agent]), "agent.invalid:7443", &agent.id("agent")).await.unwrap_err();
    assert_eq!(error, DialError::Dns { host: "agent.invalid".to_owned() });
    assert!(error.is_unreachable());
}

#[tokio::test]
async fn a_peer_that_accepts_and_says_nothing_times_out() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let dialler = Dialer::new(gateway.tls("gateway", &[&agent]));
    let error = dialler.connect(&address, &agent.id("agent"), Duration::from_millis(100)).await.unwrap_err();
    assert_eq!(error, DialError::TimedOut { address, after: Duration::from_millis(100) });
    assert!(error.is_unreachable());
}

#[tokio::test]
async fn a_peer_that_hangs_up_is_unreachable() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let hang_up = async { drop(listener.accept().await.unwrap()) };
    let id = agent.id("agent");
    let (outcome, ()) = tokio::join!(dial(gateway.tls("gateway", &[&agent]), &address, &id), hang_up);
    let error = outcome.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
}

#[tokio::test]
async fn an_address_may_be_written_as_a_url_and_by_name() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve(agent.tls("agent", &[&gateway]));
    let tls = gateway.tls("gateway", &[&agent]);
    for address in
        [format!("https://127.0.0.1:{}", server.socket.port()), format!("localhost:{}", server.socket.port())]
    {
        let link = dial(tls.clone(), &address, &agent.id("agent")).await.unwrap();
        who_am_i(&link).await.unwrap();
    }
}

#[tokio::test]
async fn a_link_says_when_its_peer_is_gone_and_never_reconnects_by_itself() {
    use tributary_transport::failure::{Local, RpcFailure, classify};
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve(agent.tls("agent", &[&gateway]));
    let link = dial(gateway.tls("gateway", &[&agent]), &server.address, &agent.id("agent")).await.unwrap();
    who_am_i(&link).await.unwrap();
    assert!(!link.gone().is_cancelled());
    server.stop().await;
    tokio::time::timeout(PATIENCE, link.gone().cancelled()).await.unwrap();
    for _ in 0..3 {
        let call = tokio::time::timeout(PATIENCE, who_am_i(&link)).await.expect("fails at once");
        assert_eq!(classify(&call.unwrap_err()), RpcFailure::Local(Local::NotSent));
    }
}

#[tokio::test]
async fn a_call_cut_in_the_middle_is_a_local_failure_and_not_the_peers() {
    use tributary_transport::failure::{Local, RpcFailure, classify};
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve(agent.tls("agent", &[&gateway]));
    let link = dial(gateway.tls("gateway", &[&agent]), &server.address, &agent.id("agent")).await.unwrap();

    let mut stream = crate::world::health(&link).watch(crate::world::ask("hang")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some(), "the call is under way");
    link.cut();
    let status = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap_err();
    assert_eq!(classify(&status), RpcFailure::Local(Local::Broken));
    tokio::time::timeout(PATIENCE, link.gone().cancelled()).await.unwrap();
}
