//! Opening and finding cases: idempotency, bad input, pages and filters.

use tonic::Code;
use tributary_proto::gateway::v1 as wire;

use crate::case::{Case, WHO, email, reason, request};
use crate::hub::Hub;
use crate::support::script::Script;

#[tokio::test]
async fn the_same_request_opens_one_case_and_another_content_is_refused() {
    let hub = Hub::new(&["be"]).await;
    let asked = request(0);
    let mut case = Case::open(&hub, asked.clone()).await;
    let again = Case::open(&hub, asked.clone()).await;
    assert_eq!(case.id, again.id);
    let other = wire::OpenCaseRequest { identifiers: vec![email("bert@example.org")], ..asked };
    let refused = case.cases.open_case(other).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
}

/// Makes one field of a request wrong.
type Spoil = Box<dyn Fn(&mut wire::OpenCaseRequest)>;

#[tokio::test]
async fn bad_requests_are_named_by_field_and_open_nothing() {
    let hub = Hub::new(&["be"]).await;
    let mut case = Case::of(&hub, String::new()).await;
    let future = prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 };
    let bad: Vec<(&str, Spoil)> = vec![
        ("request_id", Box::new(|r| r.request_id = "x".to_owned())),
        ("on_behalf_of", Box::new(|r| r.on_behalf_of.clear())),
        ("right", Box::new(|r| r.right = 0)),
        ("identifiers", Box::new(|r| r.identifiers.clear())),
        ("identifiers.value", Box::new(|r| r.identifiers = vec![email("  ")])),
        ("received_at", Box::new(move |r| r.received_at = Some(future))),
        ("request_ref", Box::new(|r| r.request_ref = "x".repeat(201))),
        ("language", Box::new(|r| r.language = "french".to_owned())),
        ("scope", Box::new(|r| r.scope = vec!["NOT AN ID".to_owned()])),
        ("waiting", Box::new(|r| r.waiting = Some(wire::WaitingPolicy { policy: None }))),
    ];
    for (field, spoil) in bad {
        let mut asked = request(0);
        spoil(&mut asked);
        let refused = case.cases.open_case(asked).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELD"), "{field}");
        assert!(refused.message().contains(field), "{field}: {}", refused.message());
    }
    let mut asked = request(0);
    asked.identifiers[0].r#type = "shoe_size".to_owned();
    assert_eq!(reason(&case.cases.open_case(asked).await.unwrap_err()), "IDENTIFIER_TYPE_UNKNOWN");
    let mut asked = request(0);
    asked.scope = vec!["nobody".to_owned()];
    assert_eq!(reason(&case.cases.open_case(asked).await.unwrap_err()), "ENTITY_NOT_FOUND");
    assert!(list(&mut case, "", 10, "").await.unwrap().cases.is_empty());
}

#[tokio::test]
async fn validating_shows_the_scope_and_opens_nothing() {
    let hub = Hub::new(&["be", "fr"]).await;
    let mut case = Case::of(&hub, String::new()).await;
    let asked = wire::OpenCaseRequest { validate_only: true, scope: vec!["fr".to_owned()], ..request(0) };
    let would = case.cases.open_case(asked).await.unwrap().into_inner().case.unwrap();
    assert!(would.case_id.is_empty() && would.tasks.len() == 2);
    assert_eq!(would.tasks[0].disposition(), tributary_proto::types::v1::Disposition::NotAsked);
    assert!(list(&mut case, "", 10, "").await.unwrap().cases.is_empty());
}

#[tokio::test]
async fn a_person_is_addressed_in_the_language_that_the_caller_says() {
    let hub = Hub::new(&["be"]).await;
    let _be = hub.agent("be", Script::honest());
    let mut case = Case::open(&hub, wire::OpenCaseRequest { language: "pt-br".to_owned(), ..request(0) }).await;
    assert_eq!(case.ready().await.language, "pt-BR");
    let said = br#""language": "pt-BR""#;
    assert!(case.archive(0).await.windows(said.len()).any(|window| window == said));
    assert_eq!(Case::open(&hub, request(0)).await.get().await.language, "en", "the gateway's own setting");
}

async fn list(
    case: &mut Case,
    filter: &str,
    page_size: i32,
    page_token: &str,
) -> Result<wire::ListCasesResponse, tonic::Status> {
    let request = wire::ListCasesRequest {
        on_behalf_of: WHO.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
        filter: filter.to_owned(),
    };
    Ok(case.cases.list_cases(request).await?.into_inner())
}

#[tokio::test]
async fn pages_hold_every_case_once_newest_first() {
    let hub = Hub::new(&["be"]).await;
    let mut opened = Vec::new();
    for number in 0..5 {
        let asked = wire::OpenCaseRequest { request_ref: format!("letter {}", number % 2), ..request(0) };
        opened.insert(0, Case::open(&hub, asked).await.id);
        hub.world.later(std::time::Duration::from_secs(1));
    }
    let mut case = Case::of(&hub, String::new()).await;
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(&mut case, "", 2, &token).await.unwrap();
        assert!(page.cases.len() <= 2);
        found.extend(page.cases.into_iter().map(|case| case.case_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
        let other = list(&mut case, "state = LOCATING", 2, &token).await.unwrap_err();
        assert_eq!(reason(&other), "PAGE_TOKEN_INVALID");
    }
    assert_eq!(found, opened);
    let filtered = list(&mut case, "request_ref = \"letter 1\" AND state = LOCATING AND entity = be", 0, "").await;
    assert_eq!(filtered.unwrap().cases.len(), 2);
    assert_eq!(reason(&list(&mut case, "colour = red", 0, "").await.unwrap_err()), "FILTER_INVALID");
    assert_eq!(reason(&list(&mut case, "", -1, "").await.unwrap_err()), "INVALID_FIELD");
    assert_eq!(reason(&list(&mut case, "", 0, "AAAA").await.unwrap_err()), "PAGE_TOKEN_INVALID");
}
