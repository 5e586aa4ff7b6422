//! Lays the demo group out on disk, as its administrators would: certificates, keys, group file, databases, configuration.
//!
//! Under the folder: `group/` (the group's own key and files), `gateway/`, `portal/` (the caller), `entities/<id>/`.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tributary_archive::frames::KeyEncryptionKey;
use tributary_model::group::GroupFile;
use tributary_model::group::signed::sign;
use tributary_model::key::{PublicKey, SigningKey};
use tributary_model::spiffe::{SpiffeId, TrustDomain};
use tributary_transport::pki::{Authority, Subject};

use super::estate::{Estate, GROUP};
use crate::exit::Failure;
use crate::files;

const AUTHORITY_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
const LEAF_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
const GATEWAY_DOMAIN: &str = "gateway.halden.example";
const PORTAL_DOMAIN: &str = "portal.halden.example";

/// A laid-out demo.
pub(crate) struct Setup {
    pub(crate) root: PathBuf,
    /// People in all databases together.
    pub(crate) people: usize,
    /// The value that `archive verify --group-key` takes.
    pub(crate) group_key: PublicKey,
    /// Where each agent that is up listens.
    pub(crate) agents: Vec<(&'static str, SocketAddr)>,
    pub(crate) gateway: SocketAddr,
}

struct Member {
    estate: &'static Estate,
    address: SocketAddr,
    root_pem: String,
    attestation_key: PublicKey,
}

impl Setup {
    /// Lays everything out under `root`, which is empty.
    pub(crate) fn make(root: &Path, now: Timestamp) -> Result<Self, Failure> {
        // All ports are held until each has its own, then given back for the processes to take.
        let held: Vec<TcpListener> =
            (0..GROUP.len() + 2).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
        let mut addresses = held.iter().map(TcpListener::local_addr);
        let mut next = || addresses.next().unwrap_or(Err(std::io::ErrorKind::AddrNotAvailable.into()));
        let gateway = next()?;
        let links = next()?;

        let group_key = SigningKey::generate()?;
        let gateway_key = SigningKey::generate()?;
        let gateway_root = identity(&root.join("gateway"), GATEWAY_DOMAIN, "gateway", now)?;
        let portal_root = identity(&root.join("portal"), PORTAL_DOMAIN, "portal", now)?;
        let mut people = 0;
        let mut members = Vec::new();
        for estate in &GROUP {
            let folder = root.join("entities").join(estate.id);
            let root_pem = identity(&folder, &format!("{}.example", estate.id), "agent", now)?;
            let key = SigningKey::generate()?;
            files::write_private(&folder.join("attestation.key"), key.to_pem()?.as_bytes())?;
            files::write_private(&folder.join("kek.key"), KeyEncryptionKey::generate()?.as_bytes())?;
            files::write_public(&folder.join("manifest.yml"), estate.manifest.as_bytes())?;
            people += estate.make_database(&folder.join(format!("{}.sqlite", estate.dataset)))?;
            members.push(Member { estate, address: next()?, root_pem, attestation_key: key.public() });
        }

        let group = root.join("group");
        files::write_private(&group.join("group.key"), group_key.to_pem()?.as_bytes())?;
        let yaml = group_yaml(&members, gateway_key.public(), &gateway_root, now);
        files::write_public(&group.join("group.yaml"), yaml.as_bytes())?;
        let file = GroupFile::from_yaml("group.yaml", &yaml).map_err(Failure::invalid)?;
        let pair = sign(&file, &group_key)?;
        files::write_public(&group.join("group.dsse.json"), &pair.whole.to_json())?;
        files::write_public(&group.join("trust.dsse.json"), &pair.public.to_json())?;

        for member in &members {
            let folder = root.join("entities").join(member.estate.id);
            files::write_public(&folder.join("agent.yaml"), agent_yaml(member, group_key.public()).as_bytes())?;
        }
        let folder = root.join("gateway");
        files::write_private(&folder.join("signing.key"), gateway_key.to_pem()?.as_bytes())?;
        files::write_private(&folder.join("kek.key"), KeyEncryptionKey::generate()?.as_bytes())?;
        files::write_public(&folder.join("portal-ca.pem"), portal_root.as_bytes())?;
        files::write_public(&folder.join("gateway.yaml"), gateway_yaml(gateway, links, group_key.public()).as_bytes())?;
        let folder = root.join("portal");
        files::write_public(&folder.join("gateway-ca.pem"), gateway_root.as_bytes())?;
        files::write_public(&folder.join("client.yaml"), client_yaml(gateway).as_bytes())?;

        let agents = members.iter().filter(|m| m.estate.is_up).map(|m| (m.estate.id, m.address)).collect();
        Ok(Self { root: root.to_owned(), people, group_key: group_key.public(), agents, gateway })
    }
}

/// Makes the authority of `domain` and a leaf `spiffe://<domain>/<role>` in `folder`; returns the root's PEM.
fn identity(folder: &Path, domain: &str, role: &str, now: Timestamp) -> Result<String, Failure> {
    let domain: TrustDomain = domain.parse()?;
    let authority = Authority::create(&domain, AUTHORITY_LIFE, now)?;
    let pki = folder.join("pki");
    std::fs::create_dir_all(&pki)?;
    authority.save(&pki)?;
    let id: SpiffeId = format!("spiffe://{domain}/{role}").parse()?;
    let ip_addresses = vec![Ipv4Addr::LOCALHOST.into()];
    let subject = Subject { id, dns_names: vec!["localhost".to_owned()], ip_addresses };
    authority.issue(&subject, LEAF_LIFE, now)?.save(folder, "svid")?;
    Ok(authority.root_pem().to_owned())
}

fn group_yaml(members: &[Member], gateway_key: PublicKey, gateway_root: &str, now: Timestamp) -> String {
    let until = now + SignedDuration::from_hours(30 * 24);
    let validity = format!("not_before: {now}, not_after: {until}");
    let mut yaml = format!(
        "# Which entities answer together, where their agents are, and whose keys count.\n\
         group: halden\nname: Halden Group\nversion: 1\nissued_at: {now}\nexpires_at: {until}\n\
         operator: halden-be\nidentifier_types: [email, phone_number, customer_number]\n\
         gateway:\n  spiffe_id: spiffe://{GATEWAY_DOMAIN}/gateway\n  keys:\n    - {{ public_key: \"{gateway_key}\", {validity} }}\n\
         trust_domains:\n"
    );
    roots(&mut yaml, GATEWAY_DOMAIN, gateway_root);
    for member in members {
        roots(&mut yaml, &format!("{}.example", member.estate.id), &member.root_pem);
    }
    yaml.push_str("entities:\n");
    for Member { estate, address, attestation_key, .. } in members {
        let Estate { id, legal_name, country, authority, .. } = estate;
        // Writing to a String cannot fail.
        let _ = write!(
            yaml,
            "  - id: {id}\n    legal_name: {legal_name}\n    country: {country}\n    authority: {authority}\n    contact: privacy@{id}.example\n\
             \x20   agent: {{ spiffe_id: \"spiffe://{id}.example/agent\", address: \"{address}\" }}\n\
             \x20   attestation_keys:\n      - {{ public_key: \"{attestation_key}\", {validity} }}\n"
        );
    }
    yaml
}

fn roots(yaml: &mut String, domain: &str, pem: &str) {
    let _ = writeln!(yaml, "  {domain}:\n    - |\n      {}", pem.trim_end().replace('\n', "\n      "));
}

fn agent_yaml(member: &Member, group_key: PublicKey) -> String {
    let Estate { id, dataset, .. } = member.estate;
    let address = member.address;
    format!(
        "listen: {address}\ndata_dir: data\nentity: {id}\nidentity: {{ certificate: svid.pem, key: svid-key.pem }}\n\
         group: {{ file: ../../group/group.dsse.json, keys: [\"{group_key}\"], threshold: 1 }}\n\
         key_encryption_key: kek.key\nsigning_key: attestation.key\nmanifests: [manifest.yml]\n\
         databases:\n  {dataset}: {{ sqlite: {dataset}.sqlite }}\n"
    )
}

fn gateway_yaml(listen: SocketAddr, links: SocketAddr, group_key: PublicKey) -> String {
    let port = links.port();
    format!(
        "listen: {listen}\ndata_dir: data\nidentity: {{ certificate: svid.pem, key: svid-key.pem }}\nsigning_key: signing.key\n\
         key_encryption_key: kek.key\n\
         group: {{ file: ../group/group.dsse.json, public_part: ../group/trust.dsse.json, keys: [\"{group_key}\"], threshold: 1 }}\n\
         trust_domains: {{ {PORTAL_DOMAIN}: [portal-ca.pem] }}\n\
         callers:\n  - spiffe_id: spiffe://{PORTAL_DOMAIN}/portal\n    verbs: [open, vouch, read, operate, download, link]\n    rights: [access]\n    entities: [\"*\"]\n\
         # Where people download with a link. A browser trusts a certificate from a public authority only; this one is the demo's.\n\
         links: {{ listen: {links}, public_url: \"https://localhost:{port}\", certificate: svid.pem, key: svid-key.pem }}\n"
    )
}

fn client_yaml(gateway: SocketAddr) -> String {
    format!(
        "gateway: {gateway}\ngateway_id: spiffe://{GATEWAY_DOMAIN}/gateway\ncertificate: svid.pem\nkey: svid-key.pem\nroots: gateway-ca.pem\n"
    )
}
