//! PostgreSQL's binary values, as the walk shows them: numbers in all their digits, times as RFC 3339 has them, and what
//! is no number or no day (`NaN`, `infinity`) in PostgreSQL's own words.

use std::fmt::Write;

use sqlx::postgres::{PgRow, PgValueFormat};
use sqlx::{Row, ValueRef};

use crate::source::ReadError;
use crate::source::server::{Decoded, Kind};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Appends a value of a result to a row.
pub(super) fn value(row: &PgRow, index: usize, kind: Kind, into: &mut Decoded) -> Result<(), ReadError> {
    let unknown = || ReadError::NotReadable("a value has a form that is not known".to_owned());
    let raw = row.try_get_raw(index).map_err(|_| unknown())?;
    if raw.is_null() {
        into.null();
        return Ok(());
    }
    if raw.format() != PgValueFormat::Binary {
        return Err(unknown());
    }
    let bytes = raw.as_bytes().map_err(|_| unknown())?;
    binary(bytes, kind, into).ok_or_else(unknown)
}

fn binary(bytes: &[u8], kind: Kind, into: &mut Decoded) -> Option<()> {
    match kind {
        Kind::Bool => into.bool(*bytes.first()? != 0),
        Kind::Integer { .. } | Kind::Bits => into.integer(integer(bytes)?),
        Kind::Single => {
            let n = f32::from_be_bytes(bytes.try_into().ok()?);
            // In the digits that tell it from its neighbours: 0.1 is not 0.10000000149011612.
            into.real(if n.is_finite() { n.to_string().parse().ok()? } else { f64::from(n) });
        }
        Kind::Double => into.real(f64::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Decimal { .. } => decimal(bytes, into)?,
        Kind::Bytes => into.blob(bytes),
        Kind::Uuid => into.text(uuid::Uuid::from_slice(bytes).ok()?.hyphenated().to_string().as_bytes()),
        Kind::Date => {
            let day = i32::from_be_bytes(bytes.try_into().ok()?);
            match infinite(i64::from(day), i64::from(i32::MAX), i64::from(i32::MIN)) {
                Some(word) => into.text(word),
                None => into.text(date(i64::from(day)).with("").as_bytes()),
            }
        }
        Kind::Time => into.text(time(integer(bytes)?).as_bytes()),
        Kind::Local | Kind::Instant => {
            let at = integer(bytes)?;
            match infinite(at, i64::MAX, i64::MIN) {
                Some(word) => into.text(word),
                None => {
                    let zone = if kind == Kind::Instant { "Z" } else { "" };
                    let clock = format!("T{}{zone}", time(at.rem_euclid(DAY)));
                    into.text(date(at.div_euclid(DAY)).with(&clock).as_bytes());
                }
            }
        }
        Kind::Text | Kind::Json | Kind::Jsonb | Kind::Other => into.text(bytes),
    }
    Some(())
}

fn integer(bytes: &[u8]) -> Option<i64> {
    Some(match bytes.len() {
        2 => i64::from(i16::from_be_bytes(bytes.try_into().ok()?)),
        4 => i64::from(i32::from_be_bytes(bytes.try_into().ok()?)),
        8 => i64::from_be_bytes(bytes.try_into().ok()?),
        _ => return None,
    })
}

fn infinite(at: i64, most: i64, least: i64) -> Option<&'static [u8]> {
    match at {
        _ if at == most => Some(b"infinity"),
        _ if at == least => Some(b"-infinity"),
        _ => None,
    }
}

/// A day of the proleptic Gregorian calendar. Years before the first are written as PostgreSQL does.
struct Day {
    year: i64,
    month: i64,
    day: i64,
}

impl Day {
    fn with(&self, clock: &str) -> String {
        let (year, era) = if self.year > 0 { (self.year, "") } else { (1 - self.year, " BC") };
        format!("{year:04}-{:02}-{:02}{clock}{era}", self.month, self.day)
    }
}

/// The day so many days after 2000-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn date(days: i64) -> Day {
    let shifted = days + 730_425;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Day { year, month, day: of_year - (153 * shifted_month + 2) / 5 + 1 }
}

/// A time of day from its microseconds; a fraction only where there is one.
fn time(micros: i64) -> String {
    let seconds = micros / SECOND;
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = micros % SECOND;
    if fraction != 0 {
        let digits = format!("{fraction:06}");
        let _ = write!(text, ".{}", digits.trim_end_matches('0'));
    }
    text
}

/// `numeric`: digits to the base of 10,000, and how many decimals are shown.
fn decimal(bytes: &[u8], into: &mut Decoded) -> Option<()> {
    let (header, rest) = bytes.split_first_chunk::<8>()?;
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let (count, weight) = (usize::from(word(0)), i32::from(word(2).cast_signed()));
    let (sign, scale) = (word(4), usize::from(word(6)));
    match sign {
        0x0000 | 0x4000 => {}
        0xC000 => {
            into.text(b"NaN");
            return Some(());
        }
        0xD000 => {
            into.text(b"Infinity");
            return Some(());
        }
        0xF000 => {
            into.text(b"-Infinity");
            return Some(());
        }
        _ => return None,
    }
    let digits: Vec<u16> = rest.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    if digits.len() != count {
        return None;
    }
    let digit = |position: i32| usize::try_from(position).ok().and_then(|n| digits.get(n)).copied().unwrap_or(0);
    let mut text = String::new();
    if sign == 0x4000 {
        text.push('-');
    }
    let whole: String = (0..=weight).map(|position| format!("{:04}", digit(position))).collect();
    let whole = whole.trim_start_matches('0');
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if scale > 0 {
        let groups = i32::try_from(scale.div_ceil(4)).ok()?;
        let fraction: String = (0..groups).map(|n| format!("{:04}", digit(weight + 1 + n))).collect();
        text.push('.');
        text.push_str(fraction.get(..scale)?);
    }
    into.decimal(text.as_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Cell;

    fn read(kind: Kind, bytes: &[u8]) -> String {
        let mut row = Decoded::default();
        binary(bytes, kind, &mut row).unwrap();
        match row.cell(0) {
            Cell::Text(text) | Cell::Decimal(text) => String::from_utf8(text.to_vec()).unwrap(),
            Cell::Real(n) => n.to_string(),
            _ => panic!(),
        }
    }

    fn numeric(count: u16, weight: i16, sign: u16, scale: u16, digits: &[u16]) -> String {
        let words = [count, weight.cast_unsigned(), sign, scale].into_iter().chain(digits.iter().copied());
        read(Kind::Decimal { decimals: None }, &words.flat_map(u16::to_be_bytes).collect::<Vec<u8>>())
    }

    #[test]
    fn decimals_have_all_their_digits_and_zeros() {
        assert_eq!(numeric(2, 0, 0, 2, &[12, 5000]), "12.50");
        assert_eq!(numeric(0, 0, 0, 2, &[]), "0.00");
        assert_eq!(numeric(1, 1, 0x4000, 0, &[3]), "-30000");
        assert_eq!(numeric(1, -2, 0, 7, &[1200]), "0.0000120");
        assert_eq!(numeric(3, 2, 0, 0, &[1, 0, 9]), "100000009");
        assert_eq!(numeric(0, 0, 0xC000, 0, &[]), "NaN");
    }

    #[test]
    fn days_and_times_are_written_in_full_and_out_of_range_in_words() {
        let day = |days: i32| read(Kind::Date, &days.to_be_bytes());
        assert_eq!(day(0), "2000-01-01");
        assert_eq!(day(59), "2000-02-29");
        assert_eq!(day(-1), "1999-12-31");
        assert_eq!(day(-730_119), "0001-01-01");
        assert_eq!(day(-730_120), "0001-12-31 BC");
        assert_eq!(day(i32::MAX), "infinity");
        let at = |kind, micros: i64| read(kind, &micros.to_be_bytes());
        assert_eq!(at(Kind::Instant, 1), "2000-01-01T00:00:00.000001Z");
        assert_eq!(at(Kind::Local, -SECOND / 2), "1999-12-31T23:59:59.5");
        assert_eq!(at(Kind::Instant, i64::MIN), "-infinity");
        assert_eq!(at(Kind::Local, 3_000_000 * DAY), "10213-09-21T00:00:00");
        assert_eq!(at(Kind::Time, DAY), "24:00:00");
        assert_eq!(read(Kind::Single, &0.1_f32.to_be_bytes()), "0.1");
    }
}
