//! Entities that have left the group since they were asked. What they signed is checked with the keys of the version of
//! the group file that listed them, which the archive carries beside `trust.json`, signed by the group's keys as well.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tributary_model::group::PublicGroup;
use tributary_model::id::EntityId;

use crate::completeness::GroupRef;

/// An earlier version of the group file, and the entities of the roster that are taken from it.
#[derive(Debug, Clone)]
pub struct Former {
    /// Its public part.
    pub group: PublicGroup,
    /// Its signed envelope (JSON), written byte by byte.
    pub trust_envelope: Vec<u8>,
    /// Entities that the group file in force does not list any more.
    pub entities: Vec<EntityId>,
}

/// How `completeness.json` names an earlier version of the group file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FormerGroup {
    /// The version. Its signed public part is `trust-<version>.json`.
    pub group: GroupRef,
    /// Entities that have left the group since, and stand in the roster as that version has them.
    pub entities: Vec<EntityId>,
}

impl Former {
    pub(crate) fn named(&self) -> FormerGroup {
        FormerGroup { group: GroupRef::of(&self.group), entities: self.entities.clone() }
    }
}

/// Everybody of the roster: `current`, and the entities that are taken from earlier versions.
///
/// Versions rise and lie before the current one; every entity is taken from one of them, and is not listed any more.
pub(crate) fn roster<'f>(
    current: &PublicGroup,
    former: impl IntoIterator<Item = (&'f PublicGroup, &'f [EntityId])>,
) -> Result<PublicGroup, &'static str> {
    let mut roster = current.clone();
    let mut last = 0;
    for (group, entities) in former {
        if group.group != current.group || group.version <= last || group.version >= current.version {
            return Err("an earlier group file is of another group, or not of an earlier version, in order");
        }
        last = group.version;
        if entities.is_empty() {
            return Err("an earlier group file is of use to no entity");
        }
        for id in entities {
            let entity =
                group.entity(id).ok_or("an earlier group file does not list an entity that is taken from it")?;
            if roster.entity(id).is_some() {
                return Err("an entity is taken from an earlier group file, and stands in a later one");
            }
            roster.entities.push(entity.clone());
        }
    }
    Ok(roster)
}
