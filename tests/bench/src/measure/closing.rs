//! Closing a case: eight entities and a thousand parts are staged, a ninth entity is down, and the archive falls due while
//! nothing else happens. So what the gateway takes then is what it takes to close, whatever the parts' bytes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tributary_proto::types::v1::TableFormat;
use tributary_tests::client::best_effort;
use tributary_tests::fixture::Library;
use tributary_tests::group::{EntityPlan, Plan};
use tributary_tests::memory::KIB;

use super::Scale;
use super::stand::{Stand, until};
use crate::cpu;
use crate::figure::{Figures, least, time};
use crate::fixture::EMAIL;

const ENTITIES: [&str; 8] =
    ["alpha-be", "beta-fr", "gamma-de", "delta-es", "epsilon-nl", "zeta-at", "eta-it", "theta-pt"];
/// The one that does not answer.
const DOWN: &str = "iota-lu";
const DATASET: &str = "library";
/// Text in a part, and parts of each entity's documents; the notes and the person make two more.
const PART: u64 = 60 * KIB;
const PARTS: u64 = 123;
const MOST: Duration = Duration::from_millis(50);
/// The gateway's CPU time counts from so long before the archive falls due.
const BEFORE: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) async fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let entity = |id: &&str| {
        let (key, email) = (DATASET.to_owned(), EMAIL.to_owned());
        let library = Library { key, email, bytes: PARTS * PART, document: PART, dense: false, seed: 9 };
        // A row is a little more than its document, so that each is a part.
        EntityPlan::new(id, "BE").holds(library).agent_yaml("limits: { part_bytes: 64KiB }\n")
    };
    let mut entities: Vec<EntityPlan> = ENTITIES.iter().map(entity).collect();
    entities.push(EntityPlan::new(DOWN, "LU").holds(tributary_tests::fixture::Shop::with_strangers("shop")));
    let group = Plan::new(entities).gateway_yaml("limits: { backoff_min: 60s, backoff_max: 60s }\n").lay_out()?;
    let stand = Stand::attach(group, &ENTITIES).await?;
    let (mut cpus, mut walls, mut parts) = (Vec::new(), Vec::new(), 0);
    for _ in 0..scale.turns {
        let (cpu, wall, staged) = close(&stand, scale.window).await?;
        cpus.push(cpu);
        walls.push(wall);
        parts = staged;
    }
    let cpu = least(&cpus);
    figures.within(
        &format!("closing: 8 entities, {parts} parts, archive due → READY"),
        format!("{} CPU, {} as seen", time(cpu), time(least(&walls))),
        format!("≤ {} CPU", time(MOST)),
        cpu <= MOST,
    );
    Ok(())
}

/// One case; gives CPU time and time from the archive's due moment to READY, and the number of parts.
async fn close(stand: &Stand, window: Duration) -> Result<(Duration, Duration, u32)> {
    let mut request = stand.portal.request(&[("email", EMAIL)]);
    request.format = TableFormat::Csv.into();
    request.waiting = best_effort(window);
    let began = Instant::now();
    let id = stand.portal.open(request).await?.case_id;
    let staged = |case: &tributary_proto::gateway::v1::Case| {
        case.tasks.iter().filter(|task| task.entity != DOWN).all(|task| task.parts > PARTS as u32)
    };
    let case = stand.portal.until(&id, PATIENCE, staged).await?;
    // The agents' last words and the spools' end come after the last part.
    tokio::time::sleep(Duration::from_secs(1)).await;
    // What an idle gateway takes while it waits is no part of closing.
    let due = began + window;
    let shortly = due.checked_sub(BEFORE).filter(|at| *at > Instant::now());
    tokio::time::sleep_until(shortly.context("the window is too short for this machine")?.into()).await;
    let before = cpu::of(stand.gateway.pid())?;
    tokio::time::sleep_until(due.into()).await;
    stand.portal.ready(&id, PATIENCE).await?;
    let spent = cpu::of(stand.gateway.pid())? - before;
    let history = stand.history(&id).await?;
    let due = history.iter().find(|(event, _)| event == "ARCHIVE_DUE").context("no ARCHIVE_DUE")?.1;
    let parts = case.tasks.iter().map(|task| task.parts).sum();
    Ok((spent, until(&history, "ARCHIVE_WRITTEN", due)?, parts))
}
