//! The command line's form; each command's arguments stand beside its code.

use clap::{Parser, Subcommand};

use crate::output::Output;

/// Answers a person's data-protection request across every legal entity of a corporate group.
///
/// Exit codes: 0 done, 1 failure, 2 invalid input, 3 archive consistent but signers not authenticated, 4 archive failed
/// verification, 5 refused by the gateway, 6 not found, 7 try again, 8 done but not everything is there, 9 archive authentic but
/// packed anew or unpacked.
#[derive(Debug, Parser)]
#[command(name = "tributary", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// How results are printed
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a whole group on this machine: one access case across seven entities, one verified archive
    Demo(crate::demo::Demo),
    /// Run a gateway or an agent
    #[command(subcommand)]
    Serve(crate::serve::Serve),
    /// Bring the schema of a gateway's database up to date
    Migrate(crate::migrate::Migrate),
    /// Open, follow and download cases
    Case(crate::case::Case),
    /// Verify, show and unpack archives offline
    #[command(subcommand)]
    Archive(crate::archive::Archive),
    /// Check and sign the group file
    #[command(subcommand)]
    Group(crate::group::Group),
    /// Set an agent up beside a database
    #[command(subcommand)]
    Agent(crate::agent::Agent),
    /// Development certificates
    #[command(subcommand)]
    Pki(crate::pki::Pki),
    /// Shell completions
    Completions(crate::completions::Completions),
}
