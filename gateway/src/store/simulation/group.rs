//! The group of a simulated world: one entity per agent, each with the keys that count, in versions that rise.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::OnceLock;

use jiff::Timestamp;
use tributary_archive::digest::Sha256Hex;
use tributary_model::dsse::Envelope;
use tributary_model::group::signed::InForce;
use tributary_model::group::{Agent, Entity, Gateway, GroupFile, Reach};
use tributary_model::id::EntityId;
use tributary_model::key::{SigningKey, ValidKey};

use super::schedule::Change;

const NAMES: [&str; 3] = ["be", "fr", "de"];
const COUNTRIES: [&str; 3] = ["BE", "FR", "DE"];
/// Keys that an entity may have, one after another; then the first one comes round again under a new validity.
const KEYS_EACH: usize = 4;

/// Made once per process: what they are decides nothing.
fn keys() -> &'static [SigningKey] {
    static KEYS: OnceLock<Vec<SigningKey>> = OnceLock::new();
    KEYS.get_or_init(|| (0..=NAMES.len() * KEYS_EACH).map(|_| SigningKey::generate().unwrap()).collect())
}

/// The key that signs group files and archives.
pub(super) fn gateway_key() -> &'static SigningKey {
    &keys()[NAMES.len() * KEYS_EACH]
}

struct Member {
    id: EntityId,
    listed: bool,
    /// How many keys it has had revoked.
    revoked: Vec<Timestamp>,
}

/// The group as it is now.
pub(super) struct Group {
    issued_at: Timestamp,
    version: u64,
    members: Vec<Member>,
    /// The file of this version, once somebody asked for it.
    file: OnceCell<Rc<GroupFile>>,
}

impl Group {
    pub(super) fn new(entities: usize, issued_at: Timestamp) -> Self {
        let member = |name: &&str| Member { id: name.parse().unwrap(), listed: true, revoked: Vec::new() };
        let members = NAMES.iter().take(entities).map(member).collect();
        Self { issued_at, version: 1, members, file: OnceCell::new() }
    }

    fn next(&mut self) {
        self.version += 1;
        self.file.take();
    }

    pub(super) fn ids(&self) -> Vec<EntityId> {
        self.members.iter().map(|member| member.id.clone()).collect()
    }

    pub(super) fn key_of(&self, entity: usize) -> &'static SigningKey {
        &keys()[entity * KEYS_EACH + self.members[entity].revoked.len()]
    }

    /// Puts a change into a new version; says whether there is one.
    pub(super) fn change(&mut self, change: Change, entity: usize, now: Timestamp) -> bool {
        let member = &mut self.members[entity];
        match change {
            Change::Nothing => {}
            Change::NewKey if member.revoked.len() + 1 < KEYS_EACH => member.revoked.push(now),
            // The operator cannot leave.
            Change::Leaves if entity > 0 && member.listed => member.listed = false,
            Change::Returns if !member.listed => member.listed = true,
            _ => return false,
        }
        self.next();
        true
    }

    /// All entities are listed from now on.
    pub(super) fn reunite(&mut self) {
        self.members.iter_mut().for_each(|member| member.listed = true);
        self.next();
    }

    pub(super) fn file(&self) -> Rc<GroupFile> {
        Rc::clone(self.file.get_or_init(|| Rc::new(self.write())))
    }

    fn write(&self) -> GroupFile {
        let listed = self.members.iter().enumerate().filter(|(_, member)| member.listed);
        GroupFile {
            group: "acme".parse().unwrap(),
            name: "Acme".to_owned(),
            version: self.version,
            issued_at: self.issued_at,
            expires_at: self.last(),
            operator: NAMES[0].parse().unwrap(),
            gateway: Gateway {
                spiffe_id: "spiffe://acme.example/gateway".parse().unwrap(),
                keys: vec![self.valid(gateway_key(), None)],
            },
            identifier_types: vec!["email".parse().unwrap()],
            trust_domains: Default::default(),
            entities: listed.map(|(index, member)| self.entity(index, member)).collect(),
        }
    }

    fn entity(&self, index: usize, member: &Member) -> Entity {
        let key = |number: usize| &keys()[index * KEYS_EACH + number];
        let revoked = member.revoked.iter().enumerate().map(|(number, at)| self.valid(key(number), Some(*at)));
        Entity {
            id: member.id.clone(),
            legal_name: NAMES[index].to_owned(),
            country: COUNTRIES[index].parse().unwrap(),
            authority: None,
            contact: None,
            agent: Agent {
                spiffe_id: format!("spiffe://{}.example/agent", NAMES[index]).parse().unwrap(),
                reach: Reach::At("localhost:1".to_owned()),
            },
            attestation_keys: revoked.chain([self.valid(key(member.revoked.len()), None)]).collect(),
        }
    }

    fn valid(&self, key: &SigningKey, revoked_at: Option<Timestamp>) -> ValidKey {
        let (not_before, not_after) = (self.issued_at, self.last());
        ValidKey { public_key: key.public(), not_before, not_after, revoked_at }
    }

    fn last(&self) -> Timestamp {
        self.issued_at + jiff::SignedDuration::from_hours(24 * 3650)
    }

    pub(super) fn in_force(&self) -> InForce {
        InForce { version: self.version, digest: self.digest().to_string() }
    }

    pub(super) fn digest(&self) -> Sha256Hex {
        Sha256Hex::of(&self.version.to_be_bytes())
    }

    /// The signed public part.
    pub(super) fn public_part(&self) -> Vec<u8> {
        let public = self.file().public_part(self.digest().to_string());
        Envelope::sign("application/json", &serde_json::to_vec(&public).unwrap(), gateway_key()).to_json()
    }
}
