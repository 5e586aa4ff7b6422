//! Promises about systems that stand in the way of an export.

use tributary_archive::attestation::{NotSearched, NotSearchedReason};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_cannot_be_read_in_time_is_tried_and_then_named() {
    let world = World { limits: Limits { snapshot_attempts: 2, ..World::new().limits }, ..World::new() };
    let exports = world
        .start(|_, request, _, _| {
            let Some(reason) = request.given_up.values().next() else {
                return Err(CollectError::SnapshotTooLong { dataset: "crm".parse().unwrap() });
            };
            assert_eq!(*reason, NotSearchedReason::SnapshotTooLong);
            let mut collected = found(&[]);
            collected.tables_sha256 = table::digest([]);
            collected.answers[0].disposition = Disposition::PartlyFulfilled;
            let (dataset, detail) = ("crm".parse().unwrap(), "it takes too long".to_owned());
            collected.not_searched = vec![NotSearched { dataset, collection: None, reason: *reason, detail }];
            Ok(collected)
        })
        .await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    pause(&mut events, "crm").await;
    world.later(2);
    pause(&mut events, "crm").await;
    world.later(2);
    assert_eq!(attested(&mut events).await.0, 3);
    exports.stop(PATIENCE).await;
}
