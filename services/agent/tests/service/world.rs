//! A group of two entities on disk, one of them with an agent; the gateway, and others who would like to be it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tributary_agent::{Agent, Config, StartError};
use tributary_archive::attestation::Attestation;
use tributary_archive::frames::KeyEncryptionKey;
use tributary_model::clock::{Clock, ManualClock};
use tributary_model::group::signed::sign;
use tributary_model::group::{self, GroupFile};
use tributary_model::id::{CaseId, EntityId, InstructionId};
use tributary_model::identifier::Identifier;
use tributary_model::key::{SigningKey, ValidKey};
use tributary_model::mandate::{Action, Mandate};
use tributary_model::right::Right;
use tributary_model::spiffe::SpiffeId;
use tributary_proto::agent::v1::subject_data_service_client::SubjectDataServiceClient;
use tributary_proto::agent::v1::watch_export_response::Event;
use tributary_proto::agent::v1::{
    FinishExportRequest, GetAttestationRequest, Part, ReadPartRequest, StartExportRequest, StartExportResponse,
    WatchExportRequest, WatchExportResponse,
};
use tributary_proto::types::v1 as types;
use tributary_transport::dial::Dialer;
use tributary_transport::identity::Identity;
use tributary_transport::link::{Channel, Link};
use tributary_transport::pki::{Authority, Subject};
use tributary_transport::secret_file::create_secret;
use tributary_transport::telemetry::Metrics;
use tributary_transport::tls::Tls;
use tributary_transport::trust::{BundleMap, TrustBundles};

pub(crate) type Client = SubjectDataServiceClient<Channel>;

/// Long enough never to matter, short enough to end a test that would hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const LIFE: Duration = Duration::from_secs(60 * 24 * 3600);

pub(crate) const MANIFEST: &str = "\
dataset:
  - fides_key: crm
    name: Customers
    collections:
      - name: customer
        fields:
          - {name: id, data_type: integer, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: name, data_categories: [user.name]}
      - name: letter
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: customer_id
            fides_meta: {references: [{dataset: crm, field: customer.id, direction: from}]}
          - {name: body, data_categories: [user.content]}
";

pub(crate) const ANNA: &str = "anna@example.org";
/// Two customers have this one.
pub(crate) const SHARED: &str = "family@example.org";
/// Letters that make a part too large for the ledger.
pub(crate) const LARGE: u32 = 200;
pub(crate) const NOBODY: &str = "nobody@example.org";

/// Everything that stands on disk, and the clock.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) group_key: SigningKey,
    pub(crate) gateway_key: SigningKey,
    pub(crate) entity_key: SigningKey,
    pub(crate) group: GroupFile,
    pub(crate) authorities: BTreeMap<&'static str, Authority>,
    /// The lines of the configuration that say who is served.
    pub(crate) served: String,
    /// Lines appended to the configuration.
    pub(crate) settings: String,
}

/// An agent that serves until stopped.
pub(crate) struct Running {
    pub(crate) address: String,
    pub(crate) stop: CancellationToken,
    pub(crate) ended: JoinHandle<Result<(), StartError>>,
    pub(crate) client: Client,
    _link: Link,
}

/// One order of the gateway.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) mandate: Mandate,
    pub(crate) email: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
        let now = clock.now();
        let mut authorities = BTreeMap::new();
        for name in ["gateway", "acme", "other"] {
            let authority = Authority::create(&format!("{name}.example").parse().unwrap(), LIFE * 2, now).unwrap();
            authorities.insert(name, authority);
        }
        let key = || SigningKey::generate().unwrap();
        let (group_key, gateway_key, entity_key) = (key(), key(), key());
        let group = group(&authorities, &gateway_key, &entity_key, now);
        let settings = "limits: {retry_min: 1s, retry_max: 4s, drain: 5s}\n".to_owned();
        let served = "entity: acme\nsigning_key: attestation.key\n".to_owned();
        let world = Self { folder, clock, group_key, gateway_key, entity_key, group, authorities, served, settings };
        world.identity("acme", "agent");
        create_secret(&world.path("attestation.key"), world.entity_key.to_pem().unwrap().as_bytes()).unwrap();
        create_secret(&world.path("kek.key"), KeyEncryptionKey::generate().unwrap().as_bytes()).unwrap();
        std::fs::write(world.path("crm.yml"), MANIFEST).unwrap();
        world.write_group();
        world.write_database(20);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Signs the group file as it is now and puts it in its place.
    pub(crate) fn write_group(&self) {
        let pair = sign(&self.group, &self.group_key).unwrap();
        std::fs::write(self.path("group.json"), pair.whole.to_json()).unwrap();
    }

    /// Three customers, of whom Anna has `letters` letters.
    pub(crate) fn write_database(&self, letters: u32) {
        let path = self.path("crm.sqlite");
        let _ = std::fs::remove_file(&path);
        let mut db = Connection::open(path).unwrap();
        let tx = db.transaction().unwrap();
        tx.execute_batch(
            "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, name TEXT);
             CREATE TABLE letter (id INTEGER PRIMARY KEY, customer_id INTEGER, body TEXT);
             CREATE INDEX letter_customer ON letter (customer_id);
             INSERT INTO customer VALUES (1, 'anna@example.org', 'Anna'), (2, 'family@example.org', 'Bert'),
                 (3, 'family@example.org', 'Berta');
             INSERT INTO letter VALUES (1000000, 2, 'to Bert');",
        )
        .unwrap();
        for n in 0..letters {
            // Text that deflate cannot make much smaller.
            let body = BASE64_STANDARD.encode(SigningKey::generate().unwrap().sign(b"x")).repeat(2);
            tx.execute("INSERT INTO letter VALUES (?1, 1, ?2)", (n, format!("marker-body-{n} {body}"))).unwrap();
        }
        tx.commit().unwrap();
    }

    pub(crate) fn config(&self) -> Config {
        let (group_key, served, settings) = (self.group_key.public(), &self.served, &self.settings);
        let text = format!(
            "listen: 127.0.0.1:0\ndata_dir: data\n{served}identity: {{certificate: acme-agent.pem, key: acme-agent-key.pem}}\n\
             group: {{file: group.json, keys: [\"{group_key}\"]}}\nkey_encryption_key: kek.key\n\
             manifests: [crm.yml]\ndatabases: {{crm: {{sqlite: crm.sqlite}}}}\n{settings}"
        );
        Config::from_yaml("agent.yaml", &text, self.folder.path()).unwrap()
    }

    pub(crate) async fn bind(&self) -> Result<Agent, StartError> {
        Agent::bind(self.config(), self.clock.clone(), Metrics::new()).await
    }

    #[expect(clippy::disallowed_methods, reason = "a test joins this task itself")]
    pub(crate) async fn start(&self) -> Running {
        let agent = self.bind().await.unwrap();
        let address = agent.local_addr().unwrap().to_string();
        let stop = CancellationToken::new();
        let ended = tokio::spawn(agent.serve(stop.clone()));
        let link = self.dial("gateway", "gateway", &address).await;
        let client = Client::new(link.channel());
        Running { address, stop, ended, client, _link: link }
    }

    /// Connects as somebody.
    pub(crate) async fn dial(&self, domain: &str, role: &str, address: &str) -> Link {
        let mut bundles = BundleMap::new();
        bundles.add_pem("acme.example".parse().unwrap(), self.authorities["acme"].root_pem().as_bytes()).unwrap();
        let tls = Tls::new(self.identity(domain, role), TrustBundles::new(bundles), self.clock.clone());
        Dialer::new(tls).connect(address, &spiffe("acme", "agent"), PATIENCE).await.unwrap()
    }

    /// A certificate of the domain's authority, as files that are made once.
    pub(crate) fn identity(&self, domain: &str, role: &str) -> Identity {
        let name = format!("{domain}-{role}");
        if !self.path(&format!("{name}.pem")).exists() {
            let subject =
                Subject { id: spiffe(domain, role), dns_names: vec!["localhost".to_owned()], ip_addresses: Vec::new() };
            let issued = self.authorities[domain].issue(&subject, LIFE, self.clock.now()).unwrap();
            issued.save(self.folder.path(), &name).unwrap();
        }
        let file = |suffix: &str| self.path(&format!("{name}{suffix}.pem"));
        Identity::load(&file(""), &file("-key")).unwrap()
    }

    /// An order about `email`, with a mandate that holds.
    pub(crate) fn order(&self, action: Action, email: &str) -> Order {
        let now = self.clock.now();
        let salt = b"sixteen bytes !!";
        let identifiers = [Identifier::new("email".parse().unwrap(), email).unwrap()];
        let mandate = Mandate {
            action,
            instruction: InstructionId::new(now),
            entity: "acme".parse().unwrap(),
            case: CaseId::new(now),
            right: Right::Access,
            salt: BASE64_STANDARD.encode(salt),
            identifiers_sha256: Mandate::digest_of(salt, &identifiers),
            group_version: self.group.version,
            group_sha256: self.group_digest(),
            received_at: None,
            not_before: now,
            expires_at: now + SignedDuration::from_mins(10),
        };
        Order { mandate, email: email.to_owned() }
    }

    /// The same order with a mandate of now, as the gateway makes one for each call.
    pub(crate) fn renewed(&self, order: &Order) -> Order {
        let now = self.clock.now();
        let expires_at = now + SignedDuration::from_mins(10);
        Order { mandate: Mandate { not_before: now, expires_at, ..order.mandate.clone() }, ..order.clone() }
    }

    pub(crate) fn envelope(&self, order: &Order) -> Vec<u8> {
        order.mandate.sign(&self.gateway_key).to_json()
    }

    fn group_digest(&self) -> String {
        let envelope = std::fs::read(self.path("group.json")).unwrap();
        let pins = group::signed::Pins { keys: vec![self.group_key.public()], threshold: 1 };
        let group = group::signed::VerifiedGroup::open(&envelope, &pins, self.group.issued_at, None).unwrap();
        group.digest().to_owned()
    }

    pub(crate) fn start_request(&self, order: &Order) -> StartExportRequest {
        StartExportRequest {
            mandate: self.envelope(order),
            instruction: order.mandate.instruction.to_string(),
            identifiers: vec![identifier(&order.email)],
            format: types::TableFormat::Ndjson.into(),
            received_at: order
                .mandate
                .received_at
                .map(|at| prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }),
        }
    }

    pub(crate) async fn begin(&self, agent: &Running, order: &Order) -> Result<StartExportResponse, Status> {
        let request = self.start_request(order);
        Ok(agent.client.clone().start_export(request).await?.into_inner())
    }

    pub(crate) async fn watch(&self, agent: &Running, order: &Order) -> Result<Events, Status> {
        let (mandate, instruction) = self.about(order);
        let request = WatchExportRequest { mandate, instruction };
        Ok(Events(agent.client.clone().watch_export(request).await?.into_inner()))
    }

    pub(crate) async fn read(
        &self,
        agent: &Running,
        order: &Order,
        (generation, index, offset): (u32, u32, u64),
    ) -> Result<Vec<u8>, Status> {
        let (mandate, instruction) = self.about(order);
        let request = ReadPartRequest { mandate, instruction, generation, index, offset };
        let mut stream = agent.client.clone().read_part(request).await?.into_inner();
        let mut bytes = Vec::new();
        while let Some(piece) = stream.message().await? {
            assert_eq!(piece.offset, offset + bytes.len() as u64);
            assert!(!piece.data.is_empty() && piece.data.len() <= 256 * 1024);
            bytes.extend_from_slice(&piece.data);
        }
        Ok(bytes)
    }

    pub(crate) async fn finish(&self, agent: &Running, order: &Order) -> Result<(), Status> {
        let (mandate, instruction) = self.about(order);
        agent.client.clone().finish_export(FinishExportRequest { mandate, instruction }).await.map(drop)
    }

    pub(crate) async fn attestation(&self, agent: &Running, order: &Order) -> Result<Vec<u8>, Status> {
        let (mandate, instruction) = self.about(order);
        let answer = agent.client.clone().get_attestation(GetAttestationRequest { mandate, instruction }).await?;
        Ok(answer.into_inner().attestation)
    }

    /// Starts an export and takes everything it produces.
    pub(crate) async fn export(&self, agent: &Running, order: &Order) -> Export {
        self.begin(agent, order).await.unwrap();
        self.watch(agent, order).await.unwrap().until_attested().await
    }

    /// What the entity signed, opened as the gateway opens it.
    pub(crate) fn open(&self, envelope: &[u8]) -> Attestation {
        Attestation::open(envelope, &self.group.entities[0].attestation_keys, self.clock.now()).unwrap()
    }

    /// Files of the spool, all exports together.
    pub(crate) fn spooled(&self) -> usize {
        files(&self.path("data/spool"))
    }

    pub(crate) fn later(&self, by: Duration) {
        self.clock.advance(SignedDuration::try_from(by).unwrap());
    }

    fn about(&self, order: &Order) -> (Vec<u8>, String) {
        (self.envelope(order), order.mandate.instruction.to_string())
    }
}

impl Running {
    /// Stops the agent as SIGTERM does.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.ended).await.expect("the agent ends").unwrap().unwrap();
    }
}

/// What an export has produced.
pub(crate) struct Export {
    pub(crate) generation: u32,
    pub(crate) tables: Vec<String>,
    pub(crate) parts: Vec<Part>,
    pub(crate) envelope: Vec<u8>,
}

/// The stream of a watch.
pub(crate) struct Events(tonic::Streaming<WatchExportResponse>);

impl Events {
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Status> {
        let message = tokio::time::timeout(PATIENCE, self.0.message()).await.expect("something happens")?;
        Ok(message.map(|message| message.event.expect("every message says what happened")))
    }

    /// The reason and time of the next pause, whatever comes before.
    pub(crate) async fn pending(&mut self) -> (String, Option<Timestamp>) {
        loop {
            if let Event::Pending(pending) = self.next().await.unwrap().expect("the export waits") {
                let at = pending.retry_at.map(|at| Timestamp::new(at.seconds, at.nanos).unwrap());
                return (pending.reason, at);
            }
        }
    }

    /// The next pause whose reason contains `text`.
    pub(crate) async fn pending_for(&mut self, text: &str) -> (String, Option<Timestamp>) {
        loop {
            let (reason, at) = self.pending().await;
            if reason.contains(text) {
                return (reason, at);
            }
        }
    }

    pub(crate) async fn until_attested(mut self) -> Export {
        let mut export = Export { generation: 0, tables: Vec::new(), parts: Vec::new(), envelope: Vec::new() };
        while let Some(event) = self.next().await.unwrap() {
            assert!(export.envelope.is_empty(), "nothing comes after the attestation");
            match event {
                Event::GenerationStarted(started) => {
                    export = Export { generation: started.generation, tables: Vec::new(), parts: Vec::new(), ..export };
                }
                Event::Table(table) => export.tables.push(table.collection),
                Event::Part(part) => {
                    assert_eq!(part.generation, export.generation);
                    assert!(export.tables.contains(&part.collection), "a table's form comes before its first part");
                    export.parts.push(part);
                }
                Event::Pending(_) | Event::Preview(_) | Event::Information(_) => {}
                Event::Attested(attested) => {
                    assert_eq!(attested.parts as usize, export.parts.len());
                    export.envelope = attested.attestation;
                }
            }
        }
        assert!(!export.envelope.is_empty(), "the stream ends with the attestation");
        export
    }
}

pub(crate) fn identifier(email: &str) -> types::Identifier {
    types::Identifier { r#type: "email".to_owned(), value: email.to_owned() }
}

pub(crate) fn reason(status: &Status) -> String {
    tributary_transport::status::reason_of(status).unwrap_or_else(|| format!("{status:?}"))
}

pub(crate) fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

pub(crate) fn spiffe(domain: &str, role: &str) -> SpiffeId {
    format!("spiffe://{domain}.example/{role}").parse().unwrap()
}

fn group(
    authorities: &BTreeMap<&'static str, Authority>,
    gateway_key: &SigningKey,
    entity_key: &SigningKey,
    now: Timestamp,
) -> GroupFile {
    let valid = |key: &SigningKey| ValidKey {
        public_key: key.public(),
        not_before: now - SignedDuration::from_hours(1),
        not_after: now + SignedDuration::from_hours(50 * 24),
        revoked_at: None,
    };
    let entity = |id: &str, keys: Vec<ValidKey>| group::Entity {
        id: id.parse::<EntityId>().unwrap(),
        legal_name: id.to_owned(),
        country: "FR".parse().unwrap(),
        authority: None,
        contact: None,
        agent: group::Agent { spiffe_id: spiffe(id, "agent"), reach: group::Reach::At("localhost:1".to_owned()) },
        attestation_keys: keys,
    };
    let root = |(name, authority): (&&'static str, &Authority)| {
        (format!("{name}.example").parse().unwrap(), vec![authority.root_pem().to_owned()])
    };
    GroupFile {
        group: "group".parse().unwrap(),
        name: "Group".to_owned(),
        version: 3,
        issued_at: now,
        expires_at: now + SignedDuration::from_hours(45 * 24),
        operator: "acme".parse().unwrap(),
        gateway: group::Gateway { spiffe_id: spiffe("gateway", "gateway"), keys: vec![valid(gateway_key)] },
        identifier_types: vec!["email".parse().unwrap()],
        trust_domains: authorities.iter().map(root).collect(),
        entities: vec![entity("acme", vec![valid(entity_key)]), entity("other", Vec::new())],
    }
}
