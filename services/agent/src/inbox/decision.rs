//! What it means when nothing is to leave: the person is told so and why, in the entity's name, and nothing of what was
//! found is said.

use tributary_archive::attestation::Answer as Attested;
use tributary_model::disposition::Disposition;
use tributary_model::id::EntityId;

use super::{Answer, Standing};
use crate::collect::{Collected, ManualCollection};

/// What is said when the decision was waited for in vain.
const UNDECIDED: &str = "nobody at the entity has decided on the request in time";

/// Why nothing leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Against {
    disposition: Disposition,
    reason: String,
}

impl Against {
    /// Whether a decision that stands so, with that answer, is against giving anything. Nothing while it is open.
    pub(crate) fn of(standing: Standing, answer: Option<Answer>) -> Option<Self> {
        match (standing, answer) {
            (Standing::Open | Standing::Withdrawn, _) | (Standing::Answered, Some(Answer::Fulfilled)) => None,
            (Standing::Answered, Some(Answer::Refused(reason))) => {
                Some(Self { disposition: Disposition::Refused, reason })
            }
            (Standing::Answered | Standing::Lapsed, _) => {
                Some(Self { disposition: Disposition::Withheld, reason: UNDECIDED.to_owned() })
            }
        }
    }

    /// Makes it the answer for every dataset, those that only people search included. Sums of parts are the caller's.
    pub(crate) fn settle(&self, collected: &mut Collected, entity: &EntityId, manual: &[ManualCollection]) {
        let answer = |controller, dataset| Attested {
            controller,
            dataset,
            disposition: self.disposition,
            reason: Some(self.reason.clone()),
            rows: 0,
            snapshot_at: None,
        };
        for ManualCollection { dataset, .. } in manual {
            if !collected.answers.iter().any(|answer| answer.dataset == *dataset) {
                collected.answers.push(answer(entity.clone(), dataset.clone()));
            }
        }
        for given in &mut collected.answers {
            *given = answer(given.controller.clone(), given.dataset.clone());
        }
        // How much was found, and what of it would have been hidden, says much of what does not leave.
        collected.searched.clear();
        collected.redactions.clear();
        collected.information_sha256 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_person_who_says_so_lets_anything_leave() {
        let of = |standing, answer| Against::of(standing, answer).map(|against| against.disposition);
        assert_eq!(of(Standing::Answered, Some(Answer::Fulfilled)), None);
        assert_eq!(of(Standing::Answered, Some(Answer::Refused("why".to_owned()))), Some(Disposition::Refused));
        assert_eq!(of(Standing::Lapsed, None), Some(Disposition::Withheld));
        assert_eq!(of(Standing::Answered, None), Some(Disposition::Withheld));
    }
}
