//! Why something is hidden from the person.

use tributary_archive::redaction::RedactionReason;
use tributary_proto::agent::v1;

use super::{ConversionError, invalid, list};

/// One reason.
pub(super) fn reason(field: &'static str, wire: i32) -> Result<RedactionReason, ConversionError> {
    match v1::RedactionReason::try_from(wire) {
        Ok(v1::RedactionReason::ThirdParty) => Ok(RedactionReason::ThirdParty),
        Ok(v1::RedactionReason::Shared) => Ok(RedactionReason::Shared),
        Ok(v1::RedactionReason::Actor) => Ok(RedactionReason::Actor),
        Ok(v1::RedactionReason::FreeText) => Ok(RedactionReason::FreeText),
        Ok(v1::RedactionReason::Unspecified) | Err(_) => Err(invalid(field, "is not a known value")),
    }
}

/// The marks that a table may have: each once, in the order of the contract, as an archive spells them.
pub(super) fn marks(wire: Vec<i32>) -> Result<Vec<RedactionReason>, ConversionError> {
    const FIELD: &str = "table.marks";
    let marks = list(FIELD, RedactionReason::ALL.len(), wire, |one| reason(FIELD, one))?;
    if marks.windows(2).all(|pair| pair[0] < pair[1]) { Ok(marks) } else { Err(invalid(FIELD, "must be in order")) }
}
