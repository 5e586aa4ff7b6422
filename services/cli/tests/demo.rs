//! The demo, run as the README says: it ends with one JSON object whose values the next commands take.

use std::process::Command;

#[test]
fn the_demo_ends_with_one_verified_archive_and_says_how_every_entity_stands() {
    let folder = tempfile::tempdir().unwrap();
    let product = || Command::new(env!("CARGO_BIN_EXE_tributary"));
    // A longer window than the default: other tests keep the machine busy meanwhile.
    let args = ["demo", "--dir", "d", "--window", "12", "--output", "json"];
    let demo = product().current_dir(folder.path()).args(args).output().unwrap();
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    let result: serde_json::Value = serde_json::from_slice(&demo.stdout).unwrap();
    let dispositions = &result["dispositions"];
    for (entity, disposition) in [
        ("halden-be", "FULFILLED"),
        ("halden-fr", "FULFILLED"),
        ("halden-de", "FULFILLED"),
        ("halden-nl", "PARTLY_FULFILLED"),
        ("halden-es", "NO_DATA"),
        ("halden-pl", "UNREACHABLE"),
        ("halden-uk", "NOT_ASKED"),
    ] {
        assert_eq!(dispositions[entity], disposition, "{dispositions}");
    }
    let archive = result["archive"].as_str().unwrap();
    assert!(archive.contains(result["case"].as_str().unwrap()));
    let key = result["group_key"].as_str().unwrap();
    let verify = |args: &[&str]| product().current_dir(folder.path()).args(args).status().unwrap().code();
    assert_eq!(verify(&["archive", "verify", archive, "--group-key", key]), Some(0));
    assert_eq!(verify(&["archive", "verify", archive]), Some(3));
    let of_another = "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert_eq!(verify(&["archive", "verify", archive, "--group-key", of_another]), Some(4));
}
