//! `tributary case`: a caller's side of a case, over the gateway's gRPC API.

mod download;
mod link;
mod open;
mod operate;
mod show;
pub(crate) mod view;
mod watch;

pub(crate) use self::download::download_to;
pub(crate) use self::watch::Progress;

use clap::{Args, Subcommand};

use crate::client::Caller;
use crate::exit::Outcome;
use crate::output::Output;

/// A command about cases.
#[derive(Debug, Args)]
pub(crate) struct Case {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open an access case
    Open(open::Open),
    /// Follow a case until its archive is ready
    Watch(watch::Watch),
    /// Show a case with every entity's disposition
    Show(show::Show),
    /// List cases, newest first
    List(show::List),
    /// Download an archive; an interrupted download goes on where it stopped
    Download(download::Download),
    /// Make, list and revoke links with which the person downloads in a browser
    Link(link::CaseLink),
    /// Record that an archive was handed to the person
    ConfirmDelivery(operate::ConfirmDelivery),
    /// Vouch for the person's identity, or add identifiers that an entity asked for
    ConfirmIdentity(operate::ConfirmIdentity),
    /// Ask one entity again
    Retry(operate::Retry),
    /// Cancel a case and shred what was staged
    Cancel(operate::Cancel),
}

/// Runs the command.
pub(crate) async fn run(case: Case, output: Output) -> Outcome {
    let caller = &case.caller;
    match case.command {
        Command::Open(args) => open::run(&args, caller, output).await,
        Command::Watch(args) => watch::run(&args, caller, output).await,
        Command::Show(args) => show::show(&args, caller, output).await,
        Command::List(args) => show::list(&args, caller, output).await,
        Command::Download(args) => download::run(&args, caller, output).await,
        Command::Link(args) => link::run(args, caller, output).await,
        Command::ConfirmDelivery(args) => operate::confirm_delivery(args, caller, output).await,
        Command::ConfirmIdentity(args) => operate::confirm_identity(args, caller, output).await,
        Command::Retry(args) => operate::retry(args, caller, output).await,
        Command::Cancel(args) => operate::cancel(args, caller, output).await,
    }
}
