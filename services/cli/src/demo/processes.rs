//! Runs the demo's processes and its one case over the same gRPC API that any caller uses.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tributary_proto::gateway::v1::waiting_policy::Policy;
use tributary_proto::gateway::v1::{
    BestEffort, CaseState, GetCaseRequest, OpenCaseRequest, WaitingPolicy, WatchCaseRequest,
};
use tributary_proto::types::v1::{Identifier, Right};

use super::setup::Setup;
use super::{Demo, people, request_id};
use crate::case::view::disposition;
use crate::case::{Progress, download_to};
use crate::client::{Caller, Gateway, refused};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// How long a process may take until it listens.
const START: Duration = Duration::from_secs(20);
/// How long a process may take to stop.
const STOP: Duration = Duration::from_secs(5);

/// The demo's processes. Dropping it kills them.
pub(crate) struct Running {
    children: Vec<Child>,
    root: PathBuf,
}

/// How the case ended.
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) file_name: String,
    pub(crate) dispositions: BTreeMap<String, String>,
}

impl Running {
    /// Starts the agents that are up and the gateway, and waits until each listens.
    pub(crate) async fn start(setup: &Setup) -> Result<Self, Failure> {
        let logs = setup.root.join("logs");
        std::fs::create_dir_all(&logs)?;
        let mut running = Self { children: Vec::new(), root: setup.root.clone() };
        for (id, _) in &setup.agents {
            let config = setup.root.join("entities").join(id).join("agent.yaml");
            running.children.push(serve("agent", &config, &logs.join(format!("{id}.log")))?);
        }
        let config = setup.root.join("gateway/gateway.yaml");
        running.children.push(serve("gateway", &config, &logs.join("gateway.log"))?);
        let addresses = setup.agents.iter().map(|(_, address)| *address).chain([setup.gateway]);
        for (child, address) in running.children.iter_mut().zip(addresses) {
            listening(child, address, &logs).await?;
        }
        Ok(running)
    }

    /// Opens the case, shows it live, and downloads the archive into the demo's folder.
    pub(crate) async fn access_case(&self, args: &Demo, output: Output) -> Result<Case, Failure> {
        let caller = Caller::new(self.root.join("portal/client.yaml"), "demo@portal.halden.example");
        let gateway = caller.connect().await?;
        let id = open(&gateway, args).await?;
        // Scripts read one JSON object at the end; progress would stand in its way.
        let shown = if output == Output::Text { Some(Progress::new(output)) } else { None };
        watch(&gateway, &id, shown).await?;
        let file_name = download_to(&gateway, &caller, &id, &self.root).await?;
        let request = GetCaseRequest { case_id: id.clone(), on_behalf_of: gateway.on_behalf_of.clone() };
        let case = gateway.cases().get_case(request).await.map_err(|status| refused(&status))?.into_inner().case;
        let tasks = case.unwrap_or_default().tasks;
        let dispositions =
            tasks.into_iter().map(|t| (t.entity.clone(), disposition(t.disposition()).to_owned())).collect();
        Ok(Case { id, file_name, dispositions })
    }

    /// Asks every process to stop and waits for a moment; what does not stop is killed.
    pub(crate) async fn stop(mut self) {
        for child in &self.children {
            let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
            if let Some(pid) = pid {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
        }
        let until = Instant::now() + STOP;
        while Instant::now() < until && self.children.iter_mut().any(|child| matches!(child.try_wait(), Ok(None))) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn serve(what: &str, config: &Path, log: &Path) -> Result<Child, Failure> {
    let log = File::create(log)?;
    let program = std::env::current_exe()?;
    let mut command = Command::new(program);
    command.args(["serve", what, "--config"]).arg(config);
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?)
}

async fn listening(child: &mut Child, address: SocketAddr, logs: &Path) -> Result<(), Failure> {
    let until = Instant::now() + START;
    while tokio::net::TcpStream::connect(address).await.is_err() {
        let ended = child.try_wait()?.is_some();
        if ended || Instant::now() > until {
            let logs = logs.display();
            return Err(Failure::new(Exit::Failure, format!("a process of the demo did not start; see {logs}")));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn open(gateway: &Gateway, args: &Demo) -> Result<String, Failure> {
    let known = [("email", people::EMAIL), ("phone_number", "+32 470 12 34 56"), ("customer_number", people::NUMBER)];
    let window = prost_types::Duration { seconds: args.window.into(), nanos: 0 };
    let request = OpenCaseRequest {
        request_id: request_id(),
        on_behalf_of: gateway.on_behalf_of.clone(),
        right: Right::Access.into(),
        identifiers: known.map(|(kind, value)| Identifier { r#type: kind.into(), value: value.into() }).into(),
        waiting: Some(WaitingPolicy { policy: Some(Policy::BestEffort(BestEffort { window: Some(window) })) }),
        request_ref: "demo".to_owned(),
        identity_confirmed: true,
        language: args.language.as_ref().map(ToString::to_string).unwrap_or_default(),
        ..Default::default()
    };
    let opened = gateway.cases().open_case(request).await.map_err(|status| refused(&status))?;
    Ok(opened.into_inner().case.unwrap_or_default().case_id)
}

async fn watch(gateway: &Gateway, case: &str, mut shown: Option<Progress>) -> Result<(), Failure> {
    let on_behalf_of = gateway.on_behalf_of.clone();
    let request = WatchCaseRequest { case_id: case.to_owned(), on_behalf_of, cursor: 0 };
    let mut events = gateway.cases().watch_case(request).await.map_err(|status| refused(&status))?.into_inner();
    while let Some(event) = events.message().await.map_err(|status| refused(&status))? {
        let ready = event.state() == CaseState::Ready;
        if let Some(progress) = &mut shown {
            progress.event(event)?;
        }
        if ready {
            break;
        }
    }
    if let Some(progress) = &mut shown {
        progress.finish();
    }
    Ok(())
}
