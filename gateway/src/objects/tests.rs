//! Promises of the object folder.

use std::collections::{BTreeSet, HashSet};
use std::io::{Read, Write};
use std::time::{Duration, SystemTime};

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
        let objects = Objects::open(&folder.path().join("objects")).unwrap();
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

fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)
}

/// Makes a file look as if it had not been touched for years.
fn rest(path: &Path) {
    File::options().append(true).open(path).unwrap().set_modified(long_ago()).unwrap();
}

#[test]
fn beside_others_only_what_has_rested_unnamed_and_what_the_dead_had_not_finished_is_swept() {
    let place = Place::new();
    let (alive, dead) = (ReplicaId::new(), ReplicaId::new());
    let Place { folder, objects, case, key } = place;
    let path = |name: &str| folder.path().join("objects").join(case.to_string()).join(name);
    let write = |objects: &Objects| {
        let mut object = objects.create(case, &key).unwrap();
        object.write_all(b"x").unwrap();
        object
    };
    let objects = objects.written_by(alive);
    let (named, fresh, old) = (write(&objects), write(&objects), write(&objects));
    let (named, fresh, old) = (named.finish().unwrap(), fresh.finish().unwrap(), old.finish().unwrap());
    let being_written = write(&objects);
    rest(&path(&named));
    rest(&path(&old));
    let objects = objects.written_by(dead);
    std::mem::forget(write(&objects));
    assert_eq!(fs::read_dir(path("")).unwrap().count(), 5);

    let left = objects.leftovers(Duration::from_secs(3600)).unwrap();
    // Named after the look at the folder, as a process does that has just finished one.
    let keep = HashSet::from([(case, named.clone())]);
    assert_eq!(left.remove(&keep, &BTreeSet::from([alive])).unwrap(), 2);
    assert!(path(&named).exists() && path(&fresh).exists() && !path(&old).exists());
    assert_eq!(left.remove(&keep, &BTreeSet::from([alive])).unwrap(), 0, "somebody else was quicker");
    let finished = being_written.finish().unwrap();
    assert!(path(&finished).exists(), "what a live process writes is not touched");
}

#[test]
fn a_folder_keeps_its_mark_and_a_sweep_leaves_it() {
    let place = Place::new();
    assert_eq!(place.objects.mark().unwrap(), None);
    let id = Uuid::new_v4();
    place.objects.set_mark(id).unwrap();
    place.objects.set_mark(id).unwrap();
    place.objects.sweep(&HashSet::new()).unwrap();
    assert_eq!(place.objects.mark().unwrap(), Some(id));
    fs::write(place.folder.path().join("objects/folder-id"), "something else").unwrap();
    assert!(place.objects.mark().is_err());
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
fn a_small_object_reads_back_as_any_other_and_goes_when_nothing_names_it() {
    let place = Place::new();
    let object = place.objects.write(place.case, &place.key, b"anna@example.org").unwrap();
    assert_eq!(place.files(), std::slice::from_ref(&object));
    assert_eq!(place.read(&object).unwrap(), "anna@example.org");
    assert_eq!(place.objects.sweep(&HashSet::new()).unwrap(), 1);
    assert!(place.read(&object).is_err());
    let empty = place.objects.write(place.case, &place.key, b"").unwrap();
    assert_eq!(place.read(&empty).unwrap(), "");
}

#[test]
fn an_object_that_cannot_be_published_leaves_nothing_behind() {
    let place = Place::new();
    let object = place.write(b"abc");
    let path = place.objects.folder(place.case).join(&place.files()[0]);
    // A folder that is not empty stands where the object's file would.
    let taken = path.with_extension("").with_extension("");
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
