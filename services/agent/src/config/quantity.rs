//! Sizes and times as people write them in a configuration: `20GiB`, `7d`, `90s`.

use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

/// A number of bytes, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteSize(pub(super) u64);

/// A length of time, longer than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

impl FromStr for ByteSize {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = "must be a size of at least 1 byte, such as 512MiB or 20GiB";
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        let factor: u64 = match unit.trim_start() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return Err(rule),
        };
        let bytes = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(factor));
        bytes.filter(|bytes| *bytes > 0).map(Self).ok_or(rule)
    }
}

impl FromStr for Span {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
        let time = match days {
            Some(days) => Some(Duration::from_secs(u64::from(days) * 24 * 3600)),
            None => text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok()),
        };
        // Instants are computed with it: what is longer than a century is a slip of the pen.
        let century = Duration::from_secs(100 * 366 * 24 * 3600);
        let rule = "must be a time longer than nothing and at most 100 years, such as 30s, 2h or 7d";
        time.filter(|time| !time.is_zero() && *time < century).map(Self).ok_or(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_with_their_units() {
        assert_eq!("20GiB".parse(), Ok(ByteSize(20 << 30)));
        assert_eq!("3 MiB".parse(), Ok(ByteSize(3 << 20)));
        assert_eq!("7d".parse(), Ok(Span(Duration::from_secs(7 * 86_400))));
        assert_eq!("1h 30m".parse(), Ok(Span(Duration::from_secs(5_400))));
        for bad in ["", "0", "-1", "1GB", "1.5GiB", "99999999999TiB", "GiB"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
        for bad in ["", "0s", "-3s", "7", "40000d", "d"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }
}
