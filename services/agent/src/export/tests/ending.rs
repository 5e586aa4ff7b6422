//! Promises about the end of exports and questions: nothing runs on or lies about for nobody.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn ending_an_export_stops_its_walk_and_drops_what_it_had() {
    let world = World::new();
    let exports = world
        .start(|_, _, sink, stop| {
            let mut parts = Vec::new();
            while !stop.is_raised() {
                parts.push(part(sink, parts.len() as u32 + 1)?);
            }
            Err(CollectError::Stopped)
        })
        .await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    while !matches!(next(&mut events).await.unwrap(), Event::Part(..)) {}
    exports.finish(mandate.instruction, mandate.case).await.unwrap();
    let ended = async { while events.next().await.is_some_and(|event| event.is_ok()) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("who watches is told");
    exports.stop(PATIENCE).await;
    assert!(files(&world.data().join("spool")).is_empty());
    assert_eq!(exports.spooled()(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_ends_when_nobody_waits_for_the_answer() {
    let world = World { limits: Limits { concurrent_locates: 1, ..World::new().limits }, ..World::new() };
    let exports = world.start(|_, _, sink, _| whole(sink)).await;
    let identifiers = requested().identifiers;
    {
        let mut first = pin!(exports.locate(identifiers.clone()));
        assert!(futures::poll!(&mut first).is_pending());
        assert!(matches!(exports.locate(identifiers.clone()).await, Err(ExportError::TooMuch)));
    }
    // The permit is free, and the thread has been told to stop: else the runtime would wait for it for ever.
    let mut second = pin!(exports.locate(identifiers));
    assert!(futures::poll!(&mut second).is_pending());
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_whose_time_is_over_is_swept_while_the_agent_runs() {
    let world = World::new();
    let exports = world.start(|_, _, _, _| Err(CollectError::Internal("on purpose".to_owned()))).await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    pause(&mut events, "internal").await;
    world.later(8 * 24 * 3600);
    // Seen from the first instant after its time, it may be looked at as if it were never there.
    let swept = async {
        let as_it_stands =
            || exports.0.setup.ledger.export(mandate.instruction, Timestamp::MIN).unwrap().unwrap().state;
        while as_it_stands() != State::Expired {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, swept).await.expect("the sweep comes by");
    let ended = async { while events.next().await.is_some_and(|event| event.is_ok()) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("who watches is told");
    exports.stop(PATIENCE).await;
}
