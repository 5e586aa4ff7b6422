//! Writes a planned group to disk: certificates, keys, manifests, databases, configuration.
//!
//! Under the folder: `group/`, `gateway/`, `callers/<name>/`, `entities/<id>/`, `logs/`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use tributary_archive::frames::KeyEncryptionKey;
use tributary_model::clock::{Clock, SystemClock};
use tributary_model::group::{Agent, Entity, Gateway, GroupFile, Reach};
use tributary_model::key::{PublicKey, SigningKey, ValidKey};
use tributary_model::spiffe::TrustDomain;
use tributary_transport::pki::{Authority, Subject};
use tributary_transport::secret_file;

use super::plan::{CallerPlan, EntityPlan, Plan};
use super::{CALLERS_DOMAIN, Direction, GATEWAY_DOMAIN, Group, Place};
use crate::ports::Port;

/// When set, the folders of groups stay after the test, for a look at their logs.
const KEEP: &str = "TRIBUTARY_TEST_KEEP";
const AUTHORITY_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
const LEAF_LIFE: Duration = Duration::from_secs(24 * 3600);

pub(super) fn lay_out(plan: &Plan) -> Result<Group> {
    let keep = std::env::var_os(KEEP).is_some();
    let folder = tempfile::Builder::new().prefix("tributary-group-").disable_cleanup(keep).tempdir()?;
    let (root, now) = (folder.path().to_owned(), SystemClock.now());
    for name in ["group", "logs"] {
        std::fs::create_dir(root.join(name))?;
    }
    let (group_key, gateway_key) = (SigningKey::generate()?, SigningKey::generate()?);
    let gateway = Place::new(root.join("gateway"), plan.is_balanced)?;
    let gateway_root = identity(&gateway.folder, GATEWAY_DOMAIN, "gateway", now)?;
    let mut trust_domains = BTreeMap::from([(domain(GATEWAY_DOMAIN)?, vec![gateway_root.clone()])]);
    let mut places = BTreeMap::new();
    let mut entities = Vec::new();
    for planned in &plan.entities {
        let place = Place::new(root.join("entities").join(&planned.id), planned.is_proxied)?;
        let own_domain = format!("{}.example", planned.id);
        trust_domains.insert(domain(&own_domain)?, vec![identity(&place.folder, &own_domain, "agent", now)?]);
        let key = SigningKey::generate()?;
        secret(&place.folder.join("attestation.key"), &key.to_pem()?)?;
        secret(&place.folder.join("kek.key"), &KeyEncryptionKey::generate()?)?;
        let direction = planned.direction.unwrap_or(plan.direction);
        entities.push(entity(planned, &place, direction, key.public(), now)?);
        datasets(planned, &place.folder)?;
        let ends = reach_yaml(direction, &place, &gateway);
        std::fs::write(place.folder.join("agent.yaml"), ends + &agent_yaml(planned, &place, group_key.public()))?;
        places.insert(planned.id.clone(), place);
    }
    let operator = entities.first().context("a group has at least one entity")?.id.clone();
    let file = GroupFile {
        group: "testgroup".parse()?,
        name: "Test Group".to_owned(),
        version: 1,
        issued_at: now,
        expires_at: now + SignedDuration::from_hours(24 * 30),
        operator,
        gateway: Gateway {
            spiffe_id: format!("spiffe://{GATEWAY_DOMAIN}/gateway").parse()?,
            keys: vec![valid(gateway_key.public(), now)],
        },
        identifier_types: plan.identifier_types.iter().map(|kind| kind.parse()).collect::<Result<_, _>>()?,
        trust_domains,
        entities,
    };
    secret(&root.join("group/group.key"), &group_key.to_pem()?)?;
    secret(&gateway.folder.join("signing.key"), &gateway_key.to_pem()?)?;
    secret(&gateway.folder.join("kek.key"), &KeyEncryptionKey::generate()?)?;
    callers(plan, &root, &gateway, &gateway_root, now)?;
    std::fs::write(gateway.folder.join("gateway.yaml"), gateway_yaml(plan, &gateway, group_key.public()))?;
    let group = Group { folder, file, group_key, gateway, direction: plan.direction, entities: places };
    group.write_group_file()?;
    Ok(group)
}

impl Place {
    fn new(folder: PathBuf, is_proxied: bool) -> Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let proxied = if is_proxied { Some(Port::reserve()?) } else { None };
        Ok(Self { folder, listen: Port::reserve()?, admin: Port::reserve()?, proxied })
    }
}

fn domain(name: &str) -> Result<TrustDomain> {
    Ok(name.parse()?)
}

/// Makes the authority of `domain` in `<folder>/pki` and a leaf beside it; returns the root's PEM.
fn identity(folder: &Path, domain: &str, role: &str, now: Timestamp) -> Result<String> {
    let authority = Authority::create(&domain.parse()?, AUTHORITY_LIFE, now)?;
    std::fs::create_dir_all(folder.join("pki"))?;
    authority.save(&folder.join("pki"))?;
    leaf(&authority, folder, role, now)?;
    Ok(authority.root_pem().to_owned())
}

fn leaf(authority: &Authority, folder: &Path, role: &str, now: Timestamp) -> Result<()> {
    let id = format!("spiffe://{}/{role}", authority.domain()).parse()?;
    let ip_addresses = vec![Ipv4Addr::LOCALHOST.into()];
    let subject = Subject { id, dns_names: vec!["localhost".to_owned()], ip_addresses };
    authority.issue(&subject, LEAF_LIFE, now)?.save(folder, "svid")?;
    Ok(())
}

fn secret(path: &Path, text: &str) -> Result<()> {
    Ok(secret_file::create_secret(path, text.as_bytes())?)
}

fn valid(public_key: PublicKey, now: Timestamp) -> ValidKey {
    let day = SignedDuration::from_hours(24);
    ValidKey { public_key, not_before: now - day, not_after: now + day * 30, revoked_at: None }
}

fn entity(planned: &EntityPlan, place: &Place, direction: Direction, key: PublicKey, now: Timestamp) -> Result<Entity> {
    let id = &planned.id;
    let port = place.proxied.as_ref().unwrap_or(&place.listen);
    Ok(Entity {
        id: id.parse()?,
        legal_name: format!("{id} SA"),
        country: planned.country.parse()?,
        authority: None,
        contact: Some(format!("privacy@{id}.example")),
        agent: Agent {
            spiffe_id: format!("spiffe://{id}.example/agent").parse()?,
            reach: match direction {
                Direction::Inbound => Reach::At(port.address().to_string()),
                Direction::Outbound => Reach::DialsIn,
            },
        },
        attestation_keys: vec![valid(key, now)],
    })
}

fn datasets(planned: &EntityPlan, folder: &Path) -> Result<()> {
    std::fs::create_dir(folder.join("manifests"))?;
    for (fixture, connected) in &planned.datasets {
        let key = fixture.key();
        std::fs::write(folder.join(format!("manifests/{key}.yml")), fixture.manifest())?;
        if *connected {
            fixture.make(&folder.join(format!("{key}.sqlite")))?;
        }
    }
    Ok(())
}

/// Where the agent is called, or whom it calls. Pauses and pings are short, as tests have no time.
fn reach_yaml(direction: Direction, place: &Place, gateway: &Place) -> String {
    match direction {
        Direction::Inbound => format!("listen: {}\n", place.listen.address()),
        Direction::Outbound => {
            let in_between = place.proxied.as_ref().or(gateway.proxied.as_ref());
            let address = in_between.unwrap_or(&gateway.listen).address();
            format!(
                "dial_out: {{ gateways: [\"{address}\"], retry_min: 50ms, retry_max: 500ms, keepalive: 2s, timeout: 5s }}\n"
            )
        }
    }
}

fn agent_yaml(planned: &EntityPlan, place: &Place, group_key: PublicKey) -> String {
    let (admin, id) = (place.admin.address(), &planned.id);
    let mut yaml = format!(
        "admin: {admin}\ndata_dir: data\nentity: {id}\n\
         identity: {{ certificate: svid.pem, key: svid-key.pem }}\n\
         group: {{ file: ../../group/group.dsse.json, keys: [\"{group_key}\"], threshold: 1 }}\n\
         key_encryption_key: kek.key\nsigning_key: attestation.key\nmanifests: [manifests]\n"
    );
    if planned.datasets.iter().any(|(_, connected)| *connected) {
        yaml.push_str("databases:\n");
    }
    for (fixture, _) in planned.datasets.iter().filter(|(_, connected)| *connected) {
        let key = fixture.key();
        // Writing to a String cannot fail.
        let _ = writeln!(yaml, "  {key}: {}", fixture.connection());
    }
    yaml + &planned.agent_yaml
}

fn callers(plan: &Plan, root: &Path, gateway: &Place, gateway_root: &str, now: Timestamp) -> Result<()> {
    let authority = Authority::create(&domain(CALLERS_DOMAIN)?, AUTHORITY_LIFE, now)?;
    let pki = root.join("callers/pki");
    std::fs::create_dir_all(&pki)?;
    authority.save(&pki)?;
    std::fs::write(gateway.folder.join("callers-ca.pem"), authority.root_pem())?;
    let address = gateway.listen.address();
    for CallerPlan { name, .. } in &plan.callers {
        let folder = root.join("callers").join(name);
        std::fs::create_dir(&folder)?;
        leaf(&authority, &folder, name, now)?;
        std::fs::write(folder.join("gateway-ca.pem"), gateway_root)?;
        let yaml = format!(
            "gateway: {address}\ngateway_id: spiffe://{GATEWAY_DOMAIN}/gateway\ncertificate: svid.pem\nkey: svid-key.pem\n\
             roots: gateway-ca.pem\n"
        );
        std::fs::write(folder.join("client.yaml"), yaml)?;
    }
    Ok(())
}

fn gateway_yaml(plan: &Plan, place: &Place, group_key: PublicKey) -> String {
    let (listen, admin) = (place.listen.address(), place.admin.address());
    let mut yaml = format!(
        "listen: {listen}\nadmin: {admin}\ndata_dir: data\nidentity: {{ certificate: svid.pem, key: svid-key.pem }}\n\
         signing_key: signing.key\nkey_encryption_key: kek.key\n\
         group: {{ file: ../group/group.dsse.json, public_part: ../group/trust.dsse.json, keys: [\"{group_key}\"], threshold: 1 }}\n\
         trust_domains: {{ {CALLERS_DOMAIN}: [callers-ca.pem] }}\ncallers:\n"
    );
    for caller in &plan.callers {
        let (name, verbs) = (&caller.name, caller.verbs.join(", "));
        let entities = caller.entities.iter().map(|e| format!("\"{e}\"")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            yaml,
            "  - {{ spiffe_id: \"spiffe://{CALLERS_DOMAIN}/{name}\", verbs: [{verbs}], rights: [access], entities: [{entities}] }}"
        );
    }
    yaml + &plan.gateway_yaml
}
