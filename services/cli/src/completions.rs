//! `tributary completions`: shell completions on standard output.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::exit::Outcome;

/// `completions`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell
    shell: Shell,
}

/// Prints the completions.
pub(crate) fn run(args: &Completions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::command::Cli::command(), "tributary", &mut script);
    crate::output::say(String::from_utf8_lossy(&script).trim_end())
}
