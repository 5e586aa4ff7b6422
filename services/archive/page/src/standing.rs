//! What the page concludes from an entity: whether something of it is missing, whether it has data to show, and how its
//! state looks. Every state has a shape and a word besides its colour.

use tributary_model::disposition::Disposition;

use crate::html::Html;
use crate::model::entity::Entity;
use crate::model::page::Page;

/// How a state looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Gap,
    Open,
    Partial,
    Full,
    Nothing,
}

fn look(disposition: Disposition) -> Look {
    match disposition {
        Disposition::Failed
        | Disposition::TimedOut
        | Disposition::Unreachable
        | Disposition::NotAsked
        | Disposition::Pending => Look::Gap,
        Disposition::NeedsIdentity
        | Disposition::NeedsClarification
        | Disposition::NeedsDecision
        | Disposition::InReview
        | Disposition::Extended => Look::Open,
        Disposition::Withheld | Disposition::Refused | Disposition::PartlyFulfilled | Disposition::Forwarded => {
            Look::Partial
        }
        Disposition::Fulfilled => Look::Full,
        Disposition::NotSubject | Disposition::NoData => Look::Nothing,
    }
}

/// Writes the state of `disposition` as a badge.
pub(crate) fn badge(html: &mut Html, disposition: Disposition) {
    html.raw(match look(disposition) {
        Look::Gap => "<span class=\"badge gap\"><span aria-hidden=true>✕</span> ",
        Look::Open => "<span class=\"badge open\"><span aria-hidden=true>…</span> ",
        Look::Partial => "<span class=\"badge part\"><span aria-hidden=true>◐</span> ",
        Look::Full => "<span class=\"badge full\"><span aria-hidden=true>✓</span> ",
        Look::Nothing => "<span class=\"badge none\"><span aria-hidden=true>○</span> ",
    });
    html.text(html.words.states.of(disposition).name).raw("</span>");
}

/// Whether something of the entity is missing, whoever says so: a page that is told two things takes the worse one.
pub(crate) fn is_missing(entity: &Entity<'_>) -> bool {
    let hidden = entity.not_searched.iter().any(|gap| gap.reason.hides_personal_data());
    !entity.complete || !entity.disposition.is_complete() || hidden
}

/// Whether the case may be called complete.
pub(crate) fn is_complete(page: &Page<'_>) -> bool {
    page.complete && !page.entities.iter().any(is_missing)
}

/// Whether data of the entity are in this archive.
pub(crate) fn has_data(entity: &Entity<'_>) -> bool {
    !entity.collections.is_empty() || entity.attachments.total > 0 || !entity.attachments.files.is_empty()
}

/// The other archive of the case that carries the entity's data.
pub(crate) fn elsewhere(entity: &Entity<'_>, page: &Page<'_>) -> Option<u32> {
    entity.in_archive.filter(|sequence| *sequence != page.sequence && !has_data(entity))
}

/// Whether the entity holds data about the person, as far as anyone said.
pub(crate) fn holds_data(entity: &Entity<'_>, page: &Page<'_>) -> bool {
    has_data(entity)
        || elsewhere(entity, page).is_some()
        || matches!(
            entity.disposition,
            Disposition::Fulfilled | Disposition::PartlyFulfilled | Disposition::Withheld | Disposition::Refused
        )
}

/// Whether an answer may still come by itself.
pub(crate) fn may_answer_later(entity: &Entity<'_>) -> bool {
    !entity.disposition.is_final() && entity.disposition != Disposition::NotAsked
}
