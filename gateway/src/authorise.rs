//! Who may do what: callers are granted verbs on rights and entities by configuration, and nothing else (default deny).
//!
//! The verb is checked before a request's content is looked at; rights and entities as soon as they are known. A case
//! outside a caller's grants is hidden: it looks like one that does not exist.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tributary_model::id::{EntityId, InvalidId};
use tributary_model::right::Right;
use tributary_model::spiffe::SpiffeId;

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Open cases.
    Open,
    /// Vouch for a person's identity.
    Vouch,
    /// Read cases, archives' descriptions and the group.
    Read,
    /// Retry, cancel, confirm deliveries.
    Operate,
    /// Approve plans.
    Approve,
    /// Download archives: a grant of its own.
    Download,
    /// Make, list and revoke links with which people download: a grant of its own.
    Link,
}

impl Verb {
    /// All verbs.
    pub const ALL: [Verb; 7] =
        [Self::Open, Self::Vouch, Self::Read, Self::Operate, Self::Approve, Self::Download, Self::Link];

    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Vouch => "vouch",
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Approve => "approve",
            Self::Download => "download",
            Self::Link => "link",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Verb {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let rule = "one of open, vouch, read, operate, approve, download, link";
        Self::ALL.into_iter().find(|verb| verb.as_str() == text).ok_or(InvalidId { what: "a verb", rule })
    }
}

/// The entities that a grant covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entities {
    /// Every entity, also those that join the group later.
    All,
    /// These.
    Only(BTreeSet<EntityId>),
}

impl Entities {
    fn covers(&self, entity: &EntityId) -> bool {
        match self {
            Self::All => true,
            Self::Only(entities) => entities.contains(entity),
        }
    }
}

/// One line of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The caller.
    pub spiffe_id: SpiffeId,
    /// What it may do.
    pub verbs: BTreeSet<Verb>,
    /// For which rights.
    pub rights: BTreeSet<Right>,
    /// For which entities.
    pub entities: Entities,
}

/// All grants.
#[derive(Debug, Clone, Default)]
pub struct Policy(Vec<Grant>);

/// A caller that holds a verb, with the grants that say so.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who it is.
    pub id: SpiffeId,
    grants: Vec<Grant>,
}

impl Policy {
    /// The policy of these grants.
    pub fn new(grants: Vec<Grant>) -> Self {
        Self(grants)
    }

    /// The caller with its grants for `verb`; `None` when there is none.
    pub fn caller(&self, id: &SpiffeId, verb: Verb) -> Option<Caller> {
        let grants: Vec<Grant> =
            self.0.iter().filter(|g| g.spiffe_id == *id && g.verbs.contains(&verb)).cloned().collect();
        (!grants.is_empty()).then(|| Caller { id: id.clone(), grants })
    }
}

impl Caller {
    /// Whether the caller may act on this right at this entity.
    pub fn may(&self, right: Right, entity: &EntityId) -> bool {
        self.grants.iter().any(|grant| grant.rights.contains(&right) && grant.entities.covers(entity))
    }

    /// Whether the caller may act on this right at every one of `entities`; for none of them, on the right at all.
    pub fn may_all<'e>(&self, right: Right, entities: impl IntoIterator<Item = &'e EntityId>) -> bool {
        let any = self.grants.iter().any(|grant| grant.rights.contains(&right));
        any && entities.into_iter().all(|entity| self.may(right, entity))
    }

    /// Whether the caller may see the entity under any right.
    pub fn sees(&self, entity: &EntityId) -> bool {
        self.grants.iter().any(|grant| grant.entities.covers(entity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(id: &str, verbs: &[Verb], entities: &[&str]) -> Grant {
        let entities = match entities {
            ["*"] => Entities::All,
            some => Entities::Only(some.iter().map(|e| e.parse().unwrap()).collect()),
        };
        Grant {
            spiffe_id: id.parse().unwrap(),
            verbs: verbs.iter().copied().collect(),
            rights: BTreeSet::from([Right::Access]),
            entities,
        }
    }

    #[test]
    fn nobody_may_what_was_not_granted() {
        let policy = Policy::new(vec![
            grant("spiffe://a.example/x", &[Verb::Open], &["fr"]),
            grant("spiffe://a.example/x", &[Verb::Read], &["be"]),
        ]);
        let x = "spiffe://a.example/x".parse().unwrap();
        assert!(policy.caller(&x, Verb::Download).is_none());
        assert!(policy.caller(&"spiffe://a.example/y".parse().unwrap(), Verb::Open).is_none());
        let (fr, be): (EntityId, EntityId) = ("fr".parse().unwrap(), "be".parse().unwrap());
        let opener = policy.caller(&x, Verb::Open).unwrap();
        assert!(opener.may(Right::Access, &fr) && !opener.may(Right::Access, &be));
        assert!(!opener.may_all(Right::Access, [&fr, &be]));
        assert!(policy.caller(&x, Verb::Read).unwrap().may_all(Right::Access, [&be]));
    }
}
