//! Who is at the other end: certificates of others, of foreign authorities and of yesterday are refused, on both sides.

use std::time::Duration;

use anyhow::Result;
use tributary_model::group::Reach;
use tributary_tests::client::{best_effort, disposition, task};
use tributary_tests::fixture::Shop;
use tributary_tests::forge;
use tributary_tests::group::{CALLERS_DOMAIN, Direction, EntityPlan, Group, PORTAL, Plan};

const EMAIL: &str = "anna@example.org";
const PATIENCE: Duration = Duration::from_secs(60);

fn group() -> Result<Group> {
    let shop = || Shop::with_person("shop", EMAIL, "Anna de Vries", 1);
    let entity = |id, country| EntityPlan::new(id, country).holds(shop());
    // What the gateway finds where it dials; `dialling_in` has the other direction.
    Plan::new(vec![entity("alpha-be", "BE"), entity("beta-fr", "FR")])
        .direction(Direction::Inbound)
        .gateway_yaml("limits: { backoff_min: 50ms, backoff_max: 500ms }\n")
        .lay_out()
}

/// Opens a case that waits three seconds and gives how the two entities stand in its archive, and why alpha does.
async fn case(group: &Group) -> Result<(String, String, String)> {
    let portal = group.caller(PORTAL)?;
    let mut request = portal.request(&[("email", EMAIL)]);
    request.waiting = best_effort(Duration::from_secs(3));
    let case = portal.open(request).await?.case_id;
    let case = portal.ready(&case, PATIENCE).await?;
    let why = task(&case, "alpha-be")?.reason.clone();
    Ok((disposition(&case, "alpha-be"), disposition(&case, "beta-fr"), why))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_another_entitys_certificate_hears_no_identifier() -> Result<()> {
    let mut group = group()?;
    // Where alpha's agent should be, beta's answers, with beta's own good certificate.
    let beta = group.agent_address("beta-fr")?.to_string();
    group.change(|file| file.entities[0].agent.reach = Reach::At(beta))?;
    let agent = group.start_agent("beta-fr").await?;
    let _gateway = group.start_gateway().await?;
    let (alpha, beta, why) = case(&group).await?;
    assert_eq!((alpha.as_str(), beta.as_str()), ("FAILED", "FULFILLED"), "{why}");
    assert!(why.contains("spiffe://beta-fr.example/agent"), "says who answered instead: {why}");
    drop(agent);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_cannot_vouch_for_another_entitys_domain() -> Result<()> {
    let group = group()?;
    forge::foreign_domain(
        &group.entity("beta-fr")?.join("pki"),
        &group.agent_id("alpha-be")?,
        group.entity("alpha-be")?,
    )?;
    let agents = group.start_agents(&["alpha-be", "beta-fr"]).await?;
    let _gateway = group.start_gateway().await?;
    let (alpha, beta, why) = case(&group).await?;
    assert_eq!((alpha.as_str(), beta.as_str()), ("FAILED", "FULFILLED"), "{why}");
    drop(agents);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_an_expired_certificate_is_not_asked_and_the_archive_says_so() -> Result<()> {
    let group = group()?;
    let folder = group.entity("alpha-be")?;
    forge::short(&folder.join("pki"), &group.agent_id("alpha-be")?, folder, Duration::from_secs(5))?;
    let _agents = group.start_agents(&["alpha-be", "beta-fr"]).await?;
    let _gateway = group.start_gateway().await?;
    forge::until_expired(folder).await?;
    let (alpha, beta, why) = case(&group).await?;
    assert_eq!((alpha.as_str(), beta.as_str()), ("FAILED", "FULFILLED"), "{why}");
    assert!(why.contains("expired"), "{why}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_with_a_forged_expired_or_foreign_certificate_gets_no_connection() -> Result<()> {
    let group = group()?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    portal.case(&uuid::Uuid::now_v7().to_string()).await.expect_err("no such case");
    let id = format!("spiffe://{CALLERS_DOMAIN}/{PORTAL}").parse()?;
    let folder = group.caller_folder(PORTAL);
    let files = (folder.join("svid.pem"), folder.join("svid-key.pem"));

    // Alpha's authority is known to the gateway, but not for the callers' domain.
    forge::foreign_domain(&group.entity("alpha-be")?.join("pki"), &id, &folder)?;
    refused(&group, &files).await?;
    forge::expired(&group.root().join("callers/pki"), &id, &folder)?;
    refused(&group, &files).await?;
    // A good certificate of a known domain without any grant: a connection, and no right to anything.
    let agent = group.entity("alpha-be")?;
    let agent = group.caller_with(&agent.join("svid.pem"), &agent.join("svid-key.pem"))?;
    let error = agent.case(&uuid::Uuid::now_v7().to_string()).await.expect_err("an agent is no caller");
    assert_eq!(error.code(), tonic::Code::PermissionDenied);
    Ok(())
}

async fn refused(group: &Group, (certificate, key): &(std::path::PathBuf, std::path::PathBuf)) -> Result<()> {
    let caller = group.caller_with(certificate, key)?;
    let error = caller.channel().await.map(drop).expect_err("no connection");
    assert_eq!(error.code(), tonic::Code::Unavailable, "{}", error.message());
    Ok(())
}
