//! Agents side by side: four entities, each behind a link of its own that is slow, so that the machine's cores are no
//! limit. The whole must take as long as one of them, not as long as all one after another; and the gateway's memory
//! while many agents stream is bounded by what streams and buffers may hold.

use std::time::{Duration, Instant};

use anyhow::Result;
use tributary_tests::fixture::Library;
use tributary_tests::group::{EntityPlan, Plan};
use tributary_tests::memory::{KIB, MIB, mib};
use tributary_tests::proxy::Proxy;

use super::Scale;
use super::stand::Stand;
use crate::figure::{Figures, time, times};
use crate::fixture::EMAIL;

const ENTITIES: [&str; 8] =
    ["alpha-be", "beta-fr", "gamma-de", "delta-es", "epsilon-nl", "zeta-at", "eta-it", "theta-pt"];
const DATASET: &str = "library";
/// Bytes a second of each link.
const LINK: u64 = 2 * MIB;
/// The whole, as a multiple of the slowest agent alone.
const MOST: f64 = 1.4;
/// Parts of one export that are fetched at once, and the announcements.
const STREAMS: u64 = 4 + 1;

fn entity(id: &str, bytes: u64) -> EntityPlan {
    let (key, email) = (DATASET.to_owned(), EMAIL.to_owned());
    let library = Library { key, email, bytes, document: 16 * KIB, dense: true, seed: 7 };
    // Small parts, so that every agent streams as many as it may.
    EntityPlan::new(id, "BE").holds(library).agent_yaml("limits: { part_bytes: 2MiB }\n")
}

pub(super) async fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let alone = over_links(&ENTITIES[..1], scale.link_text, figures).await?;
    let four = over_links(&ENTITIES[..4], scale.link_text, figures).await?;
    let ratio = times(four, alone);
    figures.within(
        "four agents side by side, each behind a link of 2 MiB/s",
        format!("{} for four, {} for one: {ratio:.2} ×", time(four), time(alone)),
        format!("≤ {MOST} × one alone"),
        ratio <= MOST,
    );
    over_links(&ENTITIES, scale.link_text / 2, figures).await?;
    Ok(())
}

/// One case over slow links; gives how long it took, and holds both sides' memory meanwhile to their budgets.
async fn over_links(entities: &[&str], bytes: u64, figures: &mut Figures) -> Result<Duration> {
    let plan = Plan::new(entities.iter().map(|id| entity(id, bytes).behind_proxy()).collect());
    let group = plan.lay_out()?;
    let mut proxies: Vec<Proxy> = Vec::new();
    for id in entities {
        proxies.push(group.start_proxy(id).await?);
    }
    let stand = Stand::begin(group, entities).await?;
    proxies.iter().for_each(|proxy| proxy.limit(Some(LINK)));
    let (gateway_idle, agent_idle) = stand.at_rest()?;
    let began = Instant::now();
    let wall = stand.case(EMAIL).await?.wall.min(began.elapsed());
    let (gateway_peak, agent_peak) = stand.peaks()?;
    let agents = entities.len() as u64;
    // No more than so many parts are fetched at once over all agents.
    let streams = (STREAMS * agents).min(16 + agents);
    let budget = gateway_idle + 41 * KIB * agents + streams * (256 + 140) * KIB + (streams - agents) * 256 * KIB;
    let budget = budget + budget / 4;
    figures.within(
        &format!("gateway memory, {agents} agents streaming"),
        format!("{} idle, {} at most", mib(gateway_idle), mib(gateway_peak)),
        format!("≤ {}", mib(budget)),
        gateway_peak <= budget,
    );
    figures.within(
        &format!("agent memory, {agents} agents streaming"),
        format!("{} idle, {} at most", mib(agent_idle), mib(agent_peak)),
        format!("< {}", mib(agent_idle + 48 * MIB)),
        agent_peak < agent_idle + 48 * MIB,
    );
    Ok(wall)
}
