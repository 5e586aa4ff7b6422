//! `tributary migrate`: the schema of a gateway's database, before its processes start.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use tributary_gateway::Config;
use tributary_gateway::migrate::{MigrateError, migrate, standing};

use crate::exit::{Exit, Failure, Outcome};
use crate::output::Output;

/// Which database, and whether to change it.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// The gateway's configuration file
    #[arg(long, env = "TRIBUTARY_CONFIG")]
    config: PathBuf,
    /// Only look; the exit code is 1 when the schema is not up to date
    #[arg(long)]
    check: bool,
}

#[derive(Serialize)]
struct Done {
    from: i64,
    to: i64,
    newest: i64,
}

/// Brings the schema up to date, or says how it stands.
pub(crate) async fn run(args: Migrate, output: Output) -> Outcome {
    let invalid = |problems| Failure::invalid(format!("the configuration is not valid\n{problems}"));
    let config = Config::load(&args.config).map_err(invalid)?;
    if args.check {
        let standing = standing(&config).await.map_err(failure)?;
        let done = Done { from: standing.found, to: standing.found, newest: standing.newest };
        output.print(&done, |done| match done.newest - done.to {
            0 => format!("the schema is {}, which is what this version needs", done.to),
            _ => format!(
                "the schema is {}, and this version needs {}; run this command without --check",
                done.to, done.newest
            ),
        })?;
        return if done.to == done.newest { Ok(()) } else { Err(Failure::silent(Exit::Failure)) };
    }
    let before = migrate(&config).await.map_err(failure)?;
    let done = Done { from: before.found, to: before.newest, newest: before.newest };
    output.print(&done, |done| match done.to - done.from {
        0 => format!("the schema is {} already", done.to),
        _ => format!("the schema went from {} to {}", done.from, done.to),
    })
}

fn failure(error: MigrateError) -> Failure {
    match error {
        MigrateError::Unavailable(_) => Failure::new(Exit::TryAgain, error),
        MigrateError::Refused(_) => Failure::new(Exit::Failure, error),
    }
}
