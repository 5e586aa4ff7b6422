//! Memory does not grow with the size of a person: one case that carries 1 GiB of text, measured on both sides.

use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tributary_proto::gateway::v1::WatchCaseRequest;
use tributary_tests::client::{Caller, disposition};
use tributary_tests::command;
use tributary_tests::fixture::Library;
use tributary_tests::group::{EntityPlan, PORTAL, Plan};
use tributary_tests::memory::{GIB, KIB, MIB, mib};

const ENTITY: &str = "alpha-be";
const EMAIL: &str = "anna@example.org";
const PATIENCE: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_of_text_passes_through_within_the_memory_budgets() -> Result<()> {
    let (key, email) = ("library".to_owned(), EMAIL.to_owned());
    let library = Library { key, email, bytes: GIB, document: 64 * KIB, dense: false, seed: 8 };
    let group = Plan::new(vec![EntityPlan::new(ENTITY, "BE").holds(library)]).lay_out()?;
    let (agent, gateway) = (group.start_agent(ENTITY).await?, group.start_gateway().await?);
    let portal = group.caller(PORTAL)?;
    // Idle means: connected, asked once, at rest. A small case first, so that the rest is what size adds.
    let warm = portal.open_for(&[("email", "reader2@example.org")]).await?;
    portal.ready(&warm, PATIENCE).await?;
    let (agent_idle, gateway_idle) = (agent.memory()?.resident, gateway.memory()?.resident);

    let case = portal.open_for(&[("email", EMAIL)]).await?;
    let ready = portal.ready(&case, PATIENCE).await?;
    assert_eq!(disposition(&ready, ENTITY), "FULFILLED");
    let path = group.root().join("archive.zip");
    let size = portal.download(&case, 0, &path).await?;
    let (agent_peak, gateway_peak) = (agent.memory()?.peak, gateway.memory()?.peak);
    let verified = command::verify(&path, Some(&group.group_key()), None)?;
    assert_eq!(verified.code, Some(0), "{}", verified.said());

    let closing = last_part_to_ready(&portal, &case).await?;
    println!("measured: 1 GiB of text, {} parts, archive of {}", ready.tasks[0].parts, mib(size));
    println!("measured: gateway resident: idle {}, peak {}", mib(gateway_idle), mib(gateway_peak));
    println!("measured: agent resident: idle {}, peak {}", mib(agent_idle), mib(agent_peak));
    println!("measured: last part staged to READY: {closing:?}");
    assert!(agent_peak < agent_idle + 48 * MIB, "agent: idle {}, peak {}", mib(agent_idle), mib(agent_peak));
    // A connection, its streams with a window each (parts and the watch, then one download), the upload buffers, and a
    // quarter more. The configuration fetches four parts of an export at once.
    let budget = (gateway_idle + 41 * KIB + 6 * (256 + 140) * KIB + 4 * 256 * KIB) * 5 / 4;
    assert!(gateway_peak < budget, "gateway: {} of {}", mib(gateway_peak), mib(budget));
    Ok(())
}

/// The time between the last PART_STAGED and ARCHIVE_WRITTEN in the case's own history.
async fn last_part_to_ready(portal: &Caller, case: &str) -> Result<Duration> {
    let request = WatchCaseRequest { case_id: case.to_owned(), on_behalf_of: portal.on_behalf_of.clone(), cursor: 0 };
    let mut events = portal.cases().await?.watch_case(request).await?.into_inner();
    let mut staged: Option<Timestamp> = None;
    while let Some(event) = events.message().await? {
        let at = event.at.context("an event without a time")?;
        let at = Timestamp::new(at.seconds, at.nanos)?;
        match event.event.as_str() {
            "PART_STAGED" => staged = Some(at),
            "ARCHIVE_WRITTEN" => {
                return Ok(Duration::try_from(at.duration_since(staged.context("no part was staged")?))?);
            }
            _ => {}
        }
    }
    anyhow::bail!("the history has no ARCHIVE_WRITTEN")
}
