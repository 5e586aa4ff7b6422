//! `tributary agent`: setting an agent up beside a database, and trying it before anybody asks.

mod check;
mod dry_run;
mod inbox;
mod init;

use std::path::Path;

use clap::Subcommand;
use tributary_agent::Config;

use crate::exit::{Failure, Outcome};
use crate::keys::{Keygen, keygen};
use crate::output::Output;

/// What can be done beside a database.
#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    /// Write a first manifest and configuration from a live database, with its guesses marked
    Init(Box<init::Init>),
    /// Make the entity's signing key here; the private half never leaves this host
    Keygen(Keygen),
    /// Compare the manifests with the live databases, and try the way to the gateway when the agent dials out
    Check(check::Check),
    /// Count what a request would find, without sending anything
    DryRun(dry_run::Rehearsal),
    /// What waits for people at the entity: searches by hand, reviews before release
    Inbox(inbox::Inbox),
}

/// Runs the command.
pub(crate) async fn run(command: Agent, output: Output) -> Outcome {
    match command {
        Agent::Init(args) => init::run(&args, output),
        Agent::Keygen(args) => keygen(&args, output),
        Agent::Check(args) => check::run(&args, output).await,
        Agent::DryRun(args) => dry_run::run(&args, output),
        Agent::Inbox(args) => inbox::run(args, output).await,
    }
}

fn load(path: &Path) -> Result<Config, Failure> {
    Config::load(path).map_err(|problems| Failure::invalid(format!("the configuration is not valid\n{problems}")))
}
