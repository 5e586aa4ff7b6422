//! How a language writes numbers, sizes, dates and times. Neighbours: `cell`, which reads dates out of a row's text.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// The habits of one language.
#[derive(Debug)]
pub(crate) struct Locale {
    /// Its tag.
    pub(crate) tag: &'static str,
    /// Whether zero takes the form of one: French.
    pub(crate) none_is_one: bool,
    /// Between whole and fraction.
    decimal: char,
    /// Between groups of three digits.
    group: char,
    /// Fewest digits that are grouped.
    group_from: usize,
    /// Months as they stand within a date.
    months: [&'static str; 12],
    /// Months in a table.
    short_months: [&'static str; 12],
    /// After the day's number.
    day_mark: &'static str,
    /// After the first of a month, where that differs.
    first_mark: &'static str,
    /// Before a month written in full, and before the year that follows it.
    of: &'static str,
    /// Between a date and a time.
    at: &'static str,
    /// Units of sizes: bytes, and thousands, millions, milliards of them.
    bytes: [&'static str; 4],
}

pub(crate) static ENGLISH: Locale = Locale {
    tag: "en",
    none_is_one: false,
    decimal: '.',
    group: ',',
    group_from: 4,
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    short_months: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    day_mark: "",
    first_mark: "",
    of: " ",
    at: ", ",
    bytes: ["bytes", "kB", "MB", "GB"],
};

pub(crate) static FRENCH: Locale = Locale {
    tag: "fr",
    none_is_one: true,
    decimal: ',',
    group: '\u{202f}',
    group_from: 4,
    months: [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    short_months: ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."],
    day_mark: "",
    first_mark: "er",
    of: " ",
    at: " à ",
    bytes: ["octets", "ko", "Mo", "Go"],
};

pub(crate) static DUTCH: Locale = Locale {
    tag: "nl",
    none_is_one: false,
    decimal: ',',
    group: '.',
    group_from: 4,
    months: [
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ],
    short_months: ["jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"],
    day_mark: "",
    first_mark: "",
    of: " ",
    at: " om ",
    bytes: ["bytes", "kB", "MB", "GB"],
};

pub(crate) static GERMAN: Locale = Locale {
    tag: "de",
    none_is_one: false,
    decimal: ',',
    group: '.',
    group_from: 4,
    months: [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
    short_months: ["Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."],
    day_mark: ".",
    first_mark: ".",
    of: " ",
    at: ", ",
    bytes: ["Bytes", "kB", "MB", "GB"],
};

pub(crate) static SPANISH: Locale = Locale {
    tag: "es",
    none_is_one: false,
    decimal: ',',
    group: '.',
    group_from: 5,
    months: [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
    short_months: ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"],
    day_mark: "",
    first_mark: "",
    of: " de ",
    at: ", ",
    bytes: ["bytes", "kB", "MB", "GB"],
};

impl Locale {
    /// A count.
    pub(crate) fn count(&self, count: u64) -> String {
        self.grouped(&count.to_string())
    }

    /// Digits with separators between groups of three.
    fn grouped(&self, digits: &str) -> String {
        if digits.len() < self.group_from {
            return digits.to_owned();
        }
        let mut out = String::with_capacity(digits.len() * 2);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                out.push(self.group);
            }
            out.push(digit);
        }
        out
    }

    /// A number as it stands in the files, `-1234.50`; `None` when the text is none. Every digit stays. Only an amount
    /// of something is grouped: a bare number may be a year or an account.
    pub(crate) fn number(&self, text: &str, amount: bool) -> Option<String> {
        let (sign, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => ("\u{2212}", unsigned),
            None => ("", text),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let has_fraction = unsigned.contains('.');
        if !digits(whole) || (has_fraction && !digits(fraction)) {
            return None;
        }
        let mut out = sign.to_owned();
        if amount {
            out.push_str(&self.grouped(whole))
        } else {
            out.push_str(whole)
        }
        if has_fraction {
            out.push(self.decimal);
            out.push_str(fraction);
        }
        Some(out)
    }

    /// A size in the largest unit that leaves a whole part, with one decimal below ten.
    pub(crate) fn size(&self, bytes: u64) -> String {
        let mut unit = 0;
        let mut tenths = u128::from(bytes) * 10;
        while tenths >= 9_995 && unit < 3 {
            tenths = (tenths + 500) / 1_000;
            unit += 1;
        }
        let [whole, tenth] = [tenths / 10, tenths % 10];
        let number = if unit == 0 || tenths >= 100 {
            self.grouped(&((tenths + 5) / 10).to_string())
        } else {
            format!("{whole}{}{tenth}", self.decimal)
        };
        format!("{number}\u{a0}{}", self.bytes[unit])
    }

    /// A day within a sentence.
    pub(crate) fn day(&self, date: Date) -> String {
        self.write_day(date, &self.months, self.of)
    }

    /// A day in a table.
    pub(crate) fn short_day(&self, date: Date) -> String {
        self.write_day(date, &self.short_months, " ")
    }

    fn write_day(&self, date: Date, months: &[&'static str; 12], of: &str) -> String {
        let mark = if date.day() == 1 && !self.first_mark.is_empty() { self.first_mark } else { self.day_mark };
        let month = usize::try_from(date.month() - 1).ok().and_then(|index| months.get(index)).unwrap_or(&"");
        format!("{}{mark}{of}{month}{of}{}", date.day(), date.year())
    }

    /// The day of an instant, in UTC.
    pub(crate) fn day_of(&self, at: Timestamp) -> String {
        self.day(at.to_zoned(TimeZone::UTC).date())
    }

    /// An instant to the minute, with its zone.
    pub(crate) fn time_of(&self, at: Timestamp) -> String {
        let civil = at.to_zoned(TimeZone::UTC).datetime();
        format!("{}{}{:02}:{:02}\u{a0}UTC", self.day(civil.date()), self.at, civil.hour(), civil.minute())
    }

    /// A date and time in a table, with the zone as written; seconds and fractions where there are any.
    pub(crate) fn short_time(&self, civil: DateTime, zone: &str) -> String {
        let mut out = format!("{}, {:02}:{:02}", self.short_day(civil.date()), civil.hour(), civil.minute());
        if civil.second() != 0 || civil.subsec_nanosecond() != 0 {
            out.push_str(&format!(":{:02}", civil.second()));
        }
        if civil.subsec_nanosecond() != 0 {
            out.push(self.decimal);
            out.push_str(format!("{:09}", civil.subsec_nanosecond()).trim_end_matches('0'));
        }
        if !zone.is_empty() {
            out.push('\u{a0}');
            out.push_str(zone);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_language_does() {
        assert_eq!(ENGLISH.count(12_345), "12,345");
        assert_eq!(FRENCH.count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(GERMAN.count(1_234), "1.234");
        assert_eq!((SPANISH.count(1_234), SPANISH.count(12_345)), ("1234".to_owned(), "12.345".to_owned()));
        assert_eq!(GERMAN.count(999), "999");
    }

    #[test]
    fn no_digit_of_a_number_is_lost_and_only_amounts_are_grouped() {
        assert_eq!(GERMAN.number("-1234.50", true).unwrap(), "\u{2212}1.234,50");
        assert_eq!(GERMAN.number("2026", false).unwrap(), "2026");
        assert_eq!(ENGLISH.number("0.10000000000000000001", true).unwrap(), "0.10000000000000000001");
        for text in ["", "-", ".5", "5.", "1e9", "0x10", "1.2.3", "١٢", "NaN", "+1", "--1"] {
            assert_eq!(ENGLISH.number(text, true), None, "{text}");
        }
    }

    #[test]
    fn sizes_keep_to_three_digits() {
        let cases = [(0, "0"), (812, "812"), (999, "999"), (1_000, "1.0 k"), (1_550, "1.6 k"), (12_345, "12 k")];
        for (bytes, start) in cases {
            let shown = ENGLISH.size(bytes).replace('\u{a0}', " ");
            assert!(shown.starts_with(start), "{bytes}: {shown}");
        }
        assert_eq!(ENGLISH.size(999_999), "1.0\u{a0}MB");
        assert_eq!(FRENCH.size(1_500_000), "1,5\u{a0}Mo");
        assert_eq!(ENGLISH.size(u64::MAX), "18,446,744,074\u{a0}GB");
    }

    #[test]
    fn days_are_written_as_the_language_does() {
        let (fifth, first) = (jiff::civil::date(2026, 3, 5), jiff::civil::date(2026, 8, 1));
        let all = [&ENGLISH, &FRENCH, &DUTCH, &GERMAN, &SPANISH];
        let days = all.map(|locale| locale.day(fifth));
        assert_eq!(days, ["5 March 2026", "5 mars 2026", "5 maart 2026", "5. März 2026", "5 de marzo de 2026"]);
        let firsts = all.map(|locale| locale.short_day(first));
        assert_eq!(firsts, ["1 Aug 2026", "1er août 2026", "1 aug 2026", "1. Aug. 2026", "1 ago 2026"]);
    }

    #[test]
    fn an_instant_says_its_zone() {
        let at: Timestamp = "2026-03-05T23:04:00Z".parse().unwrap();
        assert_eq!(GERMAN.time_of(at), "5. März 2026, 23:04\u{a0}UTC");
        assert_eq!(FRENCH.time_of(at), "5 mars 2026 à 23:04\u{a0}UTC");
    }
}
