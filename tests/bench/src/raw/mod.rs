//! The raw programs: what a budget is a multiple of. Each does the plain work of one part of the product by the shortest
//! way, with the same drivers and libraries below, and none of the product's own code.

pub(crate) mod encode;
pub(crate) mod receive;
pub(crate) mod served;
mod small;
pub(crate) mod stream;
pub(crate) mod tls;

use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::child::Took;

/// A raw program with what it needs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Program {
    /// Reads rows of a SQLite file, encodes them as CSV and deflates them; drops the result.
    Encode {
        /// The file.
        database: PathBuf,
        /// One query per table.
        queries: Vec<String>,
    },
    /// The same for rows of a server.
    EncodeServed {
        /// The database.
        source: served::Source,
        /// One query per table.
        queries: Vec<String>,
    },
    /// Sends the parts in a folder over one mTLS connection to each who asks.
    Send {
        /// The parts.
        parts: PathBuf,
        /// Certificates.
        tls: PathBuf,
    },
    /// Receives parts over mTLS, inflates them for CRC-32 and SHA-256, encrypts and writes them, one sync a part.
    Receive {
        /// Where the sender listens.
        port: u16,
        /// Where the parts go.
        into: PathBuf,
        /// Certificates.
        tls: PathBuf,
    },
    /// One entity of small cases.
    SmallAgent {
        /// The entity's database.
        database: PathBuf,
        /// Where its ledger and spool are.
        folder: PathBuf,
        /// Certificates.
        tls: PathBuf,
    },
    /// The gateway of small cases: runs them all.
    SmallGateway {
        /// Where the agents listen.
        ports: Vec<u16>,
        /// How many.
        cases: u64,
        /// How many at a time.
        at_once: usize,
        /// Bytes of an archive that are no part's.
        generated: usize,
        /// Where its state and objects are.
        folder: PathBuf,
        /// Certificates.
        tls: PathBuf,
    },
    /// Serves the parts in a folder as gRPC streams.
    ServeStream {
        /// The parts.
        parts: PathBuf,
        /// Certificates.
        tls: PathBuf,
    },
    /// Reads all parts as gRPC streams, and drops them.
    ReadStream {
        /// Where the server listens.
        port: u16,
        /// How many there are.
        parts: u32,
        /// Certificates.
        tls: PathBuf,
    },
}

impl Program {
    /// Runs it in this process and prints what it took, or its port when it serves.
    pub(crate) fn run(self) -> Result<()> {
        let took = match self {
            Self::Encode { database, queries } => encode::run(&database, &queries)?,
            Self::EncodeServed { source, queries } => served::run(&source, &queries)?,
            Self::Send { parts, tls } => return receive::send(&parts, &tls),
            Self::Receive { port, into, tls } => receive::run(port, &into, &tls)?,
            Self::SmallAgent { database, folder, tls } => return small::agent::serve(&database, &folder, &tls),
            Self::SmallGateway { ports, cases, at_once, generated, folder, tls } => {
                small::gateway::run(&ports, cases, at_once, generated, &folder, &tls)?
            }
            Self::ServeStream { parts, tls } => return stream::serve(&parts, &tls),
            Self::ReadStream { port, parts, tls } => stream::read(port, parts, &tls)?,
        };
        say(&took)
    }
}

fn say(took: &Took) -> Result<()> {
    println!("{}", serde_json::to_string(took)?);
    Ok(())
}
