//! The product under measure: a gateway, its agents and a caller, and what one case costs each of them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use tributary_proto::gateway::v1::{Case, WatchCaseRequest};
use tributary_proto::types::v1::TableFormat;
use tributary_tests::client::{Caller, summary};
use tributary_tests::group::{Group, PORTAL, Plan};
use tributary_tests::memory::Memory;
use tributary_tests::process::Process;

use crate::cpu;
use crate::fixture::OTHER;

const PATIENCE: Duration = Duration::from_secs(300);

/// Running processes.
pub(super) struct Stand {
    pub(super) group: Group,
    pub(super) agents: Vec<Process>,
    pub(super) gateway: Process,
    pub(super) portal: Caller,
}

/// What one case took.
pub(super) struct Run {
    /// The case as it was when its archive was ready.
    pub(super) case: Case,
    /// From OpenCase to the archive, by the gateway's own history.
    pub(super) wall: Duration,
    /// From OpenCase to the first two parts that an agent had ready: the row that says who the person is, and what hangs on
    /// it.
    pub(super) first: [Duration; 2],
    /// CPU time of the gateway.
    pub(super) gateway: Duration,
    /// CPU time of all agents.
    pub(super) agents: Duration,
}

impl Stand {
    /// Starts the gateway and the agents of `entities`, and has them through a small case: connected, asked once, at
    /// rest.
    pub(super) async fn start(plan: &Plan, entities: &[&str]) -> Result<Self> {
        Self::begin(plan.lay_out()?, entities).await
    }

    /// The same for a group that is laid out already.
    pub(super) async fn begin(group: Group, entities: &[&str]) -> Result<Self> {
        let stand = Self::attach(group, entities).await?;
        stand.case(OTHER).await?;
        Ok(stand)
    }

    /// Starts them without a first case.
    pub(super) async fn attach(group: Group, entities: &[&str]) -> Result<Self> {
        let agents = group.start_agents(entities).await?;
        let gateway = group.start_gateway().await?;
        let portal = group.caller(PORTAL)?;
        Ok(Self { group, agents, gateway, portal })
    }

    /// One case of a person, as CSV.
    pub(super) async fn case(&self, email: &str) -> Result<Run> {
        let mut request = self.portal.request(&[("email", email)]);
        request.format = TableFormat::Csv.into();
        let (gateway, agents, began) = (cpu::of(self.gateway.pid())?, self.agents_cpu()?, Instant::now());
        let id = self.portal.open(request).await?.case_id;
        let case = self.portal.ready(&id, PATIENCE).await?;
        ensure!(case.archives[0].complete, "not complete: {}", summary(&case));
        let (gateway, agents) = (cpu::of(self.gateway.pid())? - gateway, self.agents_cpu()? - agents);
        let history = self.history(&id).await?;
        let opened = history.first().context("a case without a history")?.1;
        let wall = until(&history, "ARCHIVE_WRITTEN", opened)?.min(began.elapsed());
        let staged = history.iter().filter(|(name, _)| name == "PART_STAGED").map(|(_, at)| at.duration_since(opened));
        // Who is hardly known has no two parts.
        let mut staged = staged.flat_map(Duration::try_from).chain([wall, wall]);
        let first = [staged.next().unwrap_or(wall), staged.next().unwrap_or(wall)];
        Ok(Run { case, wall, first, gateway, agents })
    }

    fn agents_cpu(&self) -> Result<Duration> {
        self.agents.iter().map(|agent| cpu::of(agent.pid())).sum()
    }

    /// CPU time of all processes so far.
    pub(super) fn cpu(&self) -> Result<Duration> {
        Ok(cpu::of(self.gateway.pid())? + self.agents_cpu()?)
    }

    /// A case's events with their times, up to its first archive.
    pub(super) async fn history(&self, case: &str) -> Result<Vec<(String, Timestamp)>> {
        let on_behalf_of = self.portal.on_behalf_of.clone();
        let request = WatchCaseRequest { case_id: case.to_owned(), on_behalf_of, cursor: 0 };
        let mut events = self.portal.cases().await?.watch_case(request).await?.into_inner();
        let mut history = Vec::new();
        while let Some(event) = events.message().await? {
            let at = event.at.context("an event without a time")?;
            let is_last = event.event == "ARCHIVE_WRITTEN";
            history.push((event.event, Timestamp::new(at.seconds, at.nanos)?));
            if is_last {
                break;
            }
        }
        Ok(history)
    }

    /// Resident memory of the gateway and of the agent that has most, and forgets their peaks.
    pub(super) fn at_rest(&self) -> Result<(u64, u64)> {
        cpu::forget_peak(self.gateway.pid())?;
        let mut most = 0;
        for agent in &self.agents {
            cpu::forget_peak(agent.pid())?;
            most = most.max(agent.memory()?.resident);
        }
        Ok((self.gateway.memory()?.resident, most))
    }

    /// The most that the gateway, and the agent that has most, have had resident since then.
    pub(super) fn peaks(&self) -> Result<(u64, u64)> {
        let agents = self.agents.iter().map(Process::memory).collect::<Result<Vec<Memory>>>()?;
        Ok((self.gateway.memory()?.peak, agents.iter().map(|memory| memory.peak).max().unwrap_or(0)))
    }
}

/// The time from `since` to the first `event`.
pub(super) fn until(history: &[(String, Timestamp)], event: &str, since: Timestamp) -> Result<Duration> {
    let found = history.iter().find(|(name, _)| name == event).with_context(|| format!("no {event}"))?;
    Ok(Duration::try_from(found.1.duration_since(since))?)
}
