//! Why there is no connection to a gateway, for the log and for whoever tries it out.

use std::time::Duration;

use crate::dial::DialError;

/// Why a gateway does not use a connection to it, or cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotLinked {
    /// It could not be dialled, or it ended the connection before it asked anything.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// It says that it will not use the connection.
    #[error("the gateway at {address} does not use this connection: {reason}")]
    Refused {
        /// Where.
        address: String,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// It took the connection and never called.
    #[error("{address} took the connection and asked nothing within {after:?}: it may be overloaded or stopping")]
    Silent {
        /// Where.
        address: String,
        /// How long was waited.
        after: Duration,
    },
}
