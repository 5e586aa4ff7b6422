//! Makes a failing schedule small: whatever can be left out while it still fails is left out.

use super::Violation;
use super::bench::Bench;
use super::schedule::{Fault, Schedule};

/// A schedule that fails, as small as it gets, with how.
pub(super) async fn shrink(bench: &Bench, schedule: Schedule, violation: Violation) -> (Schedule, Violation) {
    let mut smallest = (schedule, violation);
    let mut chunk = smallest.0.steps.len().div_ceil(2);
    while chunk > 0 {
        let mut start = 0;
        while start < smallest.0.steps.len() {
            let mut fewer = smallest.0.clone();
            fewer.steps.drain(start..(start + chunk).min(fewer.steps.len()));
            match fails(bench, fewer).await {
                Some(found) => smallest = found,
                None => start += chunk,
            }
        }
        chunk /= 2;
    }
    for step in 0..smallest.0.steps.len() {
        let mut calmer = smallest.0.clone();
        if std::mem::take(&mut calmer.steps[step].fault) != Fault::None
            && let Some(found) = fails(bench, calmer).await
        {
            smallest = found;
        }
    }
    for fewer in [fewer_replicas, fewer_agents, fewer_answers] {
        while let Some(fewer) = fewer(&smallest.0) {
            let Some(found) = fails(bench, fewer).await else { break };
            smallest = found;
        }
    }
    smallest
}

async fn fails(bench: &Bench, schedule: Schedule) -> Option<(Schedule, Violation)> {
    let violation = bench.run(&schedule).await.0.err()?;
    Some((schedule, violation))
}

fn fewer_replicas(schedule: &Schedule) -> Option<Schedule> {
    let replicas = schedule.replicas.checked_sub(1).filter(|replicas| *replicas > 0)?;
    Some(Schedule { replicas, ..schedule.clone() })
}

fn fewer_agents(schedule: &Schedule) -> Option<Schedule> {
    let agents = schedule.agents.get(..schedule.agents.len() - 1).filter(|agents| !agents.is_empty())?.to_vec();
    Some(Schedule { agents, ..schedule.clone() })
}

fn fewer_answers(schedule: &Schedule) -> Option<Schedule> {
    let mut fewer = schedule.clone();
    let longest = fewer.agents.iter_mut().max_by_key(|answers| answers.len()).filter(|answers| answers.len() > 1)?;
    longest.pop();
    Some(fewer)
}
