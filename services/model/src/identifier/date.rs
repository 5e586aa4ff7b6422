//! Days, where one is used to find a person. Only what can be read in one way is read: `4/5/1990` stays as it is given.

use jiff::civil::Date;

use super::form::{CheckDigits, Written};

pub(super) fn write(given: &str) -> Option<Written> {
    let day = iso(given).or_else(|| dotted(given))?;
    let others = vec![day.strftime("%Y%m%d").to_string(), day.strftime("%d.%m.%Y").to_string()];
    Some(Written { normal: day.to_string(), others, check: CheckDigits::Unknown })
}

/// `1990-02-28` or `19900228`, ISO 8601.
fn iso(given: &str) -> Option<Date> {
    let is_iso = given.bytes().all(|b| b.is_ascii_digit() || b == b'-') && matches!(given.len(), 8 | 10);
    given.parse().ok().filter(|_| is_iso)
}

/// `28.2.1990`: with points, the day comes first everywhere.
fn dotted(given: &str) -> Option<Date> {
    let parts: Vec<&str> = given.split('.').collect();
    let [day, month, year] = parts.as_slice() else { return None };
    if year.len() != 4 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}
