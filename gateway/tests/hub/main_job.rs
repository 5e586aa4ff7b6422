//! The main job: a case across agents ends in one verified archive, and nobody is asked who may not be.

use tributary_archive::verify::Verdict;
use tributary_model::disposition::Disposition as Said;
use tributary_proto::types::v1::Disposition;

use crate::case::{Case, disposition, reason, request, task, verified};
use crate::hub::Hub;
use crate::support::agent::Call;
use crate::support::script::Script;

#[tokio::test]
async fn a_case_across_agents_ends_in_one_verified_archive() {
    main_job(Hub::new(&["be", "de", "fr"]).await).await;
}

/// The same wherever the state is.
pub(crate) async fn main_job(hub: Hub) {
    let agents = [
        hub.agent("be", Script::honest()),
        hub.agent("de", Script::saying(Said::NoData)),
        hub.agent("fr", Script::honest()),
    ];
    let mut case = Case::open(&hub, request(0)).await;
    let ready = case.ready().await;
    assert_eq!(disposition(&ready, "be"), Disposition::Fulfilled);
    assert_eq!(disposition(&ready, "de"), Disposition::NoData);
    assert_eq!((task(&ready, "fr").parts, task(&ready, "de").parts), (4, 0));
    assert!(ready.archives[0].complete && ready.archives[0].sequence == 1);

    let archive = case.archive(0).await;
    assert_eq!(archive.len() as u64, ready.archives[0].size);
    let report = verified(&hub, &archive, None);
    assert_eq!(report.verdict, Verdict::Authentic, "{:#?}", report.findings);
    for agent in &agents {
        case.until(|_| agent.calls().contains(&Call::FinishExport)).await;
    }

    let names: Vec<String> = case.events(0, "ARCHIVE_WRITTEN").await.into_iter().map(|event| event.event).collect();
    assert_eq!(names[..3], ["OPENED", "SCOPE_DECIDED", "FAN_OUT_STARTED"]);
    assert_eq!(names.iter().filter(|name| *name == "PART_STAGED").count(), 8);
    assert_eq!(names.iter().filter(|name| *name == "ANSWERED_FINALLY").count(), 3);
    for once in ["FIRST_LOCATED", "FIRST_EXPORT", "ARCHIVE_DUE", "ARCHIVE_WRITTEN"] {
        assert_eq!(names.iter().filter(|name| *name == once).count(), 1, "{once}");
    }
    assert_eq!(case.deliver(0).await.state(), tributary_proto::gateway::v1::CaseState::Closed);
    // A watcher of a closed case hears what it has missed, and then the end.
    let rest = case.events(names.len() as u64, "no such event").await;
    assert_eq!(rest.last().unwrap().event, "COMPLETED");
}

#[tokio::test]
async fn any_range_of_an_archive_is_served_and_every_download_is_recorded() {
    let hub = Hub::new(&["be", "fr"]).await;
    let _agents = [hub.agent("be", Script::honest()), hub.agent("fr", Script::honest())];
    let mut case = Case::open(&hub, request(0)).await;
    let size = case.ready().await.archives[0].size;
    let whole = case.archive(1).await;
    for (offset, length) in [(0, 1), (1, 100), (size - 1, 0), (size / 2, 70_000), (size - 10, 1000), (99_000, 131_072)]
    {
        let end = if length == 0 { size } else { (offset + length).min(size) };
        let expected = &whole[offset as usize..end as usize];
        assert_eq!(case.range(0, offset, length).await.unwrap(), expected, "{offset}+{length}");
    }
    assert!(case.range(0, size, 0).await.unwrap().is_empty());
    let beyond = case.range(0, size + 1, 0).await.unwrap_err();
    assert_eq!((beyond.code(), reason(&beyond).as_str()), (tonic::Code::OutOfRange, "RANGE_BEYOND_END"));
    let missing = case.range(2, 0, 0).await.unwrap_err();
    assert_eq!(reason(&missing), "ARCHIVE_NOT_FOUND");
    let cursor = case.get().await.etag.parse::<u64>().unwrap();
    let last = case.events(cursor - 1, "DOWNLOADED").await;
    assert_eq!(last[0].detail, format!("archive 1, bytes {size} to {size}"));
}

#[tokio::test]
async fn an_entity_that_may_not_be_asked_gets_no_call_and_stays_in_the_roster() {
    let hub = Hub::with(&["be", "uk"], |world| {
        world.group.entities.iter_mut().find(|e| e.id.as_str() == "uk").unwrap().country = "GB".parse().unwrap();
    })
    .await;
    let (_be, uk) = (hub.agent("be", Script::honest()), hub.agent("uk", Script::honest()));
    let mut case = Case::open(&hub, request(0)).await;
    let ready = case.ready().await;
    assert_eq!(disposition(&ready, "uk"), Disposition::NotAsked);
    assert!(task(&ready, "uk").reason.contains("legal area"));
    assert!(!ready.archives[0].complete && uk.calls().is_empty());
    let archive = case.archive(0).await;
    assert_eq!(verified(&hub, &archive, None).verdict, Verdict::Authentic);
    assert!(uk.calls().is_empty());
}

#[tokio::test]
async fn the_data_directory_holds_nothing_of_the_person_in_clear() {
    let hub = Hub::new(&["be"]).await;
    let _be = hub.agent("be", Script::honest());
    let mut asked = request(0);
    asked.request_ref = "marker reference".to_owned();
    let mut case = Case::open(&hub, asked).await;
    assert_eq!(case.ready().await.request_ref, "marker reference");
    case.archive(0).await;
    let markers =
        ["anna@example.org", "customer 7919", "clerk 7", "marker reference", "as the script says", "customer-0001.csv"];
    for (path, bytes) in hub.files() {
        for marker in markers {
            let found = bytes.windows(marker.len()).any(|window| window == marker.as_bytes());
            assert!(!found, "{marker} stands in clear in {}", path.display());
        }
    }
}
