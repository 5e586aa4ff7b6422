//! A balancer in front of several processes of a gateway: the agent holds a connection to each of them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tributary_transport::limits::Limits;
use tributary_transport::outbound::Pace;

use super::relay::Relay;
use super::{BRISK, Gateway, dial_out, dial_out_at};
use crate::world::{Entity, HOUR, PATIENCE, who_am_i};

const ALL: [&str; 3] = ["a", "b", "c"];

fn gateways(acme: &Entity, agent: &Entity) -> Vec<Gateway> {
    let tls = acme.tls("gateway", &[agent]);
    ALL.iter().map(|name| Gateway::replica(tls.clone(), name, &ALL, Limits::default())).collect()
}

#[tokio::test]
async fn an_agent_keeps_connecting_through_a_balancer_until_each_process_is_linked() {
    let (acme, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let gateways = gateways(&acme, &agent);
    // Turns that are not fair: two processes come twice as often.
    let [a, b, c] = [gateways[0].socket, gateways[1].socket, gateways[2].socket];
    let relay = Relay::to(vec![a, b, a, b, c]).await;
    let _outgoing = dial_out(agent.tls("agent", &[&acme]), &acme, &[&relay.address]);
    for gateway in &gateways {
        who_am_i(&gateway.link(&agent).await).await.unwrap();
    }
    // A process that loses its connection gets another, and the others keep theirs.
    let kept = gateways[0].link(&agent).await;
    gateways[2].link(&agent).await.cut();
    let lost = async {
        while gateways[2].is_linked(&agent) {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(PATIENCE, lost).await.unwrap();
    who_am_i(&gateways[2].link(&agent).await).await.unwrap();
    assert!(!kept.gone().is_cancelled());
}

#[tokio::test]
async fn processes_that_cannot_be_found_are_looked_for_a_bounded_number_of_times() {
    let (acme, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let gateways = gateways(&acme, &agent);
    // A balancer that sends everybody from here to the same process.
    let relay = Relay::to(vec![gateways[0].socket]).await;
    let pace = Pace { retry_min: Duration::from_millis(2), retry_max: HOUR, ..BRISK };
    let _outgoing = dial_out_at(pace, agent.tls("agent", &[&acme]), &acme, &[&relay.address]);
    let link = gateways[0].link(&agent).await;
    let round = async {
        while relay.connections() < 1 + 6 * ALL.len() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, round).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(relay.connections(), 1 + 6 * ALL.len(), "then there is a pause");
    assert!(!link.gone().is_cancelled(), "a spare connection displaces nothing");
    who_am_i(&link).await.unwrap();
}

#[tokio::test]
async fn two_addresses_of_one_process_are_one_connection() {
    let (acme, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let gateway = Gateway::start(acme.tls("gateway", &[&agent]));
    let (one, two) = (Relay::to(vec![gateway.socket]).await, Relay::to(vec![gateway.socket]).await);
    let _outgoing = dial_out(agent.tls("agent", &[&acme]), &acme, &[&one.address, &two.address]);
    let link = gateway.link(&agent).await;
    let both = async {
        while one.connections() == 0 || two.connections() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, both).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((one.connections(), two.connections()), (1, 1), "the second address rests");
    assert!(!link.gone().is_cancelled());

    // When the connection ends, either address brings it back.
    let before = gateway.arrived.load(Ordering::SeqCst);
    link.cut();
    let again = async {
        while gateway.arrived.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
    who_am_i(&gateway.link(&agent).await).await.unwrap();
}
