//! Telephone numbers: E.164, and the ways in which people and systems write the same number.
//!
//! A number without a country in front of it belongs to the entity's own. Every spelling that is sought means, read at
//! that entity, this number or none: `470123456` is not sought in a country where it is somebody else's.

use phonenumber::country::Id;
use phonenumber::{Mode, PhoneNumber};

use super::Folding;
use super::form::{CheckDigits, Written};
use crate::id::CountryCode;

pub(super) fn write(given: &str, country: Option<&CountryCode>) -> Option<Written> {
    let home = country.and_then(|country| country.as_str().parse::<Id>().ok());
    let folded = Folding::Punctuation.fold(given).into_owned();
    let Some(number) = read(home, given).or_else(|| read(home, &folded)) else { return abroad(&folded) };
    let normal = number.format().mode(Mode::E164).to_string();
    let digits = normal.trim_start_matches('+');
    let (code, national) = (number.code().value().to_string(), number.format().mode(Mode::National).to_string());
    let dialled: String = national.chars().filter(char::is_ascii_digit).collect();
    let own = &digits[code.len()..];
    // With the country in front there is nothing else that they can mean.
    let international = [
        number.format().mode(Mode::International).to_string(),
        number.format().mode(Mode::Rfc3966).to_string(),
        format!("tel:{normal}"),
        format!("00{digits}"),
        // `+32 (0)470 …` without its brackets.
        format!("+{code}{dialled}"),
        format!("00{code}{dialled}"),
    ];
    let means =
        |text: &str| home.and_then(|home| read(Some(home), text)).map(|n| n.format().mode(Mode::E164).to_string());
    let mut others = international.to_vec();
    // Without the plus sign, unless that is another number at home.
    others.extend([digits.to_owned()].into_iter().filter(|text| means(text).is_none_or(|number| number == normal)));
    let at_home = [national, dialled, own.to_owned(), format!("011{digits}")];
    others.extend(at_home.into_iter().filter(|text| means(text).is_some_and(|number| number == normal)));
    Some(Written { normal, others, check: CheckDigits::Unknown })
}

/// A number that exists, without an extension: behind one of those sits somebody else.
fn read(home: Option<Id>, text: &str) -> Option<PhoneNumber> {
    let number = phonenumber::parse(home, text).ok()?;
    (number.is_valid() && number.extension().is_none()).then_some(number)
}

/// A number of no country that is known, with a country in front all the same.
fn abroad(folded: &str) -> Option<Written> {
    let digits = folded.strip_prefix('+').or_else(|| folded.strip_prefix("00"))?;
    if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let others = vec![format!("00{digits}"), digits.to_owned()];
    Some(Written { normal: format!("+{digits}"), others, check: CheckDigits::Unknown })
}
