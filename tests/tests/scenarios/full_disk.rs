//! A full disk on either side: a clear word about it, nothing lost, and on it goes as soon as there is room.
//!
//! The data folder of the process is a small tmpfs in a mount namespace of its own, which goes with the process.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tributary_proto::types::v1::ErrorReason;
use tributary_tests::client::{disposition, state, task};
use tributary_tests::command;
use tributary_tests::fixture::Library;
use tributary_tests::group::{EntityPlan, Group, PORTAL, Plan};
use tributary_tests::memory::{KIB, MIB};
use tributary_tests::process::{Launch, Process};
use tributary_transport::status::reason_of;

const ENTITY: &str = "alpha-be";
const EMAIL: &str = "anna@example.org";
const PATIENCE: Duration = Duration::from_secs(60);
const SMALL: &str = "8m";

fn group() -> Result<Group> {
    let (key, email) = ("library".to_owned(), EMAIL.to_owned());
    let library = Library { key, email, bytes: 20 * MIB, document: 20 * KIB, dense: true, seed: 6 };
    let limits = "limits: { part_bytes: 1MiB, retry_min: 100ms, retry_max: 500ms }\n";
    Plan::new(vec![EntityPlan::new(ENTITY, "BE").holds(library).agent_yaml(limits)])
        .gateway_yaml("limits: { backoff_min: 50ms, backoff_max: 500ms }\n")
        .lay_out()
}

/// Puts the process on a data folder of [`SMALL`] bytes. Fails loudly where no namespace can be made.
fn on_small_disk(mut launch: Launch, folder: &Path) -> Result<Launch> {
    let data = folder.join("data");
    std::fs::create_dir_all(&data)?;
    let script = format!("mount -t tmpfs -o size={SMALL},mode=700 tmpfs \"$0\" && exec \"$@\"");
    let mut wrapper = vec!["unshare".to_owned(), "--mount".to_owned()];
    if !rustix::process::geteuid().is_root() {
        wrapper.extend(["--user".to_owned(), "--map-root-user".to_owned()]);
    }
    wrapper.extend(["sh".to_owned(), "-c".to_owned(), script, data.display().to_string()]);
    launch.wrapper = wrapper;
    Ok(launch)
}

/// Gives the data folder of a running process more room, as an operator who extends the volume.
fn make_room(process: &Process, folder: &Path) -> Result<()> {
    let (pid, data) = (process.pid().to_string(), folder.join("data"));
    let mut enter = Command::new("nsenter");
    enter.args(["--target", &pid, "--mount"]);
    if !rustix::process::geteuid().is_root() {
        enter.args(["--user", "--preserve-credentials"]);
    }
    let status = enter.args(["mount", "-o", "remount,size=512m"]).arg(&data).status().context("nsenter")?;
    ensure!(status.success(), "the small disk could not be extended: {status}");
    Ok(())
}

async fn verified(group: &Group, portal: &tributary_tests::client::Caller, case: &str) -> Result<()> {
    let path = group.root().join("archive.zip");
    portal.download(case, 0, &path).await?;
    let verified = command::verify(&path, Some(&group.group_key()), None)?;
    assert_eq!(verified.code, Some(0), "{}", verified.said());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_with_a_full_disk_says_so_and_goes_on_when_there_is_room() -> Result<()> {
    let group = group()?;
    let _agent = group.start_agent(ENTITY).await?;
    let gateway = on_small_disk(group.gateway_launch(), group.gateway_folder())?.start().await?;
    let portal = group.caller(PORTAL)?;
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    let full = |case: &tributary_proto::gateway::v1::Case| case.tasks[0].reason.contains("room");
    let stuck = portal.until(&case, PATIENCE, full).await?;
    assert!(stuck.archives.is_empty());
    make_room(&gateway, group.gateway_folder())?;
    if disposition(&portal.case(&case).await?, ENTITY) != "FULFILLED" {
        // Attempts may have been used up meanwhile; then somebody asks again, which is the way out that the task names.
        let _ = portal.retry(&case, ENTITY).await;
    }
    let ready = portal.ready(&case, PATIENCE).await?;
    assert_eq!(disposition(&ready, ENTITY), "FULFILLED");
    verified(&group, &portal, &case).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_cannot_be_made_durable_is_refused_with_the_reason() -> Result<()> {
    let group = group()?;
    let gateway = on_small_disk(group.gateway_launch(), group.gateway_folder())?.start().await?;
    let portal = group.caller(PORTAL)?;
    let inside = Path::new("/proc").join(gateway.pid().to_string()).join("root");
    let data = group.gateway_folder().join("data");
    let ballast = inside.join(data.strip_prefix("/")?).join("ballast");
    fill(&ballast)?;
    // What is open already has some room left in its files; it is used up first.
    let mut opened = Vec::new();
    let error = loop {
        match portal.open_for(&[("email", EMAIL)]).await {
            Ok(case) => opened.push(case),
            Err(error) => break error,
        }
        ensure!(opened.len() < 2000, "cases are accepted without room for them");
    };
    assert_eq!(error.code(), tonic::Code::ResourceExhausted, "{error:?}");
    assert_eq!(reason_of(&error).as_deref(), Some(ErrorReason::StorageFull.reason()));

    std::fs::remove_file(&ballast)?;
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    for case in opened.iter().chain([&case]) {
        assert_ne!(state(&portal.case(case).await?), "CANCELLED", "an accepted case was lost");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_a_full_disk_waits_and_goes_on_when_there_is_room() -> Result<()> {
    let group = group()?;
    let agent = on_small_disk(group.agent_launch(ENTITY)?, group.entity(ENTITY)?)?.start().await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    let full = |case: &tributary_proto::gateway::v1::Case| case.tasks[0].reason.contains("room");
    let waiting = portal.until(&case, PATIENCE, full).await?;
    assert_eq!(task(&waiting, ENTITY)?.failed_attempts, 0, "an agent that waits for room has not failed");
    make_room(&agent, group.entity(ENTITY)?)?;
    let ready = portal.ready(&case, PATIENCE).await?;
    assert_eq!(disposition(&ready, ENTITY), "FULFILLED");
    verified(&group, &portal, &case).await
}

/// Writes until the disk is full.
fn fill(path: &Path) -> Result<()> {
    use std::io::Write;
    let mut file = std::fs::File::create(path)?;
    for piece in [64 * KIB, KIB, 1] {
        let bytes = vec![0; usize::try_from(piece)?];
        while file.write_all(&bytes).is_ok() {}
    }
    Ok(())
}
