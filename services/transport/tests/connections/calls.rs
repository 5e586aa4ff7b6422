//! What surrounds a call: panics, deadlines, limits.

use std::time::Duration;

use tonic::Code;
use tributary_transport::failure::{RpcFailure, classify};
use tributary_transport::limits::Limits;
use tributary_transport::link::Link;
use tributary_transport::rpc::deadline::{self, Deadline};
use tributary_transport::status::reason_of;

use crate::world::{Entity, PATIENCE, Running, ask, dial, health, serve_with, who_am_i};

async fn connected(limits: Limits) -> (Running, Link) {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve_with(agent.tls("agent", &[&gateway]), limits, PATIENCE);
    let link = dial(gateway.tls("gateway", &[&agent]), &server.address, &agent.id("agent")).await.unwrap();
    (server, link)
}

#[tokio::test]
async fn a_handler_that_panics_fails_its_call_only_and_tells_nothing() {
    let (_server, link) = connected(Limits::default()).await;
    let status = health(&link).check(ask("panic")).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(reason_of(&status).as_deref(), Some("INTERNAL"));
    assert!(!format!("{status:?}").contains("anna"));
    who_am_i(&link).await.unwrap();
}

#[tokio::test]
async fn a_stream_that_panics_ends_with_a_status_and_tells_nothing() {
    let (_server, link) = connected(Limits::default()).await;
    let mut stream = health(&link).watch(ask("panic")).await.unwrap().into_inner();
    // A message that was still in the buffer may be lost with the stream; the status is not.
    let status = loop {
        match stream.message().await {
            Ok(message) => assert!(message.is_some(), "the stream ends with a status"),
            Err(status) => break status,
        }
    };
    assert_eq!(classify(&status), RpcFailure::Peer(Code::Internal));
    assert!(!format!("{status:?}").contains("anna"));
    who_am_i(&link).await.unwrap();
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_a_deadline_and_not_a_cancellation() {
    let (_server, link) = connected(Limits::default()).await;
    let mut request = ask("hang");
    request.set_timeout(Duration::from_millis(100));
    let status = tokio::time::timeout(PATIENCE, health(&link).check(request)).await.unwrap().unwrap_err();
    assert_eq!(classify(&status), RpcFailure::Deadline);
    who_am_i(&link).await.unwrap();
}

#[tokio::test]
async fn a_handler_knows_how_long_its_caller_waits() {
    let (_server, link) = connected(Limits::default()).await;
    let left =
        |answer: tonic::Response<_>| -> String { answer.metadata().get("left").unwrap().to_str().unwrap().to_owned() };
    assert_eq!(left(health(&link).check(ask("deadline")).await.unwrap().map(drop)), "none");

    let mut request = ask("deadline");
    request.set_timeout(Duration::from_secs(30));
    let own: u64 = left(health(&link).check(request).await.unwrap().map(drop)).parse().unwrap();
    assert!((20_000..=30_000).contains(&own), "{own}");
}

#[tokio::test]
async fn a_call_made_for_a_caller_carries_what_remains_of_its_time() {
    let (_server, link) = connected(Limits::default()).await;
    let mut client = health(&link);
    let within = deadline::scope(Deadline::after(Duration::from_secs(15)), client.check(ask("deadline")));
    let answer = within.await.unwrap();
    let left: u64 = answer.metadata().get("left").unwrap().to_str().unwrap().parse().unwrap();
    assert!((5_000..=15_000).contains(&left), "{left}");
}

#[tokio::test]
async fn a_call_beyond_the_limit_is_told_to_come_back_and_the_place_is_given_back() {
    let (_server, link) = connected(Limits { rpcs: 1, ..Limits::default() }).await;
    let mut busy = health(&link).watch(ask("hang")).await.unwrap().into_inner();
    assert!(busy.message().await.unwrap().is_some());
    let status = health(&link).check(ask("who")).await.unwrap_err();
    assert_eq!(classify(&status), RpcFailure::Peer(Code::Unavailable));
    assert_eq!(reason_of(&status).as_deref(), Some("OVERLOADED"));

    drop(busy);
    // The server learns of the dropped stream a little later.
    let again = async { while who_am_i(&link).await.is_err() {} };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn streams_beyond_the_limit_of_a_connection_wait_their_turn() {
    let (_server, link) = connected(Limits { streams_per_connection: 1, ..Limits::default() }).await;
    let mut busy = health(&link).watch(ask("hang")).await.unwrap().into_inner();
    assert!(busy.message().await.unwrap().is_some());
    let mut request = ask("who");
    request.set_timeout(Duration::from_millis(100));
    let status = tokio::time::timeout(PATIENCE, health(&link).check(request)).await.unwrap().unwrap_err();
    assert_eq!(classify(&status), RpcFailure::Deadline);
    drop(busy);
    tokio::time::timeout(PATIENCE, who_am_i(&link)).await.unwrap().unwrap();
}

#[tokio::test]
async fn metadata_beyond_the_limit_is_refused() {
    let (_server, link) = connected(Limits::default()).await;
    let mut request = ask("who");
    request.metadata_mut().insert("padding", "x".repeat(64 * 1024).parse().unwrap());
    assert!(tokio::time::timeout(PATIENCE, health(&link).check(request)).await.unwrap().is_err());
}
