//! `archive verify`: one verdict, every finding, and an exit code for scripts.

use std::path::{Path, PathBuf};

use clap::Args;
use tributary_archive::verify::{ReadSeek, Report, Verdict, VerifyOptions, verify, verify_folder};
use tributary_model::group::signed::Pins;
use tributary_model::key::PublicKey;

use super::open;
use super::show::summary_text;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::Output;

/// The group's keys.
#[derive(Debug, Args)]
pub(super) struct GroupKeys {
    /// A public key of the group, as the group publishes it (ed25519:…); repeatable
    #[arg(long = "group-key")]
    group_keys: Vec<PublicKey>,
    /// How many of these keys must have signed
    #[arg(long, default_value_t = 1)]
    threshold: usize,
}

impl GroupKeys {
    /// The pins; none when no key was given.
    pub(super) fn pins(&self) -> Result<Option<Pins>, Failure> {
        if !self.group_keys.is_empty() && self.threshold > self.group_keys.len() {
            return Err(Failure::invalid("--threshold is larger than the number of --group-key"));
        }
        let pins = Pins { keys: self.group_keys.clone(), threshold: self.threshold };
        Ok(Some(pins).filter(|pins| !pins.keys.is_empty()))
    }
}

/// `archive verify`
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The archive, or a folder that it was unpacked to
    file: PathBuf,
    #[command(flatten)]
    keys: GroupKeys,
    /// For an addendum: the archive before it, to check the link
    #[arg(long)]
    predecessor: Option<PathBuf>,
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

/// Runs the command.
pub(super) fn run(args: &Verify, output: Output) -> Outcome {
    let pins = args.keys.pins()?;
    let mut predecessor = args.predecessor.as_deref().map(open).transpose()?;
    let predecessor = predecessor.as_mut().map(|file| file as &mut dyn ReadSeek);
    let options = VerifyOptions { group: pins.as_ref(), predecessor };
    let report =
        if args.file.is_dir() { verify_folder(&args.file, options) } else { verify(&mut open(&args.file)?, options) };
    output.print(&report, report_text)?;
    match report.verdict {
        Verdict::Authentic => Ok(()),
        Verdict::Repacked => Err(Failure::silent(Exit::Repacked)),
        Verdict::Consistent => Err(Failure::silent(Exit::NotAuthenticated)),
        Verdict::Failed => Err(Failure::silent(Exit::NotVerified)),
    }
}

fn report_text(report: &Report) -> String {
    let mut text: String = report.findings.iter().map(|finding| format!("{finding}\n")).collect();
    if let Some(summary) = report.summary.as_ref().filter(|_| report.verdict != Verdict::Failed) {
        text.push_str(&summary_text(summary));
        text.push('\n');
    }
    text + report.verdict.as_str()
}
