//! `tributary archive`: verify, show and unpack archives offline.

mod extract;
mod show;
mod verify;

use std::fs::File;
use std::path::Path;

use clap::Subcommand;

use crate::exit::{Failure, Outcome};
use crate::output::Output;
pub(crate) use verify::verified;

/// What can be done with an archive.
#[derive(Debug, Subcommand)]
pub(crate) enum Archive {
    /// Check container, bag, parts, attestations, roster and keys
    Verify(verify::Verify),
    /// Show who contributed what, what is missing, and the chain of a case's archives
    Show(show::Show),
    /// Unpack into a new folder, checking every file
    Extract(extract::Extract),
}

/// Runs the command.
pub(crate) fn run(command: Archive, output: Output) -> Outcome {
    match command {
        Archive::Verify(args) => verify::run(&args, output),
        Archive::Show(args) => show::run(&args, output),
        Archive::Extract(args) => extract::run(&args, output),
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| Failure::invalid(format!("cannot open {}: {error}", path.display())))
}
