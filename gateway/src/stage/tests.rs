//! Promises of receiving a part: what is not as announced is never staged, and leaves nothing behind.

use std::io::Read;

use flate2::{Compress, Compression, FlushCompress};
use jiff::Timestamp;
use tempfile::TempDir;
use tributary_archive::digest::Sha256Hex;
use tributary_archive::part::PartKind;

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

    fn receive(&self, part: Part, bytes: &[u8], step: usize) -> Result<Staged, StageError> {
        let mut receiver = Receiver::begin(part, &self.objects, self.case, &self.key).unwrap();
        for piece in bytes.chunks(step) {
            receiver.push(piece)?;
        }
        receiver.finish()
    }

    /// Why a part is refused; nothing may be left of it.
    fn refuse(&self, part: Part, bytes: &[u8]) -> PartFault {
        let outcome = self.receive(part, bytes, 4096);
        let files = std::fs::read_dir(self.folder.path().join("objects").join(self.case.to_string()));
        assert_eq!(files.map_or(0, Iterator::count), 0, "something is left of a part that was refused");
        match outcome {
            Err(StageError::Agent(fault)) => fault,
            other => panic!("expected a fault of the agent, got {other:?}"),
        }
    }

    fn stored(&self, staged: &Staged) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.objects.read(self.case, &self.key, &staged.object).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }
}

fn deflated(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() + 1024);
    Compress::new(Compression::new(1), false).compress_vec(plain, &mut out, FlushCompress::Finish).unwrap();
    out
}

fn describe(plain: &[u8], carried: &[u8], encoding: Encoding) -> Part {
    Part {
        index: 1,
        path: "crm/a.csv".parse().unwrap(),
        dataset: "crm".parse().unwrap(),
        collection: "a".to_owned(),
        kind: PartKind::Table,
        media_type: "text/csv".to_owned(),
        encoding,
        rows: 1,
        bytes: plain.len() as u64,
        encoded_bytes: carried.len() as u64,
        crc32: crc32fast::hash(plain),
        sha256: Sha256Hex::of(plain),
        encoded_sha256: Sha256Hex::of(carried),
    }
}

fn sample() -> (Vec<u8>, Vec<u8>) {
    let plain: Vec<u8> = (0..200_000_u32).flat_map(|i| (i % 977).to_le_bytes()).collect();
    let carried = deflated(&plain);
    (plain, carried)
}

#[test]
fn an_honest_part_is_staged_as_carried_in_whatever_pieces_it_comes() {
    let place = Place::new();
    let (plain, carried) = sample();
    for step in [1, 7, 4096, 1 << 20] {
        let staged = place.receive(describe(&plain, &carried, Encoding::Deflate), &carried, step).unwrap();
        assert_eq!(place.stored(&staged), carried);
    }
    let staged = place.receive(describe(&plain, &plain, Encoding::Identity), &plain, 65_536).unwrap();
    assert_eq!(place.stored(&staged), plain);
}

#[test]
fn a_part_without_content_is_a_part() {
    let place = Place::new();
    let nothing = deflated(b"");
    place.receive(describe(b"", &nothing, Encoding::Deflate), &nothing, 1).unwrap();
    place.receive(describe(b"", b"", Encoding::Identity), b"", 1).unwrap();
}

#[test]
fn plain_content_that_fills_the_buffer_exactly_is_followed_to_its_end() {
    let place = Place::new();
    for size in [32 * 1024 - 1, 32 * 1024, 32 * 1024 + 1, 64 * 1024, 3 * 32 * 1024] {
        let plain = vec![7_u8; size];
        let carried = deflated(&plain);
        for step in [1, carried.len()] {
            place.receive(describe(&plain, &carried, Encoding::Deflate), &carried, step).unwrap();
        }
    }
}

#[test]
fn every_number_and_digest_of_the_descriptor_is_held_to() {
    let place = Place::new();
    let (plain, carried) = sample();
    let honest = describe(&plain, &carried, Encoding::Deflate);
    let other = Sha256Hex::of(b"other");
    let lies = [
        (Part { bytes: honest.bytes - 1, ..honest.clone() }, PartFault::PlainSize),
        (Part { bytes: honest.bytes + 1, ..honest.clone() }, PartFault::PlainSize),
        (Part { encoded_bytes: honest.encoded_bytes - 1, ..honest.clone() }, PartFault::TooLong),
        (Part { encoded_bytes: honest.encoded_bytes + 1, ..honest.clone() }, PartFault::TooShort),
        (Part { crc32: honest.crc32 ^ 1, ..honest.clone() }, PartFault::Digest("CRC-32")),
        (Part { sha256: other, ..honest.clone() }, PartFault::Digest("SHA-256")),
        (Part { encoded_sha256: other, ..honest.clone() }, PartFault::Digest("SHA-256 as carried")),
    ];
    for (lie, fault) in lies {
        assert_eq!(place.refuse(lie, &carried), fault);
    }
    let plain_lie = Part { sha256: other, encoded_sha256: other, ..describe(&plain, &plain, Encoding::Identity) };
    assert_eq!(place.refuse(plain_lie, &plain), PartFault::Digest("SHA-256 as carried"));
}

#[test]
fn a_deflate_stream_ends_with_the_last_byte_and_not_before_or_after() {
    let place = Place::new();
    let (plain, carried) = sample();
    let more = [carried.as_slice(), b"x"].concat();
    assert_eq!(place.refuse(describe(&plain, &more, Encoding::Deflate), &more), PartFault::Deflate);
    let less = &carried[..carried.len() - 1];
    assert_eq!(place.refuse(describe(&plain, less, Encoding::Deflate), less), PartFault::Deflate);
    let twice = [carried.as_slice(), carried.as_slice()].concat();
    assert_eq!(place.refuse(describe(&plain, &twice, Encoding::Deflate), &twice), PartFault::Deflate);
    assert_eq!(place.refuse(describe(&plain, &plain, Encoding::Deflate), &plain), PartFault::Deflate);
}

#[test]
fn a_part_that_would_inflate_beyond_its_size_is_stopped_there() {
    let place = Place::new();
    let bomb = deflated(&vec![0; 50_000_000]);
    let announced = describe(&[0; 1000], &bomb, Encoding::Deflate);
    let mut receiver = Receiver::begin(announced, &place.objects, place.case, &place.key).unwrap();
    let refused = bomb.chunks(16).position(|piece| receiver.push(piece).is_err());
    assert!(refused.is_some_and(|position| position < 8), "it was inflated further than announced: {refused:?}");
}

#[test]
fn paths_of_parts_do_not_print() {
    let place = Place::new();
    let part = Part { path: "crm/anna.pdf".parse().unwrap(), ..describe(b"", b"", Encoding::Identity) };
    let receiver = Receiver::begin(part, &place.objects, place.case, &place.key).unwrap();
    assert!(!format!("{receiver:?}").contains("anna"));
    assert!(!format!("{:?}", receiver.finish().unwrap()).contains("anna"));
}
