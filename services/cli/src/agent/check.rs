//! `tributary agent check`: what the manifests mean in practice, and whether the gateway is reached.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use tributary_agent::check::{CheckReport, Finding, Item, LabelCount, LabelReport, check};
use tributary_agent::{GatewayReport, reach_gateways};
use tributary_model::clock::SystemClock;

use super::load;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, table};

/// Places that are printed of one finding.
const SHOWN: usize = 12;

/// `agent check`
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The agent's configuration
    #[arg(long, env = "TRIBUTARY_CONFIG", default_value = "agent.yaml")]
    config: PathBuf,
}

/// Runs the command.
pub(super) async fn run(args: &Check, output: Output) -> Outcome {
    let config = load(&args.config)?;
    // Databases are read by drivers that wait on runtimes of their own.
    let report = tokio::task::block_in_place(|| check(&config, Arc::new(SystemClock)));
    let gateways = reach_gateways(&config, Arc::new(SystemClock)).await.map_err(Failure::invalid)?;
    let checked = Checked { report, gateways };
    output.print(&checked, checked_text)?;
    checked.outcome()
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
        // What could not be looked at may be wrong in every way.
        if self.report.datasets.iter().any(|dataset| dataset.unavailable.is_some()) {
            return Err(Failure::silent(Exit::TryAgain));
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
    for collection in &report.collections {
        let _ = match &collection.rows_of {
            Some(owner) => write!(text, "\nrows of {}.{} belong to {owner}", collection.dataset, collection.collection),
            None => Ok(()),
        };
    }
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
    text.push_str(&findings_text(&report.findings));
    let items: usize = report.findings.iter().map(|finding| finding.items.len()).sum();
    let (errors, warnings) = (report.problems.len(), report.warnings.len() + items);
    let _ = write!(text, "\n\n{errors} errors, {warnings} warnings");
    let away = report.datasets.iter().filter(|dataset| dataset.unavailable.is_some()).count();
    if away > 0 {
        let _ = write!(text, "; {away} databases did not answer, so nothing was compared with them: check again");
    }
    text
}

/// What is not declared, by the right that it costs.
fn findings_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    if findings.is_empty() {
        return text;
    }
    text.push_str("\n\nwhat is not declared, and the right that it costs:");
    for Finding { right, cost, remedy, items, .. } in findings {
        let _ = write!(text, "\n\n{right}\n  {cost}\n  to do: {remedy}");
        for Item { at, name, detail } in items.iter().take(SHOWN) {
            let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
            // Of the file itself nothing is said twice.
            let name = if at.starts_with(name.as_str()) { String::new() } else { format!(" {name}") };
            let _ = write!(text, "\n    {at}{name}{detail}");
        }
        if items.len() > SHOWN {
            let _ = write!(text, "\n    and {} more: --output json names all of them", items.len() - SHOWN);
        }
    }
    text
}
