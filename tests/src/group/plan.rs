//! What a group shall look like.

use std::sync::Arc;

use anyhow::Result;

use super::{Direction, Group, PORTAL};
use crate::fixture::Fixture;

/// A group to be laid out.
#[derive(Clone)]
pub struct Plan {
    pub(super) entities: Vec<EntityPlan>,
    pub(super) callers: Vec<CallerPlan>,
    pub(super) gateway_yaml: String,
    pub(super) direction: Direction,
    pub(super) is_balanced: bool,
    pub(super) identifier_types: Vec<&'static str>,
}

/// One entity of it.
#[derive(Clone)]
pub struct EntityPlan {
    pub(super) id: String,
    pub(super) country: String,
    pub(super) datasets: Vec<(Arc<dyn Fixture>, bool)>,
    pub(super) agent_yaml: String,
    pub(super) is_proxied: bool,
    pub(super) direction: Option<Direction>,
}

/// One caller of it.
#[derive(Debug, Clone)]
pub struct CallerPlan {
    pub(super) name: String,
    pub(super) verbs: Vec<&'static str>,
    pub(super) entities: Vec<String>,
}

impl Plan {
    /// A group of `entities`, the first of which runs the gateway, and one caller that may do everything.
    pub fn new(entities: Vec<EntityPlan>) -> Self {
        let everything = ["open", "vouch", "read", "operate", "download", "link"];
        Self {
            entities,
            callers: vec![CallerPlan::new(PORTAL, &everything, &["*"])],
            gateway_yaml: String::new(),
            direction: Direction::usual(),
            is_balanced: false,
            identifier_types: vec!["email", "phone_number", "customer_number"],
        }
    }

    /// Adds a caller.
    pub fn caller(mut self, caller: CallerPlan) -> Self {
        self.callers.push(caller);
        self
    }

    /// Who opens connections between gateway and agents.
    pub fn direction(mut self, direction: Direction) -> Self {
        self.direction = direction;
        self
    }

    /// Puts a balancer in front of the gateway, to run it in several processes.
    pub fn balanced(mut self) -> Self {
        self.is_balanced = true;
        self
    }

    /// Adds lines to `gateway.yaml`.
    pub fn gateway_yaml(mut self, lines: &str) -> Self {
        self.gateway_yaml.push_str(lines);
        self
    }

    /// Writes everything to a new folder.
    ///
    /// # Errors
    /// When a file cannot be written or the plan makes no valid group file.
    pub fn lay_out(&self) -> Result<Group> {
        super::layout::lay_out(self)
    }
}

impl EntityPlan {
    /// An entity in `country` without any dataset yet.
    pub fn new(id: &str, country: &str) -> Self {
        Self {
            id: id.to_owned(),
            country: country.to_owned(),
            datasets: Vec::new(),
            agent_yaml: String::new(),
            is_proxied: false,
            direction: None,
        }
    }

    /// Adds a dataset with its database.
    pub fn holds(mut self, fixture: impl Fixture + 'static) -> Self {
        self.datasets.push((Arc::new(fixture), true));
        self
    }

    /// Adds a dataset that is declared and connected to nothing.
    pub fn declares(mut self, fixture: impl Fixture + 'static) -> Self {
        self.datasets.push((Arc::new(fixture), false));
        self
    }

    /// Adds lines to `agent.yaml`.
    pub fn agent_yaml(mut self, lines: &str) -> Self {
        self.agent_yaml.push_str(lines);
        self
    }

    /// Who opens the connection between the gateway and this agent, whatever the plan says of the others.
    pub fn direction(mut self, direction: Direction) -> Self {
        self.direction = Some(direction);
        self
    }

    /// Puts a proxy between the gateway and the agent.
    pub fn behind_proxy(mut self) -> Self {
        self.is_proxied = true;
        self
    }
}

impl CallerPlan {
    /// A caller with verbs on entities (`*` for all), for access.
    pub fn new(name: &str, verbs: &[&'static str], entities: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            verbs: verbs.to_vec(),
            entities: entities.iter().map(|entity| (*entity).to_owned()).collect(),
        }
    }
}
