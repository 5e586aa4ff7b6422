//! `tributary serve`: the two processes, with their logs, metrics and an orderly end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tributary_model::clock::SystemClock;
use tributary_transport::tasks::Tasks;
use tributary_transport::telemetry::{self, LogFormat};

use crate::exit::{Failure, Outcome};
use crate::output::say;

/// How long the last traces and metrics may take.
const FLUSH: Duration = Duration::from_secs(2);

/// Which process.
#[derive(Debug, Subcommand)]
pub(crate) enum Serve {
    /// The hub: takes cases, asks agents, hands out archives
    Gateway(Config),
    /// Beside an entity's databases
    Agent(Config),
    /// Print the JSON Schema of a process's configuration
    Schema(Schema),
}

/// Whose configuration.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// The process
    process: Process,
}

/// The two processes.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Process {
    /// gateway.yaml
    Gateway,
    /// agent.yaml
    Agent,
}

/// Where its configuration is.
#[derive(Debug, Args)]
pub(crate) struct Config {
    /// The configuration file
    #[arg(long, env = "TRIBUTARY_CONFIG")]
    config: PathBuf,
}

/// Serves until SIGTERM or SIGINT, then drains.
pub(crate) async fn run(command: Serve) -> Outcome {
    let name = match &command {
        Serve::Gateway(_) => "tributary-gateway",
        Serve::Agent(_) => "tributary-agent",
        Serve::Schema(args) => return schema(args.process),
    };
    let telemetry = telemetry::init(name, LogFormat::Auto).map_err(Failure::invalid)?;
    let metrics = telemetry.metrics();
    let tasks = Tasks::new();
    let shutdown = stop_on_signal(&tasks)?;
    let clock = Arc::new(SystemClock);
    let invalid = |problems| Failure::invalid(format!("the configuration is not valid\n{problems}"));
    let served = match command {
        Serve::Gateway(args) => {
            let config = tributary_gateway::Config::load(&args.config).map_err(invalid)?;
            tributary_gateway::run(config, clock, metrics, shutdown).await.map_err(Failure::invalid)
        }
        Serve::Agent(args) => {
            let config = tributary_agent::Config::load(&args.config).map_err(invalid)?;
            tributary_agent::run(config, clock, metrics, shutdown).await.map_err(Failure::invalid)
        }
        Serve::Schema(args) => schema(args.process),
    };
    telemetry.shutdown(FLUSH).await;
    served
}

fn schema(process: Process) -> Outcome {
    let schema = match process {
        Process::Gateway => tributary_gateway::config::json_schema(),
        Process::Agent => tributary_agent::config::json_schema(),
    };
    say(&serde_json::to_string_pretty(&schema)?)
}

fn stop_on_signal(tasks: &Tasks) -> Result<CancellationToken, Failure> {
    let shutdown = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = shutdown.clone();
    tasks.spawn("signals", async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to stop");
        stop.cancel();
    });
    Ok(shutdown)
}
