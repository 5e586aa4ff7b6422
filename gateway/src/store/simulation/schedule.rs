//! A schedule: what callers, replicas, agents and the clock do, one step after another, with what goes wrong.
//!
//! A seed makes a schedule (`draw`); running one draws nothing any more, so that steps can be left out while a failure
//! is shrunk. Indices count modulo what there is. Written as JSON, one step a line, schedules are kept as tests.

use serde::{Deserialize, Serialize};

use super::draw;

/// A run from the first step until everything has come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Schedule {
    /// Gateway processes on the one store.
    pub(super) replicas: u8,
    /// One agent per entity: what it answers to its first export, its second and so on, over and over.
    pub(super) agents: Vec<Vec<Answer>>,
    pub(super) steps: Vec<Step>,
}

/// One operation, and what goes wrong with its last call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    pub(super) op: Op,
    #[serde(default, skip_serializing_if = "Fault::is_none")]
    pub(super) fault: Fault,
}

/// What befalls a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fault {
    #[default]
    None,
    /// It fails and is not made.
    NotMade,
    /// It is made, and its answer is lost: the process takes it for failed.
    AnswerLost,
    /// It is made, and the process dies before it does anything else.
    DiesAfter,
}

impl Fault {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Op {
    /// A caller opens a case under a request id, which may have been used before.
    Open {
        request: u8,
        wait: Wait,
        vouched: bool,
    },
    /// The same request id with something else under it.
    OpenOther {
        request: u8,
    },
    Vouch {
        case: u8,
        more: bool,
    },
    Retry {
        case: u8,
        entity: u8,
    },
    Cancel {
        case: u8,
    },
    Deliver {
        case: u8,
        archive: u8,
    },
    Download {
        case: u8,
    },
    /// A replica claims what is due at an entity.
    Claim {
        replica: u8,
        entity: u8,
        most: u8,
    },
    /// One attempt of a replica goes on by so many calls, to the agent or to the store.
    Work {
        replica: u8,
        attempt: u8,
        calls: u8,
    },
    Renew {
        replica: u8,
        attempt: u8,
    },
    /// A replica that stops in order gives its tasks back.
    Stop {
        replica: u8,
    },
    Escalate {
        replica: u8,
    },
    Decide {
        replica: u8,
    },
    /// The assembler of a replica claims a draft and reads what its archive is built from.
    Gather {
        replica: u8,
    },
    /// It builds and keeps what it read about.
    Write {
        replica: u8,
    },
    /// A replica does all there is to do, without a fault.
    Round {
        replica: u8,
    },
    /// A replica tells an agent that an export is over.
    Finish {
        replica: u8,
    },
    Retain {
        replica: u8,
    },
    /// A replica dies: what it claimed stays claimed until the lease ends.
    Kill {
        replica: u8,
    },
    /// A replica's clock is wrong from now on, by so many seconds.
    Skew {
        replica: u8,
        seconds: i32,
    },
    /// An agent dies during its walks: the next ones are new generations.
    Crash {
        entity: u8,
    },
    Reach {
        entity: u8,
        reach: Reach,
    },
    /// An agent that was away is back, as the gateway notices at once.
    Back {
        replica: u8,
        entity: u8,
    },
    Group {
        change: Change,
        entity: u8,
    },
    /// Time goes on.
    Pass {
        seconds: u32,
    },
}

/// How a caller wants the gateway to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Wait {
    ByDate,
    Complete,
    Window,
}

/// How an agent answers calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reach {
    Up,
    Down,
    Slow,
    /// It answers that it fails.
    Broken,
    /// It says that somebody has to decide first.
    Waits,
}

/// What an agent answers to an export in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    Parts(u8),
    NoData,
    Refused,
    Partly,
    NeedsIdentity,
    NeedsDecision,
    /// It signs another list of parts than it handed over.
    Lie,
}

/// How the group file changes; its version rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Change {
    Nothing,
    /// The entity's key is revoked and another one takes its place.
    NewKey,
    Leaves,
    Returns,
}

impl Schedule {
    /// The schedule of a seed.
    pub(super) fn of(seed: u64) -> Self {
        draw::schedule(seed)
    }

    /// As kept in a file: a line about the world, then one per step.
    pub(super) fn to_lines(&self) -> String {
        let mut lines = vec![serde_json::to_string(&(self.replicas, &self.agents)).unwrap()];
        lines.extend(self.steps.iter().map(|step| serde_json::to_string(step).unwrap()));
        lines.push(String::new());
        lines.join("\n")
    }

    pub(super) fn from_lines(text: &str) -> Self {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let (replicas, agents) = serde_json::from_str(lines.next().unwrap()).unwrap();
        let steps = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        Self { replicas, agents, steps }
    }
}
