//! Languages, and texts for people in several of them. What a person reads is looked up here; what a machine reads has
//! names and codes of its own. Neighbours: `manifest`, where labels are declared, and the archive, which shows them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::InvalidId;

/// A language tag (BCP 47): a language of two or three letters, and subtags. Kept in its usual case, `fr`, `pt-BR`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Language(String);

/// Longest tag, in bytes.
const LONGEST: usize = 35;

impl Language {
    /// English, in which everything is said that has no other language.
    pub fn english() -> Self {
        Self("en".to_owned())
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language without region or script: `pt` of `pt-BR`.
    pub fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }
}

impl Default for Language {
    fn default() -> Self {
        Self::english()
    }
}

impl FromStr for Language {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid =
            InvalidId { what: "a language", rule: "a BCP 47 tag such as 'fr' or 'pt-BR', of at most 35 bytes" };
        let mut subtags = text.split('-');
        let primary = subtags.next().unwrap_or_default();
        let is_primary = (2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_alphabetic());
        let is_subtag = |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_primary || text.len() > LONGEST {
            return Err(invalid);
        }
        let mut tag = primary.to_ascii_lowercase();
        for subtag in subtags {
            if !is_subtag(subtag) {
                return Err(invalid);
            }
            tag.push('-');
            match subtag.len() {
                2 => tag.push_str(&subtag.to_ascii_uppercase()),
                4 => {
                    tag.push_str(&subtag[..1].to_ascii_uppercase());
                    tag.push_str(&subtag[1..].to_ascii_lowercase());
                }
                _ => tag.push_str(&subtag.to_ascii_lowercase()),
            }
        }
        Ok(Self(tag))
    }
}

impl TryFrom<String> for Language {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One text in several languages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Texts(pub BTreeMap<Language, String>);

impl Texts {
    /// Whether it is in no language.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text in `language`: exactly, else in another form of the same language, else in English, else in any.
    pub fn get(&self, language: &Language) -> Option<&str> {
        self.find(language).map(|(_, text)| text)
    }

    /// As [`Texts::get`], with the language that was found.
    pub fn find(&self, language: &Language) -> Option<(&Language, &str)> {
        let alike = || self.0.iter().find(|(tag, _)| tag.primary() == language.primary());
        let english = || self.0.iter().find(|(tag, _)| tag.primary() == "en");
        let found = self.0.get_key_value(language).or_else(alike).or_else(english).or_else(|| self.0.iter().next());
        found.map(|(tag, text)| (tag, text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_kept_in_its_usual_case_or_refused() {
        for (text, tag) in [("fr", "fr"), ("PT-br", "pt-BR"), ("zh-hant-TW", "zh-Hant-TW"), ("de-1996", "de-1996")] {
            assert_eq!(text.parse::<Language>().unwrap().as_str(), tag);
        }
        for text in
            ["", "f", "fran", "fr_BE", "fr-", "fr-é", "12", "en-123456789", &format!("en{}", "-abcdefgh".repeat(4))]
        {
            assert!(text.parse::<Language>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_nearest_language_is_taken() {
        let tag = |text: &str| text.parse::<Language>().unwrap();
        let texts = Texts([(tag("en"), "name".to_owned()), (tag("fr"), "nom".to_owned())].into());
        assert_eq!(texts.get(&tag("fr-BE")), Some("nom"));
        assert_eq!(texts.get(&tag("de")), Some("name"));
        assert_eq!(Texts([(tag("nl"), "naam".to_owned())].into()).get(&tag("de")), Some("naam"));
        assert_eq!(Texts::default().get(&tag("de")), None);
        assert_eq!(texts.find(&tag("fr-BE")), Some((&tag("fr"), "nom")));
    }
}
