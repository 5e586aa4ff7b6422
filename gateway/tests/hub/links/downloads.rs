//! What counts as a download: all of it, from the first byte on, cut and resumed or not, and no more often than allowed.

use std::time::Duration;

use tributary_archive::verify::Verdict;
use tributary_proto::gateway::v1 as wire;

use super::{list, make, ready, revoke, until};
use crate::case::{Case, reason, verified};
use crate::hub::Hub;
use crate::support::export::Export;
use crate::support::script::Script;

/// More than everything between the gateway and a browser buffers.
const LARGE: usize = 24 * 1024 * 1024;

#[tokio::test]
async fn a_person_downloads_once_and_the_link_is_used_up() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::honest()).await;
    let whole = case.archive(1).await;
    let (link, path) = make(&mut case, |_| {}).await;
    let browser = hub.browser();

    let page = browser.get(&path).await;
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    let text = String::from_utf8(page.body().await).unwrap();
    assert!(text.contains("<form method=\"post\">") && text.contains("Acme"));

    let place = browser.press(&path).await;
    let answer = browser.get(&place).await;
    assert_eq!((answer.status, answer.header("accept-ranges")), (200, Some("bytes")));
    let disposition = answer.header("content-disposition").unwrap();
    assert!(disposition.starts_with("attachment; filename=\"") && disposition.ends_with(".zip\""), "{disposition}");
    for (name, value) in [
        ("content-type", "application/zip"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-robots-tag", "noindex, nofollow, noarchive"),
        ("strict-transport-security", "max-age=31536000"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let body = answer.body().await;
    assert!(body == whole);
    assert_eq!(verified(&hub, &body, None).verdict, Verdict::Authentic);

    let used = until(&mut case, |link| link.downloads == 1).await;
    assert_eq!((used.link_id.as_str(), used.state(), used.starts), (link.as_str(), wire::LinkState::Used, 1));
    assert!(used.last_download_at.is_some());
    assert_eq!(browser.get(&path).await.status, 404);
    assert_eq!(browser.ask("POST", &path, &[]).await.status, 404);
    assert_eq!(browser.get(&place).await.status, 404, "the whole is not given twice");
    assert_eq!(case.get().await.state(), wire::CaseState::Ready, "delivery is confirmed by the caller");
}

#[tokio::test]
async fn a_download_that_is_cut_goes_on_and_counts_once() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::of(Export::document(LARGE))).await;
    let whole = case.archive(1).await;
    let (_, path) = make(&mut case, |_| {}).await;
    let browser = hub.browser();
    let place = browser.press(&path).await;
    let tag = browser.ask("HEAD", &place, &[]).await.header("etag").unwrap().to_owned();
    let mut body = browser.get(&place).await.read(1 << 20).await;
    let mut resumed = 0;
    while body.len() < whole.len() {
        let from = format!("bytes={}-", body.len());
        let answer = browser.ask("GET", &place, &[("Range", &from), ("If-Range", &tag)]).await;
        assert_eq!(answer.status, 206);
        let left = whole.len() - body.len();
        body.extend(answer.read(left.min(1 << 20)).await);
        resumed += 1;
    }
    assert!(body == whole && resumed >= LARGE >> 20);
    let link = until(&mut case, |link| link.downloads > 0).await;
    assert_eq!((link.downloads, link.starts, link.state()), (1, 1, wire::LinkState::Used));
}

#[tokio::test]
async fn of_two_downloads_of_a_one_time_link_the_later_takes_the_place_of_the_first() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::of(Export::document(LARGE))).await;
    let whole = case.archive(1).await;
    let (_, path) = make(&mut case, |_| {}).await;
    let browser = hub.browser();
    let first = browser.press(&path).await;
    let mut cut = browser.get(&first).await;
    cut.take(100_000).await;
    let second = browser.press(&path).await;
    assert!(cut.read(LARGE * 2).await.len() < whole.len(), "the first went on");
    assert_eq!(browser.get(&first).await.status, 404);
    assert!(browser.get(&second).await.body().await == whole);
    let link = until(&mut case, |link| link.downloads > 0).await;
    assert_eq!((link.downloads, link.starts), (1, 2));
    assert_eq!(browser.ask("POST", &path, &[]).await.status, 404);
}

#[tokio::test]
async fn whoever_leaves_the_last_byte_out_uses_a_link_up_all_the_same() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::honest()).await;
    let whole = case.archive(1).await;
    let (_, path) = make(&mut case, |_| {}).await;
    let browser = hub.browser();
    let place = browser.press(&path).await;
    let but_one = format!("bytes=0-{}", whole.len() - 2);
    for _ in 0..2 {
        let answer = browser.ask("GET", &place, &[("range", &but_one)]).await;
        assert_eq!(answer.status, 206);
        assert!(answer.body().await == whole[..whole.len() - 1]);
    }
    let link = until(&mut case, |link| link.state() == wire::LinkState::Used).await;
    assert_eq!((link.downloads, link.starts), (0, 1));
    assert_eq!(browser.ask("POST", &path, &[]).await.status, 404);
    // The download itself may still come to its end.
    let end = format!("bytes={}-", whole.len() - 1);
    assert!(browser.ask("GET", &place, &[("range", &end)]).await.body().await == whole[whole.len() - 1..]);
    until(&mut case, |link| link.downloads == 1).await;
}

#[tokio::test]
async fn a_link_that_allows_two_downloads_has_two_side_by_side() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::honest()).await;
    let whole = case.archive(1).await;
    let (_, path) = make(&mut case, |link| link.max_downloads = 2).await;
    let browser = hub.browser();
    let (first, second) = (browser.press(&path).await, browser.press(&path).await);
    for place in [first, second] {
        assert!(browser.get(&place).await.body().await == whole);
    }
    until(&mut case, |link| link.downloads == 2 && link.state() == wire::LinkState::Used).await;
}

#[tokio::test]
async fn a_pause_of_more_than_an_hour_ends_a_download_and_not_the_link() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::honest()).await;
    let (_, path) = make(&mut case, |_| {}).await;
    let browser = hub.browser();
    let place = browser.press(&path).await;
    hub.world.later(Duration::from_secs(3599));
    assert_eq!(browser.ask("GET", &place, &[("Range", "bytes=0-0")]).await.body().await.len(), 1);
    hub.world.later(Duration::from_secs(3599));
    assert_eq!(browser.ask("GET", &place, &[("Range", "bytes=1-1")]).await.body().await.len(), 1);
    // The pause begins when the gateway has seen the end of the range, which may be after the first of these hours.
    hub.world.later(Duration::from_secs(3600));
    if browser.ask("HEAD", &place, &[]).await.status == 200 {
        hub.world.later(Duration::from_secs(3600));
    }
    assert_eq!(browser.ask("HEAD", &place, &[]).await.status, 404);
    let place = browser.press(&path).await;
    browser.get(&place).await.body().await;
    until(&mut case, |link| link.downloads == 1 && link.starts == 2).await;
}

#[tokio::test]
async fn a_link_whose_downloads_never_end_is_used_up_too() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::honest()).await;
    let (_, path) = make(&mut case, |_| {}).await;
    let browser = hub.browser();
    for _ in 0..10 {
        let place = browser.press(&path).await;
        let answer = browser.ask("GET", &place, &[("Range", "bytes=0-99")]).await;
        assert_eq!(answer.body().await.len(), 100);
    }
    assert_eq!(browser.ask("POST", &path, &[]).await.status, 404);
    let link = list(&mut case).await.remove(0);
    assert_eq!((link.state(), link.downloads, link.starts), (wire::LinkState::Used, 0, 10));
}

#[tokio::test]
async fn a_revoked_link_ends_the_download_under_way() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::of(Export::document(LARGE))).await;
    let (link, path) = make(&mut case, |_| {}).await;
    let browser = hub.browser();
    let place = browser.press(&path).await;
    let mut answer = browser.get(&place).await;
    answer.take(100_000).await;
    revoke(&mut case, &link).await.unwrap();
    let length = answer.length();
    assert!(answer.read(length).await.len() < length, "the download went on");
    assert_eq!(browser.ask("GET", &place, &[("Range", "bytes=5-")]).await.status, 404);
    let revoked = list(&mut case).await.remove(0);
    assert_eq!((revoked.state(), revoked.downloads), (wire::LinkState::Revoked, 0));
    assert_eq!(revoke(&mut case, &link).await.unwrap().revoked_at, revoked.revoked_at, "repeating it changes nothing");
    let missing = revoke(&mut case, &uuid::Uuid::new_v4().to_string()).await.unwrap_err();
    assert_eq!(reason(&missing), "LINK_NOT_FOUND");
}

#[tokio::test]
async fn a_gateway_killed_in_the_middle_goes_on_after_its_restart() {
    let mut hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::of(Export::document(LARGE))).await;
    let whole = case.archive(1).await;
    let (_, path) = make(&mut case, |_| {}).await;
    let place = hub.browser().press(&path).await;
    let mut answer = hub.browser().get(&place).await;
    answer.take(1 << 20).await;
    hub.kill();
    let length = answer.length();
    let mut body = answer.read(length).await;
    assert!(body.len() < length);
    hub.start().await.unwrap();
    let answer = hub.browser().ask("GET", &place, &[("Range", &format!("bytes={}-", body.len()))]).await;
    assert_eq!(answer.status, 206);
    body.extend(answer.body().await);
    assert!(body == whole);
    let mut case = Case::of(&hub, case.id.clone()).await;
    let link = until(&mut case, |link| link.downloads > 0).await;
    assert_eq!((link.downloads, link.starts), (1, 1));
}

#[tokio::test]
async fn ranges_are_served_as_browsers_resume_and_the_first_byte_alone_completes_nothing() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::of(Export::document(400_000))).await;
    let whole = case.archive(1).await;
    let size = whole.len();
    let (_, path) = make(&mut case, |_| {}).await;
    let browser = hub.browser();
    let place = browser.press(&path).await;
    let head = browser.ask("HEAD", &place, &[]).await;
    let tag = head.header("etag").unwrap().to_owned();

    // The end alone is no download.
    let answer = browser.ask("GET", &place, &[("Range", "bytes=-10")]).await;
    assert_eq!(answer.status, 206);
    assert_eq!(answer.header("content-range").unwrap(), format!("bytes {}-{}/{size}", size - 10, size - 1));
    assert!(answer.body().await == whole[size - 10..]);
    for (range, expected) in [
        ("bytes=0-0", &whole[..1]),
        ("bytes=100-299999", &whole[100..300_000]),
        ("bytes=390000-9999999", &whole[390_000..]),
    ] {
        let answer = browser.ask("GET", &place, &[("Range", range), ("If-Range", &tag)]).await;
        assert_eq!(answer.status, 206, "{range}");
        if range == "bytes=390000-9999999" {
            // The first byte was asked for before: with its end sent, the download is complete.
            assert!(answer.body().await == expected);
        } else {
            assert!(answer.body().await == expected, "{range}");
            assert_eq!(list(&mut case).await[0].downloads, 0, "{range}");
        }
    }
    until(&mut case, |link| link.downloads == 1).await;

    let (_, path) = make(&mut case, |_| {}).await;
    let place = browser.press(&path).await;
    let beyond = browser.ask("GET", &place, &[("Range", &format!("bytes={size}-"))]).await;
    assert_eq!((beyond.status, beyond.header("content-range").unwrap()), (416, format!("bytes */{size}").as_str()));
    let several = browser.ask("GET", &place, &[("Range", "bytes=0-1,5-6")]).await;
    assert_eq!((several.status, several.length()), (200, size));
    drop(several);
    // All of a small archive may have been sent by now, which uses its link up.
    let (_, path) = make(&mut case, |_| {}).await;
    let place = browser.press(&path).await;
    let other = browser.ask("GET", &place, &[("Range", "bytes=5-"), ("If-Range", "\"other\"")]).await;
    assert_eq!((other.status, other.length()), (200, size));
}
