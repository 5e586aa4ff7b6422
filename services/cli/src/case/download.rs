//! `case download`: writes next to the target, resumes by offset, and appears under its name only when whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tributary_proto::gateway::v1::{Archive, DownloadArchiveRequest, GetArchiveRequest};

use super::view::time;
use crate::client::{Caller, Gateway, refused};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, size};

/// Interruptions without any progress in between after which a download gives up.
const MAX_STALLS: u32 = 5;

/// `case download`
#[derive(Debug, Args)]
pub(crate) struct Download {
    /// The case's id
    case: String,
    /// Which archive (default: the latest)
    #[arg(long, default_value_t = 0)]
    sequence: u32,
    /// Where to write it (default: its own name, here)
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Serialize)]
struct Downloaded {
    archive: PathBuf,
    size: u64,
    complete: bool,
    assembled_at: Option<String>,
    tagmanifest_sha256: String,
}

/// Downloads and prints where it is. An incomplete archive ends with its own exit code.
pub(crate) async fn run(args: &Download, caller: &Caller, output: Output) -> Outcome {
    let gateway = caller.connect().await?;
    let archive = describe(&gateway, args).await?;
    let path = args.out.clone().unwrap_or_else(|| own_name(&archive));
    if path.exists() {
        return Err(Failure::new(Exit::Failure, format!("{} exists and is not overwritten", path.display())));
    }
    fetch(gateway, caller, args, &archive, &path, output).await?;
    let complete = archive.complete;
    let done = Downloaded {
        archive: path,
        size: archive.size,
        complete,
        assembled_at: archive.assembled_at.and_then(time),
        tagmanifest_sha256: archive.tagmanifest_sha256,
    };
    output.print(&done, |done| {
        let missing =
            if done.complete { "" } else { "\nINCOMPLETE: `tributary archive show` says what is missing and why" };
        format!("{}  {}{missing}", done.archive.display(), size(done.size))
    })?;
    if complete { Ok(()) } else { Err(Failure::silent(Exit::Incomplete)) }
}

/// Downloads the latest archive of `case` into `folder` under its own name, which it returns.
pub(crate) async fn download_to(
    gateway: &Gateway,
    caller: &Caller,
    case: &str,
    folder: &Path,
) -> Result<String, Failure> {
    let args = Download { case: case.to_owned(), sequence: 0, out: None };
    let archive = describe(gateway, &args).await?;
    let again = caller.connect().await?;
    let name = own_name(&archive);
    fetch(again, caller, &args, &archive, &folder.join(&name), Output::Json).await?;
    Ok(name.display().to_string())
}

/// The archive's name as the gateway gives it: never a path that leads elsewhere, whatever the gateway says.
fn own_name(archive: &Archive) -> PathBuf {
    let name = Path::new(&archive.file_name).file_name().filter(|name| *name == archive.file_name.as_str());
    name.map_or_else(|| PathBuf::from(format!("archive-{}.zip", archive.sequence)), PathBuf::from)
}

async fn describe(gateway: &Gateway, args: &Download) -> Result<Archive, Failure> {
    let on_behalf_of = gateway.on_behalf_of.clone();
    let request = GetArchiveRequest { case_id: args.case.clone(), on_behalf_of, sequence: args.sequence };
    let answer = gateway.archives().get_archive(request).await.map_err(|status| refused(&status))?;
    Ok(answer.into_inner().archive.unwrap_or_default())
}

/// Fetches into `<path>.<tagmanifest>.partial`, so that a partial file is never continued with another archive's bytes.
async fn fetch(
    mut gateway: Gateway,
    caller: &Caller,
    args: &Download,
    archive: &Archive,
    path: &Path,
    output: Output,
) -> Outcome {
    let digest: String = archive.tagmanifest_sha256.chars().take(16).collect();
    let partial = PathBuf::from(format!("{}.{digest}.partial", path.display()));
    // Everything that a group knows of a person, in clear: for its owner only.
    let mut file = tokio::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&partial).await?;
    let bar = progress(archive.size, output);
    let mut stalls = 0;
    loop {
        let have = file.metadata().await?.len();
        bar.set_position(have);
        let request = DownloadArchiveRequest {
            case_id: args.case.clone(),
            on_behalf_of: gateway.on_behalf_of.clone(),
            sequence: archive.sequence,
            offset: have,
            length: 0,
        };
        let outcome = stream(&gateway, request, &mut file, &bar).await;
        file.flush().await?;
        let got = file.metadata().await?.len();
        stalls = if got > have { 0 } else { stalls + 1 };
        match outcome {
            Ok(()) if got == archive.size => break,
            Ok(()) if stalls < MAX_STALLS => {}
            Err(status) if crate::exit::of_code(status.code()) == Exit::TryAgain && stalls < MAX_STALLS => {}
            Err(status) if status.code() == tonic::Code::Unknown && stalls < MAX_STALLS => {}
            Ok(()) => return Err(Failure::new(Exit::TryAgain, "the gateway sent fewer bytes than the archive has")),
            Err(status) => return Err(refused(&status)),
        }
        tokio::time::sleep(Duration::from_secs(u64::from(stalls))).await;
        if let Ok(again) = caller.connect().await {
            gateway = again;
        }
    }
    bar.finish_and_clear();
    file.sync_all().await?;
    Ok(tokio::fs::rename(&partial, path).await?)
}

async fn stream(
    gateway: &Gateway,
    request: DownloadArchiveRequest,
    file: &mut tokio::fs::File,
    bar: &ProgressBar,
) -> Result<(), tonic::Status> {
    let mut at = request.offset;
    let mut bytes = gateway.archives().download_archive(request).await?.into_inner();
    while let Some(chunk) = bytes.message().await? {
        if chunk.offset != at {
            return Err(tonic::Status::aborted("the gateway sent bytes out of order"));
        }
        file.write_all(&chunk.data).await.map_err(|error| tonic::Status::internal(format!("cannot write: {error}")))?;
        at += chunk.data.len() as u64;
        bar.set_position(at);
    }
    Ok(())
}

fn progress(total: u64, output: Output) -> ProgressBar {
    if !output.is_interactive() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    match ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_gateway_chooses_where_an_archive_is_written() {
        let named = |name: &str| own_name(&Archive { file_name: name.to_owned(), sequence: 2, ..Archive::default() });
        assert_eq!(named("tributary-1.zip"), Path::new("tributary-1.zip"));
        for name in ["../x.zip", "/etc/x", "a/b.zip", "..", "", "a/"] {
            assert_eq!(named(name), Path::new("archive-2.zip"), "{name}");
        }
    }
}
