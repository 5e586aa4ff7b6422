//! Reads `group.yaml` into the types, with every problem at its place.

use std::collections::BTreeMap;

use super::{Agent, Entity, Gateway, GroupFile, Reach};
use crate::key::ValidKey;
use crate::spiffe::TrustDomain;
use crate::yaml::{Fields, Node, Problems, Reader, Value, parse};

impl GroupFile {
    /// Reads and checks `text`; `file` is used in messages. Returns all problems at once.
    pub fn from_yaml(file: &str, text: &str) -> Result<GroupFile, Problems> {
        let root = parse(file, text)?;
        let mut reader = Reader::new(file);
        let group = group(&mut reader, &root);
        if let Some(group) = &group {
            super::check::check(&mut reader, &root, group);
        }
        reader.finish(group)
    }
}

fn group(r: &mut Reader, root: &Node) -> Option<GroupFile> {
    let mut f = r.fields(root, "the group file")?;
    let group = f.required(r, "group");
    let name = f.required(r, "name");
    let version = f.required(r, "version");
    let issued_at = f.required(r, "issued_at");
    let expires_at = f.required(r, "expires_at");
    let operator = f.required(r, "operator");
    let gateway = f.required_node(r, "gateway").and_then(|node| gateway(r, node));
    let identifier_types = f.required_node(r, "identifier_types").and_then(|node| {
        let types: Vec<_> =
            r.list(node, "identifier_types").iter().map(|item| r.scalar(item, "identifier_types")).collect();
        types.into_iter().collect::<Option<Vec<_>>>()
    });
    let trust_domains = f.required_node(r, "trust_domains").and_then(|node| trust_domains(r, node));
    let entities = f.required_node(r, "entities").map(|node| {
        let nodes = r.list(node, "entities");
        nodes.iter().map(|node| entity(r, node)).collect::<Vec<_>>()
    });
    f.deny_unknown(r);
    Some(GroupFile {
        group: group?,
        name: name?,
        version: version?,
        issued_at: issued_at?,
        expires_at: expires_at?,
        operator: operator?,
        gateway: gateway?,
        identifier_types: identifier_types?,
        trust_domains: trust_domains?,
        entities: entities?.into_iter().collect::<Option<_>>()?,
    })
}

fn gateway(r: &mut Reader, node: &Node) -> Option<Gateway> {
    let mut f = r.fields(node, "`gateway`")?;
    let spiffe_id = f.required(r, "spiffe_id");
    let keys = keys(r, &mut f, "keys");
    f.deny_unknown(r);
    Some(Gateway { spiffe_id: spiffe_id?, keys: keys? })
}

fn entity(r: &mut Reader, node: &Node) -> Option<Entity> {
    let mut f = r.fields(node, "an entity")?;
    let id = f.required(r, "id");
    let legal_name = f.required(r, "legal_name");
    let country = f.required(r, "country");
    let authority = f.optional(r, "authority");
    let contact = f.optional(r, "contact");
    let agent = f.required_node(r, "agent").and_then(|node| agent(r, node));
    let attestation_keys = keys(r, &mut f, "attestation_keys");
    f.deny_unknown(r);
    Some(Entity {
        id: id?,
        legal_name: legal_name?,
        country: country?,
        authority,
        contact,
        agent: agent?,
        attestation_keys: attestation_keys?,
    })
}

fn agent(r: &mut Reader, node: &Node) -> Option<Agent> {
    let mut f = r.fields(node, "`agent`")?;
    let spiffe_id = f.required(r, "spiffe_id");
    let address = f.optional(r, "address");
    let dials_in = f.optional::<bool>(r, "dials_in").unwrap_or_default();
    let reach = Reach::of(address, dials_in).map_err(|error| r.problem(f.place(), error.to_string())).ok();
    f.deny_unknown(r);
    Some(Agent { spiffe_id: spiffe_id?, reach: reach? })
}

fn keys(r: &mut Reader, f: &mut Fields<'_>, name: &'static str) -> Option<Vec<ValidKey>> {
    let list = f.required_node(r, name)?;
    let nodes = r.list(list, name);
    let keys: Vec<Option<ValidKey>> = nodes.iter().map(|node| key(r, node)).collect();
    if nodes.is_empty() {
        r.problem(list.place, format!("`{name}` must hold at least one key"));
    }
    keys.into_iter().collect()
}

fn key(r: &mut Reader, node: &Node) -> Option<ValidKey> {
    let mut f = r.fields(node, "a key")?;
    let public_key = f.required(r, "public_key");
    let not_before = f.required(r, "not_before");
    let not_after = f.required(r, "not_after");
    let revoked_at = f.optional(r, "revoked_at");
    f.deny_unknown(r);
    Some(ValidKey { public_key: public_key?, not_before: not_before?, not_after: not_after?, revoked_at })
}

fn trust_domains(r: &mut Reader, node: &Node) -> Option<BTreeMap<TrustDomain, Vec<String>>> {
    let Value::Map(entries) = &node.value else {
        r.problem(node.place, "`trust_domains` must be a map from trust domain to a list of root certificates");
        return None;
    };
    let mut domains = BTreeMap::new();
    for (name, place, roots) in entries {
        match name.parse::<TrustDomain>() {
            Ok(domain) => {
                let pems = r.list(roots, name).iter().filter_map(|pem| r.scalar(pem, name)).collect();
                domains.insert(domain, pems);
            }
            Err(error) => r.problem(*place, format!("`{name}`: {error}")),
        }
    }
    Some(domains)
}
