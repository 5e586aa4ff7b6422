//! The proposed `agent.yaml`: complete, with a remark at each part that may have to change.

mod connection;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use tributary_model::key::PublicKey;

use super::scalar::scalar;

pub use connection::{Connection, ConnectionError, Tls};

/// Stands for the group's key while that is not known. It is no point of the curve: no signature is one of this key.
const PLACEHOLDER: &str = "ed25519:dGhlIGdyb3VwJ3Mga2V5IGJlbG9uZ3MgaGVyZS4uLiE=";

/// Stands where the gateway's address is to be put.
pub(crate) const PLACEHOLDER_GATEWAY: &str = "gateway.example:8443";

/// Stands for the entity while that is not known.
pub(crate) const PLACEHOLDER_ENTITY: &str = "this-entity";

/// A key that has signed nothing and never will.
///
/// # Errors
/// None that a test has not ruled out.
pub fn placeholder_key() -> Result<PublicKey, tributary_model::id::InvalidId> {
    PLACEHOLDER.parse()
}

/// Who opens the connection between gateway and agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The gateway, to this port.
    Listen(u16),
    /// The agent, to these gateways.
    DialOut(Vec<String>),
}

/// The group's keys that count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPins {
    /// The keys; none while they are not known.
    pub keys: Vec<PublicKey>,
    /// How many must have signed.
    pub threshold: usize,
}

/// What `agent.yaml` is written from. Paths are as seen from the working directory.
#[derive(Debug, Clone)]
pub struct AgentFile {
    /// The file's own folder.
    pub folder: PathBuf,
    /// The entity; `None` while it is not known.
    pub entity: Option<String>,
    /// Who opens the connection.
    pub way: Way,
    /// The agent's certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The signed group file.
    pub group: PathBuf,
    /// Whose signatures count.
    pub pins: GroupPins,
    /// The entity's signing key.
    pub signing_key: PathBuf,
    /// The key for data at rest.
    pub key_encryption_key: PathBuf,
    /// The manifest.
    pub manifest: PathBuf,
}

impl AgentFile {
    /// The file's text, with one database for one dataset.
    pub fn write(&self, dataset: &str, connection: &Connection, schema: Option<&str>) -> String {
        let path = |path: &Path| scalar(&relative(path, &self.folder));
        let mut out = String::from(
            "# The configuration of an agent, made by `tributary agent init`. Paths count from this file's folder.\n\
             # Every key and its meaning: `tributary serve schema agent`.\n\n",
        );
        match &self.entity {
            Some(entity) => {
                let _ = writeln!(out, "entity: {}", scalar(entity));
            }
            None => {
                let _ = writeln!(out, "entity: {PLACEHOLDER_ENTITY}   # REPLACE: your entity's id in the group file");
            }
        }
        match &self.way {
            Way::Listen(port) => {
                let _ = writeln!(out, "listen: 0.0.0.0:{port}           # where the gateway connects, mutual TLS");
                out.push_str(
                    "# No inbound port? Then in place of `listen`, and with `dials_in: true` in the group file:\n",
                );
                let _ = writeln!(out, "# dial_out: {{ gateways: [\"{PLACEHOLDER_GATEWAY}\"] }}");
            }
            Way::DialOut(gateways) if gateways.is_empty() => {
                let _ = writeln!(
                    out,
                    "dial_out: {{ gateways: [\"{PLACEHOLDER_GATEWAY}\"] }}   # REPLACE: where the gateway is"
                );
            }
            Way::DialOut(gateways) => {
                let gateways = gateways.iter().map(|gateway| scalar(gateway)).collect::<Vec<_>>().join(", ");
                let _ = writeln!(out, "dial_out: {{ gateways: [{gateways}] }}");
            }
        }
        out.push_str("data_dir: data                   # ledger and encrypted spool; give it a disk of its own\n\n");
        out.push_str(
            "# Who this agent is on a connection: one SPIFFE ID as the only URI name, the one in the group file.\n",
        );
        let _ = writeln!(out, "identity:\n  certificate: {}\n  key: {}", path(&self.certificate), path(&self.key));
        out.push_str("\n# The group file and the offline keys that must have signed it.\n");
        let _ = writeln!(out, "group:\n  file: {}\n  keys:", path(&self.group));
        for key in &self.pins.keys {
            let _ = writeln!(out, "    - {}", scalar(&key.to_string()));
        }
        if self.pins.keys.is_empty() {
            let _ = writeln!(out, "    - {}  # REPLACE: the group's public key", scalar(PLACEHOLDER));
        }
        let _ = writeln!(out, "  threshold: {}", self.pins.threshold);
        out.push_str("\n# Private keys of this host. The public half of the first one stands in the group file.\n");
        let _ = writeln!(out, "signing_key: {}", path(&self.signing_key));
        let _ = writeln!(out, "key_encryption_key: {}", path(&self.key_encryption_key));
        let _ = writeln!(out, "\nmanifests: [{}]\n", path(&self.manifest));
        out.push_str("# The user needs SELECT on the declared tables, and nothing else.\n");
        let _ = writeln!(out, "databases:\n  {}:", scalar(dataset));
        connection.write(&self.folder, schema, &mut out);
        out.push_str("\n# admin: 127.0.0.1:9465          # /livez, /readyz and /metrics, plain\n");
        out.push_str("# spool: { quota: 20GiB, keep: 7d }\n");
        out.push_str("# limits: { concurrent_exports: 2, snapshot_max: 60s }\n");
        out
    }
}

/// A path as seen from a folder: shorter where it lies within, absolute otherwise.
fn relative(path: &Path, folder: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (path, folder) = (absolute(path), absolute(folder));
    path.strip_prefix(&folder).unwrap_or(&path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tributary_model::key::SigningKey;

    #[test]
    fn nothing_is_signed_by_the_key_that_stands_for_an_unknown_one() {
        let placeholder = placeholder_key().unwrap();
        let real = SigningKey::generate().unwrap();
        assert!(!placeholder.verifies(b"group", &real.sign(b"group")));
        assert!(!placeholder.verifies(b"group", &[0; 64]));
        let mut identity = [0; 64];
        identity[0] = 1;
        assert!(!placeholder.verifies(b"group", &identity), "what a weak key would take");
    }

    #[test]
    fn a_path_within_the_folder_is_written_from_there() {
        let folder = Path::new("/etc/agent");
        assert_eq!(relative(Path::new("/etc/agent/kek.key"), folder), "kek.key");
        assert_eq!(relative(Path::new("/var/lib/shop.db"), folder), "/var/lib/shop.db");
    }
}
