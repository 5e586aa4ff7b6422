//! Small cases: one person with a handful of rows at each of eight entities, beside raw programs that make the same
//! calls, signatures, checks and durable commits. CPU time of gateway and agents together, and the rate for information.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::stream::{self, StreamExt, TryStreamExt};
use tempfile::TempDir;
use tributary_tests::fixture::Shop;
use tributary_tests::group::{EntityPlan, Group, Plan};

use super::Scale;
use super::stand::Stand;
use crate::child;
use crate::cpu;
use crate::figure::{Figures, least, time, times};
use crate::fixture::EMAIL;
use crate::raw::{Program, tls};

const ENTITIES: [&str; 8] =
    ["alpha-be", "beta-fr", "gamma-de", "delta-es", "epsilon-nl", "zeta-at", "eta-it", "theta-pt"];
const DATASET: &str = "shop";
const AT_ONCE: usize = 16;
/// The product's speed over the raw programs'.
const LEAST: f64 = 0.5;
/// How often a caller asks whether its archive is there.
const ASKED: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(120);

/// CPU time of all processes for all cases of a turn, and how long the turn took.
struct Turn {
    cpu: Duration,
    wall: Duration,
}

pub(super) async fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let entity = |id: &&str| {
        let mut shop = Shop::with_person(DATASET, EMAIL, "Anna de Vries", 3);
        shop.people[0].email = crate::fixture::OTHER.to_owned();
        EntityPlan::new(id, "BE").holds(shop)
    };
    let stand = Stand::start(&Plan::new(ENTITIES.iter().map(entity).collect()), &ENTITIES).await?;
    let run = stand.case(EMAIL).await?;
    let parts: u64 = run.case.tasks.iter().map(|task| u64::from(task.parts)).sum();
    ensure!(parts == 3 * ENTITIES.len() as u64, "{parts} parts");
    let generated = usize::try_from(run.case.archives[0].size)?;
    let (mut product, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..scale.turns {
        raw.push(raw_turn(&stand.group, scale.cases, generated)?);
        product.push(product_turn(&stand, scale.cases).await?);
    }
    let each = |turns: &[Turn], of: fn(&Turn) -> Duration| {
        let times: Vec<Duration> = turns.iter().map(of).collect();
        least(&times).div_f64(scale.cases as f64)
    };
    let (ours, theirs) = (each(&product, |turn| turn.cpu), each(&raw, |turn| turn.cpu));
    let rate = |turns: &[Turn]| format!("{:.0}/s", 1.0 / each(turns, |turn| turn.wall).as_secs_f64());
    figures.at_least(
        "small cases, 8 agents, 16 at once: CPU of all processes a case",
        format!("{} ({})", time(ours), rate(&product)),
        format!("{} ({})", time(theirs), rate(&raw)),
        times(theirs, ours),
        LEAST,
    );
    Ok(())
}

async fn product_turn(stand: &Stand, cases: u64) -> Result<Turn> {
    let (cpu, began) = (stand.cpu()?, Instant::now());
    let one = async |_: u64| -> Result<()> {
        let end = Instant::now() + PATIENCE;
        let case = stand.portal.open_for(&[("email", EMAIL)]).await?;
        while stand.portal.case(&case).await?.archives.is_empty() {
            ensure!(Instant::now() < end, "a small case was not ready within {PATIENCE:?}");
            tokio::time::sleep(ASKED).await;
        }
        Ok(())
    };
    stream::iter(0..cases).map(one).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok(Turn { cpu: stand.cpu()? - cpu, wall: began.elapsed() })
}

fn raw_turn(group: &Group, cases: u64, generated: usize) -> Result<Turn> {
    let folder = TempDir::new()?;
    let certificates = folder.path().join("tls");
    std::fs::create_dir(&certificates)?;
    tls::make(&certificates)?;
    let (mut agents, mut ports) = (Vec::new(), Vec::new());
    for entity in ENTITIES {
        let own = folder.path().join(entity);
        std::fs::create_dir(&own)?;
        let database = group.database(entity, DATASET)?;
        let (agent, port) = child::serve(&Program::SmallAgent { database, folder: own, tls: certificates.clone() })?;
        agents.push(agent);
        ports.push(port);
    }
    let agents_cpu = || agents.iter().map(|agent| cpu::of(agent.pid())).sum::<Result<Duration>>();
    let before = agents_cpu()?;
    let own = folder.path().join("gateway");
    std::fs::create_dir(&own)?;
    let gateway = Program::SmallGateway { ports, cases, at_once: AT_ONCE, generated, folder: own, tls: certificates };
    let took = child::run(&gateway)?;
    Ok(Turn { cpu: took.cpu + agents_cpu()? - before, wall: took.wall })
}
