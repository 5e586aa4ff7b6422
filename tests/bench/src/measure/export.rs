//! A large export end to end: text of one person from SQLite through agent and gateway into an archive.
//!
//! Held against: its slowest raw stage run alone (rows read, encoded and deflated; the carried bytes as a gRPC stream),
//! a raw receiver's CPU time for the gateway's part, and the memory that streams and buffers may take.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use rusqlite::Connection;
use tempfile::TempDir;
use tributary_tests::fixture::Library;
use tributary_tests::group::{EntityPlan, Plan};
use tributary_tests::memory::{GIB, KIB, MIB, mib};

use super::Scale;
use super::stand::{Run, Stand};
use crate::child::{self, Took};
use crate::figure::{Figures, least, time, times};
use crate::fixture::EMAIL;
use crate::raw::{Program, tls};

const ENTITY: &str = "alpha-be";
const DATASET: &str = "library";
/// Text in one row.
const DOCUMENT: u64 = 2 * KIB;
const PART: u64 = 64 * MIB;
const QUERY: &str = "SELECT id, person_id, version, body FROM document WHERE person_id = 1 ORDER BY id";
/// Parts of one export that are fetched at once, and the announcements.
const STREAMS: u64 = 4 + 1;

/// The raw programs' side.
struct Raw {
    folder: TempDir,
    encode: Program,
    parts: u32,
}

/// What all turns took.
#[derive(Default)]
struct Turns {
    product: Vec<Duration>,
    gateway: Vec<Duration>,
    agent: Vec<Duration>,
    encode: Vec<Duration>,
    encode_cpu: Vec<Duration>,
    stream: Vec<Duration>,
    receive: Vec<Duration>,
    text: u64,
}

pub(super) async fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let library = Library {
        key: DATASET.to_owned(),
        email: EMAIL.to_owned(),
        bytes: scale.text,
        document: DOCUMENT,
        dense: false,
        seed: 6,
    };
    let stand = Stand::start(&Plan::new(vec![EntityPlan::new(ENTITY, "BE").holds(library)]), &[ENTITY]).await?;
    let raw = Raw::prepare(&stand.group.database(ENTITY, DATASET)?)?;
    let (gateway_idle, agent_idle) = stand.at_rest()?;
    let mut turns = Turns::default();
    for _ in 0..scale.turns {
        raw.turn(&mut turns)?;
        let run = stand.case(EMAIL).await?;
        turns.add(&run);
    }
    let (gateway_peak, agent_peak) = stand.peaks()?;
    turns.tell(figures);
    let budget = gateway_idle + 41 * KIB + STREAMS * (256 + 140) * KIB + 4 * 256 * KIB;
    let budget = budget + budget / 4;
    figures.within(
        "gateway memory, one agent streaming",
        format!("{} idle, {} at most", mib(gateway_idle), mib(gateway_peak)),
        format!("≤ {}", mib(budget)),
        gateway_peak <= budget,
    );
    figures.within(
        "agent memory, the same",
        format!("{} idle, {} at most", mib(agent_idle), mib(agent_peak)),
        format!("< {}", mib(agent_idle + 48 * MIB)),
        agent_peak < agent_idle + 48 * MIB,
    );
    Ok(())
}

impl Turns {
    fn add(&mut self, run: &Run) {
        self.product.push(run.wall);
        self.gateway.push(run.gateway);
        self.agent.push(run.agents);
    }

    fn tell(&self, figures: &mut Figures) {
        let rate = |wall: Duration| format!("{:.0} MiB/s", self.text as f64 / MIB as f64 / wall.as_secs_f64());
        let per_gib = |cpu: Duration| cpu.mul_f64(GIB as f64 / self.text as f64);
        let (product, encode, stream) = (least(&self.product), least(&self.encode), least(&self.stream));
        let slowest = encode.max(stream);
        let what = format!("large export, {} of text, rows to archive", mib(self.text));
        let stages = format!("{} rows to deflated CSV; {} as a gRPC stream", rate(encode), rate(stream));
        figures.at_least(&what, rate(product), stages, times(slowest, product), 0.7);
        let (agent, encode) = (per_gib(least(&self.agent)), per_gib(least(&self.encode_cpu)));
        figures.told("agent CPU per GiB of that text", time(agent), time(encode));
        let (gateway, receive) = (per_gib(least(&self.gateway)), per_gib(least(&self.receive)));
        let ratio = times(gateway, receive);
        figures.at_most("gateway CPU per GiB of text carried", time(gateway), time(receive), ratio, 1.5);
    }
}

impl Raw {
    /// Certificates, and the parts that a raw sender sends.
    fn prepare(database: &Path) -> Result<Self> {
        let folder = TempDir::new()?;
        for name in ["tls", "parts", "received"] {
            std::fs::create_dir(folder.path().join(name))?;
        }
        tls::make(&folder.path().join("tls"))?;
        let parts = write_parts(database, &folder.path().join("parts"))?;
        let encode = Program::Encode { database: database.to_owned(), queries: vec![QUERY.to_owned()] };
        Ok(Self { folder, encode, parts })
    }

    fn turn(&self, turns: &mut Turns) -> Result<()> {
        let at = |name: &str| self.folder.path().join(name);
        let encode: Took = child::run(&self.encode)?;
        turns.text = encode.bytes;
        turns.encode.push(encode.wall);
        turns.encode_cpu.push(encode.cpu);
        let (_server, port) = child::serve(&Program::ServeStream { parts: at("parts"), tls: at("tls") })?;
        turns.stream.push(child::run(&Program::ReadStream { port, parts: self.parts, tls: at("tls") })?.wall);
        let (_sender, port) = child::serve(&Program::Send { parts: at("parts"), tls: at("tls") })?;
        let received = child::run(&Program::Receive { port, into: at("received"), tls: at("tls") })?;
        turns.receive.push(received.cpu.mul_f64(encode.bytes as f64 / received.bytes as f64));
        Ok(())
    }
}

/// Writes the person's text as parts, as an agent would; gives their number.
fn write_parts(database: &Path, folder: &Path) -> Result<u32> {
    let connection = Connection::open(database)?;
    let mut table = csv::Writer::from_writer(Vec::new());
    crate::raw::encode::encode(&connection, QUERY, &mut table)?;
    let text = table.into_inner()?;
    let mut rest = text.as_slice();
    let mut parts = 0;
    while !rest.is_empty() {
        parts += 1;
        let file = File::create(folder.join(format!("{parts:06}")))?;
        let mut deflate = DeflateEncoder::new(file, Compression::new(1));
        let taken = std::io::copy(&mut rest.take(PART), &mut deflate)?;
        rest = &rest[usize::try_from(taken)?..];
        deflate.finish()?.flush()?;
    }
    Ok(parts)
}
