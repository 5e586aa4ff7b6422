//! Retention (GRP-9): what was delivered long ago is shredded, what must stay on record stays, and nothing else is left.

use std::time::Duration;

use tributary_proto::gateway::v1 as wire;
use tributary_proto::types::v1::Disposition;

use crate::case::{Case, WHO, disposition, reason, request};
use crate::hub::{Hub, eventually};
use crate::support::script::Script;

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn create_link(case: &mut Case) -> Result<String, tonic::Status> {
    let request =
        wire::CreateLinkRequest { case_id: case.id.clone(), on_behalf_of: WHO.to_owned(), ..Default::default() };
    Ok(case.archives.create_link(request).await?.into_inner().url)
}

async fn describe(case: &mut Case, sequence: u32) -> wire::Archive {
    let request = wire::GetArchiveRequest { case_id: case.id.clone(), on_behalf_of: WHO.to_owned(), sequence };
    case.archives.get_archive(request).await.unwrap().into_inner().archive.unwrap()
}

/// Waits until the bytes of an archive are gone.
async fn shredded(case: &mut Case, sequence: u32) -> wire::Archive {
    let described = async || Some(describe(case, sequence).await).filter(|archive| archive.shredded_at.is_some());
    eventually("the archive is shredded", described).await
}

/// The wrapped content key of a case, as the database has it.
async fn wrapped_key(hub: &Hub, case: &Case) -> Option<Vec<u8>> {
    let path = hub.config.data_dir.join("gateway.sqlite");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).read_only(true);
    let mut conn = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    let row = sqlx::query_scalar("SELECT content_key FROM cases WHERE case_id = $1").bind(&case.id);
    row.fetch_one(&mut conn).await.unwrap()
}

fn found(hub: &Hub, bytes: &[u8]) -> usize {
    let holds = |content: &Vec<u8>| content.windows(bytes.len()).any(|window| window == bytes);
    hub.files().iter().filter(|(_, content)| holds(content)).count()
}

#[tokio::test]
async fn a_closed_case_is_shredded_after_its_retention_and_its_record_stays() {
    let hub = Hub::new(&["be", "de"]).await;
    let _agents = [
        hub.agent("be", Script::honest()),
        hub.agent("de", Script::saying(tributary_model::disposition::Disposition::NoData)),
    ];
    let mut case = Case::open(&hub, request(0)).await;
    case.ready().await;
    let url = create_link(&mut case).await.unwrap();
    let path = url.strip_prefix("https://localhost").unwrap();
    let before = describe(&mut case, 1).await;
    case.archive(1).await;
    case.deliver(1).await;
    let key = wrapped_key(&hub, &case).await.unwrap();
    assert!(found(&hub, &key) > 0, "the search is blind");

    hub.world.later(DAY * 30 - Duration::from_secs(120));
    assert_eq!(hub.browser().get(path).await.status, 404, "a link lasts seven days");
    case.archive(1).await;
    assert!(hub.objects() > 0);
    hub.world.later(Duration::from_secs(180));
    let after = shredded(&mut case, 1).await;

    // The files go after the commit.
    case.until(|_| hub.objects() == 0).await;
    case.until(|_| found(&hub, &key) == 0).await;
    assert_eq!(wrapped_key(&hub, &case).await, None);
    assert_eq!((&after.tagmanifest_sha256, after.size), (&before.tagmanifest_sha256, before.size));
    let gone = case.range(1, 0, 0).await.unwrap_err();
    assert_eq!((gone.code(), reason(&gone).as_str()), (tonic::Code::NotFound, "ARCHIVE_SHREDDED"));
    assert_eq!(reason(&create_link(&mut case).await.unwrap_err()), "ARCHIVE_SHREDDED");
    let record = case.get().await;
    assert_eq!(record.state(), wire::CaseState::Closed);
    assert_eq!(disposition(&record, "be"), Disposition::Fulfilled);
    assert_eq!(disposition(&record, "de"), Disposition::NoData);
    let events = case.events(0, "SHREDDED").await;
    let names: Vec<&str> = events.iter().map(|event| event.event.as_str()).collect();
    for name in ["OPENED", "LINK_CREATED", "DOWNLOADED", "DELIVERED_COMPLETE", "ARCHIVE_SHREDDED", "SHREDDED"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
}

#[tokio::test]
async fn a_case_that_goes_on_loses_the_archive_delivered_long_ago_and_gets_its_addendum() {
    let hub = Hub::new(&["be", "fr"]).await;
    let _be = hub.agent("be", Script::honest());
    let mut case = Case::open(&hub, request(60)).await;
    case.until(|case| disposition(case, "be") == Disposition::Fulfilled).await;
    case.advancing(&hub, |case| case.state() == wire::CaseState::Ready).await;
    assert_eq!(case.deliver(1).await.state(), wire::CaseState::DeliveredIncomplete);
    let objects = hub.objects();
    assert!(objects > 1);
    hub.world.later(DAY * 31);
    shredded(&mut case, 1).await;
    case.until(|_| hub.objects() == 0).await;
    assert_eq!(reason(&case.range(1, 0, 0).await.unwrap_err()), "ARCHIVE_SHREDDED");

    let _fr = hub.agent("fr", Script::honest());
    let later = case.advancing(&hub, |case| case.archives.len() == 2).await;
    assert!(later.archives[1].complete);
    assert!(!case.archive(2).await.is_empty());
    assert_eq!(case.deliver(2).await.state(), wire::CaseState::Closed);
    assert!(wrapped_key(&hub, &case).await.is_some(), "the addendum still has its time");
    hub.world.later(DAY * 31);
    shredded(&mut case, 2).await;
    case.until(|_| hub.objects() == 0).await;
    assert_eq!(wrapped_key(&hub, &case).await, None);
}

#[tokio::test]
async fn an_archive_that_nobody_ever_delivered_is_shredded_in_the_end() {
    let hub = Hub::new(&["be"]).await;
    let _be = hub.agent("be", Script::honest());
    let mut case = Case::open(&hub, request(0)).await;
    case.ready().await;
    hub.world.later(DAY * 89);
    assert!(describe(&mut case, 1).await.shredded_at.is_none());
    hub.world.later(DAY * 2);
    shredded(&mut case, 1).await;
    case.until(|_| hub.objects() == 0).await;
    // It may have been handed over all the same, and be said so late; then the rest goes too.
    assert_eq!(case.deliver(1).await.state(), wire::CaseState::Closed);
    hub.world.later(Duration::from_secs(61));
    let dropped = async || wrapped_key(&hub, &case).await.is_none().then_some(());
    eventually("the case's key is dropped", dropped).await;
    assert_eq!(case.events(0, "SHREDDED").await.last().unwrap().event, "SHREDDED");
}

#[tokio::test]
async fn what_a_crash_leaves_of_shredded_objects_is_swept_at_the_next_start() {
    let mut hub = Hub::new(&["be"]).await;
    let _be = hub.agent("be", Script::honest());
    let mut case = Case::open(&hub, request(0)).await;
    case.ready().await;
    case.deliver(1).await;
    let folder = hub.config.data_dir.join("objects").join(&case.id);
    let kept: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    assert!(!kept.is_empty());
    hub.world.later(DAY * 31);
    shredded(&mut case, 1).await;
    case.until(|_| hub.objects() == 0).await;
    hub.kill();
    // As if the crash had come between the commit and the removal.
    std::fs::create_dir_all(&folder).unwrap();
    for (path, bytes) in &kept {
        std::fs::write(path, bytes).unwrap();
    }
    hub.start().await.unwrap();
    assert_eq!(hub.objects(), 0);
}

#[tokio::test]
async fn a_cancelled_case_leaves_no_wrapped_key_behind() {
    let hub = Hub::new(&["be"]).await;
    let _be = hub.agent("be", Script::honest());
    let mut case = Case::open(&hub, request(0)).await;
    case.ready().await;
    let key = wrapped_key(&hub, &case).await.unwrap();
    assert!(found(&hub, &key) > 0, "the search is blind");
    let cancel =
        wire::CancelCaseRequest { case_id: case.id.clone(), on_behalf_of: WHO.to_owned(), reason: "r".to_owned() };
    case.cases.cancel_case(cancel).await.unwrap();
    hub.world.later(Duration::from_secs(61));
    case.until(|_| found(&hub, &key) == 0).await;
}

#[tokio::test]
async fn a_crash_right_after_shredding_leaves_no_wrapped_key_behind() {
    let mut hub = Hub::new(&["be"]).await;
    let _be = hub.agent("be", Script::honest());
    let mut case = Case::open(&hub, request(0)).await;
    case.ready().await;
    let key = wrapped_key(&hub, &case).await.unwrap();
    let cancel =
        wire::CancelCaseRequest { case_id: case.id.clone(), on_behalf_of: WHO.to_owned(), reason: "r".to_owned() };
    case.cases.cancel_case(cancel).await.unwrap();
    hub.kill();
    hub.start().await.unwrap();
    let mut case = Case::of(&hub, case.id.clone()).await;
    case.until(|_| found(&hub, &key) == 0).await;
}
