//! Why a call fails, and the one mapping from that to the wire: a code, a reason of the contract, and what varies.
//!
//! Internal failures say a constant; their cause is logged once, here.

use std::time::Duration;

use jiff::Timestamp;
use tonic::{Code, Status};
use tributary_proto::types::v1::ErrorReason;
use tributary_transport::status::{bad_request, retryable, status};

use crate::authorise::Verb;
use crate::store::StoreError;

/// Why a call is not answered.
#[derive(Debug)]
pub(super) enum ApiError {
    /// The caller has no grant for it.
    Denied(Verb),
    /// Fields that are missing or wrong, each with its rule.
    Fields(Vec<(&'static str, String)>),
    /// A kind of identifier that the group does not know.
    IdentifierType { known: String },
    /// No such entity.
    EntityNotFound,
    /// The request id was used with other content.
    RequestIdReused,
    /// No such case, or none that the caller may see.
    CaseNotFound,
    /// No task for the entity.
    TaskNotFound,
    /// The state does not allow it.
    State { state: String },
    /// No such archive.
    ArchiveNotFound,
    /// The archive's retention is over.
    ArchiveShredded { at: Timestamp },
    /// No listener for links is configured.
    LinksNotServed,
    /// The case has as many links as it may.
    TooManyLinks,
    /// No such link.
    LinkNotFound,
    /// A range that begins beyond the end.
    RangeBeyondEnd { size: u64 },
    /// A page token of another query, or none of ours.
    PageToken,
    /// A filter that cannot be read.
    Filter { position: usize, expected: &'static str },
    /// No space.
    Full,
    /// Too many downloads.
    Busy,
    /// A download whose caller took nothing for too long.
    Stalled { after: Duration },
    /// Stopping.
    Stopping,
    /// The database is away.
    Unavailable,
    /// The database was lost at the wrong moment.
    Unknown,
    /// A defect, or something broke.
    Internal,
}

impl ApiError {
    pub(super) fn field(field: &'static str, rule: impl Into<String>) -> Self {
        Self::Fields(vec![(field, rule.into())])
    }

    /// Something broke; the cause goes to the log and nowhere else.
    pub(super) fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(%cause, "a call failed");
        Self::Internal
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(conflict) => Self::State { state: conflict.state.to_owned() },
            StoreError::NoCase => Self::CaseNotFound,
            StoreError::NoTask => Self::TaskNotFound,
            StoreError::NoArchive => Self::ArchiveNotFound,
            StoreError::Shredded(at) => Self::ArchiveShredded { at },
            StoreError::NoLink => Self::LinkNotFound,
            StoreError::TooManyLinks => Self::TooManyLinks,
            StoreError::RequestIdReused => Self::RequestIdReused,
            StoreError::TooManyIdentifiers => Self::field("identifiers", error.to_string()),
            StoreError::Full => Self::Full,
            StoreError::Stopped => Self::Stopping,
            StoreError::Contended(_) | StoreError::Unavailable(_) => Self::Unavailable,
            StoreError::Unknown(_) => Self::Unknown,
            StoreError::StaleLease
            | StoreError::Locked(_)
            | StoreError::Folder { .. }
            | StoreError::NewerSchema(_)
            | StoreError::OlderSchema { .. }
            | StoreError::OtherSchema(_)
            | StoreError::NewerGroup(_)
            | StoreError::WrongKey
            | StoreError::Crypto(_)
            | StoreError::Corrupt(_)
            | StoreError::Denied(_)
            | StoreError::Database(_) => Self::internal(&error),
        }
    }
}

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Status {
        use ErrorReason as R;
        let plain = |code, reason: R, message: &str| status(code, reason.reason(), message, &[]);
        match error {
            ApiError::Denied(verb) => {
                let message =
                    format!("the caller's grants do not allow this; it needs the verb {verb} for what it names");
                status(Code::PermissionDenied, R::CallerNotAuthorised.reason(), message, &[("verb", verb.to_string())])
            }
            ApiError::Fields(fields) => invalid(&fields),
            ApiError::IdentifierType { known } => {
                let message = format!("the group knows no such identifier type; it knows {known}");
                status(Code::InvalidArgument, R::IdentifierTypeUnknown.reason(), message, &[("known", known)])
            }
            ApiError::EntityNotFound => {
                plain(Code::NotFound, R::EntityNotFound, "no such entity in the group file in force")
            }
            ApiError::RequestIdReused => {
                let message = "the request_id was used before with other content; use a new one for a new case";
                plain(Code::AlreadyExists, R::RequestIdReused, message)
            }
            ApiError::CaseNotFound => plain(Code::NotFound, R::CaseNotFound, "no such case"),
            ApiError::TaskNotFound => plain(Code::NotFound, R::TaskNotFound, "the case has no task for this entity"),
            ApiError::State { state } => {
                let message = format!("the state {state} does not allow this; read the case again");
                status(Code::FailedPrecondition, R::StateConflict.reason(), message, &[("state", state)])
            }
            ApiError::ArchiveNotFound => {
                plain(Code::NotFound, R::ArchiveNotFound, "no such archive of the case, or none is ready yet")
            }
            ApiError::ArchiveShredded { at } => {
                let message = "the archive was shredded when its retention was over; its record remains";
                let metadata = [("shredded_at", at.to_string())];
                status(Code::NotFound, R::ArchiveShredded.reason(), message, &metadata)
            }
            ApiError::LinksNotServed => {
                let message = "this gateway serves no links; its configuration needs the section `links`";
                plain(Code::FailedPrecondition, R::LinksNotServed, message)
            }
            ApiError::TooManyLinks => {
                let message = "the case has as many usable links as it may; revoke one";
                plain(Code::ResourceExhausted, R::TooManyLinks, message)
            }
            ApiError::LinkNotFound => plain(Code::NotFound, R::LinkNotFound, "no such link of the case"),
            ApiError::RangeBeyondEnd { size } => {
                let message = format!("the range starts beyond the archive's {size} bytes");
                status(Code::OutOfRange, R::RangeBeyondEnd.reason(), message, &[("size", size.to_string())])
            }
            ApiError::PageToken => {
                let message = "the page token was not given out for this query; start from the first page";
                plain(Code::InvalidArgument, R::PageTokenInvalid, message)
            }
            ApiError::Filter { position, expected } => {
                let message = format!("the filter cannot be read at position {position}: expected {expected}");
                let metadata = [("position", position.to_string())];
                status(Code::InvalidArgument, R::FilterInvalid.reason(), message, &metadata)
            }
            ApiError::Full => {
                let message = "no space is left for durable data; nothing was changed";
                later(Code::ResourceExhausted, R::StorageFull, message, Duration::from_secs(60))
            }
            ApiError::Busy => {
                let message = "too many downloads are under way";
                later(Code::ResourceExhausted, R::TooMuchWork, message, Duration::from_secs(5))
            }
            ApiError::Stalled { after } => {
                let message = format!("nothing was taken of the download for {after:?}; read on from where it ended");
                later(Code::Unavailable, R::TooMuchWork, &message, Duration::from_secs(1))
            }
            ApiError::Stopping => {
                later(Code::Unavailable, R::ShuttingDown, "the gateway is stopping", Duration::from_secs(5))
            }
            ApiError::Unavailable => {
                let message = "the gateway's database does not answer now; nothing was changed";
                later(Code::Unavailable, R::SystemUnavailable, message, Duration::from_secs(2))
            }
            ApiError::Unknown => {
                let message =
                    "the gateway's database was lost before it said whether this was done; look, or repeat it";
                later(Code::Unavailable, R::SystemUnavailable, message, Duration::from_secs(2))
            }
            ApiError::Internal => {
                plain(Code::Internal, R::Internal, "something failed here; the cause is in the gateway's log")
            }
        }
    }
}

fn later(code: Code, reason: ErrorReason, message: &str, after: Duration) -> Status {
    retryable(code, reason.reason(), message, &[], after)
}

/// All wrong fields as BadRequest, the first of them in the reason's metadata too.
fn invalid(fields: &[(&'static str, String)]) -> Status {
    let words: Vec<String> = fields.iter().map(|(field, rule)| format!("{field} {rule}")).collect();
    bad_request(ErrorReason::InvalidField.reason(), words.join("; "), fields)
}
