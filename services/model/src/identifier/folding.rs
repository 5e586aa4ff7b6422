//! How a stored value is brought to one form with what is sought, where it cannot be looked up as it stands.
//!
//! Every connector folds in the same way; `spelling` says what is sought, `form` which folding a type has by itself.

use std::borrow::Cow;
use std::str::FromStr;

use crate::id::InvalidId;

/// What people put between the digits of a telephone number, beside spaces.
pub const PUNCTUATION: [char; 12] =
    ['.', '-', '/', '(', ')', '[', ']', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2212}'];
/// The spaces that people put there.
pub const SPACES: [char; 5] = [' ', '\t', '\u{a0}', '\u{202f}', '\u{2009}'];

/// What is not told apart when a stored value is compared with an identifier. Both are folded in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Folding {
    /// Compared as it stands with each spelling of the identifier: an index on the column finds it.
    #[default]
    Exact,
    /// Upper and lower case, and whether a capital I has a dot (U+0130): both are the capitals of i somewhere.
    Case,
    /// Punctuation and spaces.
    Punctuation,
    /// Everything but the digits 0 to 9. Leading zeros count.
    Digits,
    /// Everything but the letters a to z and the digits 0 to 9, and case.
    Alphanumeric,
}

impl Folding {
    /// The folded form of a value. Empty when nothing is left of it, which then equals nothing.
    pub fn fold<'t>(self, text: &'t str) -> Cow<'t, str> {
        match self {
            Self::Exact => Cow::Borrowed(text),
            Self::Case => text.to_lowercase().replace("i\u{307}", "i").into(),
            Self::Punctuation => {
                text.chars().filter(|c| !PUNCTUATION.contains(c) && !SPACES.contains(c)).collect::<String>().into()
            }
            Self::Digits => text.chars().filter(char::is_ascii_digit).collect::<String>().into(),
            Self::Alphanumeric => {
                let kept = text.chars().filter(char::is_ascii_alphanumeric);
                kept.map(|c| c.to_ascii_lowercase()).collect::<String>().into()
            }
        }
    }
}

/// As manifests write it: `tributary: { normal: digits }` on a field that an identifier seeds.
impl FromStr for Folding {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "none" => Ok(Self::Exact),
            "lower" => Ok(Self::Case),
            "unpunctuated" => Ok(Self::Punctuation),
            "digits" => Ok(Self::Digits),
            "alphanumeric" => Ok(Self::Alphanumeric),
            _ => {
                let rule = "none, lower, unpunctuated, digits or alphanumeric";
                Err(InvalidId { what: "`normal`, the form in which a field is compared with identifiers,", rule })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folding_drops_what_it_names_and_nothing_else() {
        let cases = [
            (Folding::Exact, " C-00.42 ", " C-00.42 "),
            (Folding::Case, "Zoë@X.ORG", "zoë@x.org"),
            (Folding::Case, "İpek IŞIL ışıl", "ipek işil ışıl"),
            (Folding::Punctuation, "+32\u{a0}(0)470/12.34\u{2011}56", "+320470123456"),
            (Folding::Digits, "C-00.42", "0042"),
            (Folding::Alphanumeric, "C-00.42/é", "c0042"),
            (Folding::Digits, "none", ""),
        ];
        for (folding, text, folded) in cases {
            assert_eq!(folding.fold(text), folded, "{folding:?}");
        }
    }

    #[test]
    fn manifests_name_foldings_by_words() {
        assert_eq!("digits".parse::<Folding>().unwrap(), Folding::Digits);
        assert!("numeric".parse::<Folding>().unwrap_err().to_string().contains("alphanumeric"));
    }
}
