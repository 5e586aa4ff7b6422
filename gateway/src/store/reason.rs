//! A task's reason as it stands in its column: sealed text, with the name of its cause behind a separator.
//!
//! Reasons from before there were causes have none. A process that knows of none, beside which this one may run for a
//! while, shows the separator and the name behind the text, and nothing worse.

use super::StoreError;
use super::keys::CaseKeys;
use crate::cause::Cause;

/// Stands in no text: [`seal`] sees to it.
const SEPARATOR: char = '\u{1f}';
/// What it is sealed for.
const PURPOSE: &str = "reason";

/// Why a task stands as it does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Reason {
    /// For operators, in words without personal data; empty for none.
    pub(super) text: String,
    /// For the archive; nothing for what the entity signed, which speaks for itself.
    pub(super) cause: Option<Cause>,
}

/// Seals a reason; nothing for an empty one, and once the case's key was dropped.
pub(super) fn seal(keys: &CaseKeys, text: &str, cause: Option<Cause>) -> Result<Option<Vec<u8>>, StoreError> {
    let text = text.replace(SEPARATOR, " ");
    match cause {
        Some(cause) => keys.seal_text(PURPOSE, &format!("{text}{SEPARATOR}{}", cause.as_str())),
        None => keys.seal_text(PURPOSE, &text),
    }
}

/// Opens a reason.
pub(super) fn open(keys: &CaseKeys, sealed: Option<&[u8]>) -> Result<Reason, StoreError> {
    let whole = keys.open_text(PURPOSE, sealed)?;
    Ok(match whole.split_once(SEPARATOR) {
        Some((text, cause)) => Reason { text: text.to_owned(), cause: Cause::parse(cause) },
        None => Reason { text: whole, cause: None },
    })
}

#[cfg(test)]
mod tests {
    use tributary_archive::frames::ContentKey;

    use super::*;

    #[test]
    fn a_reason_comes_back_with_its_cause_and_what_was_sealed_before_causes_without() {
        let keys = CaseKeys::of(ContentKey::generate().unwrap(), ContentKey::generate().unwrap());
        let opened = |sealed: Option<Vec<u8>>| open(&keys, sealed.as_deref()).unwrap();
        let reason = |text: &str, cause| Reason { text: text.to_owned(), cause };
        let said = Some(Cause::Said);
        assert_eq!(opened(seal(&keys, "waits", said).unwrap()), reason("waits", said));
        assert_eq!(opened(seal(&keys, "", said).unwrap()), reason("", said));
        assert_eq!(opened(seal(&keys, "because", None).unwrap()), reason("because", None));
        assert_eq!(opened(keys.seal_text(PURPOSE, "from before").unwrap()), reason("from before", None));
        assert_eq!(opened(None), Reason::default());
        // Whoever writes the separator gives no cause by it.
        assert_eq!(opened(seal(&keys, "refused\u{1f}void", None).unwrap()), reason("refused void", None));
        assert_eq!(opened(keys.seal_text(PURPOSE, "of later\u{1f}unknown").unwrap()), reason("of later", None));
    }
}
