//! What an agent does not start with: each is said clearly, with the file and what to do.

use std::os::unix::fs::PermissionsExt;

use jiff::SignedDuration;
use tributary_archive::frames::KeyEncryptionKey;
use tributary_model::key::SigningKey;
use tributary_model::mandate::Action;

use crate::world::{ANNA, MANIFEST, World};

async fn refused(world: &World) -> String {
    world.bind().await.err().expect("the agent does not start").to_string()
}

fn rewrite(world: &World, name: &str, content: &[u8]) {
    std::fs::write(world.path(name), content).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_own_keys_an_agent_does_not_start() {
    for (name, setting) in [
        ("kek.key", "key_encryption_key"),
        ("attestation.key", "signing_key"),
        ("acme-agent.pem", "identity"),
        ("acme-agent-key.pem", "identity"),
    ] {
        let world = World::new();
        let content = std::fs::read(world.path(name)).unwrap();
        std::fs::remove_file(world.path(name)).unwrap();
        let missing = refused(&world).await;
        assert!(missing.contains(setting) && missing.contains(name), "{missing}");
        rewrite(&world, name, b"something else");
        std::fs::set_permissions(world.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
        let wrong = refused(&world).await;
        assert!(wrong.contains(name), "{wrong}");
        if name.contains("key") {
            rewrite(&world, name, &content);
            std::fs::set_permissions(world.path(name), std::fs::Permissions::from_mode(0o644)).unwrap();
            let exposed = refused(&world).await;
            assert!(exposed.contains("chmod 600"), "{exposed}");
        }
        assert!(!world.path("data").exists(), "nothing is made before the keys are in order");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_encryption_key_than_the_data_directorys_is_refused() {
    let world = World::new();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    world.export(&agent, &order).await;
    agent.stop().await;
    let right = std::fs::read(world.path("kek.key")).unwrap();
    rewrite(&world, "kek.key", KeyEncryptionKey::generate().unwrap().as_bytes());
    let wrong = refused(&world).await;
    assert!(wrong.contains("restore that key file"), "{wrong}");
    rewrite(&world, "kek.key", &right);
    let agent = world.start().await;
    world.watch(&agent, &order).await.unwrap().until_attested().await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signing_key_that_nobody_would_accept_is_refused() {
    let mut world = World::new();
    let stranger = SigningKey::generate().unwrap();
    rewrite(&world, "attestation.key", stranger.to_pem().unwrap().as_bytes());
    let unlisted = refused(&world).await;
    assert!(unlisted.contains(&stranger.public().to_string()) && unlisted.contains("does not list"), "{unlisted}");
    rewrite(&world, "attestation.key", world.entity_key.to_pem().unwrap().as_bytes());
    let key = &mut world.group.entities[0].attestation_keys[0];
    key.revoked_at = Some(world.group.issued_at);
    world.write_group();
    let revoked = refused(&world).await;
    assert!(revoked.contains("revoked") && revoked.contains("keygen"), "{revoked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_somebody_else_is_refused() {
    let mut world = World::new();
    world.group.entities[0].agent.spiffe_id = crate::world::spiffe("acme", "another");
    world.write_group();
    let message = refused(&world).await;
    assert!(
        message.contains("spiffe://acme.example/another") && message.contains("spiffe://acme.example/agent"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_expired_or_foreign_group_file_is_refused() {
    let mut world = World::new();
    world.group_key = SigningKey::generate().unwrap();
    let pinned = world.config();
    let unsigned = tributary_agent::Agent::bind(
        tributary_agent::Config {
            group: tributary_agent::config::GroupSource {
                file: world.path("group.json"),
                pins: tributary_model::group::signed::Pins {
                    keys: vec![SigningKey::generate().unwrap().public()],
                    threshold: 1,
                },
            },
            ..pinned
        },
        world.clock.clone(),
        tributary_transport::telemetry::Metrics::new(),
    );
    let unsigned = unsigned.await.err().unwrap().to_string();
    assert!(unsigned.contains("0 of 1 needed signatures") && unsigned.contains("group.json"), "{unsigned}");
    rewrite(&world, "group.json", b"group: x");
    assert!(refused(&world).await.contains("not a DSSE envelope"));

    world.group.entities.remove(0);
    world.write_group();
    let unknown = refused(&world).await;
    assert!(unknown.contains("`acme` is not in the group file") && unknown.contains("other"), "{unknown}");

    let mut world = World::new();
    world.group.expires_at = world.group.issued_at;
    world.write_group();
    assert!(refused(&world).await.contains("expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_group_files_version_only_rises() {
    let mut world = World::new();
    world.start().await.stop().await;
    world.group.version = 4;
    world.write_group();
    world.start().await.stop().await;
    world.group.name = "Another".to_owned();
    world.write_group();
    let same = refused(&world).await;
    assert!(same.contains("raise the version"), "{same}");
    world.group.version = 3;
    world.write_group();
    let older = refused(&world).await;
    assert!(older.contains("version 3 is older than version 4"), "{older}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_file_that_expires_while_the_agent_runs_ends_its_service() {
    let mut world = World::new();
    world.group.expires_at = world.group.issued_at + SignedDuration::from_hours(1);
    world.write_group();
    let agent = world.start().await;
    world.later(std::time::Duration::from_secs(3600));
    let order = world.order(Action::Export, ANNA);
    let status = world.begin(&agent, &order).await.unwrap_err();
    assert_eq!(crate::world::reason(&status), "GROUP_FILE_DIFFERS");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_agent_on_one_data_directory_is_refused() {
    let world = World::new();
    let agent = world.start().await;
    let second = refused(&world).await;
    assert!(second.contains("another agent uses"), "{second}");
    agent.stop().await;
    world.start().await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_that_do_not_fit_the_database_are_refused_with_their_places() {
    let world = World::new();
    rewrite(
        &world,
        "crm.yml",
        MANIFEST.replace("name: body", "name: bodi").replace("name: email,", "name: mail,").as_bytes(),
    );
    let message = refused(&world).await;
    assert!(message.contains("crm.yml:") && message.contains("bodi") && message.contains("mail"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_left_behind_is_removed() {
    let world = World::new();
    world.start().await.stop().await;
    for stray in ["data/spool/stray/1/1", "data/tmp/spilled"] {
        std::fs::create_dir_all(world.path(stray).parent().unwrap()).unwrap();
        rewrite(&world, stray, b"x");
    }
    world.start().await.stop().await;
    assert_eq!(world.spooled(), 0);
    assert_eq!(crate::world::files(&world.path("data/tmp")), 0);
}
