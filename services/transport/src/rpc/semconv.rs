//! Every OpenTelemetry name that this crate uses for rpcs, in one place.
//!
//! Source: semantic conventions v1.44.0, RPC, release candidate. The next version renames
//! `rpc.response.status_code` to `rpc.status_code`; that change belongs here and nowhere else.

/// Which rpc system: always `grpc`.
pub const RPC_SYSTEM: &str = "rpc.system.name";
/// The value of [`RPC_SYSTEM`].
pub const GRPC: &str = "grpc";
/// The fully qualified method, `package.Service/Method`.
pub const RPC_METHOD: &str = "rpc.method";
/// The value of [`RPC_METHOD`] for a method that the contract does not know.
pub const OTHER: &str = "_OTHER";
/// The gRPC status by its name, such as `OK`.
pub const RPC_STATUS: &str = "rpc.response.status_code";
/// Present when the call counts as failed; the status by its name.
pub const ERROR_TYPE: &str = "error.type";
/// Duration of a call as the server sees it, a histogram in seconds.
pub const SERVER_DURATION: &str = "rpc.server.call.duration";
/// Duration of a call as the client sees it, a histogram in seconds.
pub const CLIENT_DURATION: &str = "rpc.client.call.duration";
/// The unit of both histograms.
pub const SECONDS: &str = "s";
/// The advised bucket bounds of both histograms, in seconds.
pub const DURATION_BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// The SPIFFE ID of the other side; a name of our own, since there is no convention for it.
pub const PEER: &str = "tributary.peer";

/// The status by the name that gRPC gives it.
pub fn status_name(code: tonic::Code) -> &'static str {
    match code {
        tonic::Code::Ok => "OK",
        tonic::Code::Cancelled => "CANCELLED",
        tonic::Code::Unknown => "UNKNOWN",
        tonic::Code::InvalidArgument => "INVALID_ARGUMENT",
        tonic::Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        tonic::Code::NotFound => "NOT_FOUND",
        tonic::Code::AlreadyExists => "ALREADY_EXISTS",
        tonic::Code::PermissionDenied => "PERMISSION_DENIED",
        tonic::Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        tonic::Code::FailedPrecondition => "FAILED_PRECONDITION",
        tonic::Code::Aborted => "ABORTED",
        tonic::Code::OutOfRange => "OUT_OF_RANGE",
        tonic::Code::Unimplemented => "UNIMPLEMENTED",
        tonic::Code::Internal => "INTERNAL",
        tonic::Code::Unavailable => "UNAVAILABLE",
        tonic::Code::DataLoss => "DATA_LOSS",
        tonic::Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Whether a server's span counts as an error: only statuses that say something about the server.
pub fn is_server_error(code: tonic::Code) -> bool {
    use tonic::Code;
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
