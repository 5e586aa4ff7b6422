//! Promises of the object folder.

use std::io::{Read, Write};

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;

struct Place {
    folder: TempDir,
    objects: Objects,
    case: CaseId,
    key: ContentKey,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(folder.path()).unwrap();
        Self { folder, objects, case: CaseId::new(Timestamp::UNIX_EPOCH), key: ContentKey::generate().unwrap() }
    }

    fn write(&self, bytes: &[u8]) -> ObjectWriter {
        let mut object = self.objects.create(self.case, &self.key).unwrap();
        object.write_all(bytes).unwrap();
        object
    }

    fn read(&self, object: &str) -> io::Result<String> {
        let mut text = String::new();
        self.objects.read(self.case, &self.key, object)?.read_to_string(&mut text)?;
        Ok(text)
    }

    fn files(&self) -> Vec<String> {
        let Ok(files) = fs::read_dir(self.objects.folder(self.case)) else { return Vec::new() };
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }
}

#[test]
fn only_finished_objects_that_are_named_survive_a_sweep() {
    let place = Place::new();
    let kept = place.write(b"kept").finish().unwrap();
    let orphan = place.write(b"orphan").finish().unwrap();
    let crashed = place.write(b"crashed");
    std::mem::forget(crashed);
    fs::write(place.folder.path().join("objects/notes.txt"), b"somebody's").unwrap();

    let keep = HashSet::from([(place.case, kept.clone())]);
    assert_eq!(place.objects.sweep(&keep).unwrap(), 2);
    assert_eq!(place.files(), std::slice::from_ref(&kept));
    assert!(place.read(&orphan).is_err());
    assert_eq!(place.read(&kept).unwrap(), "kept");
    assert!(place.folder.path().join("objects/notes.txt").exists());
    assert_eq!(place.objects.sweep(&HashSet::new()).unwrap(), 1);
    assert!(!place.objects.folder(place.case).exists(), "a folder without objects goes too");
}

#[test]
fn an_object_reads_back_with_its_key_case_and_name_only() {
    let place = Place::new();
    let object = place.write(b"anna@example.org").finish().unwrap();
    assert_eq!(place.read(&object).unwrap(), "anna@example.org");
    let path = place.objects.folder(place.case).join(&object);
    assert!(!fs::read(&path).unwrap().windows(4).any(|window| window == b"anna"));

    let other_key = Place { key: ContentKey::generate().unwrap(), ..place };
    assert!(other_key.read(&object).is_err());
    let renamed = Uuid::new_v4().to_string();
    fs::rename(&path, path.with_file_name(&renamed)).unwrap();
    assert!(other_key.read(&renamed).is_err());
}

#[test]
fn an_object_that_is_not_finished_is_not_visible_and_leaves_nothing_behind() {
    let place = Place::new();
    let object = place.write(b"abc");
    let files = place.files();
    assert!(files.len() == 1 && files[0].ends_with(".partial"), "{files:?}");
    drop(object);
    assert!(place.files().is_empty());
}

#[test]
fn an_object_that_cannot_be_published_leaves_nothing_behind() {
    let place = Place::new();
    let object = place.write(b"abc");
    let path = place.objects.folder(place.case).join(&place.files()[0]);
    // A folder that is not empty stands where the object's file would.
    let taken = path.with_extension("");
    fs::create_dir_all(taken.join("x")).unwrap();
    assert!(object.finish().is_err());
    assert!(!path.exists());
}

#[test]
fn a_large_object_that_finds_no_room_is_full_and_not_broken() {
    let place = Place::new();
    place.objects.room_for(1).unwrap();
    assert!(is_full(&place.objects.room_for(u64::MAX / 2).unwrap_err()));
    assert!(!is_full(&io::ErrorKind::PermissionDenied.into()));
}

#[test]
fn no_part_takes_what_is_reserved() {
    let folder = tempfile::tempdir().unwrap();
    let found = rustix::fs::statvfs(folder.path()).unwrap();
    let free = found.f_bavail * found.f_frsize;
    let objects = Objects::open(folder.path()).unwrap();
    assert!(objects.room_for(1).is_ok());
    // Others may write here meanwhile; half of what is free is beyond what they do.
    assert!(is_full(&objects.reserving(Some(free + free / 2)).room_for(1).unwrap_err()));
}

#[test]
fn a_shredded_case_leaves_no_object() {
    let place = Place::new();
    let object = place.write(b"x").finish().unwrap();
    place.objects.remove(place.case, &object);
    place.objects.remove(place.case, &object);
    assert!(place.files().is_empty());
    let object = place.write(b"y").finish().unwrap();
    place.objects.remove_case(place.case);
    place.objects.remove_case(place.case);
    assert!(place.read(&object).is_err());
}
