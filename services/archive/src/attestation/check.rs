//! Whether an attestation contradicts itself: what it sums up, what it may say, and what it may not leave out.

use std::collections::{BTreeMap, BTreeSet};

use tributary_model::disposition::{Disposition, Source};
use tributary_model::id::FidesKey;

use super::{Answer, Attestation, NotSearched};
use crate::part::PartListDigest;
use crate::redaction::{Redaction, RedactionReason};
use crate::table;

/// How an attestation contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// No answer, or two for one controller and dataset.
    #[error("it needs one answer per controller and dataset, and at least one")]
    Answers,
    /// A disposition that is not the entity's to say.
    #[error("{0} is not an entity's to say")]
    NotSaid(Disposition),
    /// The sum is not the worst of the answers.
    #[error("its disposition is {said}, but the worst of its answers is {worst}")]
    Sum {
        /// What it says.
        said: Disposition,
        /// What the answers give.
        worst: Disposition,
    },
    /// Complete, with something personal not searched.
    #[error("it says {disposition} for dataset `{dataset}`, where it did not search everything; say PARTLY_FULFILLED")]
    Unsearched {
        /// What it says.
        disposition: Disposition,
        /// The dataset.
        dataset: FidesKey,
    },
    /// Complete, with something hidden that may be the person's own.
    #[error(
        "it says {disposition} for dataset `{dataset}`, where it hid what may be the person's; say PARTLY_FULFILLED"
    )]
    Hidden {
        /// What it says.
        disposition: Disposition,
        /// The dataset.
        dataset: FidesKey,
    },
    /// A refusal without a ground.
    #[error("it says {disposition} for dataset `{dataset}` without a reason")]
    NoReason {
        /// What it says.
        disposition: Disposition,
        /// The dataset.
        dataset: FidesKey,
    },
    /// Rows where none can be, or sums that do not add up.
    #[error("its {0} do not add up")]
    Counts(&'static str),
    /// Parts of an answer that is not given yet.
    #[error("it has parts, but {0} hands none over")]
    Parts(Disposition),
    /// It ended before it began, or has no generation.
    #[error("its times or its generation are impossible")]
    Time,
    /// The statement is about another part list.
    #[error("the statement's subject is not the digest of its part list")]
    Subject,
}

impl Attestation {
    /// Checks the attestation against itself. Call it before signing; [`Attestation::open`] does it after verifying.
    pub fn check(&self) -> Result<(), Contradiction> {
        if self.generation == 0 || self.finished_at < self.started_at {
            return Err(Contradiction::Time);
        }
        let distinct: BTreeSet<_> = self.answers.iter().map(|a| (&a.controller, &a.dataset)).collect();
        let worst = Disposition::worst(self.answers.iter().map(|a| a.disposition)).ok_or(Contradiction::Answers)?;
        if distinct.len() != self.answers.len() {
            return Err(Contradiction::Answers);
        }
        if let Some(answer) = self.answers.iter().find(|a| a.disposition.source() != Source::Entity) {
            return Err(Contradiction::NotSaid(answer.disposition));
        }
        if self.disposition != worst {
            return Err(Contradiction::Sum { said: self.disposition, worst });
        }
        self.answers.iter().try_for_each(|answer| self.check_answer(answer))?;
        self.check_unsearched()?;
        self.check_redactions()?;
        self.check_parts()
    }

    fn check_answer(&self, answer: &Answer) -> Result<(), Contradiction> {
        let hands_over = hands_over(answer.disposition);
        if answer.rows > 0 && !hands_over {
            return Err(Contradiction::Counts("rows and dispositions"));
        }
        let has_reason = answer.reason.as_deref().is_some_and(|reason| !reason.is_empty());
        let needs_reason = match answer.disposition {
            Disposition::Refused | Disposition::Withheld => true,
            Disposition::PartlyFulfilled => !self.not_searched.iter().any(|gap| gap.dataset == answer.dataset),
            _ => false,
        };
        if needs_reason && !has_reason {
            let (disposition, dataset) = (answer.disposition, answer.dataset.clone());
            return Err(Contradiction::NoReason { disposition, dataset });
        }
        Ok(())
    }

    fn check_unsearched(&self) -> Result<(), Contradiction> {
        for gap in self.not_searched.iter().filter(|gap| gap.reason.hides_personal_data()) {
            let mut answers = self.answers.iter().filter(|a| a.dataset == gap.dataset).peekable();
            // A dataset with a gap and without an answer weighs on the whole.
            let said = if answers.peek().is_none() {
                Some(self.disposition).filter(|said| claims_all(*said))
            } else {
                answers.map(|a| a.disposition).find(|said| claims_all(*said))
            };
            if let Some(disposition) = said {
                return Err(Contradiction::Unsearched { disposition, dataset: gap.dataset.clone() });
            }
        }
        Ok(())
    }

    /// Counts are of what was searched, each once, and nothing hidden is said to be given.
    fn check_redactions(&self) -> Result<(), Contradiction> {
        let ordered = self.redactions.windows(2).all(|pair| key(&pair[0]) < key(&pair[1]));
        let mut marks: BTreeMap<_, u64> = BTreeMap::new();
        for redaction in &self.redactions {
            let place = (&redaction.dataset, redaction.collection.as_str());
            let mut searched = self.searched.iter().filter(|s| (&s.dataset, s.collection.as_str()) == place);
            let Some(searched) = searched.next().filter(|_| redaction.count > 0 && ordered) else {
                return Err(Contradiction::Counts("counts of what it hid"));
            };
            if let Some(field) = &redaction.field {
                let sum = marks.entry((place, field)).or_default();
                *sum = sum.saturating_add(redaction.count);
                if *sum > searched.rows {
                    return Err(Contradiction::Counts("rows and what it hid of them"));
                }
            }
        }
        for hidden in self.redactions.iter().filter(|redaction| redaction.hides_own_data()) {
            let mut said = self.answers.iter().filter(|a| a.dataset == hidden.dataset).map(|a| a.disposition);
            if let Some(disposition) = said.find(|said| claims_all(*said)) {
                return Err(Contradiction::Hidden { disposition, dataset: hidden.dataset.clone() });
            }
        }
        Ok(())
    }

    fn check_parts(&self) -> Result<(), Contradiction> {
        let parts = &self.parts;
        let sum = self.answers.iter().try_fold(0_u64, |sum, answer| sum.checked_add(answer.rows));
        if sum != Some(parts.rows) {
            return Err(Contradiction::Counts("rows of answers and parts"));
        }
        if parts.count == 0 {
            let empty = parts.bytes == 0 && parts.encoded_bytes == 0 && parts.sha256 == PartListDigest::new().finish();
            let empty = empty && self.tables_sha256 == table::digest([]);
            return if empty { Ok(()) } else { Err(Contradiction::Counts("sizes and digests of no parts")) };
        }
        let handed_over = self.answers.iter().any(|answer| hands_over(answer.disposition));
        if !self.disposition.is_final() || !handed_over {
            return Err(Contradiction::Parts(self.disposition));
        }
        Ok(())
    }
}

/// What an entry is about, in the order of entries.
fn key(redaction: &Redaction) -> (&FidesKey, &str, Option<&str>, RedactionReason) {
    (&redaction.dataset, &redaction.collection, redaction.field.as_deref(), redaction.reason)
}

fn hands_over(disposition: Disposition) -> bool {
    matches!(disposition, Disposition::Fulfilled | Disposition::PartlyFulfilled)
}

fn claims_all(disposition: Disposition) -> bool {
    matches!(disposition, Disposition::Fulfilled | Disposition::NoData)
}

/// What may be said of `dataset` instead of `disposition`, given what was not searched: where something personal may
/// lie unseen there, `NO_DATA` and `FULFILLED` become `PARTLY_FULFILLED` (GRP-6: missing never reads as empty).
pub fn weaken(disposition: Disposition, dataset: &FidesKey, not_searched: &[NotSearched]) -> Disposition {
    let hidden = not_searched.iter().any(|gap| gap.dataset == *dataset && gap.reason.hides_personal_data());
    if hidden && claims_all(disposition) { Disposition::PartlyFulfilled } else { disposition }
}
