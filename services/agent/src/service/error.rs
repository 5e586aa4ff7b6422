//! Every way to say no, in the words of the contract: one status with one reason for each.

use std::time::Duration;

use tonic::{Code, Status};
use tributary_model::mandate::MandateError;
use tributary_proto::types::v1::ErrorReason;
use tributary_transport::status::{bad_request, retryable, status};

use crate::convert::ConversionError;
use crate::export::ExportError;

/// How long to stay away when too much is under way, or a system does not answer.
const PAUSE: Duration = Duration::from_secs(5);

/// Why an rpc is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// Somebody else than the gateway.
    #[error("the peer is not the gateway that the group file names")]
    PeerNotGateway,
    /// The mandate does not hold.
    #[error(transparent)]
    Mandate(#[from] MandateError),
    /// The group file in force has expired: nobody vouches for the gateway any more.
    #[error("the group file in force at the agent, version {version}, has expired; give the agent a new one")]
    GroupExpired {
        /// Its version.
        version: u64,
    },
    /// Gateway and agent have two files of one version.
    #[error(
        "gateway and agent have different group files of version {version}; sign a new version and give it to both"
    )]
    GroupDiffers {
        /// The version.
        version: u64,
    },
    /// A field is wrong.
    #[error(transparent)]
    Field(#[from] ConversionError),
    /// Another entity is meant.
    #[error("this agent does not serve that entity")]
    EntityNotServed,
    /// The export says no.
    #[error(transparent)]
    Export(#[from] ExportError),
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::PeerNotGateway => plain(Code::PermissionDenied, ErrorReason::PeerNotGateway, message),
            Refusal::Mandate(error) => mandate(&error),
            Refusal::GroupExpired { version } | Refusal::GroupDiffers { version } => {
                let metadata = [("group_version", version.to_string())];
                status(Code::FailedPrecondition, ErrorReason::GroupFileDiffers.reason(), message, &metadata)
            }
            Refusal::Field(error) => {
                let violations: Vec<(&str, String)> =
                    error.fields.iter().map(|(field, what)| (field.as_str(), what.clone())).collect();
                bad_request(ErrorReason::InvalidField.reason(), message, &violations)
            }
            Refusal::EntityNotServed => plain(Code::NotFound, ErrorReason::EntityNotServed, message),
            Refusal::Export(error) => export(error, message),
        }
    }
}

fn mandate(error: &MandateError) -> Status {
    let detail = error.to_string();
    let mut metadata = vec![("detail", detail.clone())];
    metadata.extend(own_clock(error).map(|clock| ("clock", clock.to_owned())));
    status(Code::PermissionDenied, ErrorReason::MandateInvalid.reason(), detail, &metadata)
}

/// Where this clock is by the gateway's, when that is what is wrong: a mandate is made for each call.
fn own_clock(error: &MandateError) -> Option<&'static str> {
    match error {
        MandateError::NotYet(_) => Some("behind"),
        MandateError::Expired(_) => Some("ahead"),
        MandateError::Signature(_) | MandateError::Content | MandateError::Key | MandateError::Other(_) => None,
    }
}

fn export(error: ExportError, message: String) -> Status {
    match error {
        ExportError::NotFound => plain(Code::NotFound, ErrorReason::ExportNotFound, message),
        ExportError::OtherCase => mandate(&MandateError::Other("case")),
        ExportError::Differs => plain(Code::AlreadyExists, ErrorReason::ExportDiffers, message),
        ExportError::Replaced { generation } => {
            let metadata = [("generation", generation.to_string())];
            status(Code::Aborted, ErrorReason::GenerationReplaced.reason(), message, &metadata)
        }
        ExportError::NoPart { index } => {
            let metadata = [("index", index.to_string())];
            status(Code::NotFound, ErrorReason::PartNotFound.reason(), message, &metadata)
        }
        ExportError::BeyondEnd { size } => {
            let metadata = [("size", size.to_string())];
            status(Code::OutOfRange, ErrorReason::RangeBeyondEnd.reason(), message, &metadata)
        }
        ExportError::NotReady => plain(Code::FailedPrecondition, ErrorReason::AttestationNotReady, message),
        ExportError::Unavailable { dataset } => {
            let metadata = [("dataset", dataset.to_string())];
            retryable(Code::Unavailable, ErrorReason::SystemUnavailable.reason(), message, &metadata, PAUSE)
        }
        ExportError::TooMuch => {
            retryable(Code::ResourceExhausted, ErrorReason::TooMuchWork.reason(), message, &[], PAUSE)
        }
        ExportError::StorageFull => {
            retryable(Code::ResourceExhausted, ErrorReason::StorageFull.reason(), message, &[], PAUSE)
        }
        ExportError::Stopping => retryable(Code::Unavailable, ErrorReason::ShuttingDown.reason(), message, &[], PAUSE),
        ExportError::Internal(cause) => {
            tracing::error!(cause, "an rpc failed");
            plain(
                Code::Internal,
                ErrorReason::Internal,
                "an internal error; the cause is in the agent's log".to_owned(),
            )
        }
    }
}

fn plain(code: Code, reason: ErrorReason, message: String) -> Status {
    status(code, reason.reason(), message, &[])
}
