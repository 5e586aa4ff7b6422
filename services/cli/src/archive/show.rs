//! `archive show`: the completeness table, what is missing first, and the chain of a case's archives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use tributary_archive::redaction::RedactionReason;
use tributary_archive::show::{Chain, EntitySummary, Link, LinkState, Summary, show, show_folder};
use tributary_model::disposition::{Disposition, Source};

use super::open;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, size, table};

/// `archive show`
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The archive, or all archives of a case; folders that they were unpacked to will do
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// What is shown: the latest archive, the chain, and the archives before it that were given.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    latest: Summary,
    chain: Chain,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    before: Vec<Summary>,
}

/// Runs the command. A file that is not the one that a later archive names ends with its own exit code.
pub(super) fn run(args: &Show, output: Output) -> Outcome {
    let archives = args.files.iter().map(|path| Ok((path.display().to_string(), read(path)?)));
    let mut archives: Vec<(String, Summary)> = archives.collect::<Result<_, Failure>>()?;
    archives.sort_by_key(|(_, summary)| summary.sequence);
    let chain = Chain::of(&archives).map_err(Failure::invalid)?;
    let mut before: Vec<Summary> = archives.into_iter().map(|(_, summary)| summary).collect();
    let latest = before.pop().ok_or_else(|| Failure::invalid("no archive was given"))?;
    let shown = Shown { latest, chain, before };
    output.print(&shown, |shown| {
        let chain = chain_text(&shown.chain);
        format!("{}\n{chain}\nnothing was verified: that is `archive verify`", summary_text(&shown.latest))
    })?;
    let other = shown.chain.links.iter().any(|link| link.state == LinkState::Other);
    if other { Err(Failure::silent(Exit::NotVerified)) } else { Ok(()) }
}

fn read(path: &Path) -> Result<Summary, Failure> {
    let summary = if path.is_dir() { show_folder(path) } else { show(&mut open(path)?) };
    summary.map_err(|error| Failure::invalid(format!("{}: {error}", path.display())))
}

/// The table of who answered what, the worst first, and what was not searched.
pub(super) fn summary_text(summary: &Summary) -> String {
    let kind = if summary.sequence == 1 { "archive 1".to_owned() } else { format!("addendum {}", summary.sequence) };
    let complete = if summary.complete { "complete" } else { "INCOMPLETE" };
    let mut text =
        format!("case {}  {}  {kind}  assembled {}  {complete}\n", summary.case, summary.right, summary.assembled_at);
    let mut entities: Vec<&EntitySummary> = summary.entities.iter().collect();
    entities.sort_by_key(|entity| entity.disposition);
    text.push_str(&table(
        ["entity", "country", "disposition", "said by", "rows", "size", "where, or why not", "next"],
        entities.iter().map(|entity| row(entity, summary)),
    ));
    for entity in entities {
        for gap in &entity.not_searched {
            let collection = gap.collection.as_deref().map(|name| format!(".{name}")).unwrap_or_default();
            text.push_str(&format!("\nnot searched: {} {}{collection}: {}", entity.entity, gap.dataset, gap.detail));
        }
        for (place, what, hidden) in hidden(entity) {
            text.push_str(&format!("\nhidden: {} {place}: {hidden} {what}", entity.entity));
        }
    }
    text
}

/// What an entity hid because it is about others, by collection and reason: where, why, and how much.
fn hidden(entity: &EntitySummary) -> Vec<(String, String, u64)> {
    let mut sums: BTreeMap<(String, RedactionReason, bool), u64> = BTreeMap::new();
    for redaction in &entity.redactions {
        let place = format!("{}.{}", redaction.dataset, redaction.collection);
        *sums.entry((place, redaction.reason, redaction.field.is_none())).or_default() += redaction.count;
    }
    let told = sums.into_iter().map(|((place, reason, rows), count)| {
        let of = match (rows, count) {
            (true, 1) => "row left out",
            (true, _) => "rows left out",
            (false, 1) => "value",
            (false, _) => "values",
        };
        (place, format!("{of}: {}", reason.explanation()), count)
    });
    told.collect()
}

fn row(entity: &EntitySummary, summary: &Summary) -> [String; 8] {
    let (rows, bytes) = entity.parts.map_or((0, 0), |parts| (parts.rows, parts.bytes));
    let reasons = || entity.answers.iter().filter_map(|answer| answer.reason.as_deref()).collect::<Vec<_>>().join("; ");
    let place = match (entity.archive, &entity.reason) {
        (Some(archive), _) if archive != summary.sequence => format!("in archive {archive}"),
        (_, Some(reason)) => reason.clone(),
        _ if entity.collections.is_empty() => reasons(),
        _ => entity.collections.iter().map(|c| c.collection.as_str()).collect::<Vec<_>>().join(", "),
    };
    let said_by = match entity.said_by {
        Source::Entity => "itself, signed",
        Source::Observed => "the gateway saw",
        Source::Decided => "the gateway decided",
    };
    let open = !entity.disposition.is_final() && entity.disposition != Disposition::NotAsked;
    let next = Some(summary.delivery_date).filter(|date| open && *date > summary.assembled_at);
    [
        entity.entity.to_string(),
        entity.country.to_string(),
        entity.disposition.to_string(),
        said_by.to_owned(),
        rows.to_string(),
        size(bytes),
        place,
        next.map(day).unwrap_or_default(),
    ]
}

/// The chain, when the case has more than one archive.
fn chain_text(chain: &Chain) -> String {
    if chain.links.len() < 2 {
        return String::new();
    }
    let carried = |link: &Link| {
        let here = chain.entities.iter().filter(|entity| entity.archive == Some(link.sequence));
        here.map(|entity| entity.entity.as_str()).collect::<Vec<_>>().join(", ")
    };
    let rows = chain.links.iter().map(|link| {
        let complete = match link.complete {
            Some(true) => "complete",
            Some(false) => "incomplete",
            None => "",
        };
        let file = match (link.state, &link.file) {
            (LinkState::Missing, _) => "MISSING: not given".to_owned(),
            (LinkState::Other, Some(file)) => format!("{file}: NOT the archive that a later one names"),
            (_, file) => file.clone().unwrap_or_default(),
        };
        let assembled = link.assembled_at.map(|at| at.to_string()).unwrap_or_default();
        [link.sequence.to_string(), assembled, complete.to_owned(), carried(link), file]
    });
    format!("\n{}\n", table(["archive", "assembled", "", "data of", "file"], rows))
}

fn day(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}
