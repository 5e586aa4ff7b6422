//! No byte of an archive is free: whichever one changes, the archive fails.

use tributary_archive::verify::Verdict;
use tributary_model::disposition::Disposition;

use crate::world::{Content, World, errors};

/// A small archive with every class of byte: headers, tag files, descriptors, signatures, deflated and stored parts.
fn small() -> (World, Vec<u8>) {
    let mut world = World::new(&["acme-be", "acme-fr"]);
    let contents = vec![
        Content::csv("crm/customer-0001.csv", "customer", 1, "id,name,born\n1,Zoë,1990-01-02\n".to_owned()),
        Content::attachment("a.bin", "documents", "application/octet-stream", b"\x00\x01\x02"),
    ];
    let contributions = [world.hands_over("acme-fr", contents), world.observed("acme-be", Disposition::Unreachable)];
    let bytes = world.close(&world.facts(), &contributions).unwrap().bytes;
    (world, bytes)
}

fn fails(world: &World, bytes: &[u8], what: &str) {
    let report = world.verify(bytes);
    assert_eq!(report.verdict, Verdict::Failed, "{what} goes unseen");
    assert!(!errors(&report).is_empty(), "{what} is not explained");
}

#[test]
fn every_flipped_byte_is_seen() {
    let (world, bytes) = small();
    assert_eq!(world.verify(&bytes).verdict, Verdict::Authentic);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (world, mut bytes) = (&world, bytes.clone());
            scope.spawn(move || {
                for at in (worker..bytes.len()).step_by(4) {
                    let flip = 1 << (at * 5 % 8);
                    bytes[at] ^= flip;
                    fails(world, &bytes, &format!("bit {flip} of byte {at}"));
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
            fails(&world, &bytes, &format!("bit {bit} of byte {at}"));
            bytes[at] ^= 1 << bit;
        }
    }
}

#[test]
fn bytes_that_are_added_dropped_or_doubled_are_seen() {
    let (world, bytes) = small();
    for at in (0..=bytes.len()).step_by(61).chain([bytes.len()]) {
        let (before, after) = bytes.split_at(at);
        fails(&world, &[before, b"\0", after].concat(), &format!("a byte put in at {at}"));
        if let Some((doubled, rest)) = after.split_first() {
            fails(&world, &[before, rest].concat(), &format!("a byte dropped at {at}"));
            fails(&world, &[before, &[*doubled], after].concat(), &format!("a byte doubled at {at}"));
        }
        if at < bytes.len() {
            fails(&world, before, &format!("a cut at {at}"));
        }
    }
    fails(&world, &[&bytes[..], &bytes[..]].concat(), "the archive doubled");
    fails(&world, &[b"#!/bin/sh\n", &bytes[..]].concat(), "bytes before the archive");
    fails(&world, &[&bytes[..], b"\n"].concat(), "bytes after the archive");
    fails(&world, b"", "an empty file");
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
            fails(&world, &changed, &format!("round {round}"));
        }
    }
}
