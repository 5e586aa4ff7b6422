//! `archive extract`: unpacks into a new folder, all of it or nothing.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tributary_archive::extract::{ExtractError, extract, size as announced};
use tributary_archive::verify::{Verdict, VerifyOptions, verify};

use super::open;
use super::verify::GroupKeys;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, size};

/// `archive extract`
#[derive(Debug, Args)]
pub(crate) struct Extract {
    /// The archive
    file: PathBuf,
    /// The folder to make (default: the archive's name without `.zip`, here)
    #[arg(long)]
    to: Option<PathBuf>,
    #[command(flatten)]
    keys: GroupKeys,
}

/// Runs the command. With a group key, an archive that does not verify is not unpacked.
pub(super) fn run(args: &Extract, output: Output) -> Outcome {
    let target = args.to.clone().or_else(|| own_name(&args.file));
    let target = target.ok_or_else(|| Failure::invalid("name the folder to make with --to"))?;
    let mut file = open(&args.file)?;
    if let Some(pins) = args.keys.pins()? {
        let report = verify(&mut file, VerifyOptions { group: Some(&pins), predecessor: None });
        if report.verdict == Verdict::Failed {
            report.findings.iter().for_each(|finding| eprintln!("{finding}"));
            return Err(Failure::new(Exit::NotVerified, "the archive does not verify and was not unpacked"));
        }
    }
    let bar = progress(announced(&mut file).map_err(failure)?, output);
    let done = extract(&mut file, &target, &mut |bytes| bar.inc(bytes)).map_err(failure);
    bar.finish_and_clear();
    output.print(&done?, |done| {
        format!("{} files, {}, in {}", done.files, size(done.bytes), done.folder.display())
            + "\nopen START-HERE.html in it"
    })
}

/// `x.zip` unpacks to `x`, in the working folder.
fn own_name(file: &Path) -> Option<PathBuf> {
    let name = PathBuf::from(file.file_name()?);
    (name.extension()? == "zip").then(|| name.with_extension(""))
}

fn failure(error: ExtractError) -> Failure {
    let exit = match error {
        ExtractError::Archive { .. } => Exit::NotVerified,
        ExtractError::Exists(_) | ExtractError::Write { .. } => Exit::Failure,
    };
    Failure::new(exit, error)
}

fn progress(bytes: u64, output: Output) -> ProgressBar {
    if !output.is_interactive() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
