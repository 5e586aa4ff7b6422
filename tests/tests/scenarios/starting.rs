//! What a process refuses to start with: group files that do not count, keys that are missing or others'.

use std::path::Path;

use anyhow::Result;
use jiff::SignedDuration;
use tributary_archive::frames::KeyEncryptionKey;
use tributary_model::clock::{Clock, SystemClock};
use tributary_model::key::SigningKey;
use tributary_tests::fixture::Shop;
use tributary_tests::group::{Direction, EntityPlan, Group, PORTAL, Plan};
use tributary_tests::process::Launch;

const ENTITY: &str = "alpha-be";
const EMAIL: &str = "anna@example.org";

fn group() -> Result<Group> {
    // Ports are among what is wrong here.
    Plan::new(vec![EntityPlan::new(ENTITY, "BE").holds(Shop::with_person("shop", EMAIL, "Anna", 1))])
        .direction(Direction::Inbound)
        .lay_out()
}

fn both(group: &Group) -> Result<[Launch; 2]> {
    Ok([group.gateway_launch(), group.agent_launch(ENTITY)?])
}

/// Both refuse to start, say each of `words`, and say it as an error rather than a panic.
async fn both_refuse(group: &Group, words: &[&str]) -> Result<()> {
    for launch in both(group)? {
        refuses(&launch, words).await?;
    }
    Ok(())
}

async fn refuses(launch: &Launch, words: &[&str]) -> Result<()> {
    let refusal = launch.refusal().await?;
    assert!(refusal.code.is_some_and(|code| code != 0), "{refusal:?}");
    for word in words {
        assert!(refusal.said.contains(word), "{:?} does not say {word:?}:\n{}", launch.role, refusal.said);
    }
    assert!(!refusal.said.contains("panic"), "{}", refusal.said);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_file_that_others_signed_is_refused() -> Result<()> {
    let group = group()?;
    group.sign_with(&SigningKey::generate()?)?;
    both_refuse(&group, &["group file"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_file_without_a_signature_is_refused() -> Result<()> {
    let group = group()?;
    for name in ["group/group.dsse.json", "group/trust.dsse.json"] {
        let path = group.root().join(name);
        let mut envelope: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        envelope["signatures"] = serde_json::json!([]);
        std::fs::write(&path, envelope.to_string())?;
    }
    both_refuse(&group, &["group file"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_group_file_is_refused() -> Result<()> {
    let mut group = group()?;
    let past = SystemClock.now() - SignedDuration::from_hours(1);
    group.change(|file| {
        file.issued_at = past - SignedDuration::from_hours(24);
        file.expires_at = past;
    })?;
    both_refuse(&group, &["group file", "expired"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_group_file_is_refused_and_so_is_another_one_of_the_same_version() -> Result<()> {
    let mut group = group()?;
    group.change(|_| {})?;
    for launch in both(&group)? {
        let process = launch.start().await?;
        assert!(process.terminate(std::time::Duration::from_secs(20)).await?.success());
    }
    group.change(|file| file.version = 1)?;
    both_refuse(&group, &["version 1", "version 2"]).await?;
    group.change(|file| file.name = "Another Group".to_owned())?;
    both_refuse(&group, &["version 2"]).await?;
    group.change(|_| {})?;
    for launch in both(&group)? {
        launch.start().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_files_nothing_starts_and_the_message_names_the_file() -> Result<()> {
    let group = group()?;
    let (gateway, agent) = (group.gateway_launch(), group.agent_launch(ENTITY)?);
    for (launch, folder, name) in [
        (&gateway, group.gateway_folder(), "kek.key"),
        (&gateway, group.gateway_folder(), "signing.key"),
        (&gateway, group.gateway_folder(), "svid-key.pem"),
        (&agent, group.entity(ENTITY)?, "kek.key"),
        (&agent, group.entity(ENTITY)?, "attestation.key"),
        (&agent, group.entity(ENTITY)?, "svid-key.pem"),
    ] {
        let (file, away) = (folder.join(name), folder.join("away"));
        std::fs::rename(&file, &away)?;
        refuses(launch, &[name]).await?;
        std::fs::copy(&away, &file)?;
        mode(&file, 0o644)?;
        refuses(launch, &[name, "chmod 600"]).await?;
        std::fs::write(&file, "no key at all")?;
        mode(&file, 0o600)?;
        refuses(launch, &[name]).await?;
        std::fs::remove_file(&file)?;
        std::fs::rename(&away, &file)?;
        launch.start().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signing_key_that_the_group_file_does_not_name_is_refused() -> Result<()> {
    let group = group()?;
    for (launch, file) in [
        (group.gateway_launch(), group.gateway_folder().join("signing.key")),
        (group.agent_launch(ENTITY)?, group.entity(ENTITY)?.join("attestation.key")),
    ] {
        std::fs::write(&file, SigningKey::generate()?.to_pem()?)?;
        refuses(&launch, &["group file"]).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_encryption_key_than_that_of_the_data_is_refused_and_harms_nothing() -> Result<()> {
    let group = group()?;
    let (agent, gateway) = (group.start_agent(ENTITY).await?, group.start_gateway().await?);
    let portal = group.caller(PORTAL)?;
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    portal.ready(&case, std::time::Duration::from_secs(60)).await?;
    let before = portal.range(&case, 1, 0, 0).await?;
    let launches = [gateway.kill()?, agent.kill()?];
    for (launch, folder) in launches.iter().zip([group.gateway_folder(), group.entity(ENTITY)?]) {
        let (file, away) = (folder.join("kek.key"), folder.join("away"));
        std::fs::rename(&file, &away)?;
        std::fs::write(&file, KeyEncryptionKey::generate()?)?;
        mode(&file, 0o600)?;
        refuses(launch, &["key"]).await?;
        std::fs::rename(&away, &file)?;
    }
    let _gateway = launches[0].start().await?;
    assert!(portal.range(&case, 1, 0, 0).await? == before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_never_share_a_data_folder() -> Result<()> {
    let group = group()?;
    for mut launch in both(&group)? {
        let running = launch.start().await?;
        // The second one differs in its ports only, so that nothing else can stop it.
        let yaml = std::fs::read_to_string(&launch.config)?;
        let (listen, admin) = (tributary_tests::ports::Port::reserve()?, tributary_tests::ports::Port::reserve()?);
        let line = |key: &str| yaml.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
        let yaml = yaml
            .replace(&line("listen:"), &format!("listen: {}", listen.address()))
            .replace(&line("admin:"), &format!("admin: {}", admin.address()));
        launch.config = launch.config.with_file_name("second.yaml");
        launch.admin = admin.address();
        std::fs::write(&launch.config, yaml)?;
        refuses(&launch, &["data"]).await?;
        drop(running);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_of_a_configuration_is_named_with_its_place() -> Result<()> {
    let group = group()?;
    for launch in both(&group)? {
        let yaml = std::fs::read_to_string(&launch.config)?.replace("data_dir:", "data_dri:");
        std::fs::write(&launch.config, yaml.replace("threshold: 1", "threshold: many"))?;
        let name = launch.config.file_name().unwrap_or_default().to_string_lossy().into_owned();
        refuses(&launch, &[&format!("{name}:"), "data_dri", "data_dir", "threshold"]).await?;
    }
    Ok(())
}

fn mode(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?)
}
