//! `agent.yaml`: what an agent needs to start. Every problem of the file is reported at once, with its place.
//!
//! `read` turns the file into these types, `quantity` reads sizes and times; `start` loads what the paths point to.
//! Relative paths count from the file's own folder.

mod database;
mod dial_out;
mod entities;
mod inbox;
mod quantity;
mod read;
mod schema;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tributary_model::group::signed::Pins;
use tributary_model::yaml::{Place, Problem, Problems};

pub use self::dial_out::{DialOut, Password, ProxySettings, WayOut};
pub use self::entities::Served;
pub use self::inbox::{InboxSettings, MailSettings, MailTls, WebhookSettings};
use crate::collect::{CollectLimits, LARGE_CELL, Sources};

/// Largest plain size of a table's part: what the archive profile allows.
pub const MAX_PART_BYTES: u64 = 64 * 1024 * 1024;
/// The same unless said otherwise. The gateway takes a part when it is whole: of a large one it would do so for long after
/// the last row.
const PART_BYTES: u64 = MAX_PART_BYTES / 2;

/// The configuration of one agent process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the gateway connects, mTLS. Without it the agent has no inbound port and dials out.
    pub listen: Option<SocketAddr>,
    /// Where the agent connects to the gateway, when it opens the connection itself.
    pub dial_out: Option<DialOut>,
    /// The plaintext admin port, if there is one: `/livez`, `/readyz`, `/metrics`.
    pub admin: Option<SocketAddr>,
    /// Where ledgers and spools are.
    pub data_dir: PathBuf,
    /// The entities that this agent serves; never none.
    pub entities: Vec<Served>,
    /// The agent's own certificate.
    pub identity: IdentityFiles,
    /// The signed group file.
    pub group: GroupSource,
    /// The entities' systems.
    pub sources: Sources,
    /// What the spool may hold.
    pub spool: SpoolLimits,
    /// What waits for people, and how they are told.
    pub inbox: InboxSettings,
    /// Limits.
    pub limits: Limits,
    /// Whether gRPC reflection is served.
    pub reflection: bool,
}

/// A certificate chain and its key, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The leaf and what stands between it and its root.
    pub certificate: PathBuf,
    /// The leaf's private key, readable by its owner only.
    pub key: PathBuf,
}

/// The group file's envelope and the keys that must have signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSource {
    /// The whole file, signed.
    pub file: PathBuf,
    /// The group's keys.
    pub pins: Pins,
}

/// What the spool may hold, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolLimits {
    /// Bytes of all exports together. One that does not fit waits.
    pub quota: u64,
    /// How long an export is kept for a gateway that does not come.
    pub keep: Duration,
}

impl Default for SpoolLimits {
    fn default() -> Self {
        Self { quota: 20 << 30, keep: Duration::from_secs(7 * 24 * 3600) }
    }
}

/// Bounds on what happens at once, how long it may take, and when it is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Walks at once. One more waits for its turn.
    pub concurrent_exports: usize,
    /// Questions whether a person is known, answered at once. One more is told to come back.
    pub concurrent_locates: usize,
    /// Parts read at once by the gateway: each holds its buffers. One more waits.
    pub concurrent_reads: usize,
    /// Exports that are not finished. One more is told to come back.
    pub open_exports: usize,
    /// How long one snapshot may be held: some databases block their writers meanwhile.
    pub snapshot_max: Duration,
    /// Walks that may take too long for their snapshot before the dataset is named as not searched.
    pub snapshot_attempts: u32,
    /// How long a system that does not answer is tried before it is named as not searched. What is signed then is final, so
    /// this is longer than a night's maintenance, and short beside a month.
    pub unavailable_for: Duration,
    /// Largest plain size of a table's part, in bytes.
    pub part_bytes: u64,
    /// Cells above this become files of their own, in bytes.
    pub large_cell: u64,
    /// Memory for what one walk remembers before it spills, in bytes.
    pub walk_memory: u64,
    /// Shortest pause between two walks of an export.
    pub retry_min: Duration,
    /// Longest pause between two walks of an export.
    pub retry_max: Duration,
    /// How long a stop waits for calls under way.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent_exports: 2,
            concurrent_locates: 4,
            concurrent_reads: 16,
            open_exports: 1000,
            snapshot_max: Duration::from_secs(60),
            snapshot_attempts: 3,
            unavailable_for: Duration::from_secs(12 * 3600),
            part_bytes: PART_BYTES,
            large_cell: LARGE_CELL,
            walk_memory: 8 << 20,
            retry_min: Duration::from_secs(5),
            retry_max: Duration::from_secs(300),
            drain: Duration::from_secs(20),
        }
    }
}

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// Everything wrong with it, each with line and column.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("cannot be read: {error}; check the path and its permissions");
            Problems(vec![Problem { file: name.clone(), place: Place::default(), message }])
        })?;
        Self::from_yaml(&name, &text, path.parent().unwrap_or(Path::new(".")))
    }

    /// Reads `text`; `file` is used in messages, `folder` is what relative paths count from.
    ///
    /// # Errors
    /// Everything wrong with it, each with line and column.
    pub fn from_yaml(file: &str, text: &str, folder: &Path) -> Result<Self, Problems> {
        read::config(file, text, folder)
    }

    /// The bounds of one walk.
    pub fn collect_limits(&self) -> CollectLimits {
        CollectLimits {
            snapshot_max: self.limits.snapshot_max,
            part_bytes: self.limits.part_bytes,
            large_cell: self.limits.large_cell,
            memory: self.limits.walk_memory,
            temp_dir: self.data_dir.join("tmp"),
        }
    }
}

/// The JSON Schema of `agent.yaml`.
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(schema::AgentFile)
}

#[cfg(test)]
mod tests;
