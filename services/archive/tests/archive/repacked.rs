//! An archive that another program packed anew, or that was unpacked: what is in it stands, and what changed is said.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use tributary_archive::extract::{ExtractError, extract};
use tributary_archive::show::show_folder;
use tributary_archive::verify::{Report, Severity, Verdict, VerifyOptions, verify, verify_folder};

use crate::forge::Forgery;
use crate::world::{World, deflate, errors};

fn sample() -> (World, Vec<u8>) {
    let (world, contributions) = World::sample();
    let bytes = world.close(&world.facts(), &contributions).unwrap().bytes;
    (world, bytes)
}

fn changes(report: &Report) -> Vec<&str> {
    assert_eq!(report.verdict, Verdict::Repacked, "{}", errors(report));
    report.findings.iter().filter(|f| f.severity == Severity::Container).map(|f| f.what.as_str()).collect()
}

#[test]
fn deflated_files_in_another_order_with_another_date_are_the_same_archive() {
    let (world, bytes) = sample();
    let mut forgery = Forgery::of(&bytes);
    forgery.files.reverse();
    forgery.stamp = [1, 2, 3, 4];
    for file in forgery.files.iter_mut().filter(|file| file.path.ends_with(".json")) {
        file.data = deflate(&file.data);
        file.method = 8;
    }
    let report = world.verify(&forgery.zip());
    let said = changes(&report);
    assert_eq!(said.len(), 3, "{said:?}");
    assert_eq!(said[0], "entries stand in another order");
    assert!(said[1].starts_with("dates are not") && said[2].starts_with("the archive's own files are deflated"));
    let report = verify(&mut Cursor::new(forgery.zip()), VerifyOptions::default());
    assert_eq!(report.verdict, Verdict::Consistent, "nobody vouches for the signers");
}

#[test]
fn a_change_of_content_is_no_repacking() {
    let (world, bytes) = sample();
    let mut forgery = Forgery::of(&bytes);
    forgery.files.reverse();
    let path = "data/entities/acme-fr/previews.ndjson";
    let file = forgery.files.iter_mut().find(|file| file.path == path).unwrap();
    file.data[5] ^= 1;
    file.crc32 = crc32fast::hash(&file.data);
    let report = world.verify(&forgery.zip());
    assert_eq!(report.verdict, Verdict::Failed);
    assert!(errors(&report).contains(path), "{}", errors(&report));
}

#[test]
fn files_beside_the_folder_are_named_and_files_in_it_refused() {
    let (world, bytes) = sample();
    let mut beside = Forgery::of(&bytes);
    beside.files.push(beside.files[0].clone());
    beside.files.last_mut().unwrap().path = "../__MACOSX/x".to_owned();
    assert_eq!(world.verify(&beside.zip()).verdict, Verdict::Failed, "a name that leaves the folder");
    let mut inside = Forgery::of(&bytes);
    inside.put(".DS_Store", "x");
    let report = world.verify(&inside.zip());
    assert!(errors(&report).contains(".DS_Store: the archive has no place for this file"), "{}", errors(&report));
}

#[test]
fn an_unpacked_archive_is_verified_where_it_lies() {
    let (world, bytes) = sample();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("archive");
    let mut written = 0;
    let done = extract(&mut Cursor::new(&bytes), &target, &mut |bytes| written += bytes).unwrap();
    assert_eq!((done.bytes, done.files), (written, Forgery::of(&bytes).files.len() as u64));
    let pins = world.pins();
    let check = |folder: &Path| verify_folder(folder, VerifyOptions { group: Some(&pins), predecessor: None });
    for given in [target.as_path(), folder.path()] {
        let report = check(given);
        assert_eq!(changes(&report)[0], "it is an unpacked folder: dates, order and compression are gone");
    }
    assert_eq!(show_folder(&target).unwrap().case, world.case);
    let page = target.join("START-HERE.html");
    let original = fs::read(&page).unwrap();
    fs::write(&page, b"<p>other").unwrap();
    assert_eq!(check(&target).verdict, Verdict::Failed, "a changed page");
    fs::write(&page, &original).unwrap();
    fs::write(target.join("data/entities/acme-fr/extra.csv"), b"id\n").unwrap();
    assert_eq!(check(&target).verdict, Verdict::Failed, "a file more");
    fs::remove_file(target.join("data/entities/acme-fr/extra.csv")).unwrap();
    assert_eq!(check(&target).verdict, Verdict::Repacked);
    fs::remove_file(&page).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &page).unwrap();
    assert!(errors(&check(&target)).contains("a link or another special file"));
}

#[test]
fn nothing_is_overwritten_and_nothing_half_is_left() {
    let (_, bytes) = sample();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("archive");
    let unpack = |bytes: &[u8]| extract(&mut Cursor::new(bytes), &target, &mut |_| {});
    let part = bytes.windows(8).position(|window| window == b"%PDF-1.4").unwrap();
    let mut broken = bytes.clone();
    broken[part] ^= 1;
    assert!(matches!(unpack(&broken), Err(ExtractError::Archive { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");

    let mut forgery = Forgery::of(&bytes);
    forgery.put("data/entities/acme-fr/previews.ndjson", "other");
    let refused = unpack(&forgery.zip()).unwrap_err().to_string();
    assert!(refused.contains("previews.ndjson: its digest is not the one that its manifest lists"), "{refused}");
    let mut forgery = Forgery::of(&bytes);
    forgery.put("data/extra", "other");
    assert!(unpack(&forgery.zip()).unwrap_err().to_string().contains("no manifest lists it"));
    for bad in ["../x", "/x", "C:\\x", "a/../../x"] {
        let mut forgery = Forgery::of(&bytes);
        forgery.files[0].path = bad.to_owned();
        assert!(matches!(unpack(&forgery.zip()), Err(ExtractError::Archive { .. })), "{bad}");
    }
    let mut bomb = Forgery::of(&bytes);
    let file = bomb.files.iter_mut().find(|file| file.method == 8).unwrap();
    file.data = deflate(&vec![0; 64 << 20]);
    assert!(unpack(&bomb.zip()).unwrap_err().to_string().contains("longer than announced"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");

    unpack(&bytes).unwrap();
    assert!(matches!(unpack(&bytes), Err(ExtractError::Exists(_))));
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(target.join("bagit.txt")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "personal data are their owner's only");
}
