//! Which entities may be asked: an identifier sent to an entity, and "held: yes" sent back, are flows themselves (GRP-4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::country::Country;
use crate::group::{Entity, GroupFile, PublicEntity, PublicGroup};
use crate::id::{CountryCode, EntityId};

/// Whether an entity is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The request may be sent to the entity.
    Ask,
    /// It may not: no identifier leaves for it.
    DoNotAsk,
}

/// The recorded decision on one request envelope: from the operator to one entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The entity the request would go to.
    pub entity: EntityId,
    /// What was decided.
    pub outcome: Outcome,
    /// The rule that decided.
    pub rule: Rule,
    /// The exporter of the envelope: the operator of the gateway.
    pub exporter: EntityId,
    /// The exporter's legal area.
    pub exporter_area: String,
    /// The entity's legal area.
    pub importer_area: String,
    /// Version of the group file the facts come from.
    pub group_version: u64,
}

/// Rules for the request envelope. Recorded transfer instruments add to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Both entities are named by the group file and lie in one legal area: no transfer takes place (Art. 44).
    SameLegalArea,
    /// Another legal area, and no transfer instrument is recorded (Art. 44).
    OtherLegalArea,
    /// The caller asked for other entities only.
    NotInRequestedScope,
    /// A later group file lists the entity; the one under which the scope was decided did not.
    JoinedAfterScope,
}

impl Rule {
    /// A sentence for people.
    pub fn reason(self) -> &'static str {
        match self {
            Self::SameLegalArea => "listed by the group file and in the operator's legal area",
            Self::OtherLegalArea => {
                "in another legal area than the operator, and no transfer instrument for the request is recorded"
            }
            Self::NotInRequestedScope => "not among the entities that the request named",
            Self::JoinedAfterScope => {
                "joined the group after it was decided which entities to ask; a new request reaches it"
            }
        }
    }
}

/// The decision on an entity that `group` lists and that was not in the roster when the scope was decided: whoever
/// vouched for the scope did not see it, so no identifier leaves for it.
pub fn joined(group: &PublicGroup, entity: &PublicEntity) -> Decision {
    let area = |country: &CountryCode| Country::find(country.as_str()).map_or("", |country| country.legal_area);
    Decision {
        entity: entity.id.clone(),
        outcome: Outcome::DoNotAsk,
        rule: Rule::JoinedAfterScope,
        exporter: group.operator.clone(),
        exporter_area: group.entity(&group.operator).map_or("", |operator| area(&operator.country)).to_owned(),
        importer_area: area(&entity.country).to_owned(),
        group_version: group.version,
    }
}

/// Decides for every entity of the group. `requested` empty means all. Deterministic: same file, same decisions.
pub fn decide(group: &GroupFile, requested: &[EntityId]) -> Vec<Decision> {
    let exporter_area = group.entity(&group.operator).map_or("", Entity::legal_area);
    group
        .entities
        .iter()
        .map(|entity| {
            let area = entity.legal_area();
            let (outcome, rule) = if !requested.is_empty() && !requested.contains(&entity.id) {
                (Outcome::DoNotAsk, Rule::NotInRequestedScope)
            } else if area == exporter_area && !area.is_empty() {
                (Outcome::Ask, Rule::SameLegalArea)
            } else {
                (Outcome::DoNotAsk, Rule::OtherLegalArea)
            };
            Decision {
                entity: entity.id.clone(),
                outcome,
                rule,
                exporter: group.operator.clone(),
                exporter_area: exporter_area.to_owned(),
                importer_area: area.to_owned(),
                group_version: group.version,
            }
        })
        .collect()
}
