//! Promises of the configuration file.

use std::path::Path;
use std::time::Duration;

use tributary_model::yaml::{Problems, Value, parse};

use super::{Config, Password, WayOut, json_schema};
use crate::collect::Database;
use crate::source::server::{Address, Secret, Tls};

const SAMPLE: &str = "\
listen: 0.0.0.0:7444
dial_out: {gateways: [\"gateway.example:8443\"], retry_min: 1s, retry_max: 1m, keepalive: 10s, timeout: 5s,
  proxy: {url: \"https://proxy:3128\", username: acme, password_file: proxy.password, ca: proxy.pem}}
admin: 127.0.0.1:9444
data_dir: data
entity: acme-fr
identity: {certificate: agent.pem, key: agent.key}
group:
  file: group.dsse.json
  keys: [\"ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]
  threshold: 1
key_encryption_key: /etc/kek
signing_key: attestation.key
manifests: [crm.yml, manifests]
databases:
  crm: {sqlite: crm.sqlite}
  shop: {sqlite: /srv/shop.db}
spool: {quota: 1GiB, keep: 3d}
inbox: {decide: true, due: {manual: 5d, review: 36h, decision: 4d}, give_up: 30d,
  mail: {smtp: \"mail.example:465\", tls: required, ca: mail.pem, username: agent, password_file: mail.password,
    from: agent@acme.example, to: [desk@acme.example], escalate_to: [head@acme.example]},
  webhook: {url: \"https://desk.example/hook\", secret_file: hook.secret, ca: hook.pem}}
limits: {concurrent_exports: 1, concurrent_locates: 2, concurrent_reads: 3, open_exports: 4, snapshot_max: 30s,
  snapshot_attempts: 5, unavailable_for: 10m, part_bytes: 1MiB, large_cell: 32KiB, walk_memory: 2MiB,
  retry_min: 1s, retry_max: 1m, drain: 5s}
reflection: false
";

fn read(text: &str) -> Result<Config, Problems> {
    Config::from_yaml("agent.yaml", text, Path::new("/srv/agent"))
}

#[test]
fn a_full_file_is_read_and_paths_count_from_its_folder() {
    let config = read(SAMPLE).unwrap();
    assert_eq!(config.data_dir, Path::new("/srv/agent/data"));
    let [served] = config.entities.as_slice() else { panic!("{:?}", config.entities) };
    assert_eq!((served.id.as_str(), served.data_dir.as_path()), ("acme-fr", Path::new("/srv/agent/data")));
    assert_eq!(served.key_encryption_key, Path::new("/etc/kek"));
    assert_eq!(config.sources.manifests, [Path::new("/srv/agent/crm.yml"), Path::new("/srv/agent/manifests")]);
    let databases: Vec<_> = config.sources.databases.into_values().collect();
    let sqlite = |path: &str| Database::Sqlite(path.into());
    assert_eq!(databases, [sqlite("/srv/agent/crm.sqlite"), sqlite("/srv/shop.db")]);
    assert_eq!((config.spool.quota, config.spool.keep), (1 << 30, Duration::from_secs(3 * 86_400)));
    assert_eq!((config.limits.part_bytes, config.limits.snapshot_attempts), (1 << 20, 5));
    assert_eq!(config.limits.large_cell, 32 << 10);
    assert!(!config.reflection && config.admin.is_some());
    let dial_out = config.dial_out.unwrap();
    assert_eq!(
        (dial_out.gateways, dial_out.pace.keepalive),
        (vec!["gateway.example:8443".to_owned()], Duration::from_secs(10))
    );
    let WayOut::Proxy(proxy) = dial_out.way else { panic!("{:?}", dial_out.way) };
    assert_eq!(proxy.login, Some(("acme".to_owned(), Password::File("/srv/agent/proxy.password".into()))));
}

#[test]
fn all_problems_are_reported_with_their_places() {
    let text = SAMPLE
        .replace("listen: 0.0.0.0:7444", "lisen: 0.0.0.0:7444")
        .replace("127.0.0.1:9444", "nowhere")
        .replace("crm: {sqlite: crm.sqlite}", "crm: {oracle: crm.sqlite}")
        .replace("quota: 1GiB", "quota: 1GB")
        .replace("threshold: 1", "threshold: 2")
        .replace("part_bytes: 1MiB", "part_bytes: 1GiB")
        .replace("large_cell: 32KiB", "large_cell: 2MiB")
        .replace("retry_max: 1m", "retry_max: 1ms");
    let problems = read(&text).unwrap_err().to_string();
    for expected in [
        "agent.yaml:1:1: the configuration has no key `lisen`",
        "agent.yaml:4:8: `admin`",
        "a connection has no key `oracle`",
        "`quota`: must be a size",
        "`threshold` must be 1 to 1",
        "`part_bytes` must be 64KiB to 64MiB",
        "`large_cell` must be 1KiB to 1MiB",
        "`retry_min` must not be longer",
    ] {
        assert!(problems.contains(expected), "{expected} not in\n{problems}");
    }
}

#[test]
fn an_agent_listens_or_dials_out_and_says_how() {
    let without = SAMPLE.replace("listen: 0.0.0.0:7444\n", "");
    assert_eq!(read(&without).unwrap().listen, None);
    let neither = without.replace("dial_out:", "manifest_out:");
    assert!(read(&neither).unwrap_err().to_string().contains("needs `listen`"));
    let proxy = "proxy: {url: \"https://proxy:3128\", username: acme, password_file: proxy.password, ca: proxy.pem}";
    assert_eq!(read(&SAMPLE.replace(proxy, "proxy: environment")).unwrap().dial_out.unwrap().way, WayOut::Environment);
    for (wrong, expected) in [
        ("proxy: none", "`proxy` must be `environment`"),
        ("proxy: {url: \"proxy:3128\"}", "its URL cannot be read"),
        ("proxy: {url: \"http://a:b@proxy:3128\"}", "must not hold a password"),
        ("proxy: {url: \"https://proxy:3128\"}", "needs `ca`"),
        ("proxy: {url: \"http://proxy:3128\", username: acme}", "`username` needs either"),
    ] {
        let problems = read(&SAMPLE.replace(proxy, wrong)).unwrap_err().to_string();
        assert!(problems.contains(expected), "{expected} not in {problems}");
    }
    let problems = read(&SAMPLE.replace("gateway.example:8443", "gateway.example")).unwrap_err().to_string();
    assert!(problems.contains("agent.yaml:2:23: `gateways`: \"gateway.example\" is not an address"), "{problems}");
}

#[test]
fn the_schema_names_every_key_that_is_read() {
    let schema = serde_json::to_value(json_schema()).unwrap();
    let root = parse("f", SAMPLE).unwrap();
    let Value::Map(entries) = &root.value else { panic!() };
    for (key, ..) in entries {
        assert!(schema["properties"].get(key).is_some(), "{key}");
    }
    // And `entities`, which stands in the place of `entity`.
    assert_eq!(entries.len() + 1, schema["properties"].as_object().unwrap().len());
    assert_eq!(schema["$defs"]["EntitySection"]["properties"].as_object().unwrap().len(), 5);
    assert_eq!(schema["$defs"]["EntityInboxSection"]["properties"].as_object().unwrap().len(), 1);
    let inbox = &root.get("inbox").unwrap().value;
    let Value::Map(inbox) = inbox else { panic!() };
    for (key, _, node) in inbox {
        let section = match key.as_str() {
            "due" => "InboxDueSection",
            "mail" => "MailSection",
            "webhook" => "WebhookSection",
            _ => continue,
        };
        let Value::Map(entries) = &node.value else { panic!() };
        let known = schema["$defs"][section]["properties"].as_object().unwrap();
        assert!(entries.iter().all(|(name, ..)| known.contains_key(name)) && known.len() == entries.len(), "{key}");
    }
    for (key, section) in [
        ("limits", "LimitsSection"),
        ("spool", "SpoolSection"),
        ("dial_out", "DialOutSection"),
        ("inbox", "InboxSection"),
    ] {
        let Value::Map(entries) = &root.get(key).unwrap().value else { panic!() };
        let known = schema["$defs"][section]["properties"].as_object().unwrap();
        assert!(entries.iter().all(|(name, ..)| known.contains_key(name)) && known.len() == entries.len(), "{key}");
    }
}

const SERVERS: &str = "{
  crm: {postgres: {host: db.acme.fr, port: 6432, user: reader, password_file: secret, database: crm, schema: sales, tls: {ca: ca.pem},
    connections: 2, rows_per_second: 5000, statement_timeout: 1m, snapshot_max: 10m, connect_timeout: 3s}},
  shop: {mysql: {url: 'mysql://reader@127.0.0.1/shop', password_env: SHOP_PASSWORD, tls: disable}},
  erp: {postgres: {socket: /run/postgresql, user: reader}}}";

fn with_servers(servers: &str) -> Result<Config, Problems> {
    let from = SAMPLE.find("databases:").unwrap();
    let to = SAMPLE.find("spool:").unwrap();
    read(&format!("{}databases: {servers}\n{}", &SAMPLE[..from], &SAMPLE[to..]))
}

#[test]
fn a_server_is_read_with_its_place_its_password_and_its_limits() {
    let mut databases = with_servers(SERVERS).unwrap().sources.databases.into_values();
    let mut server = || match databases.next() {
        Some(Database::Server(server)) => *server,
        other => panic!("{other:?}"),
    };
    let (crm, erp, shop) = (server(), server(), server());
    assert_eq!(crm.place(), "PostgreSQL at db.acme.fr:6432 as `reader`");
    assert_eq!(crm.password, Some(Secret::File("/srv/agent/secret".into())));
    assert_eq!(crm.tls, Tls::Verified { authority: Some("/srv/agent/ca.pem".into()) });
    assert_eq!((crm.database.as_deref(), crm.schema.as_deref()), (Some("crm"), Some("sales")));
    assert_eq!((crm.limits.connections, crm.limits.rows_per_second), (2, Some(5000)));
    assert_eq!(crm.limits.snapshot_max, Duration::from_secs(600));
    assert_eq!((erp.address, erp.tls), (Address::Socket("/run/postgresql".into()), Tls::Disabled));
    assert_eq!(shop.place(), "MySQL at 127.0.0.1:3306 as `reader`");
    assert_eq!((shop.database.as_deref(), shop.tls), (Some("shop"), Tls::Disabled));
}

#[test]
fn what_is_wrong_with_a_server_is_said_and_no_password_with_it() {
    for (servers, expected) in [
        ("{a: {postgres: {host: db.acme.fr, user: r, tls: disable}}}", "`disable` for `localhost`"),
        ("{a: {postgres: {host: h}}}", "lacks the key `user`"),
        ("{a: {mysql: {user: r}}}", "`host` or `socket`"),
        ("{a: {postgres: {url: 'postgres://r:hunter2@h/d'}}}", "a password does not stand in this file"),
        ("{a: {postgres: {url: 'mysql://r@h/d'}}}", "another kind of database"),
        ("{a: {postgres: {url: 'postgres://r@h/d', host: h}}}", "must have one of `url`"),
        ("{a: {postgres: {host: h, user: r, password: hunter2}}}", "no key `password`"),
        ("{a: {postgres: {host: h, user: r, tls: prefer}}}", "`tls` must be"),
        ("{a: {sqlite: x, mysql: {host: h, user: r}}}", "must have one of the keys"),
        ("{a: {mysql: {host: h, user: r, schema: s}}}", "no key `schema`"),
    ] {
        let problems = with_servers(servers).unwrap_err().to_string();
        assert!(problems.contains(expected) && !problems.contains("hunter2"), "{expected} not in\n{problems}");
    }
}

#[test]
fn the_schema_names_every_key_of_a_server() {
    let schema = serde_json::to_value(json_schema()).unwrap();
    let known = schema["$defs"]["ServerSection"]["properties"].as_object().unwrap();
    for key in known.keys() {
        let problems = with_servers(&format!("{{a: {{postgres: {{{key}: []}}}}}}")).unwrap_err().to_string();
        assert!(!problems.contains(&format!("no key `{key}`")), "{problems}");
    }
}

const SEVERAL: &str = "entities:
  - {id: acme-fr, signing_key: fr.key}
  - {id: acme-be, signing_key: be.key, key_encryption_key: be.kek, manifests: [be], inbox: {decide: false}}
";

fn with_entities(entities: &str) -> Result<Config, Problems> {
    read(&SAMPLE.replace("entity: acme-fr\n", entities).replace("signing_key: attestation.key\n", ""))
}

#[test]
fn several_entities_have_keys_and_folders_of_their_own() {
    let config = with_entities(SEVERAL).unwrap();
    let [fr, be] = config.entities.as_slice() else { panic!("{:?}", config.entities) };
    assert_eq!(
        (fr.data_dir.as_path(), be.data_dir.as_path()),
        (Path::new("/srv/agent/data/acme-fr"), Path::new("/srv/agent/data/acme-be"))
    );
    assert_eq!(
        (fr.key_encryption_key.as_path(), be.key_encryption_key.as_path()),
        (Path::new("/etc/kek"), Path::new("/srv/agent/be.kek"))
    );
    assert_eq!((fr.decide, be.decide), (None, Some(false)));
    assert_eq!(fr.signing_key, Path::new("/srv/agent/fr.key"));
    assert_eq!(config.sources.own.get(&be.id), Some(&vec!["/srv/agent/be".into()]));
}

#[test]
fn what_entities_may_not_share_or_lack_is_named() {
    for (entities, expected) in [
        ("entities: []\n", "`entities` must name at least one"),
        ("entities: [{id: acme-fr}]\n", "lacks the key `signing_key`"),
        ("entities: [{id: a, signing_key: k}, {id: a, signing_key: l}]\n", "`a` stands here a second time"),
        ("entities: [{id: a, signing_key: k}, {id: b, signing_key: k}]\n", "the same `signing_key`"),
        ("entities: [{id: a, signing_key: k}]\nentity: a\n", "`entity` stands beside `entities`"),
        ("entities: [{id: a, signing_key: k, keys: l}]\n", "no key `keys`"),
        ("entities: [{id: a, signing_key: k, inbox: {mail: x}}]\n", "no key `mail`"),
        ("", "lacks the key `entity`"),
    ] {
        let problems = with_entities(entities).unwrap_err().to_string();
        assert!(problems.contains(expected), "{expected} not in {problems}");
    }
    let without = SAMPLE.replace("key_encryption_key: /etc/kek\n", "").replace("signing_key: attestation.key\n", "");
    let problems = read(&without.replace("entity: acme-fr\n", SEVERAL)).unwrap_err().to_string();
    assert!(problems.contains("the entity has no `key_encryption_key`"), "{problems}");
}

#[test]
fn manifests_for_all_may_be_absent_when_each_entity_has_its_own() {
    let none = SAMPLE.replace("manifests: [crm.yml, manifests]\n", "").replace("signing_key: attestation.key\n", "");
    let own = "entities: [{id: a, signing_key: k, manifests: [m]}, {id: b, signing_key: l, manifests: [n]}]\n";
    assert!(read(&none.replace("entity: acme-fr\n", own)).unwrap().sources.manifests.is_empty());
    let problems = read(&none.replace("entity: acme-fr\n", SEVERAL)).unwrap_err().to_string();
    assert!(problems.contains("lacks the key `manifests`"), "{problems}");
}

#[test]
fn the_inbox_is_read_and_what_would_tell_nobody_or_everybody_is_named() {
    let inbox = read(SAMPLE).unwrap().inbox;
    let day = Duration::from_secs(24 * 3600);
    assert_eq!((inbox.manual, inbox.review, inbox.give_up), (5 * day, day * 3 / 2, Some(30 * day)));
    assert_eq!(inbox.due(None).decision, Some(4 * day));
    assert_eq!(inbox.due(Some(false)).decision, None, "an entity's own word counts");
    let mail = inbox.mail.unwrap();
    assert_eq!((mail.host.as_str(), mail.port, mail.tls), ("mail.example", 465, super::MailTls::Required));
    assert_eq!(mail.login, Some(("agent".to_owned(), "/srv/agent/mail.password".into())));
    assert_eq!(inbox.webhook.unwrap().secret_file, Path::new("/srv/agent/hook.secret"));
    for (right, wrong, expected) in [
        ("tls: required", "tls: none", "for `localhost` or a loopback address only"),
        ("tls: required", "tls: maybe", "`tls` must be `required`"),
        ("mail.example:465", "mail.example", "`smtp` must be the server's name and port"),
        ("to: [desk@acme.example]", "to: []", "`to` must hold at least one address"),
        ("to: [desk@acme.example]", "to: [desk]", "`to` must be an e-mail address"),
        ("username: agent, ", "", "need each other"),
        ("https://desk", "http://desk", "must begin with https://"),
        ("manual: 5d", "manual: 0d", "`manual`: must be a time"),
    ] {
        let problems = read(&SAMPLE.replace(right, wrong)).unwrap_err().to_string();
        assert!(problems.contains(expected), "{expected} not in {problems}");
    }
    let local = SAMPLE.replace("tls: required", "tls: none").replace("mail.example:465", "127.0.0.1:25");
    assert!(read(&local.replace("https://desk.example", "http://[::1]:80")).is_ok());
}
