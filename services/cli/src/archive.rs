//! `tributary archive`: verify and show archives offline.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use tributary_archive::show::{EntitySummary, Summary, show};
use tributary_archive::verify::{Report, Verdict, VerifyOptions, verify};
use tributary_model::group::signed::Pins;
use tributary_model::key::PublicKey;

use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, size, table};

/// What can be done with an archive.
#[derive(Debug, Subcommand)]
pub(crate) enum Archive {
    /// Check container, bag, parts, attestations, roster and keys
    Verify(Verify),
    /// Show who contributed what, and what is missing
    Show(Show),
}

/// `archive verify`
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The archive
    file: PathBuf,
    /// A public key of the group, as the group publishes it (ed25519:…); repeatable
    #[arg(long = "group-key")]
    group_keys: Vec<PublicKey>,
    /// How many of these keys must have signed
    #[arg(long, default_value_t = 1)]
    threshold: usize,
    /// For an addendum: the archive before it, to check the link
    #[arg(long)]
    predecessor: Option<PathBuf>,
}

/// `archive show`
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The archive
    file: PathBuf,
}

/// Runs the command.
pub(crate) fn run(command: Archive, output: Output) -> Outcome {
    match command {
        Archive::Verify(args) => verify_file(&args, output),
        Archive::Show(args) => show_file(&args, output),
    }
}

/// Whether the archive at `path` is authentic under `group_key`.
pub(crate) fn verified(path: &Path, group_key: PublicKey) -> Result<bool, Failure> {
    let pins = Pins { keys: vec![group_key], threshold: 1 };
    let report = verify(&mut open(path)?, VerifyOptions { group: Some(&pins), predecessor: None });
    for finding in &report.findings {
        eprintln!("{finding}");
    }
    Ok(report.verdict == Verdict::Authentic)
}

fn verify_file(args: &Verify, output: Output) -> Outcome {
    if !args.group_keys.is_empty() && args.threshold > args.group_keys.len() {
        return Err(Failure::invalid("--threshold is larger than the number of --group-key"));
    }
    let pins = Pins { keys: args.group_keys.clone(), threshold: args.threshold };
    let group = (!pins.keys.is_empty()).then_some(&pins);
    let mut file = open(&args.file)?;
    let mut predecessor = args.predecessor.as_deref().map(open).transpose()?;
    let predecessor = predecessor.as_mut().map(|file| file as &mut dyn tributary_archive::verify::ReadSeek);
    let report = verify(&mut file, VerifyOptions { group, predecessor });
    output.print(&report, report_text)?;
    match report.verdict {
        Verdict::Authentic => Ok(()),
        Verdict::Consistent => Err(Failure::silent(Exit::NotAuthenticated)),
        Verdict::Failed => Err(Failure::silent(Exit::NotVerified)),
    }
}

fn show_file(args: &Show, output: Output) -> Outcome {
    let summary = show(&mut open(&args.file)?).map_err(Failure::invalid)?;
    output.print(&summary, |summary| {
        format!("{}\n\nnothing was verified: that is `archive verify`", summary_text(summary))
    })
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| Failure::invalid(format!("cannot open {}: {error}", path.display())))
}

fn report_text(report: &Report) -> String {
    let mut text: String = report.findings.iter().map(|finding| format!("{finding}\n")).collect();
    if let Some(summary) = report.summary.as_ref().filter(|_| report.verdict != Verdict::Failed) {
        text.push_str(&summary_text(summary));
        text.push('\n');
    }
    text + report.verdict.as_str()
}

fn summary_text(summary: &Summary) -> String {
    let kind = if summary.sequence == 1 { "archive 1".to_owned() } else { format!("addendum {}", summary.sequence) };
    let complete = if summary.complete { "complete" } else { "INCOMPLETE" };
    let mut text =
        format!("case {}  {}  {kind}  assembled {}  {complete}\n", summary.case, summary.right, summary.assembled_at);
    text.push_str(&table(
        ["entity", "country", "disposition", "rows", "size", "where, or why not"],
        summary.entities.iter().map(|e| entity_row(e, summary.sequence)),
    ));
    for entity in &summary.entities {
        for gap in &entity.not_searched {
            let collection = gap.collection.as_deref().map(|name| format!(".{name}")).unwrap_or_default();
            text.push_str(&format!("\nnot searched: {} {}{collection}: {}", entity.entity, gap.dataset, gap.detail));
        }
    }
    if let Some(predecessor) = &summary.predecessor {
        let digest = &predecessor.tagmanifest_sha256;
        text.push_str(&format!("\nadds to archive {}, whose tag manifest is sha256:{digest}", predecessor.sequence));
    }
    text
}

fn entity_row(entity: &EntitySummary, sequence: u32) -> [String; 6] {
    let (rows, bytes) = entity.parts.map_or((0, 0), |parts| (parts.rows, parts.bytes));
    let place = match (entity.archive, &entity.reason) {
        (Some(archive), _) if archive != sequence => format!("in archive {archive}"),
        (_, Some(reason)) => reason.clone(),
        _ => entity.collections.iter().map(|c| c.collection.as_str()).collect::<Vec<_>>().join(", "),
    };
    let said = entity.disposition.to_string();
    [entity.entity.to_string(), entity.country.to_string(), said, rows.to_string(), size(bytes), place]
}
