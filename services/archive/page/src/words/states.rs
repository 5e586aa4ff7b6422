//! What each disposition means to the person, what happens next, and why something was not searched.

use tributary_model::disposition::Disposition;
use tributary_model::scope::Rule;

use super::texts;
use crate::model::entity::GapReason;
use crate::model::hidden::HiddenReason;

/// A disposition in words: a short name, and a sentence that starts with the entity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateWords {
    /// A word or two.
    pub(crate) name: &'static str,
    /// A sentence.
    pub(crate) sentence: &'static str,
}

impl StateWords {
    pub(crate) const fn new(name: &'static str, sentence: &'static str) -> Self {
        Self { name, sentence }
    }
}

/// Every disposition in words.
#[derive(Debug)]
pub(crate) struct States {
    pub(crate) failed: StateWords,
    pub(crate) timed_out: StateWords,
    pub(crate) unreachable: StateWords,
    pub(crate) not_asked: StateWords,
    pub(crate) pending: StateWords,
    pub(crate) needs_identity: StateWords,
    pub(crate) needs_clarification: StateWords,
    pub(crate) needs_decision: StateWords,
    pub(crate) in_review: StateWords,
    pub(crate) extended: StateWords,
    pub(crate) withheld: StateWords,
    pub(crate) refused: StateWords,
    pub(crate) partly_fulfilled: StateWords,
    pub(crate) forwarded: StateWords,
    pub(crate) fulfilled: StateWords,
    pub(crate) not_subject: StateWords,
    pub(crate) no_data: StateWords,
    /// What happens next.
    pub(crate) next: Next,
    /// Why an entity was not asked.
    pub(crate) other_area: &'static str,
    /// As above: the request named others.
    pub(crate) not_in_scope: &'static str,
    /// As above: the group file named it later.
    pub(crate) joined_later: &'static str,
}

texts!(
    /// What happens next.
    Next { retry, person, final_, not_asked, identity, part }
);

impl States {
    /// The words for a disposition.
    pub(crate) fn of(&self, disposition: Disposition) -> StateWords {
        match disposition {
            Disposition::Failed => self.failed,
            Disposition::TimedOut => self.timed_out,
            Disposition::Unreachable => self.unreachable,
            Disposition::NotAsked => self.not_asked,
            Disposition::Pending => self.pending,
            Disposition::NeedsIdentity => self.needs_identity,
            Disposition::NeedsClarification => self.needs_clarification,
            Disposition::NeedsDecision => self.needs_decision,
            Disposition::InReview => self.in_review,
            Disposition::Extended => self.extended,
            Disposition::Withheld => self.withheld,
            Disposition::Refused => self.refused,
            Disposition::PartlyFulfilled => self.partly_fulfilled,
            Disposition::Forwarded => self.forwarded,
            Disposition::Fulfilled => self.fulfilled,
            Disposition::NotSubject => self.not_subject,
            Disposition::NoData => self.no_data,
        }
    }

    /// What the person may expect after a disposition that leaves something missing.
    pub(crate) fn next(&self, disposition: Disposition) -> &'static str {
        match disposition {
            Disposition::Failed | Disposition::TimedOut | Disposition::Unreachable | Disposition::Pending => {
                self.next.retry
            }
            Disposition::NotAsked => self.next.not_asked,
            Disposition::NeedsIdentity | Disposition::NeedsClarification => self.next.identity,
            Disposition::NeedsDecision | Disposition::InReview | Disposition::Extended => self.next.person,
            Disposition::Withheld | Disposition::Refused | Disposition::Forwarded => self.next.final_,
            Disposition::PartlyFulfilled | Disposition::Fulfilled | Disposition::NotSubject | Disposition::NoData => {
                self.next.part
            }
        }
    }

    /// Why an entity was not asked; `None` for a rule under which it is asked.
    pub(crate) fn rule(&self, rule: Rule) -> Option<&'static str> {
        match rule {
            Rule::SameLegalArea => None,
            Rule::OtherLegalArea => Some(self.other_area),
            Rule::NotInRequestedScope => Some(self.not_in_scope),
            Rule::JoinedAfterScope => Some(self.joined_later),
        }
    }

    /// All of them, by name.
    #[cfg(test)]
    pub(crate) fn all(&self) -> Vec<(&'static str, &'static str)> {
        let words = Disposition::ALL.map(|disposition| (disposition.as_str(), self.of(disposition)));
        let mut all: Vec<_> = words.iter().flat_map(|(name, w)| [(*name, w.name), (*name, w.sentence)]).collect();
        all.extend([
            ("other_area", self.other_area),
            ("not_in_scope", self.not_in_scope),
            ("joined_later", self.joined_later),
        ]);
        all.extend(self.next.all());
        all
    }
}

texts!(
    /// Why something was not searched.
    GapWords {
        no_identifier_of_type, not_connected, unavailable, not_readable, snapshot_too_long, skipped_by_manifest,
        controller_unknown, not_answered, not_personal,
    }
);

impl GapWords {
    /// The words for a reason.
    pub(crate) fn of(&self, reason: GapReason) -> &'static str {
        match reason {
            GapReason::NoIdentifierOfType => self.no_identifier_of_type,
            GapReason::NotConnected => self.not_connected,
            GapReason::Unavailable => self.unavailable,
            GapReason::NotReadable => self.not_readable,
            GapReason::SnapshotTooLong => self.snapshot_too_long,
            GapReason::SkippedByManifest => self.skipped_by_manifest,
            GapReason::ControllerUnknown => self.controller_unknown,
            GapReason::NotAnswered => self.not_answered,
            GapReason::NotPersonal => self.not_personal,
        }
    }
}

texts!(
    /// What is hidden because it is about others.
    OthersWords { cell, why, third_party, shared, actor, free_text }
);

impl OthersWords {
    /// The words for a reason.
    pub(crate) fn of(&self, reason: HiddenReason) -> &'static str {
        match reason {
            HiddenReason::ThirdParty => self.third_party,
            HiddenReason::Shared => self.shared,
            HiddenReason::Actor => self.actor,
            HiddenReason::FreeText => self.free_text,
        }
    }
}
