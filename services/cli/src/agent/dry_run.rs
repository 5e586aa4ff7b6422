//! `tributary agent dry-run`: what a request would find, counted, before anybody asks.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tributary_agent::dry_run::{DryRun, DryRunError, Outcome as Found, dry_run};
use tributary_model::clock::SystemClock;
use tributary_model::id::EntityId;

use super::load;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, table};
use crate::person::Person;

/// `agent dry-run`
#[derive(Debug, Args)]
pub(crate) struct Rehearsal {
    /// The agent's configuration
    #[arg(long, env = "TRIBUTARY_CONFIG", default_value = "agent.yaml")]
    config: PathBuf,
    /// Which entity's answer, when the agent serves several
    #[arg(long)]
    entity: Option<EntityId>,
    #[command(flatten)]
    person: Person,
    /// Also show the first rows of each collection: personal data on your screen
    #[arg(long)]
    show_values: bool,
}

/// Runs the command.
pub(super) fn run(args: &Rehearsal, output: Output) -> Outcome {
    let identifiers = args.person.checked()?;
    let config = load(&args.config)?;
    let entity = args.entity.as_ref();
    let found =
        tokio::task::block_in_place(|| dry_run(&config, entity, Arc::new(SystemClock), &identifiers, args.show_values));
    let found = found.map_err(|error| match error {
        DryRunError::Manifests(problems) => Failure::invalid(problems),
        error @ DryRunError::WhichEntity { .. } => Failure::invalid(error),
        DryRunError::Collect(error) => Failure::new(Exit::TryAgain, error),
    })?;
    output.print(&found, dry_run_text)
}

fn dry_run_text(found: &DryRun) -> String {
    let outcome = match found.outcome {
        Found::Found => "the person is known",
        Found::NotFound => "nobody is known by these identifiers",
        Found::NeedsIdentity => "the identifiers do not single one person out: the entity would ask for more",
    };
    let rows = found.collections.iter().map(|c| [c.dataset.to_string(), c.collection.clone(), c.rows.to_string()]);
    let mut text = format!("{outcome}\n{}", table(["dataset", "collection", "rows"], rows));
    for kind in &found.doubtful {
        let _ = write!(
            text,
            "\nthe check digits of the identifier {kind} do not fit: it may be mistyped, and was sought all the same"
        );
    }
    for gap in &found.not_searched {
        let collection = gap.collection.as_deref().map(|name| format!(".{name}")).unwrap_or_default();
        let _ = write!(text, "\nnot searched: {}{collection}: {}", gap.dataset, gap.detail);
    }
    for rows in &found.collections {
        for row in rows.values.iter().flatten() {
            let cells: Vec<String> = rows
                .columns
                .iter()
                .zip(row)
                .map(|(name, cell)| format!("{name}={}", cell.as_deref().unwrap_or("NULL")))
                .collect();
            let _ = write!(text, "\n{}.{}: {}", rows.dataset, rows.collection, cells.join("  "));
        }
    }
    text
}
