//! Errors on the wire: a status with exactly one `google.rpc.ErrorInfo`, so that programs need not read messages.
//!
//! The reasons are an enum in the contract; this module only puts them where callers look (AIP-193). Messages and
//! metadata reach the caller: no personal data belongs in them.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every reason, as `ErrorInfo.domain`.
pub const DOMAIN: &str = "tributary.dev";

/// A status with one reason. `reason` is UPPER_SNAKE_CASE; `metadata` repeats the variable parts of the message.
pub fn status(code: Code, reason: &str, message: impl Into<String>, metadata: &[(&str, String)]) -> Status {
    build(code, message.into(), info(reason, metadata))
}

/// As [`status`], and says how long to wait before trying again.
pub fn retryable(
    code: Code,
    reason: &str,
    message: impl Into<String>,
    metadata: &[(&str, String)],
    after: Duration,
) -> Status {
    let mut details = info(reason, metadata);
    details.set_retry_info(Some(after));
    build(code, message.into(), details)
}

/// `INVALID_ARGUMENT` that names each wrong field with what is wrong about it.
pub fn bad_request(reason: &str, message: impl Into<String>, violations: &[(&str, String)]) -> Status {
    let mut details = info(reason, &[]);
    for (field, description) in violations {
        details.add_bad_request_violation(*field, description);
    }
    build(Code::InvalidArgument, message.into(), details)
}

/// The reason of a status, when it was made by a Tributary process.
pub fn reason_of(status: &Status) -> Option<String> {
    let info = status.get_details_error_info()?;
    (info.domain == DOMAIN).then_some(info.reason)
}

fn info(reason: &str, metadata: &[(&str, String)]) -> ErrorDetails {
    let metadata: std::collections::HashMap<String, String> =
        metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    ErrorDetails::with_error_info(reason, DOMAIN, metadata)
}

fn build(code: Code, message: String, details: ErrorDetails) -> Status {
    Status::with_error_details(code, message, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_carries_exactly_one_reason_with_its_metadata() {
        let status = status(Code::NotFound, "CASE_UNKNOWN", "no such case", &[("case", "42".to_owned())]);
        let details = status.get_error_details_vec();
        assert_eq!(details.len(), 1);
        let info = status.get_details_error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("CASE_UNKNOWN", DOMAIN));
        assert_eq!(info.metadata.get("case").map(String::as_str), Some("42"));
        assert_eq!(reason_of(&status).as_deref(), Some("CASE_UNKNOWN"));
    }

    #[test]
    fn a_retryable_status_says_when() {
        let after = Duration::from_secs(3);
        let status = retryable(Code::Unavailable, "OVERLOADED", "too busy", &[], after);
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(after));
        assert_eq!(reason_of(&status).as_deref(), Some("OVERLOADED"));
    }

    #[test]
    fn a_bad_request_names_its_fields() {
        let status = bad_request("INVALID", "1 field is wrong", &[("scope.entities", "is empty".to_owned())]);
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].field, "scope.entities");
        assert_eq!(status.code(), Code::InvalidArgument);
    }

    #[test]
    fn a_status_of_somebody_else_has_no_reason() {
        assert_eq!(reason_of(&Status::not_found("x")), None);
        let foreign = ErrorDetails::with_error_info("X", "example.org", std::collections::HashMap::new());
        assert_eq!(reason_of(&Status::with_error_details(Code::NotFound, "x", foreign)), None);
    }
}
