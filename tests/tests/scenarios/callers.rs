//! What callers meet: health, reflection, one trace through all processes, ranges, grants, and requests that repeat.

use std::time::Duration;

use anyhow::Result;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tributary_proto::types::v1::{ErrorReason, Identifier};
use tributary_tests::fixture::Shop;
use tributary_tests::group::{CallerPlan, EntityPlan, Group, PORTAL, Plan};
use tributary_tests::process::Process;
use tributary_transport::status::reason_of;

const EMAIL: &str = "anna@example.org";
const PATIENCE: Duration = Duration::from_secs(60);

fn plan() -> Plan {
    let shop = || Shop::with_person("shop", EMAIL, "Anna de Vries", 3);
    let everything = ["open", "vouch", "read", "operate", "download"];
    Plan::new(vec![EntityPlan::new("alpha-be", "BE").holds(shop()), EntityPlan::new("beta-fr", "FR").holds(shop())])
        .caller(CallerPlan::new("only-beta", &everything, &["beta-fr"]))
        .caller(CallerPlan::new("reader", &["read"], &["*"]))
}

async fn start(group: &Group) -> Result<Vec<Process>> {
    let mut processes = group.start_agents(&["alpha-be", "beta-fr"]).await?;
    processes.push(group.start_gateway().await?);
    Ok(processes)
}

fn said(status: &tonic::Status) -> (Code, String) {
    (status.code(), reason_of(status).unwrap_or_default())
}

fn refusal(code: Code, reason: ErrorReason) -> (Code, String) {
    (code, reason.reason().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_reflection_answer_a_caller() -> Result<()> {
    let group = plan().lay_out()?;
    let _processes = start(&group).await?;
    let portal = group.caller(PORTAL)?;

    let mut health = HealthClient::new(portal.channel().await?);
    for service in ["", "tributary.gateway.v1.CaseService"] {
        let answer = health.check(HealthCheckRequest { service: service.to_owned() }).await?.into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let mut reflection = ServerReflectionClient::new(portal.channel().await?);
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = reflection.server_reflection_info(futures(ask)).await?.into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) = answers.message().await?.and_then(|a| a.message_response)
    else {
        panic!("no list of services")
    };
    let names: Vec<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    for service in ["CaseService", "ArchiveService", "GroupService"] {
        assert!(names.contains(&format!("tributary.gateway.v1.{service}").as_str()), "{names:?}");
    }
    Ok(())
}

fn futures(ask: ServerReflectionRequest) -> impl tonic::IntoStreamingRequest<Message = ServerReflectionRequest> {
    Request::new(tokio_stream::once(ask))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_caller_through_the_gateway_to_the_agents() -> Result<()> {
    let group = plan().lay_out()?;
    let debug = vec![("TRIBUTARY_LOG".to_owned(), "debug".to_owned())];
    let mut processes = Vec::new();
    for mut launch in [group.agent_launch("alpha-be")?, group.agent_launch("beta-fr")?, group.gateway_launch()] {
        launch.environment = debug.clone();
        processes.push(launch.start().await?);
    }
    let portal = group.caller(PORTAL)?;
    let trace = uuid::Uuid::new_v4().simple().to_string();
    let mut request = Request::new(portal.request(&[("email", EMAIL)]));
    request.metadata_mut().insert("traceparent", format!("00-{trace}-00f067aa0ba902b7-01").parse()?);
    let case = portal.cases().await?.open_case(request).await?.into_inner().case.unwrap_or_default().case_id;
    portal.ready(&case, PATIENCE).await?;
    for process in &processes {
        let log = process.log()?;
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(&trace)).collect();
        assert!(!lines.is_empty(), "{} does not know the trace", process.launch().log.display());
        for line in lines {
            serde_json::from_str::<serde_json::Value>(line)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_finds_its_case_and_other_content_is_refused() -> Result<()> {
    let group = plan().lay_out()?;
    let _processes = start(&group).await?;
    let portal = group.caller(PORTAL)?;
    let request = portal.request(&[("email", EMAIL)]);
    let first = portal.open(request.clone()).await?;
    assert_eq!(portal.open(request.clone()).await?.case_id, first.case_id);
    let mut other = request;
    other.identifiers[0].value = "somebody@example.org".to_owned();
    let error = portal.open(other).await.unwrap_err();
    assert_eq!(said(&error), refusal(Code::AlreadyExists, ErrorReason::RequestIdReused));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_and_opens_nothing() -> Result<()> {
    let group = plan().lay_out()?;
    let _processes = start(&group).await?;
    let portal = group.caller(PORTAL)?;
    let good = portal.request(&[("email", EMAIL)]);
    let with = |kind: &str, value: &str| {
        let mut request = good.clone();
        request.request_id = uuid::Uuid::new_v4().to_string();
        request.identifiers = vec![Identifier { r#type: kind.to_owned(), value: value.to_owned() }];
        request
    };
    let mut nobody = with("email", EMAIL);
    nobody.identifiers.clear();
    let mut elsewhere = with("email", EMAIL);
    elsewhere.scope = vec!["atlantis".to_owned()];
    let mut unnamed = with("email", EMAIL);
    unnamed.on_behalf_of.clear();
    let mut rightless = with("email", EMAIL);
    rightless.right = 0;
    let field = refusal(Code::InvalidArgument, ErrorReason::InvalidField);
    for (what, request, expected) in [
        ("an empty identifier", with("email", ""), field.clone()),
        ("white space for an identifier", with("email", "  \t "), field.clone()),
        ("no identifier", nobody, field.clone()),
        ("nobody who acts", unnamed, field.clone()),
        ("no right", rightless, field),
        (
            "a type that no entity knows",
            with("shoe_size", "42"),
            refusal(Code::InvalidArgument, ErrorReason::IdentifierTypeUnknown),
        ),
        ("an unknown entity", elsewhere, refusal(Code::NotFound, ErrorReason::EntityNotFound)),
    ] {
        let error = portal.open(request).await.unwrap_err();
        assert_eq!(said(&error), expected, "{what}: {}", error.message());
        assert!(!error.message().contains(EMAIL));
    }
    let list = tributary_proto::gateway::v1::ListCasesRequest {
        on_behalf_of: portal.on_behalf_of.clone(),
        ..Default::default()
    };
    assert_eq!(portal.cases().await?.list_cases(list).await?.into_inner().cases, Vec::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn any_range_of_an_archive_can_be_had_and_none_beyond_its_end() -> Result<()> {
    let group = plan().lay_out()?;
    let _processes = start(&group).await?;
    let portal = group.caller(PORTAL)?;
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    portal.ready(&case, PATIENCE).await?;
    let whole = portal.range(&case, 0, 0, 0).await?;
    let size = whole.len();
    for (offset, length) in [(0, 1), (1, 4096), (size / 2, size / 3), (size - 1, 1), (size - 10, 100), (size, 0)] {
        let part = portal.range(&case, 0, offset as u64, length as u64).await?;
        let end = if length == 0 { size } else { size.min(offset + length) };
        assert!(part == whole[offset..end], "{length} bytes from {offset}");
    }
    let error = portal.range(&case, 0, size as u64 + 1, 0).await.unwrap_err();
    assert_eq!(said(&error), refusal(Code::OutOfRange, ErrorReason::RangeBeyondEnd));
    let error = portal.range(&case, 7, 0, 0).await.unwrap_err();
    assert_eq!(said(&error), refusal(Code::NotFound, ErrorReason::ArchiveNotFound));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_a_caller_may_not_see_looks_like_one_that_does_not_exist() -> Result<()> {
    let group = plan().lay_out()?;
    let _processes = start(&group).await?;
    let (portal, only_beta, reader) = (group.caller(PORTAL)?, group.caller("only-beta")?, group.caller("reader")?);
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    portal.ready(&case, PATIENCE).await?;
    let unknown = uuid::Uuid::now_v7().to_string();

    let hidden = only_beta.case(&case).await.unwrap_err();
    let missing = only_beta.case(&unknown).await.unwrap_err();
    assert_eq!(said(&hidden), refusal(Code::NotFound, ErrorReason::CaseNotFound));
    assert_eq!(said(&hidden), said(&missing));
    assert_eq!(hidden.message().replace(&case, ""), missing.message().replace(&unknown, ""));
    let hidden = only_beta.range(&case, 0, 0, 0).await.unwrap_err();
    let missing = only_beta.range(&unknown, 0, 0, 0).await.unwrap_err();
    assert_eq!(said(&hidden), said(&missing));

    // Without the verb the answer is the same whatever exists, and comes before the input is looked at.
    for case in [case.as_str(), unknown.as_str(), "no uuid"] {
        let error = reader.range(case, 0, 0, 0).await.unwrap_err();
        assert_eq!(said(&error), refusal(Code::PermissionDenied, ErrorReason::CallerNotAuthorised), "{case}");
    }
    let error = reader.open_for(&[("email", "")]).await.unwrap_err();
    assert_eq!(said(&error), refusal(Code::PermissionDenied, ErrorReason::CallerNotAuthorised));
    assert_eq!(reader.case(&case).await?.case_id, case);
    Ok(())
}
