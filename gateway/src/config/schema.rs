//! The form of `gateway.yaml` as a JSON Schema source. A test holds it against what `read` accepts.

#![expect(dead_code, reason = "exists for its derived schema only")]

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::WaitingWord;
use crate::authorise::Verb;

/// The configuration of a gateway. Relative paths count from this file's folder.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GatewayFile {
    /// Where callers connect: address and port.
    listen: String,
    /// The plaintext admin port: address and port. Absent: none.
    admin: Option<String>,
    /// Where the database and the staged objects are, unless the keys below say otherwise.
    data_dir: String,
    /// Folder of the staged objects, encrypted; `objects` in data_dir unless said otherwise. Processes that share a
    /// database share this folder, on a volume that all of them mount.
    objects: Option<String>,
    /// A server for the state, which several processes may share. Absent: SQLite in data_dir, for one process.
    database: Option<DatabaseSection>,
    /// The gateway's own certificate.
    identity: IdentitySection,
    /// Ed25519 key that signs mandates and archives, PKCS#8 PEM.
    signing_key: String,
    /// File with the key that wraps each case's keys.
    key_encryption_key: String,
    /// The signed group file.
    group: GroupSection,
    /// Root certificate files of callers' trust domains.
    trust_domains: Option<BTreeMap<String, Vec<String>>>,
    /// What callers may do. Nobody may do what no line grants.
    callers: Option<Vec<CallerSection>>,
    /// When cases are delivered.
    delivery: Option<DeliverySection>,
    /// How long to wait where a caller does not say.
    waiting: Option<WaitingSection>,
    /// The language that a person is addressed in where a caller does not say, BCP 47; en unless said otherwise.
    language: Option<String>,
    /// Where people download archives with a link, HTTPS for browsers. Absent: no links.
    links: Option<LinksSection>,
    /// How long archives are kept before they are shredded.
    retention: Option<RetentionSection>,
    /// Limits of each process. Times are written like 30s, 5m or 2h, sizes like 512MiB or 64GiB.
    limits: Option<LimitsSection>,
    /// Whether gRPC reflection is served; true unless said otherwise.
    reflection: Option<bool>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct DatabaseSection {
    /// PostgreSQL 13 or newer. Its schema is brought up to date by `tributary migrate`, never by a start.
    postgres: PostgresSection,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct PostgresSection {
    /// `postgres://user@host:5432/database`, without a password.
    url: Option<String>,
    /// A file that holds the URL, with its password perhaps.
    url_file: Option<String>,
    /// An environment variable that holds it.
    url_env: Option<String>,
    /// The server, as its certificate names it.
    host: Option<String>,
    /// Its port; 5432 unless said otherwise.
    port: Option<u16>,
    /// The server's socket, or the socket's folder, instead of a host.
    socket: Option<String>,
    /// As whom the gateway connects.
    user: Option<String>,
    /// A file that holds the password, read at each connection.
    password_file: Option<String>,
    /// An environment variable that holds it.
    password_env: Option<String>,
    /// The database.
    database: Option<String>,
    /// `verify-full`, unless said otherwise; `{ca: FILE}` with an authority of one's own; `disable` on this machine only.
    tls: Option<TlsSection>,
    /// Connections at once, at least 2; 8 unless said otherwise. One more listens.
    connections: Option<u32>,
    /// How long a connection may take to be made; 5s unless said otherwise.
    connect_timeout: Option<String>,
}

#[derive(JsonSchema)]
#[serde(untagged)]
enum TlsSection {
    /// `verify-full` or `disable`.
    Word(String),
    /// With an authority.
    Authority(AuthoritySection),
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct AuthoritySection {
    /// PEM file of the authority that signed the server's certificate.
    ca: String,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct IdentitySection {
    /// Certificate chain, PEM.
    certificate: String,
    /// Private key, PEM.
    key: String,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct GroupSection {
    /// The signed whole.
    file: String,
    /// The signed public part.
    public_part: String,
    /// The group's public keys, `ed25519:…`.
    keys: Vec<String>,
    /// How many of them must have signed; 1 unless said otherwise.
    threshold: Option<u32>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct CallerSection {
    /// The caller's SPIFFE ID.
    spiffe_id: String,
    /// What it may do.
    verbs: Vec<Verb>,
    /// For which rights.
    rights: Vec<String>,
    /// For which entities; `*` for all.
    entities: Vec<String>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct DeliverySection {
    /// Days from receipt to the delivery date; 25 unless said otherwise.
    after_days: Option<u16>,
    /// Days before it at which missing entities are escalated; 5 unless said otherwise.
    escalate_before_days: Option<u16>,
    /// The least time that entities get, also when a case starts shortly before its delivery date or after it; 24h
    /// unless said otherwise.
    least_window: Option<String>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct WaitingSection {
    /// Which policy.
    policy: WaitingWord,
    /// The window of best_effort.
    window: Option<String>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct LinksSection {
    /// Where browsers connect: address and port.
    listen: String,
    /// How browsers reach it from outside, such as https://archive.example.org.
    public_url: String,
    /// Certificate chain, PEM, renewed in place.
    certificate: String,
    /// Private key, PEM.
    key: String,
    /// Downloads at once; 32 unless said otherwise.
    downloads: Option<u32>,
    /// Misses of one network in ten minutes, 0 for any number; 20 unless said otherwise.
    misses_per_client: Option<u32>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct RetentionSection {
    /// After the delivery, in days; 30d unless said otherwise.
    delivered: Option<String>,
    /// After it was written, when it was never delivered; 90d unless said otherwise.
    ready_undelivered: Option<String>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct LimitsSection {
    /// Cases worked on at one entity at once.
    tasks_per_entity: Option<u32>,
    /// Tasks worked on at once.
    tasks: Option<u32>,
    /// Parts of one export fetched at once.
    parts_per_export: Option<u32>,
    /// Parts fetched at once over all tasks.
    parts: Option<u32>,
    /// Downloads at once.
    downloads: Option<u32>,
    /// How long a download may wait for its caller to take the next bytes; 60s unless said otherwise.
    download_stall: Option<String>,
    /// Bytes that one entity may have staged for one case; 64GiB unless said otherwise.
    entity_bytes: Option<String>,
    /// Parts that one entity may have staged for one case; 100000 unless said otherwise, which no entity can pass.
    entity_parts: Option<u32>,
    /// Bytes of the data directory's file system that no part may take; a twentieth of it, at most 1GiB, unless said
    /// otherwise.
    disk_reserve: Option<String>,
    /// Failed attempts without progress after which a task is parked.
    failed_attempts: Option<u32>,
    /// Shortest pause between attempts.
    backoff_min: Option<String>,
    /// Longest pause between attempts.
    backoff_max: Option<String>,
    /// How long connecting to an agent may take.
    connect_timeout: Option<String>,
    /// How long an agent may take to answer a call.
    rpc_timeout: Option<String>,
    /// How long an agent may say nothing while it exports.
    silence_timeout: Option<String>,
    /// How long a task belongs to an attempt without a sign of life.
    lease: Option<String>,
    /// How long a stop waits for what is under way.
    drain: Option<String>,
}
