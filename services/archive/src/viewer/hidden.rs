//! What an entity hid because it is about others, as the page takes it: summed up by reason.

use tributary_page::{Hidden, HiddenReason};

use crate::redaction::{Redaction, RedactionReason};
use crate::table::Table;

/// Sums over all collections.
pub(super) fn sums(redactions: &[Redaction]) -> Vec<Hidden> {
    sum(redactions.iter())
}

/// Sums of one collection.
pub(super) fn sums_of(redactions: &[Redaction], table: &Table) -> Vec<Hidden> {
    sum(redactions.iter().filter(|hidden| hidden.dataset == table.dataset && hidden.collection == table.collection))
}

fn sum<'r>(redactions: impl Iterator<Item = &'r Redaction> + Clone) -> Vec<Hidden> {
    let of = |wanted: RedactionReason| {
        let mut sum = Hidden { reason: reason(wanted), values: 0, rows: 0 };
        for hidden in redactions.clone().filter(|hidden| hidden.reason == wanted) {
            let count = if hidden.field.is_some() { &mut sum.values } else { &mut sum.rows };
            *count = count.saturating_add(hidden.count);
        }
        sum
    };
    RedactionReason::ALL.into_iter().map(of).filter(|sum| sum.values > 0 || sum.rows > 0).collect()
}

/// The page's word for a reason.
pub(super) fn reason(reason: RedactionReason) -> HiddenReason {
    match reason {
        RedactionReason::ThirdParty => HiddenReason::ThirdParty,
        RedactionReason::Shared => HiddenReason::Shared,
        RedactionReason::Actor => HiddenReason::Actor,
        RedactionReason::FreeText => HiddenReason::FreeText,
    }
}
