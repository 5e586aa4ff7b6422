//! Who makes a link, within which limits, and what else ends it.

use tributary_proto::gateway::v1 as wire;
use tributary_proto::gateway::v1::archive_service_client::ArchiveServiceClient;

use super::{asked, list, make, ready};
use crate::case::{Case, WHO, reason};
use crate::hub::Hub;
use crate::support::script::Script;

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
