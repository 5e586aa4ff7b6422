//! Why a dial failed, step by step, so that a retry, an alert and a person each know what to do.

use std::io;
use std::time::Duration;

use tributary_model::spiffe::SpiffeId;

use super::ProxyError;
use super::address::Address;
use crate::cause::TlsFailure;
use crate::presented::{Certificate, Presented};

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
    /// The certificate presented belongs to nobody whom the roots of the trust domain vouch for.
    #[error(
        "{address} answered with the certificate {presented}; {expected} was expected there, vouched for by the roots of the trust domain {} ({failure}). If that issuer belongs to a proxy or firewall that inspects TLS, have its administrator exempt {address} from inspection: both sides' certificates must pass unchanged",
        expected.trust_domain()
    )]
    Stranger {
        /// Where.
        address: String,
        /// Who was meant.
        expected: Box<SpiffeId>,
        /// What was presented instead.
        presented: Box<Certificate>,
        /// What is wrong with it.
        failure: Box<TlsFailure>,
    },
    /// There is no way through the proxy.
    #[error("no way out through the proxy {proxy}: {error}")]
    Proxy {
        /// The proxy, without its password.
        proxy: String,
        /// Why.
        error: Box<ProxyError>,
    },
    /// It is who was meant, and it does not take agents that dial in.
    #[error("{address} is the peer that was meant, but it does not take agents that dial in: it must be updated")]
    TakesNoAgents {
        /// Where.
        address: String,
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
            Self::Proxy { error, .. } => error.is_unreachable(),
            Self::Address { .. }
            | Self::Tls { .. }
            | Self::WrongPeer { .. }
            | Self::Stranger { .. }
            | Self::TakesNoAgents { .. }
            | Self::Protocol { .. } => false,
        }
    }

    /// Whether somebody must look at certificates, roots or the group file.
    pub fn is_identity(&self) -> bool {
        match self {
            Self::WrongPeer { .. } | Self::Stranger { .. } => true,
            Self::Tls { failure, .. } => failure.is_identity(),
            Self::Address { .. }
            | Self::Dns { .. }
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::NotDialledIn { .. }
            | Self::Proxy { .. }
            | Self::TakesNoAgents { .. }
            | Self::Protocol { .. } => false,
        }
    }

    /// As [`of_io`](Self::of_io), and names the certificate that somebody unknown presented: it is the only trace of
    /// who answered.
    pub(super) fn of_handshake(
        address: &Address,
        error: &io::Error,
        expected: &SpiffeId,
        presented: &Presented,
    ) -> Self {
        match (Self::of_io(address, error), presented.certificate()) {
            (Self::Tls { address, failure }, Some(presented)) if failure.is_of_a_stranger() => {
                let (expected, presented) = (Box::new(expected.clone()), Box::new(presented));
                Self::Stranger { address, expected, presented, failure: Box::new(failure) }
            }
            (error, _) => error,
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

    pub(crate) fn of_io(address: &Address, error: &io::Error) -> Self {
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
