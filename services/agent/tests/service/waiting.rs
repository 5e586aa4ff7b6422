//! What an export waits for, and how long: a system, room in the spool, a gateway that does not come.

use std::time::Duration;

use tributary_archive::attestation::NotSearchedReason;
use tributary_model::disposition::Disposition;
use tributary_model::mandate::Action;
use tributary_proto::agent::v1::ExportState;

use crate::world::{ANNA, LARGE, World, reason};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test(flavor = "multi_thread")]
async fn an_export_waits_for_a_database_that_cannot_be_read_and_then_begins_a_new_generation() {
    let world = World::new();
    let aside = world.path("aside");
    std::fs::rename(world.path("crm.sqlite"), &aside).unwrap();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    world.begin(&agent, &order).await.unwrap();
    let mut events = world.watch(&agent, &order).await.unwrap();
    let (reason, retry_at) = events.pending_for("crm").await;
    assert!(retry_at.is_some(), "{reason}");
    std::fs::rename(&aside, world.path("crm.sqlite")).unwrap();
    world.later(Duration::from_secs(5));
    let export = events.until_attested().await;
    assert!(export.generation > 1);
    assert_eq!(world.open(&export.envelope).disposition, Disposition::Fulfilled);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stays_away_is_named_in_the_end() {
    let mut world = World::new();
    world.settings = "limits: {retry_min: 1s, retry_max: 1s, unavailable_for: 1m}\n".to_owned();
    std::fs::remove_file(world.path("crm.sqlite")).unwrap();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    world.begin(&agent, &order).await.unwrap();
    let mut events = world.watch(&agent, &order).await.unwrap();
    events.pending_for("crm").await;
    world.later(Duration::from_secs(61));
    let attestation = world.open(&events.until_attested().await.envelope);
    assert_eq!(attestation.disposition, Disposition::PartlyFulfilled);
    assert_eq!(attestation.not_searched[0].reason, NotSearchedReason::Unavailable);
    assert_eq!(attestation.parts.count, 0);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_the_quota_waits_and_is_never_half() {
    let mut world = World::new();
    world.write_database(3_000);
    world.settings = "spool: {quota: 128KiB}\nlimits: {retry_min: 1s, retry_max: 4s}\n".to_owned();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    world.begin(&agent, &order).await.unwrap();
    let mut events = world.watch(&agent, &order).await.unwrap();
    let (text, retry_at) = events.pending_for("quota").await;
    assert!(text.contains("spool.quota") && retry_at.is_some(), "{text}");
    assert_eq!(world.spooled(), 0, "nothing is kept of what is not whole");
    let status = world.read(&agent, &order, (1, 1, 0)).await.unwrap_err();
    assert_eq!(reason(&status), "GENERATION_REPLACED");
    assert_eq!(reason(&world.attestation(&agent, &order).await.unwrap_err()), "ATTESTATION_NOT_READY");
    agent.stop().await;
    world.settings = String::new();
    let agent = world.start().await;
    let export = world.watch(&agent, &order).await.unwrap().until_attested().await;
    assert!(export.generation > 1);
    assert_eq!(world.open(&export.envelope).parts.rows, 3_001);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn room_that_an_ended_export_gives_back_lets_the_next_one_in() {
    let mut world = World::new();
    world.write_database(3_000);
    world.settings = "spool: {quota: 512KiB}\nlimits: {retry_min: 1s, retry_max: 1s}\n".to_owned();
    let agent = world.start().await;
    let (first, second) = (world.order(Action::Export, ANNA), world.order(Action::Export, ANNA));
    world.export(&agent, &first).await;
    world.begin(&agent, &second).await.unwrap();
    let mut events = world.watch(&agent, &second).await.unwrap();
    events.pending_for("quota").await;
    world.finish(&agent, &first).await.unwrap();
    world.later(Duration::from_secs(2));
    assert_eq!(world.open(&events.until_attested().await.envelope).parts.rows, 3_001);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_nobody_fetches_expires_and_begins_anew_when_it_is_asked_for() {
    let world = World::new();
    world.write_database(LARGE);
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    world.export(&agent, &order).await;
    assert!(world.spooled() > 0);
    world.later(6 * DAY);
    let order = world.renewed(&order);
    assert_eq!(world.begin(&agent, &order).await.unwrap().state(), ExportState::Attested);
    world.later(DAY);
    let order = world.renewed(&order);
    for status in [
        world.watch(&agent, &order).await.err().unwrap(),
        world.read(&agent, &order, (1, 1, 0)).await.unwrap_err(),
        world.attestation(&agent, &order).await.unwrap_err(),
    ] {
        assert_eq!(reason(&status), "EXPORT_NOT_FOUND");
    }
    agent.stop().await;
    let agent = world.start().await;
    assert_eq!(world.spooled(), 0, "what expired is swept at the next start at the latest");
    let again = world.begin(&agent, &order).await.unwrap();
    assert_eq!((again.generation, again.state()), (1, ExportState::Pending));
    assert_eq!(world.watch(&agent, &order).await.unwrap().until_attested().await.generation, 2);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_waits_can_be_ended() {
    let world = World::new();
    std::fs::remove_file(world.path("crm.sqlite")).unwrap();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    world.begin(&agent, &order).await.unwrap();
    let mut events = world.watch(&agent, &order).await.unwrap();
    events.pending_for("crm").await;
    world.finish(&agent, &order).await.unwrap();
    assert_eq!(reason(&events.next().await.unwrap_err()), "EXPORT_NOT_FOUND", "who watches is told");
    assert_eq!(world.begin(&agent, &order).await.unwrap().state(), ExportState::Finished);
    assert_eq!(reason(&world.attestation(&agent, &order).await.unwrap_err()), "EXPORT_NOT_FOUND");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_exports_than_the_limit_are_told_to_come_back() {
    let mut world = World::new();
    world.settings = "limits: {open_exports: 2}\n".to_owned();
    let agent = world.start().await;
    let orders = [(); 3].map(|()| world.order(Action::Export, ANNA));
    world.export(&agent, &orders[0]).await;
    world.begin(&agent, &orders[1]).await.unwrap();
    let status = world.begin(&agent, &orders[2]).await.unwrap_err();
    assert_eq!(reason(&status), "TOO_MUCH_WORK");
    world.finish(&agent, &orders[0]).await.unwrap();
    world.begin(&agent, &orders[2]).await.unwrap();
    agent.stop().await;
}
