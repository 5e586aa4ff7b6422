//! The words of a name: `KlantNr_2`, `klant_nr` and `KLANT-NR` are the same two.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The words of a name in lower case and without accents; numbers at its end are left out.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = split(name);
    while words.len() > 1 && words.last().is_some_and(|word| word.bytes().all(|b| b.is_ascii_digit())) {
        words.pop();
    }
    words
}

/// The words of a name as they are spelt in it.
pub(super) fn spelt(name: &str) -> Vec<String> {
    let (mut words, mut word, mut last) = (Vec::new(), String::new(), Class::Other);
    let chars: Vec<char> = name.chars().collect();
    for (index, &c) in chars.iter().enumerate() {
        let class = Class::of(c);
        let next = chars.get(index + 1).copied().map_or(Class::Other, Class::of);
        let starts = match (last, class) {
            (_, Class::Other) => true,
            (Class::Lower, Class::Upper) => true,
            // `IPAddress`: the last capital begins a word.
            (Class::Upper, Class::Upper) => next == Class::Lower,
            (Class::Digit, Class::Upper | Class::Lower) | (Class::Upper | Class::Lower, Class::Digit) => true,
            _ => false,
        };
        if starts && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if class != Class::Other {
            word.push(c);
        }
        last = class;
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

fn split(name: &str) -> Vec<String> {
    spelt(name).iter().map(|word| plain(word)).filter(|word| !word.is_empty()).collect()
}

/// Lower case without accents, as the names in the vocabulary are written: `Straße` is `strasse`, `Gerät` is `geraet`.
pub(super) fn plain(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    for c in word.nfc().flat_map(char::to_lowercase) {
        match c {
            'ä' => plain.push_str("ae"),
            'ö' => plain.push_str("oe"),
            'ü' => plain.push_str("ue"),
            'ß' => plain.push_str("ss"),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            'ł' => plain.push('l'),
            'ø' => plain.push('o'),
            'đ' => plain.push('d'),
            c => plain.extend(std::iter::once(c).nfd().filter(|c| !is_combining_mark(*c))),
        }
    }
    plain
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Upper,
    Lower,
    Digit,
    Other,
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            c if c.is_uppercase() => Self::Upper,
            c if c.is_alphabetic() || is_combining_mark(c) => Self::Lower,
            c if c.is_ascii_digit() => Self::Digit,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_words_however_they_are_written() {
        for name in ["first_name", "FirstName", "firstName", "FIRST_NAME", "first-name", "First Name", "first_name_2"] {
            assert_eq!(words(name), ["first", "name"], "{name}");
        }
        assert_eq!(words("IPAddress"), ["ip", "address"]);
        assert_eq!(words("KlantNr"), ["klant", "nr"]);
        assert_eq!(words("Straße"), ["strasse"]);
        assert_eq!(words("miejscowość"), ["miejscowosc"]);
        assert_eq!(words("prénom"), ["prenom"]);
        assert_eq!(words("42"), ["42"]);
        assert!(words("__").is_empty());
    }
}
