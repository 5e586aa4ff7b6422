//! What a failed call means: that the peer said no, that the connection failed, or that time ran out.
//!
//! A status that the peer sent has no source; one made on this side has. Codes and texts prove nothing: a cut
//! connection is `UNKNOWN`, `UNAVAILABLE` or `CANCELLED`, depending on the moment.

use std::error::Error as StdError;

use tonic::{Code, Status, TimeoutExpired};

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RpcFailure {
    /// This side's connection failed. Whether the peer got the call is unknown unless it says [`Local::NotSent`].
    Local(Local),
    /// The peer answered with this code. Its reason is in [`crate::status::reason_of`].
    Peer(Code),
    /// The deadline passed, seen here or there. Whether the peer did the work is unknown.
    Deadline,
}

/// How the connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Local {
    /// The connection was gone before the call was sent: trying again elsewhere repeats nothing.
    NotSent,
    /// The connection broke while the call was under way.
    Broken,
}

impl RpcFailure {
    /// Whether the peer was not reached, as opposed to having answered.
    pub fn is_unreachable(self) -> bool {
        match self {
            Self::Local(_) | Self::Deadline => true,
            Self::Peer(code) => code == Code::Unavailable,
        }
    }
}

/// Says what a failed call means.
pub fn classify(status: &Status) -> RpcFailure {
    let Some(source) = status.source() else {
        return match status.code() {
            Code::DeadlineExceeded => RpcFailure::Deadline,
            // The peer's tonic ended the call for the timeout that we had sent with it.
            Code::Cancelled if status.message() == TimeoutExpired(()).to_string() => RpcFailure::Deadline,
            code => RpcFailure::Peer(code),
        };
    };
    if is_timeout(source) {
        return RpcFailure::Deadline;
    }
    if was_not_sent(source) { RpcFailure::Local(Local::NotSent) } else { RpcFailure::Local(Local::Broken) }
}

/// Whether tonic's timeout is somewhere in the chain.
pub(crate) fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|error| error.is::<TimeoutExpired>())
}

/// The one-shot connector was asked again, or the request came back from a connection that was closing.
fn was_not_sent(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|error| {
        error.is::<crate::link::Gone>() || error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled)
    })
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_peer_says_is_the_peers_whatever_its_code() {
        for code in [Code::Unknown, Code::Unavailable, Code::Cancelled, Code::Internal] {
            assert_eq!(classify(&Status::new(code, "transport error")), RpcFailure::Peer(code));
        }
    }

    #[test]
    fn a_status_with_a_source_is_local_whatever_its_code() {
        for code in [Code::Unknown, Code::Unavailable, Code::Cancelled] {
            let mut status = Status::new(code, "x");
            status.set_source(std::sync::Arc::new(std::io::Error::other("reset")));
            assert_eq!(classify(&status), RpcFailure::Local(Local::Broken));
        }
    }

    #[test]
    fn an_expired_timeout_is_a_deadline_on_both_sides() {
        assert_eq!(classify(&Status::from_error(Box::new(TimeoutExpired(())))), RpcFailure::Deadline);
        assert_eq!(classify(&Status::cancelled("Timeout expired")), RpcFailure::Deadline);
        assert_eq!(classify(&Status::deadline_exceeded("x")), RpcFailure::Deadline);
    }
}
