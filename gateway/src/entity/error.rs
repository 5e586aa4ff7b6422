//! What a failed call to an agent means for the task: who has to do something, and whether it counts.
//!
//! Meaning comes from the source of the failure and the reasons of the contract, never from texts: what an agent writes
//! is not repeated here.

use std::io;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;
use tributary_model::disposition::Disposition;
use tributary_proto::types::v1::ErrorReason;
use tributary_transport::dial::DialError;
use tributary_transport::failure::{RpcFailure, classify};
use tributary_transport::status::DOMAIN;

use super::{ConversionError, Fault};
use crate::cause::Cause;
use crate::objects::is_full;

/// Why a call to an agent failed.
#[derive(Debug, thiserror::Error)]
pub enum EntityError {
    /// No connection, or it broke. Nobody did anything wrong.
    #[error("the entity's agent cannot be reached: {0}")]
    Unreachable(Unreachable),
    /// Somebody else is there, or one side does not trust the other.
    #[error(transparent)]
    Identity(Box<DialError>),
    /// The agent is connected and did not answer in time.
    #[error("the entity's agent did not answer {what} within {after:?}")]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// How long.
        after: Duration,
    },
    /// The agent cannot serve this now, and says so.
    #[error("the entity's agent cannot do this now ({reason})")]
    Busy {
        /// Why, a name of the contract.
        reason: &'static str,
        /// How long the agent asks to wait.
        retry_after: Option<Duration>,
    },
    /// The agent refuses this call.
    #[error("the entity's agent refused {reason}; {advice}")]
    Refused {
        /// Why, a name of the contract.
        reason: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// The agent broke the contract.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The agent does not know the export: it is to be started again.
    #[error("the entity's agent does not know the export any more; it is started again")]
    Gone,
    /// The generation was replaced: the export is to be watched again.
    #[error("the entity's agent has begun generation {generation} of the export")]
    Replaced {
        /// The current generation; 0 when the agent does not say.
        generation: u32,
    },
    /// This side could not do its part.
    #[error(transparent)]
    Local(#[from] LocalError),
}

/// Why an agent cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// It could not be dialled.
    #[error(transparent)]
    Dial(Box<DialError>),
    /// The connection broke during a call.
    #[error("the connection broke")]
    Broken,
}

/// What this side could not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LocalError {
    /// No room for staged parts.
    #[error("no room is left for staged parts; make room on the file system of the data directory")]
    Full,
    /// The object folder.
    #[error("a part could not be stored: {0}; check the disk of the data directory")]
    Io(io::ErrorKind),
    /// The system's random source.
    #[error("the system's random source failed")]
    Random,
    /// A defect: the cause is in the log.
    #[error("receiving a part ended unexpectedly")]
    Defect,
}

impl From<io::Error> for LocalError {
    fn from(error: io::Error) -> Self {
        if is_full(&error) { Self::Full } else { Self::Io(error.kind()) }
    }
}

impl EntityError {
    /// Whether the agent was not reached, which never uses up attempts.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }

    /// Whether the agent is there and one of the entity's systems is not.
    pub fn is_system_away(&self) -> bool {
        matches!(self, Self::Busy { reason, .. } if *reason == ErrorReason::SystemUnavailable.reason())
    }

    /// Whether the agent refuses the mandate of the call.
    pub(super) fn is_mandate_refused(&self) -> bool {
        matches!(self, Self::Refused { reason, .. } if *reason == ErrorReason::MandateInvalid.reason())
    }

    /// Whether this uses up an attempt: something other than the network, slowness, a pause that the agent asked for, or
    /// this side's own trouble stood in the way. Who is slow is tried again and escalated, like who is not there.
    pub fn counts_as_attempt(&self) -> bool {
        match self {
            Self::Identity(_) | Self::Refused { .. } | Self::Fault(_) => true,
            Self::Unreachable(_)
            | Self::TimedOut { .. }
            | Self::Busy { .. }
            | Self::Gone
            | Self::Replaced { .. }
            | Self::Local(_) => false,
        }
    }

    /// How the entity stands as far as can be seen from here; nothing when the failure says nothing about the entity.
    pub fn observed(&self) -> Option<Disposition> {
        match self {
            Self::Unreachable(_) => Some(Disposition::Unreachable),
            Self::TimedOut { .. } => Some(Disposition::TimedOut),
            Self::Identity(_) | Self::Refused { .. } | Self::Fault(_) => Some(Disposition::Failed),
            Self::Busy { .. } | Self::Gone | Self::Replaced { .. } | Self::Local(_) => None,
        }
    }

    /// What of it an archive says.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Unreachable(_) => Cause::Unreachable,
            Self::Identity(_) => Cause::NotTrusted,
            Self::TimedOut { .. } => Cause::TimedOut,
            Self::Busy { .. } if self.is_system_away() => Cause::SystemAway,
            Self::Busy { reason, .. } if *reason == ErrorReason::StorageFull.reason() => Cause::AgentFull,
            Self::Busy { .. } => Cause::Busy,
            Self::Refused { .. } => Cause::Refused,
            Self::Fault(_) => Cause::Failed,
            Self::Gone | Self::Replaced { .. } => Cause::Anew,
            Self::Local(LocalError::Full) => Cause::GatewayFull,
            Self::Local(_) => Cause::Gateway,
        }
    }

    /// How long the agent asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::Busy { retry_after, .. } = self { *retry_after } else { None }
    }

    /// What a failed call means; `late` says what it would mean that the time was up.
    pub(super) fn of_status(status: &Status, late: impl FnOnce() -> Self) -> Self {
        match classify(status) {
            RpcFailure::Local(_) => Self::Unreachable(Unreachable::Broken),
            RpcFailure::Deadline => late(),
            RpcFailure::Peer(code) => Self::of_peer(code, status),
        }
    }

    fn of_peer(code: Code, status: &Status) -> Self {
        let retry_after = status.get_details_retry_info().and_then(|info| info.retry_delay);
        let reason = Reason::of(status);
        match reason.map(|reason| reason.0) {
            Some(ErrorReason::ExportNotFound) => return Self::Gone,
            Some(ErrorReason::GenerationReplaced) => return Self::Replaced { generation: generation(status) },
            Some(ErrorReason::Internal) | None => {}
            Some(known) => {
                let reason = known.reason();
                return match code {
                    Code::Unavailable | Code::ResourceExhausted => Self::Busy { reason, retry_after },
                    _ => Self::Refused { reason, advice: clock_advice(known, status).unwrap_or_else(|| advice(known)) },
                };
            }
        }
        match code {
            Code::Unavailable => Self::Busy { reason: "UNAVAILABLE", retry_after },
            Code::ResourceExhausted => Self::Busy { reason: "RESOURCE_EXHAUSTED", retry_after },
            Code::InvalidArgument => Self::Refused { reason: "INVALID_ARGUMENT", advice: SEE_LOG },
            Code::PermissionDenied => Self::Refused { reason: "PERMISSION_DENIED", advice: SEE_LOG },
            Code::Unauthenticated => Self::Refused { reason: "UNAUTHENTICATED", advice: SEE_LOG },
            Code::FailedPrecondition => Self::Refused { reason: "FAILED_PRECONDITION", advice: SEE_LOG },
            Code::Unimplemented => {
                Self::Refused { reason: "UNIMPLEMENTED", advice: "check that an agent is what answers at its address" }
            }
            code => Self::Fault(Fault::Failed(code)),
        }
    }
}

const SEE_LOG: &str = "the agent's log says more";

/// What to do about a refusal, where that is known here.
fn advice(reason: ErrorReason) -> &'static str {
    match reason {
        ErrorReason::PeerNotGateway => "the agent's group file must name this gateway's SPIFFE ID",
        ErrorReason::MandateInvalid => {
            "check the clocks of gateway and agent, and that the agent's group file has this gateway's signing key"
        }
        ErrorReason::EntityNotServed => "check the agent's address in the group file",
        ErrorReason::RightNotServed => "the agent must be updated to serve this right",
        ErrorReason::GroupFileDiffers => "put the same version of the group file in force at gateway and agent",
        _ => SEE_LOG,
    }
}

/// What to do when a mandate is not valid by the agent's clock. One is made for each call, so it is a matter of clocks.
fn clock_advice(reason: ErrorReason, status: &Status) -> Option<&'static str> {
    let info = status.get_details_error_info().filter(|_| reason == ErrorReason::MandateInvalid)?;
    match info.metadata.get("clock")?.as_str() {
        "behind" => Some(
            "the agent's clock is behind this gateway's by more than a minute; have both set by NTP and retry the task",
        ),
        "ahead" => Some(
            "the agent's clock is ahead of this gateway's by more than ten minutes; have both set by NTP and retry the task",
        ),
        _ => None,
    }
}

/// A reason of the contract, given by a process that speaks it.
struct Reason(ErrorReason);

impl Reason {
    fn of(status: &Status) -> Option<Self> {
        let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN)?;
        let found = ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason))?;
        (found != ErrorReason::Unspecified).then_some(Self(found))
    }
}

fn generation(status: &Status) -> u32 {
    let info = status.get_details_error_info();
    info.and_then(|info| info.metadata.get("generation")?.parse().ok()).unwrap_or(0)
}

impl From<DialError> for EntityError {
    /// What answers without being trusted is a matter for people. All else ends when the agent is there: behind a
    /// balancer or a proxy an agent that is down is a connection that closes at once, or one that speaks no HTTP/2.
    fn from(error: DialError) -> Self {
        let hopeless = error.is_identity() || matches!(error, DialError::Address { .. });
        let error = Box::new(error);
        if hopeless { Self::Identity(error) } else { Self::Unreachable(Unreachable::Dial(error)) }
    }
}

impl From<ConversionError> for EntityError {
    fn from(error: ConversionError) -> Self {
        Self::Fault(error.into())
    }
}

#[cfg(test)]
mod tests {
    use tributary_transport::status::{retryable, status};

    use super::*;

    fn of(status: &Status) -> EntityError {
        EntityError::of_status(status, || EntityError::TimedOut { what: "x", after: Duration::ZERO })
    }

    #[test]
    fn the_contracts_reasons_decide() {
        let said = |code, reason: ErrorReason| of(&status(code, reason.reason(), "x", &[]));
        assert!(matches!(said(Code::NotFound, ErrorReason::ExportNotFound), EntityError::Gone));
        let refused = said(Code::PermissionDenied, ErrorReason::MandateInvalid);
        assert!(matches!(refused, EntityError::Refused { reason: "MANDATE_INVALID", .. }), "{refused:?}");
        assert!(refused.counts_as_attempt());
        let replaced = [("generation", "7".to_owned())];
        let replaced = of(&status(Code::Aborted, "GENERATION_REPLACED", "x", &replaced));
        assert!(matches!(replaced, EntityError::Replaced { generation: 7 }));
        assert!(matches!(
            said(Code::Internal, ErrorReason::Internal),
            EntityError::Fault(Fault::Failed(Code::Internal))
        ));
    }

    #[test]
    fn an_agent_whose_clock_is_off_is_told_apart_from_one_that_does_not_know_the_gateway() {
        let said = |metadata: &[(&str, String)]| {
            let status = status(Code::PermissionDenied, ErrorReason::MandateInvalid.reason(), "x", metadata);
            of(&status).to_string()
        };
        assert!(said(&[("clock", "behind".to_owned())]).contains("clock is behind"));
        assert!(said(&[("clock", "ahead".to_owned())]).contains("clock is ahead of"));
        assert!(said(&[("clock", "anna".to_owned())]).contains("check the clocks of gateway and agent"));
        assert!(said(&[]).contains("check the clocks of gateway and agent"));
    }

    #[test]
    fn a_system_that_is_away_is_told_apart_from_an_agent_that_is_busy() {
        let said = |code, reason: ErrorReason| of(&retryable(code, reason.reason(), "x", &[], Duration::ZERO));
        assert!(said(Code::Unavailable, ErrorReason::SystemUnavailable).is_system_away());
        assert!(!said(Code::Unavailable, ErrorReason::ShuttingDown).is_system_away());
        assert!(!said(Code::ResourceExhausted, ErrorReason::TooMuchWork).is_system_away());
        assert_eq!(said(Code::Unavailable, ErrorReason::SystemUnavailable).cause(), Cause::SystemAway);
        assert_eq!(said(Code::ResourceExhausted, ErrorReason::StorageFull).cause(), Cause::AgentFull);
        assert_eq!(said(Code::Unavailable, ErrorReason::ShuttingDown).cause(), Cause::Busy);
    }

    #[test]
    fn a_pause_that_the_agent_asks_for_counts_as_nothing() {
        let after = Duration::from_secs(7);
        for (code, reason) in [
            (Code::Unavailable, ErrorReason::SystemUnavailable.reason()),
            (Code::ResourceExhausted, ErrorReason::TooMuchWork.reason()),
            (Code::Unavailable, "OVERLOADED"),
        ] {
            let error = of(&retryable(code, reason, "x", &[], after));
            assert!(matches!(error, EntityError::Busy { .. }), "{error:?}");
            assert_eq!((error.retry_after(), error.counts_as_attempt()), (Some(after), false));
            assert_eq!(error.observed(), None);
        }
    }

    #[test]
    fn what_the_agent_writes_is_never_repeated() {
        for code in [Code::Internal, Code::PermissionDenied, Code::InvalidArgument, Code::Unavailable, Code::Unknown] {
            for reason in ["ANNA_SECRET", "MANDATE_INVALID", "INTERNAL"] {
                let metadata = [("detail", "anna secret".to_owned())];
                let error = of(&status(code, reason, "anna secret", &metadata));
                assert!(!format!("{error} {error:?}").to_lowercase().contains("anna"), "{error:?}");
            }
        }
    }

    #[test]
    fn an_agent_that_is_down_behind_a_proxy_is_unreachable_and_a_stranger_is_not() {
        let address = "agent.example:8443".to_owned();
        let closed = DialError::Protocol { address: address.clone(), reason: "the peer closed".to_owned() };
        let error = EntityError::from(closed);
        assert!(error.is_unreachable() && !error.counts_as_attempt());
        let stranger = DialError::WrongPeer {
            address,
            expected: Box::new("spiffe://a.example/agent".parse().unwrap()),
            found: Box::new("spiffe://b.example/agent".parse().unwrap()),
        };
        let error = EntityError::from(stranger);
        assert!(matches!(error, EntityError::Identity(_)) && error.counts_as_attempt());
        assert_eq!((error.observed(), error.cause()), (Some(Disposition::Failed), Cause::NotTrusted));
    }
}
