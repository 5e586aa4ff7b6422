//! Agents that dial the gateway: who is refused, what each side says about it, and a path that swallows everything.

use std::time::Duration;

use anyhow::{Context, Result};
use tributary_model::group::Reach;
use tributary_tests::admin;
use tributary_tests::client::{best_effort, disposition, task};
use tributary_tests::command::{Ran, tributary};
use tributary_tests::fixture::Shop;
use tributary_tests::forge;
use tributary_tests::group::{Direction, EntityPlan, Group, PORTAL, Plan};
use tributary_tests::wait::until;

const ALPHA: &str = "alpha-be";
const BETA: &str = "beta-fr";
const EMAIL: &str = "anna@example.org";
const PATIENCE: Duration = Duration::from_secs(60);

fn group() -> Result<Group> {
    let entity = |id, country| EntityPlan::new(id, country).holds(Shop::with_person("shop", EMAIL, "Anna de Vries", 1));
    Plan::new(vec![entity(ALPHA, "BE").behind_proxy(), entity(BETA, "FR")])
        .direction(Direction::Outbound)
        .gateway_yaml("limits: { backoff_min: 50ms, backoff_max: 500ms }\n")
        .lay_out()
}

fn check(group: &Group, entity: &str) -> Result<Ran> {
    let config = group.entity(entity)?.join("agent.yaml");
    tributary([std::ffi::OsStr::new("agent"), "check".as_ref(), "--config".as_ref(), config.as_os_str()])
}

/// Connections to the gateway's processes, as the agent's metrics have them.
async fn held(group: &Group) -> Result<u64> {
    let (_, metrics) = admin::get(group.agent_admin(BETA)?, "/metrics").await?;
    let line = metrics
        .lines()
        .find(|line| line.starts_with("tributary_agent_gateway_connections{") && line.contains("\"held\""));
    Ok(line.and_then(|line| line.rsplit_once(' ')).context("no such metric")?.1.parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_certificate_the_gateway_refuses_stays_unreachable_and_says_why() -> Result<()> {
    let group = group()?;
    let _proxy = group.start_proxy(ALPHA).await?;
    // Signed by beta's authority: it vouches for beta's domain only.
    forge::foreign_domain(&group.entity(BETA)?.join("pki"), &group.agent_id(ALPHA)?, group.entity(ALPHA)?)?;
    let agents = group.start_agents(&[ALPHA, BETA]).await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let mut request = portal.request(&[("email", EMAIL)]);
    request.waiting = best_effort(Duration::from_secs(4));
    let case = portal.open(request).await?.case_id;
    let case = portal.ready(&case, PATIENCE).await?;
    assert_eq!((disposition(&case, ALPHA), disposition(&case, BETA)), ("UNREACHABLE".into(), "FULFILLED".into()));
    let why = &task(&case, ALPHA)?.reason;
    assert!(why.contains("dials in and is not connected"), "{why}");
    assert_eq!(task(&case, ALPHA)?.failed_attempts, 0, "being unreachable uses up no attempts");

    let log = agents[0].log()?;
    assert!(log.contains("it does not know our authority"), "{log}");
    let checked = check(&group, ALPHA)?;
    assert_eq!(checked.code, Some(7), "{}", checked.said());
    assert!(checked.said().contains("it does not know our authority"), "{}", checked.said());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_the_group_file_has_dialled_is_told_so_by_the_gateway() -> Result<()> {
    let mut group = group()?;
    let address = group.agent_address(BETA)?.to_string();
    group.change(|file| file.entities[1].agent.reach = Reach::At(address))?;
    let agent = group.start_agent(BETA).await?;
    let _gateway = group.start_gateway().await?;
    until("the agent says why it is not used", PATIENCE, || async {
        agent.log().is_ok_and(|log| log.contains("it dials this agent itself")).then_some(())
    })
    .await?;
    let checked = check(&group, BETA)?;
    assert_eq!(checked.code, Some(7), "{}", checked.said());
    assert!(checked.said().contains("dials_in: true"), "{}", checked.said());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_that_the_gateway_is_reached_and_leaves_a_running_agent_alone() -> Result<()> {
    let group = group()?;
    let nobody = check(&group, BETA)?;
    assert_eq!(nobody.code, Some(7), "{}", nobody.said());
    assert!(nobody.said().contains("refused the connection"), "{}", nobody.said());
    let agent = group.start_agent(BETA).await?;
    let (status, said) = admin::get(group.agent_admin(BETA)?, "/readyz").await?;
    assert!(status == 200 && said.contains("no connection to the gateway"), "{status} {said}");
    assert_eq!(held(&group).await?, 0);
    let gateway = group.start_gateway().await?;
    until("the agent is connected", PATIENCE, || async { (held(&group).await.ok()? == 1).then_some(()) }).await?;
    let (_, said) = admin::get(group.agent_admin(BETA)?, "/readyz").await?;
    assert!(!said.contains("gateway"), "{said}");
    for _ in 0..3 {
        let checked = check(&group, BETA)?;
        assert_eq!(checked.code, Some(0), "{}", checked.said());
        assert!(checked.said().contains("reached, and takes this agent"), "{}", checked.said());
    }
    assert_eq!(gateway.log()?.matches("an agent has dialled in").count(), 1, "the running agent's connection is kept");
    assert!(!agent.log()?.contains("has ended"), "the running agent's connection is kept");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_that_swallows_everything_is_given_up_and_the_case_goes_on() -> Result<()> {
    let group = group()?;
    let proxy = group.start_proxy(ALPHA).await?;
    let agents = group.start_agents(&[ALPHA, BETA]).await?;
    let _gateway = group.start_gateway().await?;
    until("the agent is connected", PATIENCE, || async {
        agents[0].log().is_ok_and(|log| log.contains("connected to the gateway")).then_some(())
    })
    .await?;
    proxy.black_hole(true);
    let portal = group.caller(PORTAL)?;
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    // The agent is told by nobody: its own pings find out, and it dials anew.
    until("the agent dials anew", PATIENCE, || async { (proxy.accepted() > 1).then_some(()) }).await?;
    proxy.black_hole(false);
    let ready = portal.ready(&case, PATIENCE).await?;
    assert_eq!(disposition(&ready, ALPHA), "FULFILLED");
    Ok(())
}
