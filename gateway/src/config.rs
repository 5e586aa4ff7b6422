//! `gateway.yaml`: what a gateway needs to start. Every problem of the file is reported at once, with its place.
//!
//! `read` turns the file into these types; `start` loads what the paths point to. Relative paths count from the file's
//! own folder.

mod database;
mod delivery;
mod read;
mod schema;
mod size;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use tributary_model::group::signed::Pins;
use tributary_model::language::Language;
use tributary_model::spiffe::TrustDomain;
use tributary_model::yaml::{Place, Problem, Problems};

pub use self::database::Postgres;
pub use self::delivery::{LinkSettings, PublicUrl, Retention};
use crate::authorise::{Entities, Grant};
use crate::case::Waiting;

/// The configuration of one gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where callers connect, mTLS.
    pub listen: SocketAddr,
    /// The plaintext admin port, if there is one: `/livez`, `/readyz`, `/metrics`.
    pub admin: Option<SocketAddr>,
    /// Where the database and the staged objects are, unless said otherwise.
    pub data_dir: PathBuf,
    /// Where the staged objects are. Several processes on one database share it.
    pub objects: PathBuf,
    /// The server that holds the state, for one process or for several; otherwise SQLite in the data directory does.
    pub database: Option<Postgres>,
    /// The gateway's own certificate.
    pub identity: IdentityFiles,
    /// Ed25519 key with which mandates and archives are signed, PKCS#8 PEM.
    pub signing_key: PathBuf,
    /// The key that wraps each case's keys. Without it the gateway does not start.
    pub key_encryption_key: PathBuf,
    /// The signed group file.
    pub group: GroupFiles,
    /// Root certificates of callers' trust domains that the group file does not have.
    pub trust_domains: BTreeMap<TrustDomain, Vec<PathBuf>>,
    /// What callers may do.
    pub callers: Vec<Grant>,
    /// When cases are delivered.
    pub delivery: Delivery,
    /// How long to wait where the caller does not say.
    pub waiting: Waiting,
    /// The language that a person is addressed in where the caller does not say.
    pub language: Language,
    /// Where people download with a link, if they do.
    pub links: Option<LinkSettings>,
    /// How long archives are kept.
    pub retention: Retention,
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

/// The group file's two envelopes and the keys that must have signed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFiles {
    /// The whole file.
    pub file: PathBuf,
    /// Its public part, `trust.json` of the archives.
    pub public_part: PathBuf,
    /// The group's keys.
    pub pins: Pins,
}

/// When cases are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Days from the receipt of a request to its delivery date.
    pub after_days: u16,
    /// Days before the delivery date at which an entity that has not answered is escalated.
    pub escalate_before_days: u16,
    /// The least time that entities get, also when a case starts shortly before its delivery date or after it.
    pub least_window: Duration,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { after_days: 25, escalate_before_days: 5, least_window: Duration::from_secs(24 * 3600) }
    }
}

/// Bounds on what happens at once and how long an attempt may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Cases worked on at one entity at once.
    pub tasks_per_entity: usize,
    /// Tasks worked on at once.
    pub tasks: usize,
    /// Parts of one export fetched at once.
    pub parts_per_export: usize,
    /// Parts fetched at once over all tasks: each holds its buffers.
    pub parts: usize,
    /// Downloads at once.
    pub downloads: usize,
    /// How long a download may wait for its caller to take the next bytes, before its place goes to another.
    pub download_stall: Duration,
    /// Bytes that one entity may have staged for one case.
    pub entity_bytes: u64,
    /// Parts that one entity may have staged for one case.
    pub entity_parts: usize,
    /// Bytes of the file system that no part may take, so that archives can still be written; `None` for a twentieth of
    /// it, and at most 1 GiB.
    pub disk_reserve: Option<u64>,
    /// Failed attempts without progress after which a task is parked.
    pub failed_attempts: u32,
    /// Shortest pause between attempts.
    pub backoff_min: Duration,
    /// Longest pause between attempts.
    pub backoff_max: Duration,
    /// How long connecting to an agent may take.
    pub connect_timeout: Duration,
    /// How long an agent may take to answer a call, and to send the next bytes of a part.
    pub rpc_timeout: Duration,
    /// How long an agent may say nothing while it exports before the attempt is ended and begun anew.
    pub silence_timeout: Duration,
    /// How long a task belongs to the attempt that holds it without a sign of life.
    pub lease: Duration,
    /// How long a stop waits for calls and attempts under way.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tasks_per_entity: 4,
            tasks: 64,
            parts_per_export: 4,
            parts: 16,
            downloads: 32,
            download_stall: Duration::from_secs(60),
            entity_bytes: 64 << 30,
            entity_parts: 100_000,
            disk_reserve: None,
            failed_attempts: 5,
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            rpc_timeout: Duration::from_secs(30),
            silence_timeout: Duration::from_secs(600),
            lease: Duration::from_secs(30),
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
}

/// The JSON Schema of `gateway.yaml`.
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(schema::GatewayFile)
}

/// How entities are written in the configuration.
impl Entities {
    fn parse(texts: &[String]) -> Result<Self, tributary_model::id::InvalidId> {
        if texts.iter().any(|text| text == "*") {
            return Ok(Self::All);
        }
        texts.iter().map(|text| text.parse()).collect::<Result<_, _>>().map(Self::Only)
    }
}

/// Which waiting policy, as a word of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum WaitingWord {
    ByDeliveryDate,
    RequireComplete,
    BestEffort,
}

impl std::str::FromStr for WaitingWord {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "by_delivery_date" => Ok(Self::ByDeliveryDate),
            "require_complete" => Ok(Self::RequireComplete),
            "best_effort" => Ok(Self::BestEffort),
            _ => Err("must be by_delivery_date, require_complete or best_effort"),
        }
    }
}

#[cfg(test)]
mod tests;
