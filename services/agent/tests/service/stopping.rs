//! How an agent stops: what waits is told, what is unfinished begins anew, nothing is lost.

use tributary_model::disposition::Disposition;
use tributary_model::mandate::Action;

use crate::world::{ANNA, PATIENCE, World, reason};

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_under_way_is_told_that_the_agent_stops_and_does_not_hold_it_up() {
    let world = World::new();
    std::fs::remove_file(world.path("crm.sqlite")).unwrap();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    world.begin(&agent, &order).await.unwrap();
    let mut events = world.watch(&agent, &order).await.unwrap();
    events.pending_for("crm").await;
    agent.stop.cancel();
    assert_eq!(reason(&events.next().await.unwrap_err()), "SHUTTING_DOWN");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_export_goes_on_by_itself_after_a_restart_as_a_new_generation() {
    let world = World::new();
    let aside = world.path("aside");
    std::fs::rename(world.path("crm.sqlite"), &aside).unwrap();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    world.begin(&agent, &order).await.unwrap();
    world.watch(&agent, &order).await.unwrap().pending_for("crm").await;
    agent.stop().await;
    std::fs::rename(&aside, world.path("crm.sqlite")).unwrap();
    let agent = world.start().await;
    // Nobody starts it again: the ledger knows that it is to be done.
    let export = world.watch(&agent, &order).await.unwrap().until_attested().await;
    assert!(export.generation >= 2, "generation {}", export.generation);
    assert_eq!(world.open(&export.envelope).disposition, Disposition::Fulfilled);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_does_not_hold_up_a_stop() {
    let mut world = World::new();
    world.write_database(6_000);
    world.settings = "limits: {drain: 200ms}\n".to_owned();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    let export = world.export(&agent, &order).await;
    let index = export.parts.iter().max_by_key(|part| part.encoded_bytes).unwrap().index;
    let request = tributary_proto::agent::v1::ReadPartRequest {
        mandate: world.envelope(&order),
        instruction: order.mandate.instruction.to_string(),
        generation: 1,
        index,
        offset: 0,
    };
    let stream = agent.client.clone().read_part(request).await.unwrap().into_inner();
    tokio::time::timeout(PATIENCE, agent.stop()).await.unwrap();
    drop(stream);
    let again = world.start().await;
    assert!(!world.read(&again, &order, (1, index, 0)).await.unwrap().is_empty());
    again.stop().await;
}
