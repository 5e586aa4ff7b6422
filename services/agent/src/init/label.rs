//! What people are shown instead of a name in the store: proposed where the name can be read, or is known.

use std::collections::BTreeMap;

use super::vocabulary::Named;
use super::words::spelt;

/// Longest label that is proposed, in characters.
const LONGEST: usize = 80;
/// Short words without which names would not be words.
const SHORT: [&str; 34] = [
    "id", "no", "nr", "of", "at", "by", "to", "in", "on", "is", "or", "ip", "en", "de", "la", "le", "du", "el", "do",
    "od", "am", "an", "im", "op", "van", "von", "url", "vat", "btw", "tva", "iva", "sms", "gps", "iban",
];
/// Words that are written in capitals.
const CAPITALS: [&str; 13] =
    ["id", "ip", "url", "vat", "btw", "tva", "iva", "sms", "gps", "iban", "bic", "uuid", "pin"];

/// Labels by language, as proposed.
pub(super) type Labels = BTreeMap<String, String>;

/// A label for a name: the words of it, and those that are known for what it means.
pub(super) fn propose(name: &str, named: Option<(&Named, &BTreeMap<String, String>)>) -> Labels {
    let own = readable(name);
    let Some((named, known)) = named.filter(|(named, _)| named.whole || named.language != "en") else {
        return own.map(|label| Labels::from([("en".to_owned(), label)])).unwrap_or_default();
    };
    let english = known.get("en").cloned();
    if named.language == "en" {
        return own.or(english).map(|label| Labels::from([("en".to_owned(), label)])).unwrap_or_default();
    }
    let local = own.or_else(|| known.get(&named.language).cloned());
    let english = english.filter(|_| named.whole).map(|label| ("en".to_owned(), label));
    local.map(|label| (named.language.clone(), label)).into_iter().chain(english).collect()
}

/// A value of an enumeration as words; `None` for a code that only the entity can read.
pub(super) fn readable(name: &str) -> Option<String> {
    let words = spelt(name);
    let known = |word: &String| {
        let lower = word.to_lowercase();
        let vowels = lower.chars().any(|c| "aeiouyäöüéèêëàáâíóúąęó".contains(c));
        SHORT.contains(&lower.as_str())
            || word.bytes().all(|b| b.is_ascii_digit())
            || (lower.chars().count() > 2 && vowels)
    };
    if !words.iter().all(known) || !words.iter().any(|word| word.chars().count() > 2) {
        return None;
    }
    let mut label = String::new();
    for (index, word) in words.iter().enumerate() {
        let lower = word.to_lowercase();
        let word = match index {
            _ if CAPITALS.contains(&lower.as_str()) => lower.to_uppercase(),
            0 => {
                let mut rest = lower.chars();
                rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
            }
            _ => lower,
        };
        label.push_str(if index == 0 { "" } else { " " });
        label.push_str(&word);
    }
    (label.chars().count() <= LONGEST).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words_and_codes_stay_what_they_are() {
        for (name, label) in [
            ("first_name", Some("First name")),
            ("BillingCity", Some("Billing city")),
            ("customer_id", Some("Customer ID")),
            ("IPAddress", Some("IP address")),
            ("levering_straat", Some("Levering straat")),
            ("in_progress", Some("In progress")),
            ("address_line_2", Some("Address line 2")),
            ("t_cust_st", None),
            ("kdnr", None),
            ("A", None),
            ("x1", None),
        ] {
            assert_eq!(readable(name).as_deref(), label, "{name}");
        }
    }
}
