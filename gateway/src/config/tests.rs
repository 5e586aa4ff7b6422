//! Promises of the configuration file.

use std::path::Path;
use std::time::Duration;

use super::{Config, json_schema};
use crate::case::Waiting;

const SAMPLE: &str = "\
listen: 0.0.0.0:7443
admin: 127.0.0.1:9443
data_dir: data
objects: /mnt/objects
database: {postgres: {url: \"postgres://gw@db.acme.fr:6432/state\", password_file: db-password, tls: {ca: db-ca.pem},
  connections: 12, connect_timeout: 3s}}
identity: {certificate: gateway.pem, key: gateway.key}
signing_key: signing.pem
key_encryption_key: /etc/kek
group:
  file: group.dsse.json
  public_part: trust.json
  keys: [\"ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]
  threshold: 1
trust_domains:
  crm.example: [roots/crm.pem]
callers:
  - spiffe_id: spiffe://crm.example/portal
    verbs: [open, vouch, read, operate, approve, download, link]
    rights: [access]
    entities: [\"*\"]
delivery: {after_days: 20, escalate_before_days: 3, least_window: 12h}
waiting: {policy: best_effort, window: 10m}
links: {listen: 0.0.0.0:8443, public_url: https://archive.example.org/box, certificate: web.pem, key: web.key,
  downloads: 8, misses_per_client: 0}
retention: {delivered: 14d, ready_undelivered: 60d}
language: fr-BE
limits: {tasks_per_entity: 2, tasks: 8, parts_per_export: 2, parts: 4, downloads: 3, failed_attempts: 7, backoff_min: 1s,
  backoff_max: 1m, connect_timeout: 5s, rpc_timeout: 30s, silence_timeout: 10m, lease: 30s, drain: 20s, download_stall: 90s,
  entity_bytes: 2GiB, entity_parts: 5000, disk_reserve: 100MiB}
reflection: false
";

fn read(text: &str) -> Result<Config, tributary_model::yaml::Problems> {
    Config::from_yaml("gateway.yaml", text, Path::new("/srv/gw"))
}

#[test]
fn a_full_file_is_read_and_paths_count_from_its_folder() {
    let config = read(SAMPLE).unwrap();
    assert_eq!(config.data_dir, Path::new("/srv/gw/data"));
    assert_eq!(config.objects, Path::new("/mnt/objects"));
    let usual = read(&SAMPLE.replace("objects: /mnt/objects\n", "")).unwrap();
    assert_eq!(usual.objects, Path::new("/srv/gw/data/objects"));
    let database = config.database.unwrap();
    assert_eq!(database.place(), "PostgreSQL database `state` at db.acme.fr:6432 as `gw`");
    assert_eq!((database.connections, database.connect_timeout), (12, Duration::from_secs(3)));
    assert_eq!(config.key_encryption_key, Path::new("/etc/kek"));
    assert_eq!(config.waiting, Waiting::BestEffort { window: Duration::from_secs(600) });
    assert_eq!((config.limits.failed_attempts, config.limits.lease), (7, Duration::from_secs(30)));
    assert_eq!((config.limits.entity_bytes, config.limits.entity_parts), (2 << 30, 5000));
    assert_eq!((config.limits.disk_reserve, config.limits.download_stall), (Some(100 << 20), Duration::from_secs(90)));
    assert_eq!((config.language.as_str(), config.delivery.least_window), ("fr-BE", Duration::from_secs(12 * 3600)));
    assert!(!config.reflection && config.callers.len() == 1);
    let links = config.links.unwrap();
    assert_eq!((links.public_url.path(), links.certificate.as_path()), ("/box", Path::new("/srv/gw/web.pem")));
    assert_eq!((config.retention.delivered_days, config.retention.undelivered_days), (14, 60));
}

#[test]
fn all_problems_are_reported_with_their_places() {
    let text = SAMPLE
        .replace("listen: 0.0.0.0:7443", "lisen: 0.0.0.0:7443")
        .replace("[open, vouch", "[opn, vouch")
        .replace("after_days: 20", "after_days: 400")
        .replace("window: 10m", "window: 0s")
        .replace("fr-BE", "french")
        .replace("2GiB", "2GB");
    let problems = read(&text).unwrap_err().to_string();
    for expected in [
        "gateway.yaml:1:1: the configuration has no key `lisen`",
        "lacks the key `listen`",
        "`verbs`: a verb must be one of",
        "`after_days` must be 1 to 92",
        "`window` must be longer",
        "a BCP 47 tag",
        "must be a size of at least 1 byte",
    ] {
        assert!(problems.contains(expected), "{expected} not in\n{problems}");
    }
}

#[test]
fn the_schema_names_every_key_that_is_read() {
    let schema = serde_json::to_value(json_schema()).unwrap();
    let root = tributary_model::yaml::parse("f", SAMPLE).unwrap();
    let tributary_model::yaml::Value::Map(entries) = root.value else { panic!() };
    for (key, ..) in &entries {
        assert!(schema["properties"].get(key).is_some(), "{key}");
    }
    assert_eq!(entries.len(), schema["properties"].as_object().unwrap().len());
    let limits = &schema["$defs"]["LimitsSection"]["properties"];
    assert_eq!(limits.as_object().unwrap().len(), 17);
}

#[test]
fn the_state_is_in_the_data_directory_unless_a_server_is_named() {
    let start = SAMPLE.find("database:").unwrap();
    let end = SAMPLE.find("identity:").unwrap();
    let without = read(&format!("{}{}", &SAMPLE[..start], &SAMPLE[end..])).unwrap();
    assert_eq!(without.database, None);
    for (from, to, expected) in [
        ("/state", "", "`postgres` lacks the key `database`"),
        ("connections: 12", "connections: 1", "`connections` must be at least 2"),
        ("{ca: db-ca.pem}", "disable", "`tls` may be `disable` for"),
        ("postgres: {", "sqlite: {", "`database` has no key `sqlite`"),
        ("gw@db", "gw:hunter2@db", "a password does not stand in this file"),
    ] {
        let problems = read(&SAMPLE.replace(from, to)).unwrap_err().to_string();
        assert!(problems.contains(expected) && !problems.contains("hunter2"), "{problems}");
    }
}
