//! An administrator with a database that nobody of this project designed, the group's signed file and a certificate: the
//! commands of the README, as they stand there, to the first counted dry-run.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tributary_tests::binary;
use tributary_tests::fixture::webshop;
use tributary_tests::servers::{Engine, Server, write_password};

const README: &str = include_str!("../../../README.md");
const SECTION: &str = "## An agent beside your own database";
/// More commands than these, and it is no quick start.
const MOST: usize = 5;
/// CPU time of all of them together, in seconds, also of a build without optimisation on a slow machine.
const CPU: f64 = 10.0;

/// What the README's commands name, and what stands here for it.
struct Place {
    folder: TempDir,
    database: String,
    flags: Vec<String>,
    group_key: String,
}

fn run(folder: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(binary::tributary()?);
    Ok(command.current_dir(folder).args(arguments).stdin(Stdio::null()).output()?)
}

fn must(folder: &Path, arguments: &[&str]) -> Result<Value> {
    let output = run(folder, &[&["--output", "json"], arguments].concat())?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A folder with what the group gave: its signed file, and a certificate of `tributary pki issue`.
fn prepare() -> Result<(TempDir, String)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path();
    let text = |value: &Value, key: &str| value[key].as_str().map(str::to_owned).context("no such text");
    let own = text(&must(path, &["agent", "keygen", "--out", "attestation.key"])?, "public_key")?;
    let gateway = text(&must(path, &["agent", "keygen", "--out", "gateway.key"])?, "public_key")?;
    let offline = text(&must(path, &["group", "keygen", "--out", "group.key"])?, "public_key")?;
    must(path, &["pki", "init", "--trust-domain", "acme-nl.example", "--out", "pki"])?;
    must(path, &["pki", "issue", "--authority", "pki", "--spiffe-id", "spiffe://acme-nl.example/agent", "--out", "."])?;
    let root = std::fs::read_to_string(path.join("pki/ca.pem"))?.trim_end().replace('\n', "\n      ");
    let valid = "not_before: 2026-01-01T00:00:00Z, not_after: 2099-01-01T00:00:00Z";
    let yaml = format!(
        "group: acme\nname: Acme\nversion: 1\nissued_at: 2026-01-01T00:00:00Z\nexpires_at: 2099-01-01T00:00:00Z\n\
         operator: acme-nl\nidentifier_types: [email, phone_number]\ngateway:\n  spiffe_id: spiffe://acme-nl.example/gateway\n\
         \x20 keys: [{{ public_key: \"{gateway}\", {valid} }}]\ntrust_domains:\n  acme-nl.example:\n    - |\n      {root}\n\
         entities:\n  - id: acme-nl\n    legal_name: Acme B.V.\n    country: NL\n\
         \x20   agent: {{ spiffe_id: \"spiffe://acme-nl.example/agent\", address: \"agent.acme-nl.example:7443\" }}\n\
         \x20   attestation_keys: [{{ public_key: \"{own}\", {valid} }}]\n"
    );
    std::fs::write(path.join("group.yaml"), yaml)?;
    must(path, &["group", "sign", "group.yaml", "--key", "group.key"])?;
    Ok((folder, offline))
}

/// The section's first commands, with the placeholders replaced.
fn commands(place: &Place) -> Result<Vec<Vec<String>>> {
    let (_, section) = README.split_once(SECTION).context("the README has no such section")?;
    let (_, block) = section.split_once("```console\n").context("the section has no commands")?;
    let (block, _) = block.split_once("```").context("the commands have no end")?;
    let lines = block.lines().filter_map(|line| line.trim().strip_prefix("$ tributary "));
    let mut commands = Vec::new();
    for line in lines {
        let line = line.split("  #").next().unwrap_or(line);
        let mut words: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            match word {
                "sqlite:///var/lib/shop/shop.sqlite" => {
                    words.push(place.database.clone());
                    words.extend(place.flags.clone());
                }
                "ed25519:…" => words.push(place.group_key.clone()),
                "email=someone@example.org" => words.push(format!("email={}", webshop::ANNA)),
                word => words.push(word.to_owned()),
            }
        }
        commands.push(words);
    }
    Ok(commands)
}

/// Runs a command and counts its CPU time, user and system.
fn timed(folder: &Path, arguments: &[String]) -> Result<(Output, f64)> {
    let shell = "times_file=\"$1\"; shift; \"$@\"; code=$?; times >\"$times_file\"; exit $code";
    let times = folder.join("times");
    let mut command = Command::new("bash");
    command.current_dir(folder).args(["-c", shell, "bash"]).arg(&times).arg(binary::tributary()?);
    let output = command.args(["--output", "json"]).args(arguments).stdin(Stdio::null()).output()?;
    // The second line is that of the children: `0m0.123s 0m0.045s`.
    let text = std::fs::read_to_string(&times)?;
    let seconds = text.lines().nth(1).unwrap_or_default().split_whitespace().filter_map(|time| {
        let (minutes, seconds) = time.trim_end_matches('s').split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    });
    Ok((output, seconds.sum()))
}

/// The README's commands bring every row of Anna's that a person would look for, and nobody else's.
fn the_first_dry_run(place: &Place) -> Result<()> {
    let commands = commands(place)?;
    assert!((1..=MOST).contains(&commands.len()), "{commands:?}");
    let (mut spent, mut found) = (0.0, Value::Null);
    for command in &commands {
        let (output, seconds) = timed(place.folder.path(), command)?;
        spent += seconds;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}\n{}", String::from_utf8_lossy(&output.stdout));
        found = serde_json::from_slice(&output.stdout)?;
    }
    assert_eq!(found["outcome"], "found", "{found}");
    let rows = |table: &str| {
        let collections = found["collections"].as_array().into_iter().flatten();
        collections.clone().find(|c| c["collection"] == table).map(|c| c["rows"].as_u64().unwrap_or(0))
    };
    for (table, expected) in webshop::ANNAS_ROWS {
        assert_eq!(rows(table), Some(expected), "{table}: {found}");
    }
    for table in webshop::OTHERS {
        assert_eq!(rows(table).unwrap_or(0), 0, "{table}: {found}");
    }
    // What she ordered has a name: two articles, of categories that lie in one another.
    assert_eq!((rows("artikelen"), rows("categorieen")), (Some(2), Some(2)), "{found}");
    assert_eq!(found["not_searched"], Value::Array(Vec::new()), "{found}");
    assert!(spent < CPU, "{spent} s of CPU time for {commands:?}");
    Ok(())
}

#[test]
fn the_readmes_commands_lead_from_a_sqlite_file_to_a_counted_dry_run() -> Result<()> {
    let (folder, group_key) = prepare()?;
    let path = folder.path().join("winkel.sqlite");
    rusqlite::Connection::open(&path)?.execute_batch(&webshop::script(None))?;
    let database = format!("sqlite://{}", path.display());
    the_first_dry_run(&Place { folder, database, flags: Vec::new(), group_key })
}

fn on_a_server(engine: Engine, scheme: &str) -> Result<()> {
    let server = Server::shared(engine)?;
    let database = format!("winkel_{}", uuid::Uuid::new_v4().simple());
    server.create(&database)?;
    let outcome = server.run(&database, &webshop::script(Some(engine))).and_then(|()| {
        let (folder, group_key) = prepare()?;
        let secret = folder.path().join("shop.password");
        write_password(&secret, &server.password)?;
        let authority = server.authority.display().to_string();
        let flags = ["--password-file", "shop.password", "--ca", &authority].map(str::to_owned).to_vec();
        let url = format!("{scheme}://{}@localhost:{}/{database}", server.user, server.port);
        the_first_dry_run(&Place { folder, database: url, flags, group_key })
    });
    server.remove(&database)?;
    outcome
}

#[test]
fn the_readmes_commands_lead_from_a_postgresql_database_to_a_counted_dry_run() -> Result<()> {
    on_a_server(Engine::Postgres, "postgres")
}

#[test]
fn the_readmes_commands_lead_from_a_mariadb_database_to_a_counted_dry_run() -> Result<()> {
    on_a_server(Engine::MariaDb, "mysql")
}
