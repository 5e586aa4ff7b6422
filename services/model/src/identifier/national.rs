//! Numbers by which countries know their people, as data: `data/national_numbers.tsv` says how each is written and `check`
//! whether it fits itself. A number that does not fit is sought all the same.

mod check;

use std::sync::LazyLock;

use self::check::Check;
use super::form::{CheckDigits, Written, compact};
use crate::id::{CountryCode, IdentifierType};

/// Types whose scheme is that of the entity's country.
const ANY: [&str; 3] = ["national_number", "national_id", "national_identification_number"];

/// One kind of number.
struct Scheme {
    kind: &'static str,
    country: &'static str,
    layouts: Vec<&'static str>,
    check: Option<Check>,
    /// The check characters are often left out.
    without_check: bool,
    /// Leading zeros are often left out.
    without_zeros: bool,
}

static SCHEMES: LazyLock<Vec<Scheme>> = LazyLock::new(|| {
    let lines = include_str!("../../data/national_numbers.tsv").lines();
    lines.filter(|line| !line.starts_with('#')).filter_map(Scheme::parse).collect()
});

/// The value as the first scheme has it that it fits.
pub(super) fn write(kind: &IdentifierType, given: &str, country: Option<&CountryCode>) -> Option<Written> {
    let (kind, value) = (kind.as_str(), compact(given));
    let any = ANY.contains(&kind);
    let is_asked = |scheme: &&Scheme| {
        scheme.kind == kind || (any && country.is_some_and(|country| country.as_str() == scheme.country))
    };
    SCHEMES.iter().filter(is_asked).find_map(|scheme| scheme.write(&value))
}

impl Scheme {
    fn parse(line: &'static str) -> Option<Self> {
        let columns: Vec<&str> = line.split('\t').collect();
        let &[kind, country, layouts, check, left_out] = columns.as_slice() else { return None };
        Some(Self {
            kind,
            country,
            layouts: layouts.split('|').collect(),
            check: Check::named(check),
            without_check: left_out == "check-left-out",
            without_zeros: left_out == "zero-left-out",
        })
    }

    /// What was given, completed by what is often left out, in all layouts that it fits.
    fn write(&self, value: &str) -> Option<Written> {
        let whole = self.complete(value)?;
        let verdict = self.check.map_or(CheckDigits::Unknown, |check| CheckDigits::of(check.fits(&whole)));
        let mut others: Vec<String> = self.layouts.iter().filter_map(|layout| fill(layout, &whole)).collect();
        if let Some(check) = self.check.filter(|_| self.without_check) {
            let short = &whole[..whole.len() - check.characters()];
            others.extend(self.layouts.iter().filter_map(|layout| fill_short(layout, short)));
            others.push(short.to_owned());
        }
        if self.without_zeros {
            others.push(whole.trim_start_matches('0').to_owned());
        }
        Some(Written { normal: whole, others, check: verdict })
    }

    fn complete(&self, value: &str) -> Option<String> {
        let fits = |value: &str| self.layouts.iter().any(|layout| fill(layout, value).is_some());
        if fits(value) {
            return Some(value.to_owned());
        }
        if self.without_zeros && !value.is_empty() {
            let width = self.layouts.iter().map(|layout| places(layout)).max().unwrap_or(0);
            let padded = format!("{value:0>width$}");
            // More than two are no slip.
            return (width.saturating_sub(value.len()) <= 2 && fits(&padded)).then_some(padded);
        }
        let checked = self.check.filter(|_| self.without_check).map(|check| format!("{value}{}", check.of(value)));
        checked.filter(|whole| fits(whole))
    }
}

fn is_place(c: char) -> bool {
    matches!(c, '0' | 'A' | 'X')
}

fn places(layout: &str) -> usize {
    layout.chars().filter(|&c| is_place(c)).count()
}

/// The value in a layout; `None` when it has other characters or another length.
fn fill(layout: &str, value: &str) -> Option<String> {
    if value.chars().count() != places(layout) {
        return None;
    }
    fill_short(layout, value)
}

/// As [`fill`], up to where the value ends.
fn fill_short(layout: &str, value: &str) -> Option<String> {
    let (mut values, mut out, mut gap) = (value.chars().peekable(), String::new(), String::new());
    for place in layout.chars() {
        if values.peek().is_none() {
            break;
        }
        if !is_place(place) {
            gap.push(place);
            continue;
        }
        let c = values.next()?;
        let fits = match place {
            '0' => c.is_ascii_digit(),
            'A' => c.is_ascii_uppercase(),
            _ => c.is_ascii_digit() || c.is_ascii_uppercase(),
        };
        if !fits {
            return None;
        }
        out.push_str(&std::mem::take(&mut gap));
        out.push(c);
    }
    values.next().is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_data_is_a_scheme() {
        let lines = include_str!("../../data/national_numbers.tsv").lines().filter(|line| !line.starts_with('#'));
        assert_eq!(SCHEMES.len(), lines.count());
        for scheme in SCHEMES.iter() {
            assert!(crate::country::Country::find(scheme.country).is_some(), "{}", scheme.country);
            assert!(scheme.kind.parse::<IdentifierType>().is_ok(), "{}", scheme.kind);
        }
    }

    #[test]
    fn every_check_that_the_data_names_is_known() {
        let named = include_str!("../../data/national_numbers.tsv").lines().filter(|line| !line.starts_with('#'));
        for line in named {
            let check = line.split('\t').nth(3).unwrap();
            assert!(check == "-" || Check::named(check).is_some(), "{check}");
        }
    }
}
