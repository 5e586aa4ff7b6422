//! Rows: an agent's whole work for one person, walk to attestation, beside a loop over the same driver that reads,
//! encodes and deflates the same rows; for one table and for orders with their lines, and once more with a quarter of
//! the rows, since the cost must be linear in them; and when the first part is ready, which must not depend on how many
//! follow. On SQLite, and on PostgreSQL and MariaDB, whose own time is not counted.

use std::time::Duration;

use anyhow::Result;
use tributary_tests::group::{EntityPlan, Plan};
use tributary_tests::servers::Engine;

use super::stand::Stand;
use super::{Database, Scale};
use crate::child::{self, Took};
use crate::figure::{Figures, least, time, times};
use crate::fixture::{Activity, DATASET, EMAIL, Measured, Orders, Servable, Served};

const ENTITY: &str = "alpha-be";
/// The product's speed over the raw loop's.
const LEAST: f64 = 0.6;
/// Cost of four times the rows, as a multiple; more is not linear.
const FOURFOLD: f64 = 5.0;

/// CPU times for one fixture.
struct Cost {
    product: Duration,
    raw: Duration,
    /// From asking to the first parts, and to the archive.
    first: [Duration; 2],
    whole: Duration,
    rows: u64,
}

pub(super) async fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let activity = [scale.rows / 4, scale.rows].map(|rows| Activity { rows });
    let orders = [scale.orders / 4, scale.orders].map(|orders| Orders { orders });
    let wanted = |database| scale.database.is_none_or(|only| only == database);
    if wanted(Database::Sqlite) {
        compare("SQLite, one table", activity, scale, figures).await?;
        compare("SQLite, orders with lines", orders, scale, figures).await?;
    }
    let servers =
        [(Database::Postgresql, "PostgreSQL", Engine::Postgres), (Database::Mariadb, "MariaDB", Engine::MariaDb)];
    for (_, name, engine) in servers.into_iter().filter(|(database, ..)| wanted(*database)) {
        compare(&format!("{name}, one table"), served(activity, engine)?, scale, figures).await?;
        compare(&format!("{name}, orders with lines"), served(orders, engine)?, scale, figures).await?;
    }
    Ok(())
}

fn served<F: Servable>([small, large]: [F; 2], engine: Engine) -> Result<[Served<F>; 2]> {
    Ok([Served::new(small, engine)?, Served::new(large, engine)?])
}

async fn compare<F: Measured>(what: &str, [small, large]: [F; 2], scale: &Scale, figures: &mut Figures) -> Result<()> {
    let quarter = cost(small, scale).await?;
    let cost = cost(large, scale).await?;
    let said = |cpu: Duration| {
        let micros = cpu.as_secs_f64() * 1e6 / cost.rows as f64;
        format!("{} CPU, {micros:.2} µs a row", time(cpu))
    };
    let name = format!("{what}: {} rows, the agent's CPU time", cost.rows);
    figures.at_least(&name, said(cost.product), said(cost.raw), times(cost.raw, cost.product), LEAST);
    let name = format!("{what}: {} rows, first part and second part ready after asking", cost.rows);
    // Times by the clock, which a busy machine moves: they are told.
    figures.told(&name, cost.first.map(time).join(", "), format!("{} to the archive", time(cost.whole)));
    let growth = times(cost.product, quarter.product);
    let name = format!("{what}: four times the rows");
    let budget = format!("≤ {FOURFOLD} × the CPU time");
    figures.within(&name, format!("{growth:.1} × the CPU time"), budget, growth <= FOURFOLD);
    Ok(())
}

async fn cost<F: Measured>(fixture: F, scale: &Scale) -> Result<Cost> {
    let rows = fixture.rows();
    let plan = Plan::new(vec![EntityPlan::new(ENTITY, "BE").holds(fixture.clone())]);
    let stand = Stand::start(&plan, &[ENTITY]).await?;
    let program = fixture.program(stand.group.database(ENTITY, DATASET)?);
    let (mut product, mut raw, mut first, mut whole) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.turns {
        let took: Took = child::run(&program)?;
        anyhow::ensure!(took.count == rows, "the raw loop read {} rows of {rows}", took.count);
        raw.push(took.cpu);
        let run = stand.case(EMAIL).await?;
        product.push(run.agents);
        first.push(run.first);
        whole.push(run.wall);
    }
    Ok(Cost {
        product: least(&product),
        raw: least(&raw),
        first: [0, 1].map(|n| least(&first.iter().map(|first: &[Duration; 2]| first[n]).collect::<Vec<_>>())),
        whole: least(&whole),
        rows,
    })
}
