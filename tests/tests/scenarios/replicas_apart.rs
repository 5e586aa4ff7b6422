//! What keeps several processes of one gateway together: their clocks, and the one object folder.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use tributary_tests::client::{best_effort, disposition, task};
use tributary_tests::fixture::Shop;
use tributary_tests::group::{Direction, EntityPlan, PORTAL, Plan};
use tributary_tests::process::Launch;
use tributary_tests::replicas::Replicas;
use tributary_tests::wait::until;

const ALPHA: &str = "alpha-be";
const BETA: &str = "beta-fr";
const EMAIL: &str = "anna@example.org";
const PATIENCE: Duration = Duration::from_secs(60);
const QUICK: &str = "limits: { backoff_min: 50ms, backoff_max: 500ms, lease: 6s }\n";

/// One entity that is dialled and one that dials in.
fn plan() -> Plan {
    let shop = || Shop::with_person("shop", EMAIL, "Anna de Vries", 1);
    let entities = vec![
        EntityPlan::new(ALPHA, "BE").holds(shop()).direction(Direction::Inbound),
        EntityPlan::new(BETA, "FR").holds(shop()).direction(Direction::Outbound),
    ];
    Plan::new(entities).gateway_yaml(QUICK)
}

/// The process sees the time moved by `offset`, such as `+4m`; what it measures with stays as it is.
fn at_another_time(launch: &mut Launch, offset: &str) {
    launch.wrapper = ["faketime", "-f", offset].map(str::to_owned).to_vec();
    launch.environment.push(("FAKETIME_DONT_FAKE_MONOTONIC".to_owned(), "1".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_whose_clocks_are_minutes_apart_do_nothing_twice_and_lose_nothing() -> Result<()> {
    const CASES: usize = 20;
    let group = plan().balanced().lay_out()?;
    let mut replicas = Replicas::prepare(&group, 3).await?;
    // Less than what certificates are dated back.
    at_another_time(&mut replicas.seats[1].launch, "+4m");
    at_another_time(&mut replicas.seats[2].launch, "-4m");
    for number in 0..3 {
        replicas.start_one(number).await?;
    }
    let _agents = group.start_agents(&[ALPHA, BETA]).await?;
    until("the agent that dials in is connected to every process", PATIENCE, || async {
        replicas.present().is_ok_and(|present| present == (3, 3)).then_some(())
    })
    .await?;
    let mut opened = Vec::new();
    for number in 0..CASES {
        let seat = replicas.seats.get(number % 3).context("a seat")?;
        opened.push(group.caller_at(PORTAL, seat.address)?.open_for(&[("email", EMAIL)]).await?);
    }
    let reader = group.caller_at(PORTAL, replicas.seats[0].address)?;
    for case in &opened {
        let ready = reader.ready(case, PATIENCE).await?;
        assert_eq!((disposition(&ready, ALPHA), disposition(&ready, BETA)), ("FULFILLED".into(), "FULFILLED".into()));
        assert_eq!(ready.archives.len(), 1);
    }
    for id in [ALPHA, BETA] {
        let ledger = rusqlite::Connection::open_with_flags(
            group.entity(id)?.join("data/ledger.sqlite"),
            rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
        )?;
        let found: (i64, i64) = ledger
            .query_row("SELECT COUNT(*), MAX(generation) FROM export", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        assert_eq!(found, (i64::try_from(CASES)?, 1), "{id}: exports and generations");
    }
    let apart = "SELECT (MAX(at) - MIN(at)) / 1000 FROM events WHERE name = 'OPENED'";
    let seconds: i64 = replicas.ask(apart)?.first().context("one row")?.parse()?;
    assert!(seconds < 120, "the processes go by one clock, and not by three: {seconds} s");
    for number in [1, 2] {
        let log = replicas.process(number).context("it runs")?.log()?;
        assert!(log.contains("this machine's clock differs from the database's"), "{log}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_clock_is_far_off_is_failed_for_that_reason() -> Result<()> {
    let group = plan().direction(Direction::Inbound).lay_out()?;
    let (mut ahead, mut behind) = (group.agent_launch(ALPHA)?, group.agent_launch(BETA)?);
    at_another_time(&mut ahead, "+20m");
    at_another_time(&mut behind, "-4m");
    let _agents = [ahead.start().await?, behind.start().await?];
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let mut request = portal.request(&[("email", EMAIL)]);
    request.waiting = best_effort(Duration::from_secs(10));
    let case = portal.open(request).await?.case_id;
    let case = portal.ready(&case, PATIENCE).await?;
    for (id, where_it_is) in [(ALPHA, "ahead of"), (BETA, "behind")] {
        assert_eq!(disposition(&case, id), "FAILED");
        let why = &task(&case, id)?.reason;
        assert!(why.contains("clock") && why.contains(where_it_is), "{id}: {why}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_clock_is_off_by_less_than_a_minute_answers() -> Result<()> {
    let group = plan().direction(Direction::Inbound).lay_out()?;
    let (mut ahead, mut behind) = (group.agent_launch(ALPHA)?, group.agent_launch(BETA)?);
    at_another_time(&mut ahead, "+50s");
    at_another_time(&mut behind, "-50s");
    let _agents = [ahead.start().await?, behind.start().await?];
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    let case = portal.ready(&case, PATIENCE).await?;
    assert_eq!((disposition(&case, ALPHA), disposition(&case, BETA)), ("FULFILLED".into(), "FULFILLED".into()));
    Ok(())
}

async fn refused(launch: &Launch, folder: &Path, words: &[&str]) -> Result<()> {
    let refusal = launch.refusal().await?;
    assert_eq!(refusal.code, Some(2), "{}", refusal.said);
    let folder = folder.display().to_string();
    for expected in words.iter().copied().chain([folder.as_str()]) {
        assert!(refusal.said.contains(expected), "{expected} not in {}", refusal.said);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_with_another_object_folder_than_the_databases_is_refused() -> Result<()> {
    let group = plan().balanced().lay_out()?;
    let mut replicas = Replicas::prepare(&group, 2).await?;
    replicas.start_one(0).await?;
    let shared = group.gateway_folder().join("objects");
    let id = std::fs::read_to_string(shared.join("folder-id"))?.trim().to_owned();

    // Its own folder, empty: as when the volume is not mounted.
    let second = replicas.seats[1].launch.clone();
    let yaml = std::fs::read_to_string(&second.config)?;
    std::fs::write(&second.config, yaml.replace("objects: objects", "objects: own"))?;
    let own = group.gateway_folder().join("own");
    refused(&second, &own, &["holds no id", &id, "mount or restore"]).await?;
    // Another database's.
    let other = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
    std::fs::write(own.join("folder-id"), other)?;
    refused(&second, &own, &[other, &id, "the same `objects` folder"]).await?;

    std::fs::write(&second.config, yaml)?;
    replicas.start_one(1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_folder_in_place_of_a_gateways_objects_is_refused() -> Result<()> {
    let group = plan().direction(Direction::Inbound).lay_out()?;
    let gateway = group.start_gateway().await?;
    let _agents = group.start_agents(&[ALPHA]).await?;
    let launch = gateway.kill()?;
    let objects = group.gateway_folder().join("data/objects");
    let away = group.gateway_folder().join("away");
    std::fs::rename(&objects, &away)?;
    refused(&launch, &objects, &["holds no id"]).await?;
    std::fs::remove_dir_all(&objects)?;
    std::fs::rename(&away, &objects)?;
    launch.start().await?;
    Ok(())
}
