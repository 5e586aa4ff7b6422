//! A text for people and the language it is in, so that a screen reader pronounces a Dutch label of a French page well.

use tributary_model::language::{Language, Texts};

/// A text that someone outside of this page wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    /// The text.
    pub text: &'a str,
    /// Its language, where known.
    pub language: Option<&'a Language>,
}

impl<'a> Text<'a> {
    /// A text whose language nobody recorded.
    pub fn plain(text: &'a str) -> Self {
        Self { text, language: None }
    }

    /// The text that fits a reader of `language` best: of `texts` the nearest one, else `other`, else nothing.
    pub fn choose(texts: &'a Texts, other: Option<&'a str>, language: &Language) -> Option<Self> {
        let found = texts.find(language).map(|(language, text)| Self { text, language: Some(language) });
        let filled = |text: &Self| !text.text.trim().is_empty();
        found.filter(filled).or_else(|| other.map(Self::plain).filter(filled))
    }
}
