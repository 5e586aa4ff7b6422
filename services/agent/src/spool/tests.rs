//! Promises of the spool.

use jiff::Timestamp;

use super::usage::Quota;
use super::*;

fn name(instruction: InstructionId, generation: u32, index: u32) -> PartName {
    PartName { instruction, generation, index }
}

fn write(spool: &Spool, name: PartName, key: &ContentKey, bytes: &[u8]) -> io::Result<u64> {
    let mut writer = spool.create(name, key)?;
    writer.write(bytes)?;
    writer.finish()
}

fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { 1 + files(&path) } else { 1 }).sum()
}

#[test]
fn a_part_reads_back_from_any_offset_and_only_as_itself() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path().join("spool"), Quota::new(1 << 20)).unwrap();
    let (id, key) = (InstructionId::new(Timestamp::UNIX_EPOCH), ContentKey::generate().unwrap());
    let bytes: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
    spool.begin(id, 1).unwrap();
    assert_eq!(write(&spool, name(id, 1, 1), &key, &bytes).unwrap(), 200_000);
    let mut reader = spool.read(name(id, 1, 1), &key).unwrap();
    assert_eq!(reader.range(70_000, 100_000).unwrap(), bytes[70_000..170_000]);
    assert_eq!(reader.range(199_999, 10).unwrap(), bytes[199_999..]);
    assert!(reader.range(200_000, 10).unwrap().is_empty());
    fs::copy(spool.path(name(id, 1, 1)), spool.path(name(id, 1, 2))).unwrap();
    assert!(spool.read(name(id, 1, 2), &key).unwrap().range(0, 10).is_err());
    let stored = fs::read(spool.path(name(id, 1, 1))).unwrap();
    assert!(!stored.windows(16).any(|window| *window == bytes[..16]));
}

#[test]
fn what_does_not_fit_the_quota_is_refused_and_dropping_gives_everything_back() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path().join("spool"), Quota::new(300_000)).unwrap();
    let (a, b) = (InstructionId::new(Timestamp::UNIX_EPOCH), InstructionId::new(Timestamp::UNIX_EPOCH));
    let key = ContentKey::generate().unwrap();
    for id in [a, b] {
        spool.begin(id, 1).unwrap();
    }
    write(&spool, name(a, 1, 1), &key, &[0; 200_000]).unwrap();
    let error = write(&spool, name(b, 1, 1), &key, &[0; 200_000]).unwrap_err();
    assert_eq!(SpoolFull::cause(&error), Some(SpoolFull::Quota { quota: 300_000 }));
    assert!(error.to_string().contains("spool.quota"));
    spool.remove_generation(b, 1).unwrap();
    spool.remove(a).unwrap();
    assert_eq!(spool.used(), 0);
    assert_eq!(files(folder.path()), 1, "only the spool's own folder is left");
    assert_eq!(SpoolFull::cause(&io::ErrorKind::StorageFull.into()), Some(SpoolFull::Disk));
    assert_eq!(SpoolFull::cause(&io::ErrorKind::NotFound.into()), None);
}

#[test]
fn a_sweep_keeps_the_attested_generations_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("spool");
    let spool = Spool::open(root.clone(), Quota::new(1 << 20)).unwrap();
    let (kept, other) = (InstructionId::new(Timestamp::UNIX_EPOCH), InstructionId::new(Timestamp::UNIX_EPOCH));
    let key = ContentKey::generate().unwrap();
    for (id, generation) in [(kept, 1), (kept, 2), (other, 1)] {
        spool.begin(id, generation).unwrap();
        write(&spool, name(id, generation, 1), &key, b"content").unwrap();
    }
    fs::write(root.join("stray"), b"x").unwrap();
    let again = Spool::open(root.clone(), Quota::new(1 << 20)).unwrap();
    again.sweep(&[(kept, 2)]).unwrap();
    assert_eq!(files(&root), 3, "one export's folder, one generation's folder, one file");
    assert_eq!(again.used(), fs::metadata(again.path(name(kept, 2, 1))).unwrap().len());
    assert_eq!(again.read(name(kept, 2, 1), &key).unwrap().range(0, 99).unwrap(), b"content");
}

#[test]
fn spools_of_one_quota_fill_it_together() {
    let folder = tempfile::tempdir().unwrap();
    let quota = Quota::new(300_000);
    let open = |name: &str| Spool::open(folder.path().join(name), quota.clone()).unwrap();
    let (one, other) = (open("one"), open("other"));
    // The same id at two entities is two exports.
    let (instruction, key) = (InstructionId::new(Timestamp::UNIX_EPOCH), ContentKey::generate().unwrap());
    one.begin(instruction, 1).unwrap();
    other.begin(instruction, 1).unwrap();
    write(&one, name(instruction, 1, 1), &key, &[0; 200_000]).unwrap();
    let full = write(&other, name(instruction, 1, 1), &key, &[0; 200_000]).unwrap_err();
    assert_eq!(SpoolFull::cause(&full), Some(SpoolFull::Quota { quota: 300_000 }));
    one.remove(instruction).unwrap();
    other.remove_generation(instruction, 1).unwrap();
    other.begin(instruction, 1).unwrap();
    write(&other, name(instruction, 1, 1), &key, &[0; 200_000]).unwrap();
    assert!(one.room() < 100_000 && one.used() == 0);
}
