//! Promises of encryption at rest, over the public API.

use std::io::{Cursor, Read, Write};
use std::os::unix::fs::PermissionsExt;

use super::*;

const STORED: usize = STORED_FRAME as usize;

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + at / 251) as u8).collect()
}

fn store(key: &ContentKey, object: &str, plain: &[u8]) -> Vec<u8> {
    let mut writer = FrameWriter::new(Vec::new(), key, "case", object).unwrap();
    // Small pieces first, so that the frame grows.
    let (small, rest) = plain.split_at(plain.len().min(3_000));
    for piece in small.chunks(7).chain(rest.chunks(10_007)) {
        writer.write_all(piece).unwrap();
    }
    let (stored, length) = writer.finish().unwrap();
    assert_eq!(length, plain.len() as u64);
    assert_eq!(stored.len() as u64, stored_len(length));
    stored
}

fn read_all(key: &ContentKey, object: &str, stored: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    FrameReader::new(Cursor::new(stored), key, "case", object)?.read_to_end(&mut plain)?;
    Ok(plain)
}

#[test]
fn any_range_of_an_object_reads_alone() {
    let key = ContentKey::generate().unwrap();
    for length in [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 3 * FRAME + 17] {
        let plain = content(length);
        let stored = store(&key, "part", &plain);
        assert_eq!(read_all(&key, "part", &stored).unwrap(), plain, "{length}");
        let mut reader = FrameReader::new(Cursor::new(&stored), &key, "case", "part").unwrap();
        assert_eq!(reader.plain_len(), length as u64);
        for start in [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME + 5, length, length + 1] {
            let mut buffer = vec![0; FRAME + 100];
            let read = reader.read_range(start as u64, &mut buffer).unwrap();
            let expected = &plain[start.min(length)..(start + buffer.len()).min(length).max(start.min(length))];
            assert_eq!(&buffer[..read], expected, "{length} from {start}");
        }
        assert_eq!(reader.read_range(u64::MAX, &mut [0; 1]).unwrap(), 0);
    }
}

#[test]
fn an_object_that_was_altered_anywhere_does_not_read() {
    let key = ContentKey::generate().unwrap();
    let stored = store(&key, "part", &content(FRAME + 100));
    let every = (0..40).chain((0..stored.len()).step_by(97)).chain(stored.len() - 40..stored.len());
    for at in every.chain(STORED + HEADER - 20..STORED + HEADER + 20) {
        let mut altered = stored.clone();
        altered[at] ^= 1;
        assert!(read_all(&key, "part", &altered).is_err(), "byte {at}");
    }
}

#[test]
fn a_shortened_lengthened_or_reordered_object_does_not_read() {
    let key = ContentKey::generate().unwrap();
    let stored = store(&key, "part", &content(3 * FRAME));
    for length in [0, 1, HEADER, HEADER + 1, HEADER + TAG, HEADER + STORED, HEADER + 2 * STORED, stored.len() - 1] {
        assert!(read_all(&key, "part", &stored[..length]).is_err(), "cut to {length}");
    }
    let mut longer = stored.clone();
    longer.push(0);
    assert!(read_all(&key, "part", &longer).is_err());
    let mut reordered = stored.clone();
    reordered[HEADER..HEADER + 2 * STORED].rotate_left(STORED);
    assert!(read_all(&key, "part", &reordered).is_err());
    // A cut at a frame's end leaves whole frames, and even so the end is not taken for one.
    let cut = &stored[..HEADER + 2 * STORED];
    let mut reader = FrameReader::new(Cursor::new(cut), &key, "case", "part").unwrap();
    assert!(reader.read_range(2 * FRAME as u64, &mut [0; 1]).is_err());
}

#[test]
fn an_object_reads_only_under_its_own_key_context_and_name() {
    let (key, other) = (ContentKey::generate().unwrap(), ContentKey::generate().unwrap());
    let stored = store(&key, "part", b"content");
    assert!(read_all(&key, "part", &stored).is_ok());
    assert!(read_all(&key, "trap", &stored).is_err());
    assert!(read_all(&other, "part", &stored).is_err());
    let mut plain = Vec::new();
    let mut reader = FrameReader::new(Cursor::new(&stored), &key, "cas", "epart").unwrap();
    assert!(reader.read_to_end(&mut plain).is_err());
}

#[test]
fn writing_an_object_anew_never_repeats_a_key_stream() {
    let key = ContentKey::generate().unwrap();
    let (first, second) = (store(&key, "part", &[0; 64]), store(&key, "part", &[0; 64]));
    assert_ne!(first[HEADER..], second[HEADER..]);
}

#[test]
fn an_object_without_its_end_does_not_read() {
    let key = ContentKey::generate().unwrap();
    let mut stored = Vec::new();
    let mut writer = FrameWriter::new(&mut stored, &key, "case", "part").unwrap();
    writer.write_all(&content(2 * FRAME)).unwrap();
    drop(writer);
    assert_eq!(stored.len(), HEADER + STORED);
    assert!(read_all(&key, "part", &stored).is_err());
}

struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn after_a_full_disk_the_object_is_not_continued() {
    let key = ContentKey::generate().unwrap();
    let mut writer = FrameWriter::new(Full(HEADER + 10), &key, "case", "part").unwrap();
    assert_eq!(writer.write_all(&content(2 * FRAME)).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    assert!(writer.write_all(&content(FRAME)).is_err());
    assert!(writer.finish().is_err());
}

#[test]
fn a_small_value_opens_for_its_purpose_only() {
    let key = ContentKey::generate().unwrap();
    let sealed = key.seal("identifiers", b"anna").unwrap();
    assert_eq!(key.open("identifiers", &sealed).unwrap(), b"anna");
    assert_ne!(key.seal("identifiers", b"anna").unwrap(), sealed);
    assert_eq!(key.open("notes", &sealed), Err(CryptoError::Altered));
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 0x80;
        assert!(key.open("identifiers", &altered).is_err(), "byte {at}");
        assert!(key.open("identifiers", &sealed[..at]).is_err(), "cut to {at}");
    }
    assert_eq!(key.mac("a", b"x"), key.mac("a", b"x"));
    assert_ne!(key.mac("a", b"x"), key.mac("b", b"x"));
    assert_ne!(key.mac("a", b"bx"), key.mac("ab", b"x"));
    assert!(!format!("{key:?}").contains(char::is_numeric));
}

fn key_file(text: &str, mode: u32) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    file
}

#[test]
fn a_key_is_unwrapped_by_its_own_file_and_for_its_own_case_only() {
    let file = key_file(&KeyEncryptionKey::generate().unwrap(), 0o600);
    let kek = KeyEncryptionKey::load(file.path()).unwrap();
    let other = KeyEncryptionKey::load(key_file(&KeyEncryptionKey::generate().unwrap(), 0o600).path()).unwrap();
    let key = ContentKey::generate().unwrap();
    let wrapped = kek.wrap(&key, b"case 1").unwrap();
    let again = KeyEncryptionKey::load(file.path()).unwrap().unwrap(&wrapped, b"case 1").unwrap();
    assert_eq!(again.mac("a", b"x"), key.mac("a", b"x"));
    assert_eq!(kek.unwrap(&wrapped, b"case 2").unwrap_err(), CryptoError::Altered);
    let error = other.unwrap(&wrapped, b"case 1").unwrap_err();
    assert_eq!(error, CryptoError::OtherKey);
    assert!(error.to_string().contains("another key-encryption key"));
    for at in 0..wrapped.len() {
        let mut altered = wrapped.clone();
        altered[at] ^= 1;
        assert!(kek.unwrap(&altered, b"case 1").is_err(), "byte {at}");
    }
    assert!(kek.unwrap(&[], b"case 1").is_err());
}

#[test]
fn an_unusable_key_file_is_named_with_what_to_do() {
    let good = KeyEncryptionKey::generate().unwrap();
    let load = |text: &str, mode| {
        let file = key_file(text, mode);
        let error = KeyEncryptionKey::load(file.path()).unwrap_err().to_string();
        assert!(error.contains(&file.path().display().to_string()), "{error}");
        error
    };
    assert!(load(&good, 0o644).contains("chmod 600"));
    assert!(load(&good, 0o640).contains("0640"));
    for bad in ["", "c2hvcnQ=", &good.repeat(2), "not base64 at all, and rather long too, forty-four"] {
        let error = load(bad, 0o600);
        assert!(error.contains("32 bytes in base64") && error.contains("openssl rand"), "{error}");
        assert!(bad.is_empty() || !error.contains(bad.trim()), "{error}");
    }
    let missing = KeyEncryptionKey::load(std::path::Path::new("/nowhere/key")).unwrap_err().to_string();
    assert!(missing.contains("/nowhere/key") && missing.contains("openssl rand"), "{missing}");
}
