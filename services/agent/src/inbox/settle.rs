//! What people's answers make of what a walk found: nothing that they kept back reads as given, and nothing that nobody
//! searched reads as empty (GRP-6).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use tributary_archive::attestation::{Answer, NotSearched, NotSearchedReason, Searched, weaken};
use tributary_archive::redaction::{self, Redaction, RedactionReason};
use tributary_archive::table::Table;
use tributary_model::disposition::Disposition;
use tributary_model::id::{EntityId, FidesKey};

use crate::collect::Collected;

/// What became of a collection that a person looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Review {
    dataset: FidesKey,
    collection: String,
    given: u32,
    replaced: u32,
    withheld: u32,
    /// Rows that do not leave.
    rows: u64,
    reasons: BTreeSet<String>,
    /// Names of the columns of a table that may have marks of what is hidden.
    marked: Option<Vec<String>>,
    /// Such marks in what leaves, counted where that is not what was found.
    marks: BTreeMap<(String, RedactionReason), u64>,
}

/// What became of a collection that a person searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// So many files were found.
    Files(usize),
    /// It was searched, and nothing is there.
    Nothing,
    /// It was not searched, and why.
    NotAnswered(String),
}

impl Review {
    pub(crate) fn of(dataset: FidesKey, collection: String) -> Self {
        let (reasons, marked, marks) = (BTreeSet::new(), None, BTreeMap::new());
        Self { dataset, collection, given: 0, replaced: 0, withheld: 0, rows: 0, reasons, marked, marks }
    }

    /// Takes note of whether its table may have marks.
    pub(crate) fn is_marked(&mut self, table: &Table) {
        let fields = || table.fields.iter().map(|field| field.name.clone()).collect();
        self.marked = (!table.marks.is_empty()).then(fields);
    }

    /// Whether its table may have marks.
    pub(crate) fn has_marks(&self) -> bool {
        self.marked.is_some()
    }

    /// Counts the marks in a part that leaves.
    pub(crate) fn count_marks(&mut self, media_type: &str, plain: &mut dyn Read) -> io::Result<()> {
        for (mark, count) in redaction::count(media_type, self.marked.as_deref().unwrap_or_default(), plain)? {
            *self.marks.entry(mark).or_default() += count;
        }
        Ok(())
    }

    /// Whether everything so far leaves as it was found.
    pub(crate) fn is_untouched(&self) -> bool {
        self.withheld == 0 && self.replaced == 0
    }

    /// A part leaves.
    pub(crate) fn given(&mut self) {
        self.given += 1;
    }

    /// A part leaves in another version, without so many rows.
    pub(crate) fn replaced(&mut self, rows: u64) {
        self.replaced += 1;
        self.rows += rows;
    }

    /// A part with so many rows does not leave.
    pub(crate) fn withheld(&mut self, rows: u64, reason: &str) {
        self.withheld += 1;
        self.rows += rows;
        self.reasons.insert(reason.to_owned());
    }

    /// What the person is told; nothing when everything leaves as it was found.
    fn reason(&self) -> Option<String> {
        let Self { collection, withheld, replaced, .. } = self;
        let files = |count: u32| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
        let reasons = self.reasons.iter().map(String::as_str).collect::<Vec<_>>().join("; ");
        let withheld = (*withheld > 0).then(|| format!("{} withheld after review: {reasons}", files(*withheld)));
        let replaced = (*replaced > 0).then(|| format!("{} given in a redacted version", files(*replaced)));
        let said: Vec<String> = [withheld, replaced].into_iter().flatten().collect();
        (!said.is_empty()).then(|| format!("{collection}: {}", said.join(", ")))
    }
}

/// Puts the answers into what the walk found. Sums of parts are the caller's.
pub(crate) fn settle(
    collected: &mut Collected,
    entity: &EntityId,
    reviews: &[Review],
    manual: &[(FidesKey, String, Outcome)],
) {
    for (dataset, collection, outcome) in manual {
        if let Outcome::NotAnswered(detail) = outcome {
            let reason = NotSearchedReason::NotAnswered;
            let (dataset, collection) = (dataset.clone(), Some(collection.clone()));
            collected.not_searched.push(NotSearched { dataset, collection, reason, detail: detail.clone() });
        } else {
            collected.searched.push(Searched { dataset: dataset.clone(), collection: collection.clone(), rows: 0 });
        }
        if !collected.answers.iter().any(|answer| answer.dataset == *dataset) {
            collected.answers.push(Answer {
                controller: entity.clone(),
                dataset: dataset.clone(),
                disposition: Disposition::NoData,
                reason: None,
                rows: 0,
                snapshot_at: None,
            });
        }
    }
    for review in reviews.iter().filter(|review| !review.is_untouched()) {
        let is_its = |r: &Redaction| r.dataset == review.dataset && r.collection == review.collection;
        // Rows that were left out are left out of every version.
        collected.redactions.retain(|redaction| !is_its(redaction) || redaction.field.is_none());
        collected.redactions.extend(review.marks.iter().map(|((field, reason), count)| Redaction {
            dataset: review.dataset.clone(),
            collection: review.collection.clone(),
            field: Some(field.clone()),
            reason: *reason,
            count: *count,
        }));
    }
    collected.redactions.sort();
    for answer in &mut collected.answers {
        let files = manual.iter().any(|(d, _, outcome)| *d == answer.dataset && matches!(outcome, Outcome::Files(1..)));
        let of: Vec<&Review> = reviews.iter().filter(|review| review.dataset == answer.dataset).collect();
        settle_answer(answer, &of, files);
        answer.disposition = weaken(answer.disposition, &answer.dataset, &collected.not_searched);
    }
}

fn settle_answer(answer: &mut Answer, reviews: &[&Review], files: bool) {
    let gone: u64 = reviews.iter().map(|review| review.rows).sum();
    answer.rows = answer.rows.saturating_sub(gone);
    if files && answer.disposition == Disposition::NoData {
        answer.disposition = Disposition::Fulfilled;
    }
    let reasons: Vec<String> = reviews.iter().filter_map(|review| review.reason()).collect();
    if reasons.is_empty() {
        return;
    }
    let something = answer.rows > 0 || files || reviews.iter().any(|review| review.given > 0);
    answer.disposition = if something { Disposition::PartlyFulfilled } else { Disposition::Withheld };
    answer.reason = Some(answer.reason.take().into_iter().chain(reasons).collect::<Vec<_>>().join("; "));
}

#[cfg(test)]
mod tests {
    use tributary_archive::attestation::PartsSummary;
    use tributary_archive::part::PartListDigest;
    use tributary_archive::table;

    use super::*;
    use crate::collect::Located;

    fn key(text: &str) -> FidesKey {
        text.parse().unwrap()
    }

    /// What a walk found: `rows` of one dataset, with that disposition.
    fn found(disposition: Disposition, rows: u64) -> Collected {
        Collected {
            located: Located::Found,
            answers: vec![Answer {
                controller: "acme".parse().unwrap(),
                dataset: key("crm"),
                disposition,
                reason: None,
                rows,
                snapshot_at: None,
            }],
            searched: Vec::new(),
            not_searched: Vec::new(),
            redactions: Vec::new(),
            identifier_types: Vec::new(),
            parts: PartsSummary {
                count: 0,
                bytes: 0,
                encoded_bytes: 0,
                rows: 0,
                sha256: PartListDigest::new().finish(),
            },
            tables_sha256: table::digest([]),
            previews_sha256: None,
            information_sha256: None,
        }
    }

    fn review(work: impl FnOnce(&mut Review)) -> Review {
        let mut review = Review::of(key("crm"), "note".to_owned());
        work(&mut review);
        review
    }

    fn settled(mut collected: Collected, reviews: &[Review], manual: &[(FidesKey, String, Outcome)]) -> Collected {
        settle(&mut collected, &"acme".parse().unwrap(), reviews, manual);
        collected
    }

    #[test]
    fn what_was_released_changes_nothing_and_what_was_kept_back_is_said() {
        let released = settled(found(Disposition::Fulfilled, 3), &[review(Review::given)], &[]);
        assert_eq!(released, found(Disposition::Fulfilled, 3));
        let some = review(|review| {
            review.given();
            review.withheld(2, "a colleague");
        });
        let some = settled(found(Disposition::Fulfilled, 3), &[some], &[]).answers.remove(0);
        assert_eq!((some.disposition, some.rows), (Disposition::PartlyFulfilled, 1));
        assert_eq!(some.reason.as_deref(), Some("note: 1 file withheld after review: a colleague"));
        let all = settled(found(Disposition::Fulfilled, 2), &[review(|r| r.withheld(2, "a colleague"))], &[]);
        assert_eq!((all.answers[0].disposition, all.answers[0].rows), (Disposition::Withheld, 0));
    }

    #[test]
    fn a_search_by_hand_counts_beside_what_the_walk_found_and_never_reads_as_empty_when_nobody_made_it() {
        let paper = |outcome| [(key("crm"), "binder".to_owned(), outcome)];
        let of = |disposition, rows, outcome| settled(found(disposition, rows), &[], &paper(outcome));
        let nothing = of(Disposition::NoData, 0, Outcome::Nothing);
        assert_eq!((nothing.answers[0].disposition, nothing.searched.len()), (Disposition::NoData, 1));
        assert_eq!(of(Disposition::NoData, 0, Outcome::Files(2)).answers[0].disposition, Disposition::Fulfilled);
        let unanswered = of(Disposition::NoData, 0, Outcome::NotAnswered("the cellar is wet".to_owned()));
        assert_eq!(unanswered.answers[0].disposition, Disposition::PartlyFulfilled);
        assert_eq!(unanswered.not_searched[0].reason, NotSearchedReason::NotAnswered);
        let own = [(key("paper"), "binder".to_owned(), Outcome::Nothing)];
        let own = settled(found(Disposition::Fulfilled, 1), &[], &own);
        assert_eq!((own.answers[1].dataset.as_str(), own.answers[1].disposition), ("paper", Disposition::NoData));
    }

    #[test]
    fn marks_are_those_of_the_version_that_leaves() {
        let redaction = |field: Option<&str>, count| Redaction {
            dataset: key("crm"),
            collection: "note".to_owned(),
            field: field.map(str::to_owned),
            reason: RedactionReason::ThirdParty,
            count,
        };
        let mut collected = found(Disposition::Fulfilled, 3);
        collected.redactions = vec![redaction(None, 4), redaction(Some("text"), 3)];
        let version = b"text\r\n[redacted:THIRD_PARTY]\r\n";
        let replaced = review(|review| {
            review.marked = Some(vec!["text".to_owned()]);
            review.given();
            review.replaced(2);
            review.count_marks("text/csv", &mut version.as_slice()).unwrap();
        });
        let settled = settled(collected, &[replaced], &[]);
        assert_eq!(settled.redactions, [redaction(None, 4), redaction(Some("text"), 1)]);
    }
}
