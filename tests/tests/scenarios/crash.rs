//! Nothing is lost: an accepted case goes on by itself after `kill -9` of either side, wherever the case stands.

use std::time::Duration;

use anyhow::{Context, Result};
use tributary_proto::gateway::v1::TaskState;
use tributary_tests::admin;
use tributary_tests::archive::Archive;
use tributary_tests::client::{Caller, disposition, state, task};
use tributary_tests::command;
use tributary_tests::dice::Dice;
use tributary_tests::fixture::{Library, Shop};
use tributary_tests::group::{Direction, EntityPlan, Group, PORTAL, Plan};
use tributary_tests::memory::{KIB, MIB};
use tributary_tests::process::Process;
use tributary_tests::proxy::Proxy;
use tributary_tests::wait::until;

const ENTITY: &str = "alpha-be";
const EMAIL: &str = "anna@example.org";
const PATIENCE: Duration = Duration::from_secs(60);
/// Text of the person whose transfer is interrupted; about three quarters of it cross the link.
const TEXT: u64 = 24 * MIB;
const QUICK: &str = "limits: { backoff_min: 50ms, backoff_max: 500ms }\n";

/// One entity with an ordinary shop.
fn small(direction: Direction) -> Result<Group> {
    let shop = Shop::with_person("shop", EMAIL, "Anna de Vries", 5);
    Plan::new(vec![EntityPlan::new(ENTITY, "BE").holds(shop).behind_proxy()])
        .direction(direction)
        .gateway_yaml(QUICK)
        .lay_out()
}

/// One entity with a person of [`TEXT`], in parts of 1 MiB.
fn big(direction: Direction) -> Result<Group> {
    let (key, email) = ("library".to_owned(), EMAIL.to_owned());
    let library = Library { key, email, bytes: TEXT, document: 20 * KIB, dense: true, seed: 3 };
    let entity =
        EntityPlan::new(ENTITY, "BE").holds(library).behind_proxy().agent_yaml("limits: { part_bytes: 1MiB }\n");
    Plan::new(vec![entity]).direction(direction).gateway_yaml(QUICK).lay_out()
}

struct Running {
    group: Group,
    proxy: Proxy,
    agent: Process,
    gateway: Process,
    portal: Caller,
}

impl Running {
    async fn start(group: Group) -> Result<Self> {
        let proxy = group.start_proxy(ENTITY).await?;
        let (agent, gateway) = (group.start_agent(ENTITY).await?, group.start_gateway().await?);
        let portal = group.caller(PORTAL)?;
        Ok(Self { group, proxy, agent, gateway, portal })
    }

    async fn kill_gateway(mut self) -> Result<Self> {
        let launch = self.gateway.kill()?;
        self.gateway = launch.start().await?;
        Ok(self)
    }

    async fn kill_agent(mut self) -> Result<Self> {
        let launch = self.agent.kill()?;
        self.agent = launch.start().await?;
        Ok(self)
    }

    /// Waits for the archive and checks that it is whole.
    async fn ends_well(&self, case: &str) -> Result<Archive> {
        let ready = self.portal.ready(case, PATIENCE).await?;
        assert_eq!(disposition(&ready, ENTITY), "FULFILLED");
        let path = self.group.root().join(format!("{case}.zip"));
        self.portal.download(case, 0, &path).await?;
        let verified = command::verify(&path, Some(&self.group.group_key()), None)?;
        assert_eq!(verified.code, Some(0), "{}", verified.said());
        Archive::open(&path)
    }

    /// The bytes that crossed the link until at least `parts` parts were staged, and that number of parts' bytes.
    async fn until_staged(&self, case: &str, parts: u32) -> Result<(u64, u64)> {
        let enough = |case: &tributary_proto::gateway::v1::Case| case.tasks.iter().any(|task| task.parts >= parts);
        let case = self.portal.until(case, PATIENCE, enough).await?;
        assert!(case.archives.is_empty(), "the transfer is over before it could be interrupted");
        Ok((self.proxy.from_agent(), task(&case, ENTITY)?.bytes))
    }
}

tributary_tests::in_both_directions! {
    a_case_survives_the_gateway_at_once_after_it_was_accepted,
    a_case_survives_the_gateway_while_it_asks_who_knows_the_person,
    what_was_staged_is_not_fetched_again_after_the_gateway_died,
    a_cut_costs_the_bytes_under_way_only,
    every_accepted_case_ends_wherever_the_gateway_dies,
    an_agent_that_dies_during_its_walk_walks_again,
    an_agent_that_dies_after_its_walk_goes_on_serving_the_same_bytes,
}

async fn a_case_survives_the_gateway_at_once_after_it_was_accepted(direction: Direction) -> Result<()> {
    let running = Running::start(small(direction)?).await?;
    let request = running.portal.request(&[("email", EMAIL)]);
    let case = running.portal.open(request.clone()).await?.case_id;
    let running = running.kill_gateway().await?;
    running.ends_well(&case).await?;
    assert_eq!(running.portal.open(request).await?.case_id, case, "the retry of a caller finds its case");
    Ok(())
}

async fn a_case_survives_the_gateway_while_it_asks_who_knows_the_person(direction: Direction) -> Result<()> {
    let running = Running::start(small(direction)?).await?;
    running.proxy.black_hole(true);
    let case = running.portal.open_for(&[("email", EMAIL)]).await?;
    running.portal.until(&case, PATIENCE, |case| state(case) == "LOCATING").await?;
    let running = running.kill_gateway().await?;
    running.proxy.black_hole(false);
    running.ends_well(&case).await?;
    Ok(())
}

async fn what_was_staged_is_not_fetched_again_after_the_gateway_died(direction: Direction) -> Result<()> {
    let running = Running::start(big(direction)?).await?;
    running.proxy.limit(Some(6 * MIB));
    let case = running.portal.open_for(&[("email", EMAIL)]).await?;
    let (before, staged) = running.until_staged(&case, 6).await?;
    let running = running.kill_gateway().await?;
    running.proxy.limit(None);
    running.ends_well(&case).await?;

    let whole = task(&running.portal.case(&case).await?, ENTITY)?.bytes;
    let after = running.proxy.from_agent() - before;
    // Descriptors, handshakes and frames come on top; a part is below 1 MiB.
    assert!(after < whole - staged + MIB, "{after} bytes fetched for {whole} of which {staged} were staged");
    Ok(())
}

async fn a_cut_costs_the_bytes_under_way_only(direction: Direction) -> Result<()> {
    let running = Running::start(big(direction)?).await?;
    running.proxy.limit(Some(6 * MIB));
    let case = running.portal.open_for(&[("email", EMAIL)]).await?;
    for parts in [3, 8, 12] {
        running.until_staged(&case, parts).await?;
        assert!(running.proxy.cut(tributary_tests::proxy::Cut::Reset).in_transfer);
    }
    running.proxy.limit(None);
    running.ends_well(&case).await?;
    let whole = task(&running.portal.case(&case).await?, ENTITY)?.bytes;
    let carried = running.proxy.from_agent();
    // Each cut loses what lay in buffers and windows, and each connection begins with a handshake and descriptors.
    assert!(carried < whole + 3 * 3 * MIB, "{carried} bytes carried for {whole}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_the_same_bytes_after_the_gateway_died() -> Result<()> {
    let running = Running::start(small(Direction::usual())?).await?;
    let case = running.portal.open_for(&[("email", EMAIL)]).await?;
    running.ends_well(&case).await?;
    let before = running.portal.range(&case, 1, 0, 0).await?;
    let running = running.kill_gateway().await?;
    assert!(running.portal.range(&case, 1, 0, 0).await? == before);
    Ok(())
}

async fn every_accepted_case_ends_wherever_the_gateway_dies(direction: Direction) -> Result<()> {
    let mut running = Running::start(small(direction)?).await?;
    let mut dice = Dice::new();
    let mut cases = Vec::new();
    // Moments from the acceptance to after the archive: some fall into locating, staging, assembling.
    for step in 0..14 {
        cases.push(running.portal.open_for(&[("email", EMAIL)]).await?);
        tokio::time::sleep(dice.between(Duration::from_millis(step * 4), Duration::from_millis(step * 12 + 2))).await;
        running = running.kill_gateway().await?;
    }
    for case in &cases {
        let archive = running.ends_well(case).await?;
        assert_eq!(archive.rows(ENTITY, "shop", "orders")?.len(), 5);
    }
    Ok(())
}

async fn an_agent_that_dies_during_its_walk_walks_again(direction: Direction) -> Result<()> {
    let running = Running::start(big(direction)?).await?;
    // Nothing of the export crosses, so that its walk is all that goes on.
    running.proxy.limit(Some(64 * KIB));
    let case = running.portal.open_for(&[("email", EMAIL)]).await?;
    running
        .portal
        .until(&case, PATIENCE, |case| task(case, ENTITY).is_ok_and(|task| task.state() == TaskState::Exporting))
        .await?;
    let running = running.kill_agent().await?;
    running.proxy.limit(None);
    let archive = running.ends_well(&case).await?;
    let attestation = archive.bytes(&format!("attestations/{ENTITY}.dsse.json"))?;
    let generation = generation(attestation)?;
    let documents = archive.rows(ENTITY, "library", "document")?.len() as u64;
    assert_eq!(documents, TEXT / (20 * KIB));
    println!("the archive covers generation {generation}");
    Ok(())
}

async fn an_agent_that_dies_after_its_walk_goes_on_serving_the_same_bytes(direction: Direction) -> Result<()> {
    let running = Running::start(big(direction)?).await?;
    running.proxy.limit(Some(4 * MIB));
    let case = running.portal.open_for(&[("email", EMAIL)]).await?;
    running.until_staged(&case, 10).await?;
    // Hardly anything crosses while the walk comes to its end.
    running.proxy.limit(Some(64 * KIB));
    until("the walk is attested", PATIENCE, || async {
        let (_, metrics) = admin::get(running.group.agent_admin(ENTITY).ok()?, "/metrics").await.ok()?;
        metrics
            .lines()
            .any(|line| line.starts_with("tributary_agent_walks") && line.contains("\"attested\""))
            .then_some(())
    })
    .await?;
    let (before, staged) = running.until_staged(&case, 10).await?;
    let running = running.kill_agent().await?;
    running.proxy.limit(None);
    let archive = running.ends_well(&case).await?;
    let attestation = archive.bytes(&format!("attestations/{ENTITY}.dsse.json"))?;
    assert_eq!(generation(attestation)?, 1, "a walk that was attested is not walked again");
    let whole = task(&running.portal.case(&case).await?, ENTITY)?.bytes;
    let after = running.proxy.from_agent() - before;
    assert!(after < whole - staged + 3 * MIB, "{after} bytes fetched for {whole} of which {staged} were staged");
    Ok(())
}

/// The generation that an attestation covers.
fn generation(envelope: &[u8]) -> Result<u64> {
    use base64::Engine;
    let envelope: serde_json::Value = serde_json::from_slice(envelope)?;
    let payload = envelope["payload"].as_str().context("no payload")?;
    let statement: serde_json::Value = serde_json::from_slice(&base64::prelude::BASE64_STANDARD.decode(payload)?)?;
    statement["predicate"]["generation"].as_u64().context("no generation")
}
