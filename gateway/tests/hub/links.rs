//! Links: a person downloads without a client, once, and whoever guesses, comes late or comes twice gets nothing.

use std::time::Duration;

use tributary_archive::verify::Verdict;
use tributary_proto::gateway::v1 as wire;
use tributary_proto::gateway::v1::archive_service_client::ArchiveServiceClient;

use crate::browser::{Answer, Browser};
use crate::case::{Case, WHO, reason, request, verified};
use crate::hub::Hub;
use crate::support::agent::Agent;
use crate::support::export::Export;
use crate::support::script::Script;
use crate::support::world::PATIENCE;

/// More than everything between the gateway and a browser buffers.
const LARGE: usize = 24 * 1024 * 1024;

/// A case with a ready archive, and whoever made it.
async fn ready(hub: &Hub, script: Script) -> (Case, Agent) {
    let agent = hub.agent("be", script);
    let mut case = Case::open(hub, request(0)).await;
    case.ready().await;
    (case, agent)
}

fn asked(case: &Case) -> wire::CreateLinkRequest {
    wire::CreateLinkRequest { case_id: case.id.clone(), on_behalf_of: WHO.to_owned(), ..Default::default() }
}

/// Makes a link; its id and its path.
async fn make(case: &mut Case, change: impl FnOnce(&mut wire::CreateLinkRequest)) -> (String, String) {
    let mut request = asked(case);
    change(&mut request);
    let made = case.archives.create_link(request).await.unwrap().into_inner();
    let path = made.url.strip_prefix("https://localhost").unwrap().to_owned();
    assert!(path.starts_with("/box/l/") && path.len() == "/box/l/".len() + 43, "{path}");
    (made.link.unwrap().link_id, path)
}

async fn list(case: &mut Case) -> Vec<wire::Link> {
    let request = wire::ListLinksRequest { case_id: case.id.clone(), on_behalf_of: WHO.to_owned() };
    case.archives.list_links(request).await.unwrap().into_inner().links
}

async fn revoke(case: &mut Case, link_id: &str) -> Result<wire::Link, tonic::Status> {
    let request =
        wire::RevokeLinkRequest { case_id: case.id.clone(), on_behalf_of: WHO.to_owned(), link_id: link_id.to_owned() };
    Ok(case.archives.revoke_link(request).await?.into_inner().link.unwrap())
}

/// Waits until the case's only link is as `wanted`.
async fn until(case: &mut Case, wanted: impl Fn(&wire::Link) -> bool) -> wire::Link {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let link = list(case).await.remove(0);
        if wanted(&link) {
            return link;
        }
        assert!(tokio::time::Instant::now() < deadline, "the link never came to what was waited for: {link:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// All that a person sees of an answer but the clock.
async fn seen(answer: Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let headers = answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
    (answer.status, headers, answer.body().await)
}

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
async fn scanners_and_previews_do_not_use_a_link_up() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::honest()).await;
    let size = case.get().await.archives[0].size as usize;
    let (_, path) = make(&mut case, |_| {}).await;
    let browser = hub.browser();
    for _ in 0..30 {
        assert_eq!(browser.get(&path).await.status, 200);
        let head = browser.ask("HEAD", &path, &[]).await;
        assert_eq!(head.status, 200);
        assert!(head.length() > 1000 && head.begun_is_empty());
    }
    assert_eq!(browser.ask("PUT", &path, &[]).await.status, 405);
    let link = list(&mut case).await.remove(0);
    assert_eq!((link.state(), link.downloads, link.starts), (wire::LinkState::Active, 0, 0));

    let place = browser.press(&path).await;
    for _ in 0..30 {
        let head = browser.ask("HEAD", &place, &[]).await;
        assert_eq!((head.status, head.length()), (200, size));
    }
    assert_eq!(list(&mut case).await[0].downloads, 0);
    assert_eq!(browser.get(&place).await.body().await.len(), size);
    until(&mut case, |link| link.downloads == 1).await;
}

#[tokio::test]
async fn whatever_does_not_work_looks_like_a_link_that_never_was() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::honest()).await;
    let browser = hub.browser();
    let (used, used_path) = make(&mut case, |_| {}).await;
    let place = browser.press(&used_path).await;
    browser.get(&place).await.body().await;
    until(&mut case, |link| link.downloads == 1).await;
    let (revoked, revoked_path) = make(&mut case, |_| {}).await;
    assert_eq!(revoke(&mut case, &revoked).await.unwrap().state(), wire::LinkState::Revoked);
    let hour = Some(prost_types::Duration { seconds: 3600, nanos: 0 });
    let (_, expired_path) = make(&mut case, |link| link.valid_for = hour).await;
    let begun = browser.press(&expired_path).await;
    hub.world.later(Duration::from_secs(3600));

    let wrong_path = format!("/box/l/{}", "A".repeat(43));
    let wrong = seen(browser.get(&wrong_path).await).await;
    assert_eq!(wrong.0, 404);
    for path in [&used_path, &revoked_path, &expired_path, &begun, &place, &"/box/l/short".to_owned()] {
        assert!(seen(browser.get(path).await).await == wrong, "{path} looks different");
    }
    for path in [&used_path, &revoked_path, &expired_path] {
        assert!(seen(browser.ask("POST", path, &[]).await).await == wrong, "{path} looks different");
    }
    // Who made it sees what became of it.
    let states: Vec<_> = list(&mut case).await.into_iter().map(|link| (link.link_id.clone(), link.state())).collect();
    assert!(states.contains(&(used, wire::LinkState::Used)) && states.contains(&(revoked, wire::LinkState::Revoked)));
    assert!(states.iter().any(|(_, state)| *state == wire::LinkState::Expired));
}

#[tokio::test]
async fn who_guesses_too_often_waits_and_learns_nothing_meanwhile() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::honest()).await;
    let (_, path) = make(&mut case, |_| {}).await;
    let browser = hub.browser();
    for guess in 0..20 {
        let wrong = format!("/box/l/{guess:043}");
        assert_eq!(browser.get(&wrong).await.status, 404);
    }
    for path in [&path, &format!("/box/l/{:043}", 21), &format!("/box/d/{:043}", 21)] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 429);
        assert!((1..=600).contains(&answer.header("retry-after").unwrap().parse::<u32>().unwrap()));
    }
    hub.world.later(Duration::from_secs(600));
    assert_eq!(browser.get(&path).await.status, 200);
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
async fn a_complete_download_confirms_the_delivery_when_its_maker_may_and_asked_for_it() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::honest()).await;
    let confirming = wire::CreateLinkRequest { confirm_delivery: true, ..asked(&case) };
    let mut linker = ArchiveServiceClient::new(hub.link("linker").await.channel());
    let refused = linker.create_link(confirming).await.unwrap_err();
    assert_eq!(reason(&refused), "CALLER_NOT_AUTHORISED");
    let (_, path) = make(&mut case, |link| link.confirm_delivery = true).await;
    let browser = hub.browser();
    let place = browser.press(&path).await;
    browser.get(&place).await.body().await;
    let closed = case.until(|case| case.state() == wire::CaseState::Closed).await;
    assert!(closed.archives[0].delivered_at.is_some());
}

#[tokio::test]
async fn every_use_of_a_link_is_recorded_and_no_token_is_kept() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::honest()).await;
    let cursor: u64 = case.get().await.etag.parse().unwrap();
    let (link, path) = make(&mut case, |link| link.channel = "letter".to_owned()).await;
    let browser = hub.browser();
    let place = browser.press(&path).await;
    browser.get(&place).await.body().await;
    until(&mut case, |link| link.downloads == 1).await;
    assert_eq!(browser.get(&path).await.status, 404);
    let events = case.events(cursor, "LINK_REFUSED").await;
    let names: Vec<&str> = events.iter().map(|event| event.event.as_str()).collect();
    let expected =
        ["LINK_CREATED", "LINK_DOWNLOAD_BEGUN", "LINK_DOWNLOADED", "LINK_DOWNLOAD_COMPLETED", "LINK_REFUSED"];
    assert_eq!(names, expected);
    assert!(events.iter().all(|event| event.detail.contains(&link)));
    let listed = list(&mut case).await.remove(0);
    assert_eq!(listed.channel, "letter");
    for secret in [path.rsplit('/').next().unwrap(), place.rsplit('/').next().unwrap(), "letter", "127.0.0.1"] {
        for (file, bytes) in hub.files() {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} stands in clear in {}", file.display());
        }
    }
}

#[tokio::test]
async fn links_are_made_within_limits_and_for_archives_that_exist() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::honest()).await;
    let days = |days: i64| Some(prost_types::Duration { seconds: days * 24 * 3600, nanos: 0 });
    for (wrong, expected) in [
        (wire::CreateLinkRequest { valid_for: days(31), ..asked(&case) }, "INVALID_FIELD"),
        (wire::CreateLinkRequest { valid_for: days(0), ..asked(&case) }, "INVALID_FIELD"),
        (wire::CreateLinkRequest { valid_for: days(-1), ..asked(&case) }, "INVALID_FIELD"),
        (wire::CreateLinkRequest { max_downloads: 101, ..asked(&case) }, "INVALID_FIELD"),
        (wire::CreateLinkRequest { channel: "x\ny".to_owned(), ..asked(&case) }, "INVALID_FIELD"),
        (wire::CreateLinkRequest { language: "not a tag".to_owned(), ..asked(&case) }, "INVALID_FIELD"),
        (wire::CreateLinkRequest { sequence: 2, ..asked(&case) }, "ARCHIVE_NOT_FOUND"),
    ] {
        assert_eq!(reason(&case.archives.create_link(wrong).await.unwrap_err()), expected);
    }
    let dutch = |link: &mut wire::CreateLinkRequest| {
        link.language = "nl-BE".to_owned();
        link.valid_for = days(30);
    };
    let (_, path) = make(&mut case, dutch).await;
    let page = String::from_utf8(hub.browser().get(&path).await.body().await).unwrap();
    assert!(page.contains("<html lang=\"nl\">"), "{page}");
    for _ in 1..20 {
        make(&mut case, |_| {}).await;
    }
    let many = case.archives.create_link(asked(&case)).await.unwrap_err();
    assert_eq!(reason(&many), "TOO_MANY_LINKS");
}

#[tokio::test]
async fn a_gateway_without_the_listener_says_that_it_serves_no_links() {
    let mut hub = Hub::new(&["be"]).await;
    let (case, _agent) = ready(&hub, Script::honest()).await;
    hub.stop().await.unwrap();
    hub.config.links = None;
    hub.start().await.unwrap();
    let mut case = Case::of(&hub, case.id.clone()).await;
    let refused = case.archives.create_link(asked(&case)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (tonic::Code::FailedPrecondition, "LINKS_NOT_SERVED"));
}

#[tokio::test]
async fn a_cancelled_case_takes_its_links_with_it() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::honest()).await;
    let (_, path) = make(&mut case, |_| {}).await;
    let request =
        wire::CancelCaseRequest { case_id: case.id.clone(), on_behalf_of: WHO.to_owned(), reason: "r".to_owned() };
    case.cases.cancel_case(request).await.unwrap();
    assert_eq!(hub.browser().get(&path).await.status, 404);
    assert_eq!(list(&mut case).await[0].state(), wire::LinkState::Shredded);
}

#[tokio::test]
async fn requests_that_are_too_large_or_never_end_take_nothing_from_others() {
    let hub = Hub::new(&["be"]).await;
    let (mut case, _agent) = ready(&hub, Script::honest()).await;
    let (_, path) = make(&mut case, |_| {}).await;
    let browser: Browser = hub.browser();
    let large = "x".repeat(20_000);
    let refused = browser.ask("GET", &path, &[("Cookie", &large)]).await;
    assert_eq!(refused.status, 431);
    let many: Vec<(String, String)> = (0..100).map(|n| (format!("X-{n}"), "1".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(browser.ask("GET", &path, &many).await.status, 431);
    assert_eq!(browser.get(&path).await.status, 200);
}
