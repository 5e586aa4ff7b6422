//! A gateway that dies at any point goes on by itself, and what was staged is not fetched again.

use tributary_proto::gateway::v1::CaseState;

use crate::case::{Case, request, task, verified};
use crate::hub::Hub;
use crate::support::script::{Reading, Script};

#[tokio::test]
async fn a_killed_gateway_goes_on_and_fetches_no_staged_part_again() {
    let mut hub = Hub::new(&["be"]).await;
    let be = hub.agent("be", Script::honest());
    // The fourth part, the document, never ends before the gateway is killed.
    be.change(|script| script.reading = Reading::HangsAt(60_000));
    let mut case = Case::open(&hub, request(0)).await;
    case.until(|case| task(case, "be").parts == 3).await;
    hub.kill();
    be.change(|script| script.reading = Reading::Pieces(64 * 1024));
    hub.start().await.unwrap();
    let mut case = Case::of(&hub, case.id).await;
    let ready = case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    assert_eq!(task(&ready, "be").parts, 4);
    for part in 1..=3 {
        assert_eq!(be.offsets(part).len(), 1, "part {part} was staged before the gateway died");
    }
    let archive = case.archive(0).await;
    assert_eq!(verified(&hub, &archive, None).verdict, tributary_archive::verify::Verdict::Authentic);
    assert_eq!(hub.objects(), 5);
}

#[tokio::test]
async fn a_gateway_killed_again_and_again_loses_nothing() {
    let mut hub = Hub::new(&["be", "fr"]).await;
    let _agents = [hub.agent("be", Script::honest()), hub.agent("fr", Script::honest())];
    let id = Case::open(&hub, request(0)).await.id;
    // Each life is a little longer than the one before, so that death comes at other steps.
    for life in 0..12_u64 {
        tokio::time::sleep(std::time::Duration::from_millis(life * 4)).await;
        hub.kill();
        hub.start().await.unwrap();
    }
    let mut case = Case::of(&hub, id).await;
    let ready = case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    assert_eq!(ready.archives.len(), 1);
    let archive = case.archive(0).await;
    assert_eq!(verified(&hub, &archive, None).verdict, tributary_archive::verify::Verdict::Authentic);
    assert_eq!(hub.objects(), 9);
}

#[tokio::test]
async fn a_stopped_gateway_drains_and_starts_where_it_was() {
    let mut hub = Hub::new(&["be"]).await;
    let be = hub.agent("be", Script::honest().reading(Reading::HangsAt(1000)));
    let case = Case::open(&hub, request(0)).await;
    let mut watched = Case::of(&hub, case.id.clone()).await;
    watched.until(|_| !be.offsets(1).is_empty()).await;
    hub.stop().await.unwrap();
    be.change(|script| script.reading = Reading::Pieces(64 * 1024));
    hub.start().await.unwrap();
    Case::of(&hub, case.id).await.advancing(&hub, |case| case.state() == CaseState::Ready).await;
}

#[tokio::test]
async fn another_key_file_is_refused_at_the_start() {
    let mut hub = Hub::new(&["be"]).await;
    hub.stop().await.unwrap();
    let right = hub.config.key_encryption_key.clone();
    hub.other_key_file();
    let refused = hub.start().await.unwrap_err().to_string();
    assert!(refused.contains("not the key that the database was made with"), "{refused}");
    hub.config.key_encryption_key = hub.config.data_dir.join("no such file");
    assert!(hub.start().await.unwrap_err().to_string().contains("no such file"));
    hub.config.key_encryption_key = right;
    hub.start().await.unwrap();
}

#[tokio::test]
async fn a_second_gateway_on_the_same_data_is_refused() {
    let hub = Hub::new(&["be"]).await;
    let second = tributary_gateway::Gateway::bind(
        hub.config.clone(),
        hub.world.clock.clone(),
        tributary_transport::telemetry::Metrics::new(),
    )
    .await;
    assert!(second.err().unwrap().to_string().contains("another gateway uses"));
}
