//! Whoever has no link, or none that works: they learn nothing, use nothing up and stand in nobody's way.

use std::time::Duration;

use tributary_proto::gateway::v1 as wire;

use super::{list, make, ready, revoke, until};
use crate::browser::{Answer, Browser};
use crate::hub::Hub;
use crate::support::script::Script;

/// All that a person sees of an answer but the clock.
async fn seen(answer: Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let headers = answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
    (answer.status, headers, answer.body().await)
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
