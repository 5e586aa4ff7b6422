//! The sample pages by name.

mod data;
mod hostile;
mod large;
mod normal;

use jiff::Timestamp;
use tributary_model::language::{Language, Texts};
use tributary_page::{Page, Text};

/// All samples.
pub(crate) fn all() -> Vec<(&'static str, Page<'static>)> {
    vec![
        ("normal-en", normal::page("en")),
        ("normal-fr", normal::page("fr-BE")),
        ("normal-nl", normal::page("nl")),
        ("normal-de", normal::page("de")),
        ("normal-es", normal::page("es")),
        ("complete", normal::complete()),
        ("empty", normal::empty()),
        ("addendum", normal::addendum()),
        ("hostile", hostile::page()),
        ("entities-1000", large::entities()),
        ("megabytes", large::megabytes()),
    ]
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("a sample's time is one")
}

pub(crate) fn language(tag: &str) -> &'static Language {
    Box::leak(Box::new(tag.parse().expect("a sample's language is one")))
}

/// A label in the languages given, for a reader of `reader`.
pub(crate) fn label(texts: &[(&str, &str)], reader: &Language) -> Option<Text<'static>> {
    let texts = texts.iter().map(|(tag, text)| (language(tag).clone(), (*text).to_owned())).collect();
    let texts: &'static Texts = Box::leak(Box::new(Texts(texts)));
    Text::choose(texts, None, reader)
}

/// Keeps a text for as long as the program runs.
pub(crate) fn keep(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}
