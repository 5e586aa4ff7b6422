//! Why something is hidden, as the wire has it.

use tributary_archive::redaction::RedactionReason;
use tributary_proto::agent::v1 as wire;

pub(super) fn reason(reason: RedactionReason) -> wire::RedactionReason {
    match reason {
        RedactionReason::ThirdParty => wire::RedactionReason::ThirdParty,
        RedactionReason::Shared => wire::RedactionReason::Shared,
        RedactionReason::Actor => wire::RedactionReason::Actor,
        RedactionReason::FreeText => wire::RedactionReason::FreeText,
    }
}
