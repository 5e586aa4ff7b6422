//! Commands that need no server, run as a user runs them.

use std::path::Path;
use std::process::{Command, Output};

fn tributary(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tributary")).current_dir(folder).args(args).output().expect("the product runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

fn group_yaml(folder: &Path) {
    let key = |name: &str| {
        let made = tributary(folder, &["--output", "json", "agent", "keygen", "--out", name]);
        json(&made)["public_key"].as_str().expect("a public key").to_owned()
    };
    let made = tributary(folder, &["pki", "init", "--trust-domain", "acme.example", "--out", "pki"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let root = std::fs::read_to_string(folder.join("pki/ca.pem"))
        .expect("the authority was made")
        .trim_end()
        .replace('\n', "\n      ");
    let valid = "not_before: 2026-01-01T00:00:00Z, not_after: 2099-01-01T00:00:00Z";
    let yaml = format!(
        "group: acme\nname: Acme\nversion: 1\nissued_at: 2026-01-01T00:00:00Z\nexpires_at: 2099-01-01T00:00:00Z\noperator: acme-fr\n\
         identifier_types: [email]\ngateway:\n  spiffe_id: spiffe://acme.example/gateway\n  keys:\n    - {{ public_key: \"{}\", {valid} }}\n\
         trust_domains:\n  acme.example:\n    - |\n      {root}\nentities:\n  - id: acme-fr\n    legal_name: Acme SAS\n    country: FR\n\
         \x20   agent: {{ spiffe_id: \"spiffe://acme.example/agent\", address: \"localhost:7443\" }}\n\
         \x20   attestation_keys:\n      - {{ public_key: \"{}\", {valid} }}\n",
        key("gateway.key"),
        key("attestation.key")
    );
    std::fs::write(folder.join("group.yaml"), yaml).expect("the folder is writable");
}

#[test]
fn a_group_file_is_checked_and_signed_by_two_keys() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    group_yaml(folder);
    let checked = json(&tributary(folder, &["--output", "json", "group", "check", "group.yaml"]));
    assert_eq!(checked["entities"], 1);
    for name in ["alice.key", "bob.key"] {
        assert!(tributary(folder, &["group", "keygen", "--out", name]).status.success());
    }
    assert!(tributary(folder, &["group", "sign", "group.yaml", "--key", "alice.key"]).status.success());
    let signed = tributary(folder, &["group", "sign", "group.yaml", "--key", "bob.key", "--add"]);
    assert!(stdout(&signed).contains("2 signature(s)"), "{}{}", stdout(&signed), stderr(&signed));
    for file in ["group.dsse.json", "trust.dsse.json"] {
        let envelope: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
        assert_eq!(envelope["signatures"].as_array().unwrap().len(), 2, "{file}");
    }
}

#[test]
fn signing_does_not_add_to_envelopes_of_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    group_yaml(folder);
    assert!(tributary(folder, &["group", "keygen", "--out", "a.key"]).status.success());
    assert!(tributary(folder, &["group", "sign", "group.yaml", "--key", "a.key"]).status.success());
    let before = std::fs::read(folder.join("group.dsse.json")).unwrap();
    let text = std::fs::read_to_string(folder.join("group.yaml")).unwrap().replace("version: 1", "version: 2");
    std::fs::write(folder.join("group.yaml"), text).unwrap();
    let refused = tributary(folder, &["group", "sign", "group.yaml", "--key", "a.key", "--add"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("another group file"), "{}", stderr(&refused));
    assert_eq!(std::fs::read(folder.join("group.dsse.json")).unwrap(), before);
}

#[test]
fn every_error_of_a_group_file_has_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    group_yaml(folder);
    let text = std::fs::read_to_string(folder.join("group.yaml")).unwrap();
    let broken = text.replace("operator: acme-fr", "operator: nobody").replace("localhost:7443", "localhost");
    std::fs::write(folder.join("group.yaml"), broken).unwrap();
    let refused = tributary(folder, &["group", "check", "group.yaml"]);
    assert_eq!(refused.status.code(), Some(2));
    let lines: Vec<String> =
        stderr(&refused).lines().filter(|l| l.starts_with("group.yaml:")).map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{}", stderr(&refused));
    std::fs::write(folder.join("group.yaml"), "group: [").unwrap();
    assert!(stderr(&tributary(folder, &["group", "check", "group.yaml"])).contains("not valid YAML"));
}

#[test]
fn a_private_key_is_for_its_owner_only_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let keygen = ["agent", "keygen", "--out", "a.key", "--key-encryption-key", "kek.key"];
    let made = tributary(folder, &keygen);
    assert!(made.status.success(), "{}", stderr(&made));
    assert!(!stdout(&made).contains("PRIVATE KEY"));
    for name in ["a.key", "kek.key"] {
        assert_eq!(std::fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let again = tributary(folder, &keygen);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("not overwritten"));
}

#[test]
fn certificates_are_issued_for_the_authority_s_own_domain_only() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(tributary(folder, &["pki", "init", "--trust-domain", "a.example", "--out", "pki"]).status.success());
    let issue = |id: &str, name: &str| {
        tributary(folder, &["pki", "issue", "--authority", "pki", "--spiffe-id", id, "--out", ".", "--name", name])
    };
    assert!(issue("spiffe://a.example/agent", "svid").status.success());
    assert!(!issue("spiffe://b.example/agent", "other").status.success());
    assert!(!folder.join("other.pem").exists());
}

#[test]
fn completions_and_schema_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    assert!(stdout(&tributary(folder.path(), &["completions", "bash"])).contains("tributary"));
    let schema: serde_json::Value =
        serde_json::from_slice(&tributary(folder.path(), &["group", "schema"]).stdout).unwrap();
    assert!(schema["properties"]["entities"].is_object());
    for process in ["gateway", "agent"] {
        let printed = tributary(folder.path(), &["serve", "schema", process]);
        let schema: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
        assert!(schema["properties"]["key_encryption_key"].is_object(), "{process}");
    }
}

#[test]
fn a_missing_client_file_says_how_to_name_one() {
    let folder = tempfile::tempdir().unwrap();
    let refused = tributary(folder.path(), &["case", "list", "--on-behalf-of", "me"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("--client"), "{}", stderr(&refused));
}

#[test]
fn an_identifier_is_never_repeated_in_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["case", "open", "--identifier", "anna-at-example", "--on-behalf-of", "me"];
    let refused = tributary(folder.path(), &args);
    assert_eq!(refused.status.code(), Some(2));
    assert!(!stderr(&refused).contains("anna"), "{}", stderr(&refused));
}
