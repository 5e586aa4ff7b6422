//! How gateway and agent come together: the gateway dials the agent's address, or the agent dials in.
//!
//! One of the two, never both: an address that nobody listens on would be dialled for ever.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Agent;
use crate::spiffe::SpiffeId;

/// Which side opens the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// The gateway dials this address, `host:port`.
    At(String),
    /// The agent dials the gateway, and needs no open port of its own.
    DialsIn,
}

/// An agent as it is written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// Who the agent is on a connection: exactly this, checked per rpc.
    spiffe_id: SpiffeId,
    /// Where the gateway dials it, `host:port`. Absent when it dials in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// Whether the agent opens the connection to the gateway itself, and has no address.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    dials_in: bool,
}

/// Neither an address nor `dials_in`, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an agent needs either the `address` that the gateway dials, or `dials_in: true` when the agent dials the gateway"
)]
pub struct Unreachable;

impl Reach {
    /// From the two keys of the group file.
    ///
    /// # Errors
    /// When they say nothing, or both.
    pub fn of(address: Option<String>, dials_in: bool) -> Result<Self, Unreachable> {
        match (address, dials_in) {
            (Some(address), false) => Ok(Self::At(address)),
            (None, true) => Ok(Self::DialsIn),
            (Some(_), true) | (None, false) => Err(Unreachable),
        }
    }

    /// The address, if the gateway dials.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::At(address) => Some(address),
            Self::DialsIn => None,
        }
    }
}

impl TryFrom<Written> for Agent {
    type Error = Unreachable;

    fn try_from(written: Written) -> Result<Self, Unreachable> {
        let Written { spiffe_id, address, dials_in } = written;
        Ok(Self { spiffe_id, reach: Reach::of(address, dials_in)? })
    }
}

impl From<Agent> for Written {
    fn from(Agent { spiffe_id, reach }: Agent) -> Self {
        let dials_in = reach == Reach::DialsIn;
        let address = match reach {
            Reach::At(address) => Some(address),
            Reach::DialsIn => None,
        };
        Self { spiffe_id, address, dials_in }
    }
}
