//! No byte of an archive is free: whichever one changes, the archive fails, or is called repacked when nothing that was
//! signed has changed.

use std::ops::Range;

use tributary_archive::verify::{Severity, Verdict};
use tributary_model::disposition::Disposition;

use crate::world::{Content, World, errors, record, sample_previews};

/// A small archive with every class of byte: headers, tag files, descriptors, signatures, deflated and stored parts.
fn small() -> (World, Vec<u8>) {
    let mut world = World::new(&["acme-be", "acme-fr"]);
    let contents = vec![
        Content::csv("crm/customer-0001.csv", "customer", 1, "id,name,born\n1,Zoë,1990-01-02\n".to_owned()),
        Content::attachment("a.bin", "documents", "application/octet-stream", b"\x00\x01\x02"),
    ];
    let mut previews = sample_previews().split_off(1);
    previews[0].total_rows = 1;
    previews[0].rows.truncate(1);
    let french = world.presents("acme-fr", contents, previews, Some(record()));
    let contributions = [french, world.observed("acme-be", Disposition::Unreachable)];
    let bytes = world.close(&world.facts(), &contributions).unwrap().bytes;
    (world, bytes)
}

fn is_seen(world: &World, bytes: &[u8], what: &str) -> Verdict {
    let report = world.verify(bytes);
    let explained = match report.verdict {
        Verdict::Failed => !errors(&report).is_empty(),
        Verdict::Repacked => report.findings.iter().any(|finding| finding.severity == Severity::Container),
        Verdict::Authentic | Verdict::Consistent => panic!("{what} goes unseen"),
    };
    assert!(explained, "{what} is not explained");
    report.verdict
}

/// Where the stored files' contents lie.
fn stored_contents(bytes: &[u8]) -> Vec<Range<usize>> {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let mut contents = Vec::new();
    let mut at = 0;
    while bytes[at..at + 4] == *b"PK\x03\x04" {
        let start = at + 30 + u16_at(at + 26) + u16_at(at + 28);
        let is_stored = u16_at(at + 8) == 0;
        at = start + u32::from_le_bytes(bytes[at + 18..at + 22].try_into().unwrap()) as usize;
        contents.extend(is_stored.then_some(start..at));
    }
    contents
}

#[test]
fn every_flipped_byte_is_seen() {
    let (world, bytes) = small();
    assert_eq!(world.verify(&bytes).verdict, Verdict::Authentic);
    let contents = stored_contents(&bytes);
    assert_eq!(contents.len(), 17, "every file but the one deflated part");
    let contents = &contents;
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (world, mut bytes) = (&world, bytes.clone());
            scope.spawn(move || {
                for at in (worker..bytes.len()).step_by(4) {
                    // One digest covers all of a file: of a long one, some bytes stand for the others.
                    let long = contents.iter().find(|content| content.contains(&at) && content.len() > 512);
                    if long.is_some_and(|content| at % (content.len() / 60) != 0) {
                        continue;
                    }
                    let flip = 1 << (at * 5 % 8);
                    bytes[at] ^= flip;
                    let verdict = is_seen(world, &bytes, &format!("bit {flip} of byte {at}"));
                    let inside = contents.iter().any(|content| content.contains(&at));
                    assert!(!inside || verdict == Verdict::Failed, "byte {at} of a file changed");
                    bytes[at] ^= flip;
                }
            });
        }
    });
}

#[test]
fn every_bit_of_headers_is_seen() {
    let (world, mut bytes) = small();
    let local = bytes.windows(4).enumerate().filter(|(_, w)| w == b"PK\x03\x04").map(|(at, _)| at..at + 30);
    let central = bytes.windows(4).enumerate().filter(|(_, w)| w == b"PK\x01\x02").map(|(at, _)| at..at + 46);
    let end = bytes.len() - 22..bytes.len();
    let all: Vec<usize> = local.take(2).chain(central.take(2)).chain([end]).flatten().collect();
    assert_eq!(all.len(), 2 * 30 + 2 * 46 + 22);
    for at in all {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            is_seen(&world, &bytes, &format!("bit {bit} of byte {at}"));
            bytes[at] ^= 1 << bit;
        }
    }
}

#[test]
fn bytes_that_are_added_dropped_or_doubled_are_seen() {
    let (world, bytes) = small();
    for at in (0..=bytes.len()).step_by(bytes.len() / 300).chain([bytes.len()]) {
        let (before, after) = bytes.split_at(at);
        is_seen(&world, &[before, b"\0", after].concat(), &format!("a byte put in at {at}"));
        if let Some((doubled, rest)) = after.split_first() {
            is_seen(&world, &[before, rest].concat(), &format!("a byte dropped at {at}"));
            is_seen(&world, &[before, &[*doubled], after].concat(), &format!("a byte doubled at {at}"));
        }
        if at < bytes.len() {
            is_seen(&world, before, &format!("a cut at {at}"));
        }
    }
    is_seen(&world, &[&bytes[..], &bytes[..]].concat(), "the archive doubled");
    is_seen(&world, &[b"#!/bin/sh\n", &bytes[..]].concat(), "bytes before the archive");
    is_seen(&world, &[&bytes[..], b"\n"].concat(), "bytes after the archive");
    is_seen(&world, b"", "an empty file");
}

#[test]
fn no_run_of_random_changes_goes_unseen_or_panics() {
    let (world, bytes) = small();
    let mut state = 42_u64;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    let interesting = [0, 1, 0x7f, 0x80, 0xff, b'P', b'"', b'{', b'0', b'/'];
    for round in 0..1_500 {
        let mut changed = bytes.clone();
        for _ in 0..1 + next(4) {
            let at = next(changed.len());
            let until = (at + 1 + next(40)).min(changed.len());
            match next(5) {
                0 => changed[at] = interesting[next(interesting.len())],
                1 => drop(changed.drain(at..until)),
                2 => {
                    let run = changed[at..until].to_vec();
                    let to = next(changed.len());
                    changed.splice(to..to, run);
                }
                3 => changed[at..until].fill(0xff),
                _ => changed[at..until].reverse(),
            }
        }
        if changed != bytes {
            is_seen(&world, &changed, &format!("round {round}"));
        }
    }
}
