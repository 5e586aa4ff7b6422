//! What must hold between the parts of a group file. Each problem is named at the value that causes it.

use std::collections::BTreeMap;

use super::GroupFile;
use crate::spiffe::SpiffeId;
use crate::yaml::{Node, Place, Reader};

/// Ids that cannot name an entity's files in an archive: the gateway's own statement, and device names of Windows.
const RESERVED: [&str; 23] = [
    "gateway", "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
    "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// Reports every inconsistency of `group`, whose tree is `root`.
pub(super) fn check(r: &mut Reader, root: &Node, group: &GroupFile) {
    let at = |key: &str| root.get(key).map_or(root.place, |node| node.place);
    if group.version == 0 {
        r.problem(at("version"), "`version` starts at 1");
    }
    if group.expires_at <= group.issued_at {
        r.problem(at("expires_at"), "`expires_at` must be after `issued_at`");
    }
    if group.identifier_types.is_empty() {
        r.problem(at("identifier_types"), "name at least one identifier type, such as email");
    }
    if group.entities.is_empty() {
        r.problem(at("entities"), "a group has at least one entity");
    }
    if group.entity(&group.operator).is_none() {
        let message = format!("`operator` is `{}`, which is not among the entities", group.operator);
        r.problem(at("operator"), message);
    }
    let gateway = root.get("gateway").and_then(|node| node.get("spiffe_id"));
    known_domain(r, group, &group.gateway.spiffe_id, gateway.map_or(at("gateway"), |node| node.place));
    for (domain, roots) in &group.trust_domains {
        let place =
            root.get("trust_domains").and_then(|node| node.get(domain.as_str())).map_or(root.place, |n| n.place);
        if roots.is_empty() || roots.iter().any(|pem| !pem.contains("-----BEGIN CERTIFICATE-----")) {
            r.problem(place, format!("trust domain `{domain}` needs a list of root certificates in PEM"));
        }
    }
    entities(r, root, group);
}

fn entities(r: &mut Reader, root: &Node, group: &GroupFile) {
    let nodes = root.get("entities").and_then(Node::items).unwrap_or_default();
    let (mut ids, mut keys) = (BTreeMap::new(), BTreeMap::new());
    for key in &group.gateway.keys {
        keys.insert(key.public_key, "the gateway".to_owned());
    }
    for (entity, node) in group.entities.iter().zip(nodes) {
        if ids.insert(&entity.id, node.place).is_some() {
            r.problem(place(node, &["id"]), format!("the entity `{}` stands here a second time", entity.id));
        }
        if RESERVED.contains(&entity.id.as_str()) {
            let message =
                format!("`{}` cannot be an entity's id: archives could not be extracted everywhere", entity.id);
            r.problem(place(node, &["id"]), message);
        }
        known_domain(r, group, &entity.agent.spiffe_id, place(node, &["agent", "spiffe_id"]));
        if entity.agent.spiffe_id == group.gateway.spiffe_id {
            r.problem(place(node, &["agent", "spiffe_id"]), "an agent cannot have the gateway's SPIFFE ID");
        }
        if entity.agent.reach.address().is_some_and(|address| !is_host_and_port(address)) {
            r.problem(place(node, &["agent", "address"]), "`address` must be host:port");
        }
        for key in &entity.attestation_keys {
            let at = place(node, &["attestation_keys"]);
            if key.not_after <= key.not_before {
                r.problem(at, "a key's `not_after` must be after its `not_before`");
            }
            let owner = entity.id.to_string();
            if let Some(other) = keys.insert(key.public_key, owner.clone()).filter(|other| *other != owner) {
                r.problem(at, format!("`{owner}` and `{other}` share a key; each needs its own"));
            }
        }
    }
}

fn is_host_and_port(address: &str) -> bool {
    let host = address.rsplit_once(':').and_then(|(host, port)| port.parse::<u16>().ok().map(|_| host));
    host.is_some_and(|host| !host.is_empty())
}

fn known_domain(r: &mut Reader, group: &GroupFile, id: &SpiffeId, at: Place) {
    if !group.trust_domains.contains_key(id.trust_domain()) {
        r.problem(at, format!("trust domain `{}` has no roots under `trust_domains`", id.trust_domain()));
    }
}

fn place(node: &Node, path: &[&str]) -> Place {
    path.iter().try_fold(node, |node, key| node.get(key)).map_or(node.place, |node| node.place)
}
