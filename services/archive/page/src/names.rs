//! What countries and the keys of the Fideslang taxonomy are called in the page's languages, as data. A key without a
//! name of its own takes that of the nearest one above it; whatever has none is shown as it stands.

use std::collections::HashMap;
use std::sync::LazyLock;

use tributary_model::country::Country;

use crate::words::{self, Words};

type Names = HashMap<&'static str, Vec<&'static str>>;

/// French, Dutch, German, Spanish.
static COUNTRIES: LazyLock<Names> = LazyLock::new(|| read(include_str!("../data/countries.tsv")));
/// English, French, Dutch, German, Spanish.
static TAXONOMY: LazyLock<Names> = LazyLock::new(|| read(include_str!("../data/taxonomy.tsv")));

fn read(table: &'static str) -> Names {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t')).map(|(key, names)| (key, names.split('\t').collect())).collect()
}

/// Where a language stands in [`words::ALL`], in whose order the tables are.
fn place(words: &Words) -> usize {
    words::ALL.iter().position(|known| known.locale.tag == words.locale.tag).unwrap_or_default()
}

/// The name of a country; its code when it has none.
pub(crate) fn country<'a>(code: &'a str, words: &Words) -> &'a str {
    let translated = place(words).checked_sub(1).and_then(|at| COUNTRIES.get(code)?.get(at).copied());
    translated.or_else(|| Country::find(code).map(|country| country.name)).unwrap_or(code)
}

/// The name of a data category, data use or legal basis; `None` for one outside of the taxonomy.
pub(crate) fn term(key: &str, words: &Words) -> Option<&'static str> {
    let mut at = key;
    loop {
        // "Personal data" would say nothing of a category of one's own.
        if ["user", "system"].contains(&at) && at != key {
            return None;
        }
        if let Some(names) = TAXONOMY.get(at) {
            return names.get(place(words)).copied();
        }
        at = at.rsplit_once('.')?.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_names_a_thing_in_every_language() {
        assert!(COUNTRIES.iter().all(|(code, names)| Country::find(code).is_some() && names.len() == 4));
        assert!(TAXONOMY.values().all(|names| names.len() == words::ALL.len()));
        let named = |name: &&str| !name.trim().is_empty();
        assert!(COUNTRIES.values().chain(TAXONOMY.values()).flatten().all(named));
    }

    #[test]
    fn a_key_takes_the_nearest_name() {
        let [english, french, ..] = words::ALL;
        assert_eq!(term("user.contact.email", french), Some("Adresse e-mail"));
        assert_eq!(term("user.contact.email.work.of_mine", english), Some("E-mail address"));
        assert_eq!((term("acme.loyalty", english), term("user.loyalty", english)), (None, None));
        assert_eq!((country("ES", french), country("AD", french), country("XX", french)), ("Espagne", "Andorra", "XX"));
    }
}
