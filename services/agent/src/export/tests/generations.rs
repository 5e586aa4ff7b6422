//! Promises about the walks of an export: one generation counts, and only a whole and honest one is attested.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_part_can_be_read_while_the_walk_goes_on() {
    let world = World::new();
    let (walk, go) = halting();
    let exports = world.start(walk).await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    while !matches!(next(&mut events).await.unwrap(), Event::Part(1, Part { index: 1, .. })) {}
    assert_eq!(bytes(&exports, &mandate, 1, 1).await, b"content of part 1".repeat(100));
    let second = PartName { instruction: mandate.instruction, generation: 1, index: 2 };
    assert!(matches!(exports.read(second, mandate.case, 0).await.err(), Some(ExportError::NoPart { index: 2 })));
    let early = exports.attestation(mandate.instruction, mandate.case).await;
    assert!(matches!(early, Err(ExportError::NotReady)));
    go.send(()).unwrap();
    let (_, envelope) = attested(&mut events).await;
    let keys = [exports.0.setup.signer.published.clone()];
    assert_eq!(Attestation::open(&envelope, &keys, world.clock.now()).unwrap().parts.count, 2);
    assert!(events.next().await.is_none());
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_of_a_walk_begins_a_new_generation_and_leaves_no_file_behind() {
    let world = World::new();
    let (walk, go) = halting();
    let exports = world.start(walk).await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    while !matches!(next(&mut events).await.unwrap(), Event::Part(..)) {}
    // What a process that is killed now leaves on the disk.
    let crashed = world.folder.path().join("crashed");
    copy(&world.data(), &crashed);
    let again = world.start_in(&crashed, Box::new(|_, _, sink, _| whole(sink))).await;
    let mut events = pin!(again.watch(mandate.instruction, mandate.case).await.unwrap());
    let (generation, _) = attested(&mut events).await;
    assert_eq!(generation, 2);
    assert_eq!(bytes(&again, &mandate, 2, 2).await, b"content of part 2".repeat(100));
    let folder = crashed.join("spool").join(mandate.instruction.to_string()).join("2");
    assert!(files(&crashed.join("spool")).iter().all(|file| file.parent() == Some(&folder)));
    let first = PartName { instruction: mandate.instruction, generation: 1, index: 1 };
    let replaced = again.read(first, mandate.case, 0).await.err();
    assert!(matches!(replaced, Some(ExportError::Replaced { generation: 2 })));
    again.stop(PATIENCE).await;
    drop(go);
    exports.stop(PATIENCE).await;
    assert!(files(&world.data().join("spool")).is_empty(), "a walk that is stopped clears its files away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_hears_that_a_generation_replaces_what_it_had() {
    let world = World::new();
    let (walk, go) = halting();
    let exports = world
        .start(move |number, request, sink, stop| {
            if number > 1 {
                return whole(sink);
            }
            walk(number, request, sink, stop)?;
            Err(CollectError::Internal("on purpose".to_owned()))
        })
        .await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    while !matches!(next(&mut events).await.unwrap(), Event::Part(1, _)) {}
    go.send(()).unwrap();
    pause(&mut events, "internal error").await;
    world.later(2);
    let mut seen = Vec::new();
    loop {
        match next(&mut events).await.unwrap() {
            Event::GenerationStarted(generation) => seen.push(format!("generation {generation}")),
            Event::Table(table) => seen.push(table.collection),
            Event::Part(generation, part) => seen.push(format!("part {} of {generation}", part.index)),
            Event::Pending { .. } | Event::Preview(_) | Event::Information(_) => {}
            Event::Attested { .. } => break,
        }
    }
    assert_eq!(seen, ["generation 2", "letter", "part 1 of 2", "part 2 of 2"]);
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_panics_or_lies_is_tried_again_and_never_attested() {
    let world = World::new();
    let exports = world
        .start(|walk, _, sink, _| match walk {
            1 => panic!("on purpose"),
            2 => {
                let mut collected = whole(sink)?;
                collected.parts.rows += 1;
                Ok(collected)
            }
            _ => whole(sink),
        })
        .await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    for _ in 0..2 {
        pause(&mut events, "an internal error; the cause is in the agent's log").await;
        assert!(files(&world.data().join("spool")).is_empty());
        world.later(2);
    }
    assert_eq!(attested(&mut events).await.0, 3);
    exports.stop(PATIENCE).await;
}
