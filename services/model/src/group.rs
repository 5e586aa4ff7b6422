//! The group file: which entities answer together, where their agents are, and whose keys count.
//!
//! Written as `group.yaml`, read by `read`, signed by the group's offline keys (`signed`), pinned by agents, gateway
//! and verifiers. Its public part goes into every archive as `trust.json`.

mod check;
mod reach;
mod read;
pub mod signed;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::country::Country;
use crate::id::{CountryCode, EntityId, GroupId, IdentifierType};
use crate::key::{KeyId, ValidKey};
use crate::spiffe::{SpiffeId, TrustDomain};

pub use self::reach::{Reach, Unreachable};

/// The whole group file, for agents and gateways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupFile {
    /// The group's id.
    pub group: GroupId,
    /// The group's name, as people know it.
    pub name: String,
    /// Rises with every change. Agents and gateways refuse an older one than they had.
    pub version: u64,
    /// When this version was issued.
    #[schemars(with = "String")]
    pub issued_at: Timestamp,
    /// When it stops being accepted.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
    /// The entity that runs the gateway: what reaches the gateway in clear reaches this entity and its country.
    pub operator: EntityId,
    /// The gateway's identity and keys.
    pub gateway: Gateway,
    /// Kinds of identifiers that the group's entities know people by. A request with another kind is refused.
    pub identifier_types: Vec<IdentifierType>,
    /// Root certificates (PEM) by trust domain. Never merged: a domain's roots vouch for that domain only.
    pub trust_domains: BTreeMap<TrustDomain, Vec<String>>,
    /// The legal entities.
    pub entities: Vec<Entity>,
}

/// The gateway as the group knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Who the gateway is on a connection. Agents serve nobody else.
    pub spiffe_id: SpiffeId,
    /// Keys with which it signs mandates and archives.
    pub keys: Vec<ValidKey>,
}

/// One legal entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// Its id: also its folder in the archive.
    pub id: EntityId,
    /// Registered name.
    pub legal_name: String,
    /// Where it is established.
    pub country: CountryCode,
    /// Its supervisory authority, for the notice to the person (RULES PRC-5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Where a person reaches it about their data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Its agent.
    #[schemars(with = "reach::Written")]
    pub agent: Agent,
    /// Keys with which its agent signs attestations. Born at the entity, never held by the operator.
    pub attestation_keys: Vec<ValidKey>,
}

/// How an entity's agent is reached and who it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "reach::Written", into = "reach::Written")]
pub struct Agent {
    /// Who the agent is on a connection: exactly this, checked per rpc.
    pub spiffe_id: SpiffeId,
    /// Who opens the connection.
    pub reach: Reach,
}

impl GroupFile {
    /// Looks an entity up.
    pub fn entity(&self, id: &EntityId) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.id == *id)
    }

    /// The public part, given the digest of the signed whole.
    pub fn public_part(&self, group_file_sha256: String) -> PublicGroup {
        PublicGroup {
            group: self.group.clone(),
            name: self.name.clone(),
            version: self.version,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            group_file_sha256,
            operator: self.operator.clone(),
            gateway_keys: self.gateway.keys.clone(),
            entities: self.entities.iter().map(Entity::public_part).collect(),
        }
    }
}

impl Entity {
    /// The legal area the entity is established in, for example `EEA`.
    pub fn legal_area(&self) -> &'static str {
        // A CountryCode exists only for a country that is found.
        Country::find(self.country.as_str()).map_or("", |country| country.legal_area)
    }

    fn public_part(&self) -> PublicEntity {
        PublicEntity {
            id: self.id.clone(),
            legal_name: self.legal_name.clone(),
            country: self.country.clone(),
            authority: self.authority.clone(),
            contact: self.contact.clone(),
            attestation_keys: self.attestation_keys.clone(),
        }
    }
}

/// What anyone may know of the group: enough to check an archive, nothing about networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublicGroup {
    /// The group's id.
    pub group: GroupId,
    /// The group's name.
    pub name: String,
    /// The group file's version.
    pub version: u64,
    /// When it was issued.
    #[schemars(with = "String")]
    pub issued_at: Timestamp,
    /// When it stops being accepted.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
    /// SHA-256 of the whole file's signed payload, in hex: ties the two envelopes together.
    pub group_file_sha256: String,
    /// The entity that runs the gateway.
    pub operator: EntityId,
    /// Keys with which the gateway signs archives.
    pub gateway_keys: Vec<ValidKey>,
    /// The legal entities.
    pub entities: Vec<PublicEntity>,
}

/// What anyone may know of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublicEntity {
    /// Its id.
    pub id: EntityId,
    /// Registered name.
    pub legal_name: String,
    /// Where it is established.
    pub country: CountryCode,
    /// Its supervisory authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Where a person reaches it about their data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Keys with which its agent signs attestations.
    pub attestation_keys: Vec<ValidKey>,
}

impl PublicGroup {
    /// Looks an entity up.
    pub fn entity(&self, id: &EntityId) -> Option<&PublicEntity> {
        self.entities.iter().find(|entity| entity.id == *id)
    }
}

/// Finds a published key by id.
pub fn find_key<'k>(keys: &'k [ValidKey], id: &KeyId) -> Option<&'k ValidKey> {
    keys.iter().find(|key| key.public_key.id() == *id)
}

/// The JSON Schema of `group.yaml`, generated from the types above.
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(GroupFile)
}

#[cfg(test)]
mod tests;
