//! Days, times and instants in the form of a column. What lies outside the years 1 to 9999, and what is no day at all, is a
//! [`Fitted::Word`], which PostgreSQL alone knows.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

use super::{Fitted, spaced};
use crate::value::NoForm;

/// The last year and the first one before the common era whose days PostgreSQL holds whole.
const LAST_YEAR: i64 = 294_275;
const FIRST_YEAR: i64 = 4713;

/// A day, with what may stand behind it: `2024-05-01T10:00:00.5+02:00 BC`.
struct Written<'t> {
    year: i64,
    month: i64,
    day: i64,
    /// The day as it is written.
    date: &'t str,
    clock: &'t str,
    zone: &'t str,
    before_era: bool,
}

/// A day.
pub(super) fn day(text: &str) -> Result<Fitted, NoForm> {
    let Some(written) = Written::read(text) else {
        let day = || text.parse::<Date>().ok().filter(|_| !text.contains(':')).ok_or(NoForm::Nowhere);
        return word(text).or_else(|_| day().map(|day| Fitted::Text(day.to_string())));
    };
    match (written.zone.is_empty(), written.is_midnight()) {
        (false, _) => Err(NoForm::Unclear),
        // No other time of a day is the day.
        (true, false) => Err(NoForm::Nowhere),
        (true, true) if written.is_usual() => {
            written.date.parse::<Date>().map(|day| Fitted::Text(day.to_string())).map_err(nowhere)
        }
        (true, true) => written.unusual("", ""),
    }
}

/// A day and a time without zone.
pub(super) fn local(text: &str) -> Result<Fitted, NoForm> {
    let Some(written) = Written::read(text) else {
        let at =
            || text.parse::<DateTime>().ok().filter(|at| at.subsec_nanosecond() % 1000 == 0).ok_or(NoForm::Nowhere);
        return word(text).or_else(|_| at().map(|at| spaced(&at.to_string())));
    };
    if !written.zone.is_empty() {
        return Err(NoForm::Unclear);
    }
    let clock = written.clock_or_midnight()?;
    if written.is_usual() {
        return format!("{}T{clock}", written.date)
            .parse::<DateTime>()
            .map(|at| spaced(&at.to_string()))
            .map_err(nowhere);
    }
    written.unusual(&clock, "")
}

/// An instant.
pub(super) fn instant(text: &str) -> Result<Fitted, NoForm> {
    let Some(written) = Written::read(text) else {
        let at =
            || text.parse::<Timestamp>().ok().filter(|at| at.subsec_nanosecond() % 1000 == 0).ok_or(NoForm::Nowhere);
        return word(text).or_else(|_| at().map(|at| spaced(at.to_string().trim_end_matches('Z'))));
    };
    if written.zone.is_empty() {
        return Err(NoForm::Unclear);
    }
    let clock = written.clock_or_midnight()?;
    if written.is_usual()
        && let Ok(at) = format!("{}T{clock}{}", written.date, written.zone).parse::<Timestamp>()
    {
        return Ok(spaced(at.to_string().trim_end_matches('Z')));
    }
    written.unusual(&clock, if written.zone == "Z" { "+00" } else { written.zone })
}

/// A time of day. The end of a day, and what is a span of time, are times to some engines only.
pub(super) fn time(text: &str) -> Result<Fitted, NoForm> {
    match text.parse::<Time>() {
        Ok(time) if clock(text).is_some() => Ok(Fitted::Text(time.to_string())),
        _ if text.contains(':') && text.bytes().all(|b| b.is_ascii_digit() || b":.-+".contains(&b)) => {
            Err(NoForm::Unclear)
        }
        _ => Err(NoForm::Nowhere),
    }
}

fn nowhere(_: jiff::Error) -> NoForm {
    NoForm::Nowhere
}

fn word(text: &str) -> Result<Fitted, NoForm> {
    if matches!(text, "infinity" | "-infinity") { Ok(Fitted::Word(text.to_owned())) } else { Err(NoForm::Nowhere) }
}

impl<'t> Written<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let (rest, before_era) = text.strip_suffix(" BC").map_or((text, false), |rest| (rest, true));
        let end = rest.find(['T', ' ']).unwrap_or(rest.len());
        let (date, after) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
        let mut numbers = date.split('-');
        let mut number = |least: usize, most: usize| {
            let digits = numbers.next().filter(|n| (least..=most).contains(&n.len()))?;
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
        };
        let (year, month, day) = (number(4, 7)?, number(2, 2)?, number(2, 2)?);
        let at = after.find(['Z', '+', '-']).unwrap_or(after.len());
        let (clock, zone) = after.split_at(at);
        let whole = numbers.next().is_none() && (end == rest.len() || self::clock(clock).is_some()) && is_zone(zone);
        whole.then_some(Self { year, month, day, date, clock, zone, before_era })
    }

    fn is_usual(&self) -> bool {
        !self.before_era && (1..=9999).contains(&self.year) && self.month > 0 && self.day > 0
    }

    fn is_midnight(&self) -> bool {
        self.clock.bytes().all(|b| b":.0".contains(&b))
    }

    fn clock_or_midnight(&self) -> Result<String, NoForm> {
        // No engine keeps less than a microsecond.
        if self.clock.is_empty() { Ok("00:00:00".to_owned()) } else { clock(self.clock).ok_or(NoForm::Nowhere) }
    }

    /// In PostgreSQL's words, if it is a day at all there. A zero for a month or day is one to MySQL only.
    fn unusual(&self, clock: &str, zone: &str) -> Result<Fitted, NoForm> {
        if self.year == 0 || self.month == 0 || self.day == 0 {
            return Err(NoForm::Unclear);
        }
        if self.year > if self.before_era { FIRST_YEAR } else { LAST_YEAR } {
            return Err(NoForm::Unclear);
        }
        // The calendar repeats itself every 400 years.
        let year = if self.before_era { 1 - self.year } else { self.year }.rem_euclid(400) + 2000;
        let alike = format!("{year:04}-{:02}-{:02}", self.month, self.day).parse::<Date>();
        alike.map_err(nowhere)?;
        let era = if self.before_era { " BC" } else { "" };
        let clock = if clock.is_empty() { String::new() } else { format!(" {clock}{zone}") };
        Ok(Fitted::Word(format!("{}{clock}{era}", self.date)))
    }
}

/// A time of day as it is written, with no zeros at its end; `None` when it is none, or finer than a microsecond.
fn clock(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let mut part = |most: u32| {
        let digits = parts.next().filter(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))?;
        digits.parse::<u32>().ok().filter(|n| *n <= most)
    };
    let (hour, minute) = (part(23)?, part(59)?);
    let second = if whole.len() > 5 { part(59)? } else { 0 };
    let fraction = fraction.trim_end_matches('0');
    if parts.next().is_some() || fraction.len() > 6 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
    Some(format!("{hour:02}:{minute:02}:{second:02}{fraction}"))
}

/// Nothing, `Z`, or hours with or without minutes.
fn is_zone(zone: &str) -> bool {
    let offset = zone.strip_prefix(['+', '-']);
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    zone.is_empty() || zone == "Z" || offset.is_some_and(|offset| offset.split(':').all(digits) && offset.len() <= 5)
}
