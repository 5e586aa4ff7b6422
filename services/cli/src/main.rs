//! `tributary`: the product's command line.
//!
//! Each module is one command; `exit` holds the codes that scripts rely on, `output` the two ways of printing, `client`
//! the connection to a gateway. The work itself lies in `gateway`, `agent`, `archive` and `model`.

mod agent;
mod archive;
mod case;
mod client;
mod command;
mod completions;
mod demo;
mod exit;
mod files;
mod group;
mod keys;
mod migrate;
mod output;
mod person;
mod pki;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use crate::command::{Cli, Command};
use crate::exit::Outcome;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(exit::Failure::from)
        .and_then(|runtime| runtime.block_on(run(cli)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(cli: Cli) -> Outcome {
    let output = cli.output;
    match cli.command {
        Command::Demo(args) => demo::run(args, output).await,
        Command::Serve(command) => serve::run(command).await,
        Command::Migrate(args) => migrate::run(args, output).await,
        Command::Case(command) => case::run(command, output).await,
        Command::Archive(command) => archive::run(command, output),
        Command::Group(command) => group::run(command, output),
        Command::Agent(command) => agent::run(command, output).await,
        Command::Pki(command) => pki::run(command, output),
        Command::Completions(args) => completions::run(&args),
    }
}
