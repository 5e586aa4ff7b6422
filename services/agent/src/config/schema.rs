//! The form of `agent.yaml` as a JSON Schema source. A test holds it against what `read` accepts.

#![expect(dead_code, reason = "exists for its derived schema only")]

use std::collections::BTreeMap;

use schemars::JsonSchema;

/// The configuration of an agent. Relative paths count from this file's folder.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentFile {
    /// Where the gateway connects: address and port.
    listen: String,
    /// The plaintext admin port: address and port. Absent: none.
    admin: Option<String>,
    /// Where the ledger and the spool are.
    data_dir: String,
    /// The entity that this agent serves, as the group file names it.
    entity: String,
    /// The agent's own certificate.
    identity: IdentitySection,
    /// The signed group file.
    group: GroupSection,
    /// File with the key that wraps each export's key.
    key_encryption_key: String,
    /// Ed25519 key that signs attestations, PKCS#8 PEM.
    signing_key: String,
    /// Fideslang files, and folders of them.
    manifests: Vec<String>,
    /// The database of each dataset. A declared dataset that is absent here is named as not searched.
    databases: Option<BTreeMap<String, DatabaseSection>>,
    /// What the spool may hold.
    spool: Option<SpoolSection>,
    /// Limits. Times are written like 30s, 2h or 7d, sizes like 512MiB.
    limits: Option<LimitsSection>,
    /// Whether gRPC reflection is served; true unless said otherwise.
    reflection: Option<bool>,
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
    /// The group's public keys, `ed25519:…`.
    keys: Vec<String>,
    /// How many of them must have signed; 1 unless said otherwise.
    threshold: Option<u32>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct DatabaseSection {
    /// A SQLite file. It is opened read-only.
    sqlite: String,
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
    /// How long a system that does not answer is tried before it is named as not searched.
    unavailable_for: Option<String>,
    /// Largest plain size of a table's part, 64KiB to 64MiB.
    part_bytes: Option<String>,
    /// Memory for what one walk remembers before it spills.
    walk_memory: Option<String>,
    /// Shortest pause between two walks of an export.
    retry_min: Option<String>,
    /// Longest pause between two walks of an export.
    retry_max: Option<String>,
    /// How long a stop waits for calls under way.
    drain: Option<String>,
}
