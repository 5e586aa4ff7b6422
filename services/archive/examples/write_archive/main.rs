//! Writes an archive for other programs to read: `write_archive FILE [small|typed|hidden|ndjson|many|large|scale]`. Prints its
//! facts.
//!
//! `small` has every kind of part, `typed` values of every type as agents write them, `hidden` marks in
//! place of such values, `ndjson` tables in lines of JSON,
//! `many` 70,000 parts, `large` more than 4 GiB with entries beyond every 32-bit limit. `scale` measures the closing of
//! 8 entities and 1,000 parts instead of writing one.

mod hidden;
mod typed;
#[path = "../../tests/archive/world.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "shared with the tests, which use the rest and may unwrap")]
mod world;

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::Instant;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use tributary_archive::bag::{Contribution, build};
use tributary_archive::digest::{Hasher, Sha256Hex};
use tributary_archive::part::{Encoding, Part, PartKind, PartPath};
use tributary_archive::preview::{self, Preview, PreviewCell};
use tributary_archive::table::Table;
use tributary_archive::verify::{VerifyOptions, verify};
use tributary_model::disposition::Disposition;
use world::{Content, World, customer, record, sample_previews};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: write_archive FILE [small|typed|hidden|ndjson|many|large|scale]";
    let path = arguments.next().ok_or(usage)?;
    match arguments.next().as_deref().unwrap_or("small") {
        "small" => sample(&path),
        "typed" => typed::write(&path),
        "hidden" => hidden::write(&path),
        "ndjson" => small(&path, lines()),
        "many" => small(&path, many(70_000)),
        "large" => large(&path),
        "scale" => scale(),
        _ => Err(usage.into()),
    }
}

fn sample(path: &str) -> Result<(), Box<dyn Error>> {
    let (world, contributions) = World::sample();
    write(path, &world, &contributions)
}

fn small(path: &str, contents: Vec<Content>) -> Result<(), Box<dyn Error>> {
    let (mut world, mut contributions) = World::sample();
    contributions[0] = world.hands_over("acme-fr", contents);
    write(path, &world, &contributions)
}

fn write(path: &str, world: &World, contributions: &[Contribution]) -> Result<(), Box<dyn Error>> {
    let bag = build(&world.facts(), contributions, &world.gateway)?;
    let mut out = BufWriter::new(File::create(path)?);
    let staged = &world.staged;
    bag.write_range(0..bag.len, &mut out, |entity, part, within, out| {
        out.write_all(&staged[&(entity.clone(), part)][within.start as usize..within.end as usize])
    })?;
    out.flush()?;
    report(world, path)
}

fn lines() -> Vec<Content> {
    let plain = "{\"id\":1,\"name\":\"Zoë\",\"born\":\"1990-01-02\"}\n{\"id\":2,\"name\":null,\"born\":null}\n";
    let mut table = Content::csv("crm/customer-0001.ndjson", "customer", 2, plain.to_owned());
    table.media_type = "application/x-ndjson";
    vec![table]
}

/// Names as a source may have them, and more of them than 16 bits count.
fn many(count: usize) -> Vec<Content> {
    let names = ["Straße/№", "CON", "a b", "100%", "=cmd", "日本語", "..", "tail."];
    let name = |number: usize| PartPath::encode(&["crm", names[number % names.len()], &format!("{number:06}.txt")]);
    (0..count)
        .map(|number| Content {
            path: name(number),
            ..Content::attachment("x", "notes", "text/plain", format!("note {number}\n").as_bytes())
        })
        .collect()
}

/// Plain bytes of each of the two large parts: more than 32 bits count.
const LARGE: u64 = (4 << 30) + (100 << 20);

/// Plain content that costs nothing to make and is not all one byte.
fn block(number: u64) -> Vec<u8> {
    let mut block = vec![0; 1 << 20];
    for (at, run) in (0..).zip(block.chunks_mut(4 << 10)) {
        run.fill((number.wrapping_mul(31) ^ at) as u8);
    }
    block
}

fn large(path: &str) -> Result<(), Box<dyn Error>> {
    let (mut world, _) = World::sample();
    // Deflated: large when plain, small as carried. Stored: large both ways. Then entries that begin beyond 4 GiB.
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(1));
    let mut parts = Vec::new();
    for (index, encoding) in [(1, Encoding::Deflate), (2, Encoding::Identity)] {
        let (mut sha, mut crc) = (Hasher::new(), crc32fast::Hasher::new());
        for number in 0..LARGE >> 20 {
            let block = block(number);
            sha.update(&block);
            crc.update(&block);
            if encoding == Encoding::Deflate {
                encoder.write_all(&block)?;
            }
        }
        parts.push(part(index, encoding, LARGE, crc.finalize(), sha.finish()));
    }
    let deflated = encoder.finish()?;
    (parts[0].encoded_bytes, parts[0].encoded_sha256) = (deflated.len() as u64, Sha256Hex::of(&deflated));
    for index in 3..103 {
        let text = format!("note {index}\n");
        let plain = text.as_bytes();
        parts.push(part(index, Encoding::Identity, plain.len() as u64, crc32fast::hash(plain), Sha256Hex::of(plain)));
    }
    let attestation = world.attestation("acme-fr", Disposition::Fulfilled, &parts, &[]);
    let mut contributions = standing(&mut world);
    contributions.push(world.contribution(&attestation, Vec::new(), parts));
    let bag = build(&world.facts(), &contributions, &world.gateway)?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    bag.write_range(0..bag.len, &mut out, |_, part, _, out| match part {
        1 => out.write_all(&deflated),
        2 => (0..LARGE >> 20).try_for_each(|number| out.write_all(&block(number))),
        index => out.write_all(format!("note {index}\n").as_bytes()),
    })?;
    out.flush()?;
    report(&world, path)
}

fn part(index: u32, encoding: Encoding, bytes: u64, crc32: u32, sha256: Sha256Hex) -> Part {
    Part {
        index,
        path: PartPath::encode(&["files", &format!("{index:04}.bin")]),
        dataset: "crm".parse().unwrap_or_else(|_| unreachable!("a fides key")),
        collection: "files".to_owned(),
        kind: PartKind::Attachment,
        media_type: "application/octet-stream".to_owned(),
        encoding,
        rows: 0,
        bytes,
        encoded_bytes: bytes,
        crc32,
        sha256,
        encoded_sha256: sha256,
    }
}

/// The entities of the sample that hand nothing over.
fn standing(world: &mut World) -> Vec<Contribution> {
    vec![
        world.says("acme-be", Disposition::NoData),
        world.observed("acme-nl", Disposition::Unreachable),
        world.says("acme-de", Disposition::PartlyFulfilled),
    ]
}

fn scale() -> Result<(), Box<dyn Error>> {
    let ids: Vec<String> = (0..8).map(|number| format!("acme-{number}")).collect();
    let mut world = World::new(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    // Parts of each entity, and rows and bytes per row of the preview of each of its 16 collections.
    for (parts, rows, width) in
        [(16, 0, 0), (125, 0, 0), (125, 20, 30), (125, 200, 30), (125, 200, 1_200), (1_250, 20, 30)]
    {
        let contributions: Vec<Contribution> =
            ids.iter().map(|id| presented(&mut world, id, parts, rows, width)).collect();
        let facts = world.facts();
        let (mut best, mut bag) = (f64::MAX, None);
        for _ in 0..10 {
            let begun = Instant::now();
            bag = Some(build(&facts, &contributions, &world.gateway)?);
            best = best.min(begun.elapsed().as_secs_f64() * 1e3);
        }
        let (generated, parts) = (bag.map_or(0, |bag| bag.generated.len()), parts * 8);
        let previewed: usize = contributions.iter().map(|c| preview::to_file(&c.previews).len()).sum();
        println!(
            "8 entities, {parts:>6} parts, {previewed:>8} bytes of previews: closed in {best:.1} ms, {generated} bytes generated"
        );
    }
    Ok(())
}

/// What an entity with 16 collections hands over.
fn presented(world: &mut World, id: &str, parts: usize, rows: usize, width: usize) -> Contribution {
    let name = |number: usize| format!("customer{:02}", number % 16);
    let shown = rows.max(1) as u64;
    let contents: Vec<Content> = (0..parts)
        .map(|number| {
            let plain = "id,name,born\n1,Zoë,\n".to_owned();
            Content::csv(&format!("crm/{}-{number:04}.csv", name(number)), &name(number), shown, plain)
        })
        .collect();
    let tables = (0..16).map(|number| Table { collection: name(number), ..customer() }).collect();
    let text = |text: String| PreviewCell::Text(text);
    let row = |number: usize| vec![text(number.to_string()), text("n".repeat(width)), text("1990-01-02".to_owned())];
    let previews = (0..if rows == 0 { 0 } else { 16 }).map(|number| {
        let of = |content: &&Content| content.collection == name(number);
        Preview {
            collection: name(number),
            total_rows: shown * contents.iter().filter(of).count() as u64,
            rows: (0..rows).map(row).collect(),
            ..sample_previews().remove(1)
        }
    });
    let previews = previews.collect();
    world.describes(id, contents, tables, previews, Some(record()))
}

fn report(world: &World, path: &str) -> Result<(), Box<dyn Error>> {
    let pins = world.pins();
    let begun = Instant::now();
    let report = verify(&mut File::open(path)?, VerifyOptions { group: Some(&pins), predecessor: None });
    let files = report.summary.as_ref().map_or(0, |summary| summary.files);
    let bytes = std::fs::metadata(path)?.len();
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "case {}: {bytes} bytes, {files} files, {}, checked in {seconds:.2} s",
        world.case,
        report.verdict.as_str()
    );
    println!("group key {}", world.root.public());
    for finding in &report.findings {
        println!("{finding}");
    }
    if report.findings.is_empty() { Ok(()) } else { Err("the archive does not verify".into()) }
}
