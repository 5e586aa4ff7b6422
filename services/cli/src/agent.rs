//! `tributary agent`: setting an agent up beside a database, and trying it before anybody asks.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Serialize;
use tributary_agent::check::{CheckReport, LabelCount, LabelReport, check};
use tributary_agent::dry_run::{DryRun, DryRunError, Outcome as Found, dry_run};
use tributary_agent::{Config, GatewayReport, reach_gateways};
use tributary_model::clock::SystemClock;

use crate::exit::{Exit, Failure, Outcome};
use crate::keys::{Keygen, keygen};
use crate::output::{Output, table};
use crate::person::Person;

/// What can be done beside a database.
#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    /// Make the entity's signing key here; the private half never leaves this host
    Keygen(Keygen),
    /// Compare the manifests with the live databases, and try the way to the gateway when the agent dials out
    Check(Check),
    /// Count what a request would find, without sending anything
    DryRun(Rehearsal),
}

/// `agent check`
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The agent's configuration
    #[arg(long, env = "TRIBUTARY_CONFIG", default_value = "agent.yaml")]
    config: PathBuf,
}

/// `agent dry-run`
#[derive(Debug, Args)]
pub(crate) struct Rehearsal {
    /// The agent's configuration
    #[arg(long, env = "TRIBUTARY_CONFIG", default_value = "agent.yaml")]
    config: PathBuf,
    #[command(flatten)]
    person: Person,
    /// Also show the first rows of each collection: personal data on your screen
    #[arg(long)]
    show_values: bool,
}

/// Runs the command.
pub(crate) async fn run(command: Agent, output: Output) -> Outcome {
    match command {
        Agent::Keygen(args) => keygen(&args, output),
        Agent::Check(args) => {
            let config = load(&args.config)?;
            // Databases are read by drivers that wait on runtimes of their own.
            let report = tokio::task::block_in_place(|| check(&config, Arc::new(SystemClock)));
            let gateways = reach_gateways(&config, Arc::new(SystemClock)).await.map_err(Failure::invalid)?;
            let checked = Checked { report, gateways };
            output.print(&checked, checked_text)?;
            checked.outcome()
        }
        Agent::DryRun(args) => {
            let identifiers = args.person.checked()?;
            let config = load(&args.config)?;
            let found =
                tokio::task::block_in_place(|| dry_run(&config, Arc::new(SystemClock), &identifiers, args.show_values));
            let found = found.map_err(|error| match error {
                DryRunError::Manifests(problems) => Failure::invalid(problems),
                DryRunError::Collect(error) => Failure::new(Exit::TryAgain, error),
            })?;
            output.print(&found, dry_run_text)
        }
    }
}

/// What `agent check` found out.
#[derive(Serialize)]
struct Checked {
    #[serde(flatten)]
    report: CheckReport,
    /// What stands between a dialling agent and its gateways.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gateways: Vec<GatewayReport>,
}

impl Checked {
    fn outcome(&self) -> Outcome {
        if !self.report.is_ok() {
            return Err(Failure::silent(Exit::Invalid));
        }
        let is_reached = self.gateways.iter().all(|gateway| gateway.problem.is_none());
        if is_reached { Ok(()) } else { Err(Failure::silent(Exit::TryAgain)) }
    }
}

fn checked_text(checked: &Checked) -> String {
    let mut text = check_text(&checked.report);
    for gateway in &checked.gateways {
        let address = &gateway.address;
        let _ = match (&gateway.problem, gateway.processes) {
            (Some(problem), _) => write!(text, "\ngateway {address}: {problem}"),
            (None, Some(2..)) => write!(
                text,
                "\ngateway {address}: reached, and takes this agent ({} processes)",
                gateway.processes.unwrap_or(0)
            ),
            (None, _) => write!(text, "\ngateway {address}: reached, and takes this agent"),
        };
    }
    text
}

fn load(path: &std::path::Path) -> Result<Config, Failure> {
    Config::load(path).map_err(|problems| Failure::invalid(format!("the configuration is not valid\n{problems}")))
}

fn check_text(report: &CheckReport) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        let _ = writeln!(text, "error: {problem}");
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    text.push_str(&table(
        ["dataset", "collection", "reached by", "labels", "not recorded"],
        report.collections.iter().map(|c| {
            let types: Vec<&str> = c.reached_by.iter().map(|kind| kind.as_str()).collect();
            let reached = match (types.is_empty(), c.personal) {
                (false, _) => types.join(", "),
                (true, true) => "nothing: named as not searched".to_owned(),
                (true, false) => "nothing: no personal data declared".to_owned(),
            };
            let labels = format!("{} of {}", c.columns - c.unlabelled_columns.len(), c.columns);
            // The article is in the warning; here its name is enough.
            let missing = c.not_recorded.iter().map(|what| what.as_str().split(" (").next().unwrap_or_default());
            let missing = missing.collect::<Vec<_>>().join(", ");
            [c.dataset.to_string(), c.collection.clone(), reached, labels, missing]
        }),
    ));
    let LabelReport { datasets, collections, fields, decoded_fields } = &report.labels;
    for (kind, count) in [("datasets", datasets), ("collections", collections), ("columns", fields)] {
        let LabelCount { all, labelled, described } = *count;
        let bare = count.bare();
        let _ = write!(
            text,
            "\n{kind} with a label: {labelled} of {all}; with a description only: {described}; with neither: {bare}"
        );
    }
    let _ = write!(text, "\ndecoded columns of codes: {decoded_fields}; which others hold codes only you can tell");
    let (errors, warnings) = (report.problems.len(), report.warnings.len());
    let _ = write!(text, "\n{errors} errors, {warnings} warnings");
    text
}

fn dry_run_text(found: &DryRun) -> String {
    let outcome = match found.outcome {
        Found::Found => "the person is known",
        Found::NotFound => "nobody is known by these identifiers",
        Found::NeedsIdentity => "the identifiers do not single one person out: the entity would ask for more",
    };
    let rows = found.collections.iter().map(|c| [c.dataset.to_string(), c.collection.clone(), c.rows.to_string()]);
    let mut text = format!("{outcome}\n{}", table(["dataset", "collection", "rows"], rows));
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
