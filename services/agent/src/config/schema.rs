//! The form of `agent.yaml` as a JSON Schema source. A test holds it against what `read` accepts.

#![expect(dead_code, reason = "exists for its derived schema only")]

use std::collections::BTreeMap;

use schemars::JsonSchema;

/// The configuration of an agent. Relative paths count from this file's folder.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentFile {
    /// Where the gateway connects: address and port. Absent: no inbound port; then `dial_out` is needed.
    listen: Option<String>,
    /// For an agent that opens the connection to the gateway itself.
    dial_out: Option<DialOutSection>,
    /// The plaintext admin port: address and port. Absent: none.
    admin: Option<String>,
    /// Where the ledger and the spool are; of several entities, in a folder for each.
    data_dir: String,
    /// The entity that this agent serves, as the group file names it.
    entity: Option<String>,
    /// In place of `entity` and `signing_key`: the entities that this agent serves, when it serves several.
    entities: Option<Vec<EntitySection>>,
    /// The agent's own certificate.
    identity: IdentitySection,
    /// The signed group file.
    group: GroupSection,
    /// File with the key that wraps each export's key; of several entities, for those that name none of their own.
    key_encryption_key: Option<String>,
    /// Ed25519 key that signs the entity's attestations, PKCS#8 PEM.
    signing_key: Option<String>,
    /// Fideslang files, and folders of them. They may be absent when each of several entities has its own.
    manifests: Option<Vec<String>>,
    /// The database of each dataset. A declared dataset that is absent here is named as not searched.
    databases: Option<BTreeMap<String, DatabaseSection>>,
    /// What the spool may hold.
    spool: Option<SpoolSection>,
    /// What waits for people at the entity, and how they are told.
    inbox: Option<InboxSection>,
    /// Limits. Times are written like 30s, 2h or 7d, sizes like 512MiB.
    limits: Option<LimitsSection>,
    /// Whether gRPC reflection is served; true unless said otherwise.
    reflection: Option<bool>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct EntitySection {
    /// The entity, as the group file names it.
    id: String,
    /// Ed25519 key that signs its attestations, PKCS#8 PEM. Each entity has its own.
    signing_key: String,
    /// File with the key that wraps its exports' keys; unless said here, the one for all.
    key_encryption_key: Option<String>,
    /// Fideslang files, and folders of them, about systems of this entity alone.
    manifests: Option<Vec<String>>,
    /// What waits for this entity's people, where it differs from what holds for all.
    inbox: Option<EntityInboxSection>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct EntityInboxSection {
    /// Whether a person decides on each export of this entity; unless said here, as for all.
    decide: Option<bool>,
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
struct DialOutSection {
    /// Where the gateway is, host:port each: one address of a balancer, or one for each of its processes.
    gateways: Vec<String>,
    /// `environment` for what HTTPS_PROXY and NO_PROXY say, or a proxy. Absent: directly, whatever the environment says.
    proxy: Option<WayOutSection>,
    /// Longest pause before the first attempt to connect again, which doubles with each that fails; 500ms unless said otherwise.
    retry_min: Option<String>,
    /// Longest pause at all; 30s unless said otherwise.
    retry_max: Option<String>,
    /// Between two pings, which keep the connection alive and find out when it is dead; 15s unless said otherwise.
    keepalive: Option<String>,
    /// How long dialling, the answer to a ping, and the gateway's first call may take; 10s unless said otherwise.
    timeout: Option<String>,
}

#[derive(JsonSchema)]
#[serde(untagged)]
enum WayOutSection {
    /// `environment`.
    Environment(String),
    /// This proxy.
    Proxy(ProxySection),
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProxySection {
    /// `http://host:port` or `https://host:port`.
    url: String,
    /// User name for Basic authentication.
    username: Option<String>,
    /// File with the password, readable by its owner only.
    password_file: Option<String>,
    /// Environment variable with the password.
    password_env: Option<String>,
    /// PEM file of the authority that vouches for a proxy with `https://`.
    ca: Option<String>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct GroupSection {
    /// The signed whole.
    file: String,
    /// The group's public keys, `ed25519:…`.
    keys: Vec<String>,
    /// How many of them must have signed; 1 unless said otherwise.
    threshold: Option<u32>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct DatabaseSection {
    /// A SQLite file. It is opened read-only.
    sqlite: Option<String>,
    /// A PostgreSQL server.
    postgres: Option<ServerSection>,
    /// A MySQL or MariaDB server.
    mysql: Option<ServerSection>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct ServerSection {
    /// `postgres://user@host:5432/database` or `mysql://user@host:3306/database`, without a password.
    url: Option<String>,
    /// File with such a URL; here it may hold the password.
    url_file: Option<String>,
    /// Environment variable with such a URL; here it may hold the password.
    url_env: Option<String>,
    /// The server's name, as its certificate has it, or its address.
    host: Option<String>,
    /// Its port; 5432 or 3306 unless said otherwise.
    port: Option<u16>,
    /// A Unix socket instead; for PostgreSQL its folder will do, and port 5432 is meant.
    socket: Option<String>,
    /// As whom to connect. The user needs to read the declared tables, and nothing else.
    user: Option<String>,
    /// File with the password, read whenever a connection is made.
    password_file: Option<String>,
    /// Environment variable with the password.
    password_env: Option<String>,
    /// The database; unless said here, the one that the manifest's namespace names.
    database: Option<String>,
    /// PostgreSQL: the schema; unless said here, the manifest's, or the user's search path.
    schema: Option<String>,
    /// `verify-full` (unless said otherwise), `{ca: file}` with the PEM file of an authority, or `disable` for loopback.
    tls: Option<TlsSection>,
    /// Connections at once, over all requests; 4 unless said otherwise.
    connections: Option<u32>,
    /// Rows read a second, over all requests; as many as come unless said otherwise.
    rows_per_second: Option<u32>,
    /// How long one statement may take; 5m unless said otherwise.
    statement_timeout: Option<String>,
    /// How long one snapshot may be held; 30m unless said otherwise.
    snapshot_max: Option<String>,
    /// How long a connection may take to be made or to become free; 10s unless said otherwise.
    connect_timeout: Option<String>,
}

#[derive(JsonSchema)]
#[serde(untagged)]
enum TlsSection {
    /// `verify-full` or `disable`.
    Mode(String),
    /// An authority of one's own.
    Authority(AuthoritySection),
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct AuthoritySection {
    /// PEM file with its certificate.
    ca: String,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct SpoolSection {
    /// Bytes of all exports together; 20GiB unless said otherwise.
    quota: Option<String>,
    /// How long an export is kept for a gateway that does not come; 7d unless said otherwise.
    keep: Option<String>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct LimitsSection {
    /// Walks at once.
    concurrent_exports: Option<u32>,
    /// Questions whether a person is known, answered at once.
    concurrent_locates: Option<u32>,
    /// Parts read at once by the gateway.
    concurrent_reads: Option<u32>,
    /// Exports that are not finished.
    open_exports: Option<u32>,
    /// How long one snapshot may be held.
    snapshot_max: Option<String>,
    /// Walks that may take too long before the dataset is named as not searched.
    snapshot_attempts: Option<u32>,
    /// How long a system that does not answer is tried before it is named as not searched; 12h unless said otherwise.
    unavailable_for: Option<String>,
    /// Largest plain size of a table's part, 64KiB to 64MiB; 32MiB when not said.
    part_bytes: Option<String>,
    /// Cells above this become files of their own, 1KiB to 1MiB, which is the default.
    large_cell: Option<String>,
    /// Memory for what one walk remembers before it spills.
    walk_memory: Option<String>,
    /// Shortest pause between two walks of an export.
    retry_min: Option<String>,
    /// Longest pause between two walks of an export.
    retry_max: Option<String>,
    /// How long a stop waits for calls under way.
    drain: Option<String>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct InboxSection {
    /// Whether a person decides on each export before anything of it leaves; false unless said otherwise.
    decide: Option<bool>,
    /// How long an answer may take; never so long that a request's month would be missed.
    due: Option<InboxDueSection>,
    /// How long after its day an answer is waited for. Then what was not searched is named, and what nobody looked at or
    /// decided on is withheld. For ever unless said otherwise.
    give_up: Option<String>,
    /// Mail to those who are asked.
    mail: Option<MailSection>,
    /// A URL that is called with JSON whenever somebody is asked, reminded or late.
    webhook: Option<WebhookSection>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct InboxDueSection {
    /// A search by hand, unless the manifest says otherwise; 10d unless said otherwise.
    manual: Option<String>,
    /// A review before release; 10d unless said otherwise.
    review: Option<String>,
    /// A decision; 10d unless said otherwise.
    decision: Option<String>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct MailSection {
    /// The mail server, host:port.
    smtp: String,
    /// `required` for TLS from the first byte on (unless said otherwise), `starttls`, or `none` for a server on this
    /// machine.
    tls: Option<String>,
    /// PEM file of the authority that vouches for the server; the public ones unless said otherwise.
    ca: Option<String>,
    /// User name, if the server asks for one.
    username: Option<String>,
    /// File with the password, readable by its owner only, read for every mail.
    password_file: Option<String>,
    /// Who writes.
    from: String,
    /// Who is asked and reminded.
    to: Vec<String>,
    /// Who is told when nobody answers in time, daily; `to` unless said otherwise.
    escalate_to: Option<Vec<String>>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct WebhookSection {
    /// A URL with https://, or with http:// on this machine.
    url: String,
    /// File with the secret under which what is posted is signed: `Tributary-Signature: sha256=…`, HMAC-SHA-256 of the body.
    secret_file: String,
    /// PEM file of the authority that vouches for the server; the public ones unless said otherwise.
    ca: Option<String>,
}
