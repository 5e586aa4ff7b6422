//! A group of entities with their own authorities, keys and addresses, and a gateway among them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tributary_archive::frames::ContentKey;
use tributary_gateway::config::Limits;
use tributary_gateway::entity::{Client, Destination, Mandates, Order};
use tributary_gateway::objects::Objects;
use tributary_model::clock::{Clock, ManualClock};
use tributary_model::group::signed::InForce;
use tributary_model::group::{Agent, Entity, Gateway, GroupFile, Reach};
use tributary_model::id::{CaseId, EntityId, InstructionId};
use tributary_model::identifier::Identifier;
use tributary_model::key::{SigningKey, ValidKey};
use tributary_model::right::Right;
use tributary_model::spiffe::{SpiffeId, TrustDomain};
use tributary_transport::dial::Dialer;
use tributary_transport::identity::Identity;
use tributary_transport::links::Links;
use tributary_transport::listen::listen;
use tributary_transport::pki::{Authority, Subject};
use tributary_transport::tls::Tls;
use tributary_transport::trust::{BundleMap, TrustBundles};

/// Long enough never to matter, short enough to end a test that would hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(3600);

/// Somebody with a trust domain of their own.
pub(crate) struct Party {
    pub(crate) id: SpiffeId,
    pub(crate) authority: Authority,
}

impl Party {
    fn new(name: &str, path: &str, now: Timestamp) -> Self {
        let domain: TrustDomain = format!("{name}.example").parse().unwrap();
        let authority = Authority::create(&domain, 10_000 * HOUR, now).unwrap();
        Self { id: format!("spiffe://{domain}/{path}").parse().unwrap(), authority }
    }
}

/// An entity as only it knows itself.
pub(crate) struct Member {
    pub(crate) party: Party,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) address: SocketAddr,
    listener: Mutex<Option<TcpListener>>,
}

/// A group, its gateway and their certificates.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) gateway: Party,
    pub(crate) signing_key: Arc<SigningKey>,
    pub(crate) members: BTreeMap<EntityId, Member>,
    pub(crate) group: GroupFile,
    pub(crate) in_force: InForce,
    /// Everybody's roots, read once.
    bundles: OnceLock<TrustBundles>,
}

impl World {
    /// A group of `entities`. Each listens from the start; nobody answers before an agent is started.
    pub(crate) fn new(entities: &[&str]) -> Self {
        let clock = Arc::new(ManualClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
        let now = clock.now();
        let gateway = Party::new("acme", "gateway", now);
        let signing_key = Arc::new(SigningKey::generate().unwrap());
        let members: BTreeMap<EntityId, Member> = entities.iter().map(|name| (id(name), member(name, now))).collect();
        let group = group_file(&gateway, &signing_key, &members, now);
        let in_force = InForce { version: group.version, digest: hex::encode([7; 32]) };
        let (folder, bundles) = (tempfile::tempdir().unwrap(), OnceLock::new());
        Self { folder, clock, gateway, signing_key, members, group, in_force, bundles }
    }

    pub(crate) fn member(&self, entity: &str) -> &Member {
        &self.members[&id(entity)]
    }

    pub(crate) fn entity(&self, entity: &str) -> Entity {
        self.group.entity(&id(entity)).unwrap().clone()
    }

    /// The socket on which an entity's agent answers. Taken once.
    pub(crate) fn listener(&self, entity: &str) -> TcpListener {
        self.member(entity).listener.lock().unwrap().take().expect("an entity has one agent")
    }

    /// TLS settings of `party`, with a leaf that is valid for an hour from now.
    pub(crate) fn tls(&self, party: &Party) -> Tls {
        self.tls_as(party, &party.id)
    }

    /// TLS settings with a leaf for `id`, issued by `party`.
    pub(crate) fn tls_as(&self, party: &Party, id: &SpiffeId) -> Tls {
        let subject = Subject { id: id.clone(), dns_names: vec!["localhost".to_owned()], ip_addresses: Vec::new() };
        let issued = party.authority.issue(&subject, HOUR, self.clock.now()).unwrap();
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let (certificate, key) = issued.save(folder.path(), "leaf").unwrap();
        Tls::new(Identity::load(&certificate, &key).unwrap(), self.bundles(), self.clock.clone())
    }

    fn bundles(&self) -> TrustBundles {
        let read = || {
            let mut map = BundleMap::new();
            for party in self.members.values().map(|member| &member.party).chain([&self.gateway]) {
                map.add_pem(party.authority.domain().clone(), party.authority.root_pem().as_bytes()).unwrap();
            }
            TrustBundles::new(map)
        };
        self.bundles.get_or_init(read).clone()
    }

    /// The gateway's client of an entity.
    pub(crate) fn client(&self, entity: &str) -> Client {
        self.client_with(self.entity(entity), &patient())
    }

    /// The gateway's client of `entity`, which may differ from what the group file says, with these limits.
    pub(crate) fn client_with(&self, entity: Entity, limits: &Limits) -> Client {
        let links = Links::new(Dialer::new(self.tls(&self.gateway)), PATIENCE);
        Client::new(entity, links, self.mandates(&self.signing_key), limits)
    }

    /// A client that signs its mandates with another key than the gateway's.
    pub(crate) fn client_signing_with(&self, entity: &str, key: &Arc<SigningKey>) -> Client {
        let links = Links::new(Dialer::new(self.tls(&self.gateway)), PATIENCE);
        Client::new(self.entity(entity), links, self.mandates(key), &patient())
    }

    /// A client with another identity of the gateway's trust domain.
    pub(crate) fn client_as(&self, entity: &str, id: &SpiffeId) -> Client {
        let links = Links::new(Dialer::new(self.tls_as(&self.gateway, id)), PATIENCE);
        Client::new(self.entity(entity), links, self.mandates(&self.signing_key), &patient())
    }

    /// A client that dials for no longer than `timeout`.
    pub(crate) fn client_dialling(&self, entity: &str, timeout: Duration, limits: &Limits) -> Client {
        let links = Links::new(Dialer::new(self.tls(&self.gateway)), timeout);
        Client::new(self.entity(entity), links, self.mandates(&self.signing_key), limits)
    }

    fn mandates(&self, key: &Arc<SigningKey>) -> Mandates {
        Mandates::new(Arc::clone(key), self.clock.clone(), self.in_force.clone())
    }

    /// An order about Anna, with an instruction of its own.
    pub(crate) fn order(&self) -> Order {
        let anna = Identifier::new("email".parse().unwrap(), "anna@example.org").unwrap();
        Order {
            case: CaseId::new(self.clock.now()),
            right: Right::Access,
            instruction: InstructionId::new(self.clock.now()),
            identifiers: [anna].into(),
        }
    }

    /// Where the parts of `order` go.
    pub(crate) fn destination(&self, order: &Order) -> Destination {
        let objects = Arc::new(Objects::open(&self.folder.path().join("objects")).unwrap());
        Destination { objects, case: order.case, key: ContentKey::generate().unwrap() }
    }

    /// Files of objects, whole and partial, of the case of `order`.
    pub(crate) fn files(&self, order: &Order) -> usize {
        let folder = self.folder.path().join("objects").join(order.case.to_string());
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    }

    /// Moves everybody's clock.
    pub(crate) fn later(&self, by: Duration) {
        self.clock.advance(SignedDuration::try_from(by).unwrap());
    }
}

/// Limits that no test runs into.
pub(crate) fn patient() -> Limits {
    Limits { rpc_timeout: PATIENCE, silence_timeout: PATIENCE, ..Limits::default() }
}

/// Limits for tests that wait for them.
pub(crate) fn impatient() -> Limits {
    let soon = Duration::from_millis(300);
    Limits { rpc_timeout: soon, silence_timeout: soon, ..Limits::default() }
}

pub(crate) fn id(entity: &str) -> EntityId {
    entity.parse().unwrap()
}

fn member(name: &str, now: Timestamp) -> Member {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    Member {
        party: Party::new(name, "agent", now),
        key: Arc::new(SigningKey::generate().unwrap()),
        address: listener.local_addr().unwrap(),
        listener: Mutex::new(Some(listener)),
    }
}

fn valid(key: &SigningKey, now: Timestamp) -> ValidKey {
    let year = SignedDuration::from_hours(24 * 365);
    ValidKey { public_key: key.public(), not_before: now - year, not_after: now + year, revoked_at: None }
}

fn group_file(
    gateway: &Party,
    signing_key: &SigningKey,
    members: &BTreeMap<EntityId, Member>,
    now: Timestamp,
) -> GroupFile {
    let roots = members
        .values()
        .map(|member| &member.party)
        .chain([gateway])
        .map(|party| (party.authority.domain().clone(), vec![party.authority.root_pem().to_owned()]));
    let entities = members.iter().map(|(id, member)| Entity {
        id: id.clone(),
        legal_name: format!("{id} legal"),
        country: "FR".parse().unwrap(),
        authority: None,
        contact: Some(format!("privacy@{id}.example")),
        agent: Agent { spiffe_id: member.party.id.clone(), reach: Reach::At(member.address.to_string()) },
        attestation_keys: vec![valid(&member.key, now)],
    });
    GroupFile {
        group: "acme".parse().unwrap(),
        name: "Acme".to_owned(),
        version: 3,
        issued_at: now,
        expires_at: now + SignedDuration::from_hours(24 * 365),
        operator: members.keys().next().unwrap().clone(),
        gateway: Gateway { spiffe_id: gateway.id.clone(), keys: vec![valid(signing_key, now)] },
        identifier_types: vec!["email".parse().unwrap()],
        trust_domains: roots.collect(),
        entities: entities.collect(),
    }
}
