//! Dates that a store writes as numbers or text, as dates again: for people, who read previews. The files keep what the
//! store has.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use tributary_model::language::Language;
use tributary_model::manifest::{Moment, MomentForm, Represents};

use crate::value::Cell;

/// The Julian day of 1970-01-01T00:00:00Z.
const EPOCH: f64 = 2_440_587.5;
/// Milliseconds of a day.
const DAY: f64 = 86_400_000.0;

/// The date or instant that a cell means, in the form of RFC 3339. `None`: the value has not the form that the manifest
/// says, and is shown as it is.
pub(super) fn shown(represents: Represents, cell: Cell<'_>) -> Option<String> {
    let text = match cell {
        Cell::Text(bytes) | Cell::Decimal(bytes) => std::str::from_utf8(bytes).ok()?.trim(),
        _ => "",
    };
    if represents.form == MomentForm::Text {
        return from_text(represents.what, text);
    }
    let at = match (cell, represents.form) {
        (Cell::Integer(n), form) => whole(n, form)?,
        (Cell::Real(n), form) => fraction(n, form)?,
        (Cell::Text(_) | Cell::Decimal(_), form) => match text.parse::<i64>() {
            Ok(n) => whole(n, form)?,
            Err(_) => fraction(text.parse().ok()?, form)?,
        },
        _ => return None,
    };
    Some(match represents.what {
        Moment::Date => TimeZone::UTC.to_datetime(at).date().to_string(),
        Moment::Datetime => at.to_string(),
    })
}

fn whole(n: i64, form: MomentForm) -> Option<Timestamp> {
    match form {
        MomentForm::EpochSeconds => Timestamp::from_second(n).ok(),
        MomentForm::EpochMilliseconds => Timestamp::from_millisecond(n).ok(),
        MomentForm::EpochDays => {
            let date = Date::constant(1970, 1, 1).checked_add(i32::try_from(n).ok()?.days()).ok()?;
            TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
        }
        MomentForm::JulianDay => fraction(n as f64, form),
        MomentForm::Text => None,
    }
}

/// Rounded to milliseconds: a floating-point number of days holds no more.
fn fraction(n: f64, form: MomentForm) -> Option<Timestamp> {
    let millis = match form {
        MomentForm::EpochSeconds => n * 1000.0,
        MomentForm::EpochMilliseconds => n,
        MomentForm::EpochDays => n * DAY,
        MomentForm::JulianDay => (n - EPOCH) * DAY,
        MomentForm::Text => return None,
    };
    // Beyond what an integer holds the cast saturates, and what is no time is refused.
    if millis.is_finite() { Timestamp::from_millisecond(millis.round() as i64).ok() } else { None }
}

fn from_text(what: Moment, text: &str) -> Option<String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(match what {
            // The day as it was written, in whatever zone that was.
            Moment::Date => text.get(..10)?.parse::<Date>().ok()?.to_string(),
            Moment::Datetime => at.to_string(),
        });
    }
    let local: DateTime = text.parse().ok()?;
    // A time that was not written is not made up.
    let has_time = text.contains([':', 'T', 't']);
    Some(if what == Moment::Datetime && has_time { local.to_string() } else { local.date().to_string() })
}

/// What is said of the files beside a column whose preview shows dates. `None` in other languages: the English text
/// stands in.
pub(super) fn in_the_files(form: MomentForm, language: &Language) -> Option<&'static str> {
    let forms = match language.primary() {
        "en" => [
            "In the files: seconds since 1 January 1970, UTC.",
            "In the files: milliseconds since 1 January 1970, UTC.",
            "In the files: days since 1 January 1970.",
            "In the files: Julian day numbers.",
        ],
        "fr" => [
            "Dans les fichiers : secondes depuis le 1er janvier 1970, UTC.",
            "Dans les fichiers : millisecondes depuis le 1er janvier 1970, UTC.",
            "Dans les fichiers : jours depuis le 1er janvier 1970.",
            "Dans les fichiers : jours juliens.",
        ],
        "nl" => [
            "In de bestanden: seconden sinds 1 januari 1970, UTC.",
            "In de bestanden: milliseconden sinds 1 januari 1970, UTC.",
            "In de bestanden: dagen sinds 1 januari 1970.",
            "In de bestanden: juliaanse dagnummers.",
        ],
        "de" => [
            "In den Dateien: Sekunden seit dem 1. Januar 1970, UTC.",
            "In den Dateien: Millisekunden seit dem 1. Januar 1970, UTC.",
            "In den Dateien: Tage seit dem 1. Januar 1970.",
            "In den Dateien: julianische Tageszahlen.",
        ],
        "es" => [
            "En los ficheros: segundos desde el 1 de enero de 1970, UTC.",
            "En los ficheros: milisegundos desde el 1 de enero de 1970, UTC.",
            "En los ficheros: días desde el 1 de enero de 1970.",
            "En los ficheros: días julianos.",
        ],
        _ => return None,
    };
    match form {
        MomentForm::EpochSeconds => Some(forms[0]),
        MomentForm::EpochMilliseconds => Some(forms[1]),
        MomentForm::EpochDays => Some(forms[2]),
        MomentForm::JulianDay => Some(forms[3]),
        MomentForm::Text => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(what: Moment, form: MomentForm, cell: Cell<'_>) -> Option<String> {
        shown(Represents { what, form }, cell)
    }

    #[test]
    fn numbers_become_the_dates_that_they_mean() {
        use Moment::{Date as Day, Datetime};
        for (what, form, cell, date) in [
            (Datetime, MomentForm::EpochSeconds, Cell::Integer(0), "1970-01-01T00:00:00Z"),
            (Datetime, MomentForm::EpochSeconds, Cell::Real(1.5), "1970-01-01T00:00:01.5Z"),
            (Datetime, MomentForm::EpochSeconds, Cell::Text(b" 1700000000 "), "2023-11-14T22:13:20Z"),
            (Datetime, MomentForm::EpochSeconds, Cell::Decimal(b"1700000000.25"), "2023-11-14T22:13:20.25Z"),
            (Day, MomentForm::EpochSeconds, Cell::Integer(-1), "1969-12-31"),
            (Datetime, MomentForm::EpochMilliseconds, Cell::Integer(1_700_000_000_123), "2023-11-14T22:13:20.123Z"),
            (Day, MomentForm::EpochDays, Cell::Integer(19_675), "2023-11-14"),
            (Day, MomentForm::JulianDay, Cell::Real(2_460_263.5), "2023-11-15"),
            (Datetime, MomentForm::JulianDay, Cell::Real(2_440_587.5), "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(of(what, form, cell).as_deref(), Some(date));
        }
    }

    #[test]
    fn text_keeps_what_zone_is_known_and_no_time_is_made_up() {
        use Moment::{Date as Day, Datetime};
        for (what, text, date) in [
            (Datetime, "2026-11-21 10:30:00", "2026-11-21T10:30:00"),
            (Datetime, "2026-11-21T10:30:00+02:00", "2026-11-21T08:30:00Z"),
            (Datetime, "2026-11-21", "2026-11-21"),
            (Day, "2026-11-21 10:30", "2026-11-21"),
            (Day, "2026-11-21T00:30:00+02:00", "2026-11-21"),
            (Day, "20261121", "2026-11-21"),
        ] {
            assert_eq!(of(what, MomentForm::Text, Cell::Text(text.as_bytes())).as_deref(), Some(date), "{text}");
        }
    }

    #[test]
    fn what_has_not_the_form_is_left_as_it_is() {
        for (form, cell) in [
            (MomentForm::EpochSeconds, Cell::Integer(i64::MAX)),
            (MomentForm::EpochDays, Cell::Integer(i64::MIN)),
            (MomentForm::EpochSeconds, Cell::Real(f64::INFINITY)),
            (MomentForm::JulianDay, Cell::Real(1e300)),
            (MomentForm::EpochSeconds, Cell::Text(b"soon")),
            (MomentForm::EpochSeconds, Cell::Blob(b"12")),
            (MomentForm::Text, Cell::Text(b"21.11.2026")),
            (MomentForm::Text, Cell::Text(b"\xff")),
            (MomentForm::Text, Cell::Integer(5)),
        ] {
            assert_eq!(of(Moment::Datetime, form, cell), None);
        }
    }
}
