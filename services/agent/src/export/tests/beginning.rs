//! Promises about when an export walks, whatever becomes of the call that asked for it.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_export_whose_call_broke_off_walks_all_the_same() {
    let world = World::new();
    let exports = world.start(|_, _, sink, _| whole(sink)).await;
    let mandate = world.mandate();
    {
        let mut call = pin!(exports.begin(&mandate, requested()));
        // Under way, and then dropped as when its connection is cut.
        assert!(futures::poll!(call.as_mut()).is_pending());
    }
    let events = loop {
        if let Ok(events) = exports.watch(mandate.instruction, mandate.case).await {
            break events;
        }
    };
    attested(&mut pin!(events)).await;
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_waits_for_its_turn() {
    let world = World { limits: Limits { concurrent_exports: 1, ..World::new().limits }, ..World::new() };
    let (walk, go) = halting();
    let exports = world.start(walk).await;
    let (first, second) = (world.mandate(), world.mandate());
    exports.begin(&first, requested()).await.unwrap();
    let mut events = pin!(exports.watch(first.instruction, first.case).await.unwrap());
    while !matches!(next(&mut events).await.unwrap(), Event::Part(..)) {}
    let started = exports.begin(&second, requested()).await.unwrap();
    assert_eq!(started, Started { generation: 0, state: State::Pending });
    let mut waiting = pin!(exports.watch(second.instruction, second.case).await.unwrap());
    pause(&mut waiting, "turn").await;
    go.send(()).unwrap();
    attested(&mut events).await;
    go.send(()).unwrap();
    attested(&mut waiting).await;
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_while_the_attestation_key_does_not_count() {
    let world = World::new();
    let exports = world.start(|_, _, sink, _| whole(sink)).await;
    world.later(31 * 24 * 3600);
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    pause(&mut events, "the key had expired; renew it in the group file").await;
    assert!(files(&world.data().join("spool")).is_empty());
    exports.stop(PATIENCE).await;
}
