//! SIGTERM in the middle of everything: an orderly end within the drain limit, and the case goes on after the restart.

use std::time::{Duration, Instant};

use anyhow::Result;
use tributary_tests::client::{disposition, task};
use tributary_tests::command;
use tributary_tests::fixture::Library;
use tributary_tests::group::{Direction, EntityPlan, Group, PORTAL, Plan};
use tributary_tests::memory::{KIB, MIB};
use tributary_tests::{admin, wait};

const ENTITY: &str = "alpha-be";
const EMAIL: &str = "anna@example.org";
const PATIENCE: Duration = Duration::from_secs(60);
const DRAIN: Duration = Duration::from_secs(3);
/// What the end may take beside the drain, on a machine whose cores are busy.
const SLACK: Duration = Duration::from_secs(12);

fn group(direction: Direction) -> Result<Group> {
    let (key, email) = ("library".to_owned(), EMAIL.to_owned());
    let library = Library { key, email, bytes: 20 * MIB, document: 20 * KIB, dense: true, seed: 5 };
    let entity = EntityPlan::new(ENTITY, "BE")
        .holds(library)
        .behind_proxy()
        .agent_yaml("limits: { part_bytes: 1MiB, drain: 3s }\n");
    Plan::new(vec![entity])
        .direction(direction)
        .gateway_yaml("limits: { backoff_min: 50ms, backoff_max: 500ms, drain: 3s }\n")
        .lay_out()
}

tributary_tests::in_both_directions! {
    a_gateway_that_is_told_to_stop_in_the_middle_ends_in_time_and_its_case_goes_on,
    an_agent_that_is_told_to_stop_in_the_middle_ends_in_time_and_the_case_goes_on,
}

async fn a_gateway_that_is_told_to_stop_in_the_middle_ends_in_time_and_its_case_goes_on(
    direction: Direction,
) -> Result<()> {
    let group = group(direction)?;
    let proxy = group.start_proxy(ENTITY).await?;
    proxy.limit(Some(3 * MIB));
    let (_agent, gateway) = (group.start_agent(ENTITY).await?, group.start_gateway().await?);
    let portal = group.caller(PORTAL)?;
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    let enough = |case: &tributary_proto::gateway::v1::Case| case.tasks[0].parts >= 3;
    portal.until(&case, PATIENCE, enough).await?;

    let launch = gateway.launch().clone();
    let began = Instant::now();
    let status = gateway.terminate(DRAIN + SLACK).await?;
    println!("the gateway ended after {:?}", began.elapsed());
    assert!(status.success(), "{status}");
    proxy.limit(None);
    let _gateway = launch.start().await?;
    let ready = portal.ready(&case, PATIENCE).await?;
    assert_eq!(disposition(&ready, ENTITY), "FULFILLED");
    let path = group.root().join("archive.zip");
    portal.download(&case, 0, &path).await?;
    assert_eq!(command::verify(&path, Some(&group.group_key()), None)?.code, Some(0));
    Ok(())
}

async fn an_agent_that_is_told_to_stop_in_the_middle_ends_in_time_and_the_case_goes_on(
    direction: Direction,
) -> Result<()> {
    let group = group(direction)?;
    let proxy = group.start_proxy(ENTITY).await?;
    proxy.limit(Some(3 * MIB));
    let (agent, _gateway) = (group.start_agent(ENTITY).await?, group.start_gateway().await?);
    let portal = group.caller(PORTAL)?;
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    portal.until(&case, PATIENCE, |case| case.tasks[0].parts >= 3).await?;

    let launch = agent.launch().clone();
    let began = Instant::now();
    let status = agent.terminate(DRAIN + SLACK).await?;
    println!("the agent ended after {:?}", began.elapsed());
    assert!(status.success(), "{status}");
    proxy.limit(None);
    let waiting = portal.until(&case, PATIENCE, |case| disposition(case, ENTITY) == "UNREACHABLE").await?;
    assert_eq!(task(&waiting, ENTITY)?.failed_attempts, 0, "being unreachable uses up no attempts");
    let _agent = launch.start().await?;
    assert_eq!(disposition(&portal.ready(&case, PATIENCE).await?, ENTITY), "FULFILLED");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_gateway_says_that_it_is_not_ready_and_lets_a_download_end() -> Result<()> {
    let group = group(Direction::usual())?;
    let _proxy = group.start_proxy(ENTITY).await?;
    let (_agent, mut gateway) = (group.start_agent(ENTITY).await?, group.start_gateway().await?);
    let portal = group.caller(PORTAL)?;
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    portal.ready(&case, PATIENCE).await?;

    // A download whose reader has not begun to read when the gateway is told to stop.
    let request = tributary_proto::gateway::v1::DownloadArchiveRequest {
        case_id: case.clone(),
        on_behalf_of: portal.on_behalf_of.clone(),
        ..Default::default()
    };
    let size = portal.archive(&case, 0).await?.size;
    let mut stream = portal.archives().await?.download_archive(request).await?.into_inner();
    gateway.signal(rustix::process::Signal::TERM)?;
    wait::until("the gateway is not ready any more", PATIENCE, || async {
        let ready = admin::get(group.gateway_admin(), "/readyz").await;
        (!ready.is_ok_and(|(status, _)| status == 200)).then_some(())
    })
    .await?;
    let mut got = 0;
    while let Some(piece) = stream.message().await? {
        got += piece.data.len() as u64;
    }
    assert_eq!(got, size, "a download under way is finished");
    assert!(gateway.ended(DRAIN + SLACK).await?.success());
    Ok(())
}
