//! The languages against each other.

use std::collections::BTreeSet;

use super::*;

impl Words {
    fn all(&self) -> Vec<(&'static str, &'static str)> {
        let mut all = Vec::new();
        all.extend(self.frame.all());
        all.extend(self.notice.all());
        all.extend(self.letter.all());
        all.extend(self.missing.all());
        all.extend(self.answers.all());
        all.extend(self.overview.all());
        all.extend(self.data.all());
        all.extend(self.information.all());
        all.extend(self.rights.all());
        all.extend(self.chain.all());
        all.extend(self.check.all());
        all.extend(self.states.all());
        all.extend(self.gaps.all());
        all.extend(self.others.all());
        all
    }
}

fn names(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

#[test]
fn every_language_fills_in_the_same_names() {
    let [english, others @ ..] = ALL;
    for other in others {
        for ((place, text), (_, model)) in other.all().into_iter().zip(english.all()) {
            assert_eq!(names(text), names(model), "{} {place}", other.locale.tag);
        }
        for (place, plural) in other.counts.all() {
            assert!(names(plural.other).contains("n") && names(plural.many).contains("n"), "{place}");
            assert!(names(plural.one).is_subset(&BTreeSet::from(["n"])), "{place}");
        }
    }
}

#[test]
fn no_text_is_empty_or_a_copy_of_the_english_one() {
    let [english, others @ ..] = ALL;
    for other in others {
        let same = other.all().into_iter().zip(english.all()).filter(|((_, text), (_, model))| text == model);
        let same: Vec<_> = same.map(|((place, text), _)| (place, text)).collect();
        // Words that two languages happen to share.
        assert!(same.len() <= 3, "{}: {same:?}", other.locale.tag);
    }
    for words in ALL {
        let texts: Vec<_> = words.all().into_iter().map(|(_, text)| text).collect();
        assert!(texts.iter().all(|text| text.trim() == *text && !text.is_empty()));
        assert!(texts.iter().all(|text| !text.contains(['<', '>', '"', '\''])), "straight quotes or markup");
    }
}

#[test]
fn a_language_without_a_translation_is_answered_in_english() {
    let tag = |text: &str| of(&text.parse().unwrap()).locale.tag;
    assert_eq!(["fr-BE", "de-AT", "es", "nl-BE", "en-GB"].map(tag), ["fr", "de", "es", "nl", "en"]);
    assert_eq!(["it", "pt-BR", "zh-Hant"].map(tag), ["en", "en", "en"]);
}

#[test]
fn each_language_counts_in_its_own_way() {
    let [english, french, _, german, spanish] = ALL;
    let form = |words: &Words, count| words.counts.rows.form(count, words.locale);
    assert_eq!([0, 1, 2].map(|n| form(english, n)), ["{n} rows", "{n} row", "{n} rows"]);
    assert_eq!([0, 1, 2].map(|n| form(french, n)), ["{n} ligne", "{n} ligne", "{n} lignes"]);
    assert_eq!([1_000_000, 1_000_001].map(|n| form(french, n)), ["{n} de lignes", "{n} lignes"]);
    assert_eq!([0, 2_000_000].map(|n| form(spanish, n)), ["{n} filas", "{n} de filas"]);
    assert_eq!([1, 1_000_000].map(|n| form(german, n)), ["{n} Zeile", "{n} Zeilen"]);
}
