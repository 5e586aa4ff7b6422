//! What people at the entity have to do with a collection: search it by hand, since no program can, or look at what was
//! found there before it leaves. `tributary.manual` and `tributary.review` of a dataset or collection.

use std::time::Duration;

use super::{At, Collection, CollectionOthers, Field, FreeText};
use crate::language::Texts;

/// A collection that a person searches: a paper archive, the mailboxes of a department.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manual {
    /// What is asked of them, in the entity's words; may be empty.
    pub ask: Texts,
    /// How long that may take; the agent's own setting unless said here.
    pub due: Option<Duration>,
}

/// What people have to do with a dataset or collection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeopleWork {
    /// They search it.
    pub manual: Option<Manual>,
    /// They look at everything found there before it leaves.
    pub review: bool,
}

impl Collection {
    /// Whether a person sees everything of it before it leaves: all of it, or because of a field with `free_text: review`.
    pub fn is_reviewed(&self) -> bool {
        self.people.review || self.fields.iter().any(awaits_review)
    }
}

fn awaits_review(field: &Field) -> bool {
    field.others.free_text == FreeText::Review || field.fields.iter().any(awaits_review)
}

/// The one collection of a dataset that is searched by hand as a whole and names none.
pub(super) fn whole(name: &str, at: At) -> Collection {
    Collection {
        name: name.to_owned(),
        description: None,
        wording: super::Wording::default(),
        redacted: false,
        shown: name.to_owned(),
        categories: Vec::new(),
        after: Vec::new(),
        erase_after: Vec::new(),
        skip: false,
        controller: None,
        others: CollectionOthers::default(),
        people: PeopleWork::default(),
        fields: Vec::new(),
        at,
    }
}

#[cfg(test)]
mod tests {
    use crate::language::Language;
    use crate::manifest::Manifests;
    use crate::yaml::Problems;

    fn read(text: &str) -> Result<Manifests, Problems> {
        Manifests::from_yaml(&[("m.yml".to_owned(), text.to_owned())])
    }

    #[test]
    fn a_paper_archive_is_asked_about_as_a_whole_or_by_collection() {
        let manifests = read(
            "
dataset:
  - fides_key: paper
    tributary: {label: Paper archive, manual: {ask: {en: Look in the cellar, fr: Voir à la cave}, due: 10d}}
    collections: []
  - fides_key: desk
    collections:
      - name: mailbox
        tributary: {manual: {}}
      - name: ticket
        tributary: {review: True}
        fields: [{name: id}]
      - name: note
        fields: [{name: text, tributary: {free_text: review}}]
      - name: plain
        fields: [{name: id}]
",
        )
        .unwrap();
        let paper = &manifests.datasets[0].collections[0];
        assert_eq!((paper.name.as_str(), paper.shown.as_str()), ("paper", "paper"));
        let manual = paper.people.manual.as_ref().unwrap();
        assert_eq!(manual.ask.get(&Language::english()), Some("Look in the cellar"));
        assert_eq!(manual.due.unwrap().as_secs(), 10 * 86_400);
        let of = |index: usize| &manifests.datasets[1].collections[index];
        assert!(of(0).people.manual.is_some() && !of(0).is_reviewed());
        assert!(of(1).people.manual.is_none() && of(1).is_reviewed());
        assert!(of(2).is_reviewed(), "because of a field");
        assert!(!of(3).is_reviewed());
    }

    #[test]
    fn what_cannot_work_is_named_at_its_place() {
        let problems = read(
            "
dataset:
  - fides_key: paper
    tributary: {manual: {ask: x, due: 0d, until: 3d}}
    collections: []
  - fides_key: desk
    collections:
      - name: mailbox
        tributary: {manual: {ask: x}, review: true}
      - name: Mailbox
        tributary: {manual: {ask: x}}
      - name: note
        fields: [{name: id, fides_meta: {references: [{dataset: desk, field: mailbox.id}]}}]
",
        )
        .unwrap_err();
        let problems = problems.to_string();
        for part in ["`due`: must be", "no key `until`", "both `manual` and `review`", "differ in more than case"] {
            assert!(problems.contains(part), "{part}: {problems}");
        }
        let problems = read(
            "
dataset:
  - fides_key: desk
    collections:
      - name: mailbox
        tributary: {manual: {ask: x}}
        fields: [{name: id}]
      - name: note
        fields: [{name: id, fides_meta: {references: [{dataset: desk, field: mailbox.id}]}}]
",
        )
        .unwrap_err();
        assert!(problems.to_string().contains("searched by hand"), "{problems}");
    }
}
