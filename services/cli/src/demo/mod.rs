//! `tributary demo`: a whole group on one machine, real processes and real databases, ending in one verified archive.
//!
//! `estate` is what the entities hold, `people` who they know, `setup` lays everything out, `processes` runs it.

mod estate;
mod people;
mod processes;
mod setup;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use tributary_model::clock::{Clock, SystemClock};
use tributary_model::language::Language;
use uuid::Uuid;

use crate::exit::{Failure, Outcome};
use crate::output::Output;

/// Marks a folder as the demo's own, so that a second run may remove it.
const MARKER: &str = ".tributary-demo";

/// `demo`
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Folder for everything the demo makes; an earlier demo in it is replaced
    #[arg(long, default_value = "tributary-demo")]
    dir: PathBuf,
    /// How long to wait for entities, in seconds
    #[arg(long, default_value_t = 4)]
    window: u32,
    /// The language that she reads, as a BCP 47 tag; English by default
    #[arg(long)]
    language: Option<Language>,
}

/// How the demo ended.
#[derive(Serialize)]
struct Result {
    case: String,
    archive: PathBuf,
    dispositions: BTreeMap<String, String>,
    group_key: String,
    verified: bool,
}

/// Runs the demo.
pub(crate) async fn run(args: Demo, output: Output) -> Outcome {
    let root = prepare(&args.dir)?;
    let text = output == Output::Text;
    let setup = setup::Setup::make(&root, SystemClock.now())?;
    if text {
        println!(
            "Halden Group: {} legal entities in 7 countries, {} people in their databases, under {}",
            estate::GROUP.len(),
            setup.people,
            args.dir.display()
        );
        println!("{} agents and a gateway start; the agent of halden-pl stays down", setup.agents.len());
    }
    let running = processes::Running::start(&setup).await?;
    if text {
        println!("Élodie asks for her data; the entities know her by three different identifiers\n");
    }
    let case = running.access_case(&args, output).await;
    running.stop().await;
    let case = case?;
    let result = Result {
        case: case.id,
        archive: args.dir.join(&case.file_name),
        dispositions: case.dispositions,
        group_key: setup.group_key.to_string(),
        verified: crate::archive::verified(&root.join(&case.file_name), setup.group_key)?,
    };
    output.print(&result, |result| summary(result, &args.dir))?;
    if result.verified {
        Ok(())
    } else {
        Err(Failure::new(crate::exit::Exit::NotVerified, "the archive failed verification"))
    }
}

fn prepare(dir: &Path) -> std::result::Result<PathBuf, Failure> {
    if dir.join(MARKER).is_file() {
        std::fs::remove_dir_all(dir)?;
    }
    std::fs::create_dir_all(dir)?;
    if std::fs::read_dir(dir)?.next().is_some() {
        let dir = dir.display();
        return Err(Failure::invalid(format!("{dir} is not empty and not an earlier demo; choose another --dir")));
    }
    std::fs::write(dir.join(MARKER), b"made by `tributary demo`; the next demo here replaces this folder\n")?;
    Ok(dir.canonicalize()?)
}

fn summary(result: &Result, dir: &Path) -> String {
    let why = |disposition: &str| match disposition {
        "FULFILLED" => "everything found was delivered",
        "PARTLY_FULFILLED" => "delivered, and a declared system was not searched: the archive names it",
        "NO_DATA" => "searched, nothing held, signed",
        "UNREACHABLE" => "no connection to its agent; a late answer would come as an addendum",
        "NOT_ASKED" => "in another legal area, no transfer instrument recorded: no identifier was sent",
        _ => "see the archive",
    };
    let rows = result.dispositions.iter().map(|(e, d)| [e.clone(), d.clone(), why(d).to_owned()]);
    let table = crate::output::table(["entity", "disposition", "meaning"], rows);
    let archive = result.archive.display();
    let program = program();
    format!(
        "\n{table}\n\narchive: {archive}  (verified)\n\nnext:\n\
         \x20 {program} archive verify {archive} --group-key {}\n\
         \x20 {program} archive show {archive}\n\
         \x20 {program} agent dry-run --config {dir}/entities/halden-be/agent.yaml --identifier email={}\n\
         \x20 {program} serve gateway --config {dir}/gateway/gateway.yaml &      # and, for a link that Élodie can open:\n\
         \x20 {program} case --client {dir}/portal/client.yaml --on-behalf-of you@portal.example link create {}",
        result.group_key,
        people::EMAIL,
        result.case,
        dir = dir.display(),
    )
}

/// How the user called us, so that the printed commands work as they stand.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "tributary".to_owned())
}

/// An id for the request that opens the demo's case.
fn request_id() -> String {
    Uuid::new_v4().to_string()
}
