//! Why a dial failed, step by step, so that a retry, an alert and a person each know what to do.

use std::io;
use std::time::Duration;

use tributary_model::spiffe::SpiffeId;

use super::address::Address;
use crate::cause::TlsFailure;

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The address cannot be read.
    #[error("{address:?} is not an address: write host:port or https://host:port")]
    Address {
        /// What was given.
        address: String,
    },
    /// The name has no address.
    #[error("the name {host} cannot be resolved: check its spelling and this machine's DNS")]
    Dns {
        /// The name.
        host: String,
    },
    /// Nobody listens there.
    #[error("{address} refused the connection: check that the process runs and listens on this port")]
    Refused {
        /// Where.
        address: String,
    },
    /// No way there, or the connection broke before it could be used.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// Where.
        address: String,
        /// The kind of error, as the operating system names it.
        reason: String,
    },
    /// No answer in time.
    #[error("{address} did not answer within {after:?}")]
    TimedOut {
        /// Where.
        address: String,
        /// How long was waited.
        after: Duration,
    },
    /// The two sides could not agree on who they are or how to speak.
    #[error("the connection to {address} was not trusted: {failure}")]
    Tls {
        /// Where.
        address: String,
        /// Why.
        failure: TlsFailure,
    },
    /// Somebody else answered, with a valid identity of their own.
    #[error(
        "{found} answered at {address}, but {expected} was expected: check the address and the identity in the group file"
    )]
    WrongPeer {
        /// Where.
        address: String,
        /// Who was meant.
        expected: Box<SpiffeId>,
        /// Who answered.
        found: Box<SpiffeId>,
    },
    /// The agent opens the connection itself, and has not.
    #[error(
        "{expected} dials in and is not connected: check that it runs, and that `dial_out` in its configuration names this gateway"
    )]
    NotDialledIn {
        /// Who was meant.
        expected: Box<SpiffeId>,
    },
    /// Trusted, but not HTTP/2.
    #[error("{address} does not speak gRPC: {reason}")]
    Protocol {
        /// Where.
        address: String,
        /// What happened.
        reason: String,
    },
}

impl DialError {
    /// Whether trying again later may help without anybody changing anything.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Dns { .. }
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::NotDialledIn { .. } => true,
            Self::Address { .. } | Self::Tls { .. } | Self::WrongPeer { .. } | Self::Protocol { .. } => false,
        }
    }

    /// Whether somebody must look at certificates, roots or the group file.
    pub fn is_identity(&self) -> bool {
        match self {
            Self::WrongPeer { .. } => true,
            Self::Tls { failure, .. } => failure.is_identity(),
            Self::Address { .. }
            | Self::Dns { .. }
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::NotDialledIn { .. }
            | Self::Protocol { .. } => false,
        }
    }

    pub(super) fn tls(address: &Address, failure: TlsFailure) -> Self {
        let address = address.to_string();
        match failure {
            TlsFailure::WrongPeer { expected, found } => {
                Self::WrongPeer { address, expected: Box::new(expected), found: Box::new(found) }
            }
            failure => Self::Tls { address, failure },
        }
    }

    pub(super) fn of_io(address: &Address, error: &io::Error) -> Self {
        if let Some(failure) = TlsFailure::of(error) {
            return Self::tls(address, failure);
        }
        let address = address.to_string();
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused { address },
            kind => Self::Unreachable { address, reason: kind.to_string() },
        }
    }
}
