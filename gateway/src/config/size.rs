//! Sizes as people write them in the configuration: `64GiB`.

use std::str::FromStr;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

impl FromStr for Size {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = "must be a size of at least 1 byte, such as 512MiB or 64GiB";
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let factor: u64 = match unit.trim_start() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return Err(rule),
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        bytes.filter(|bytes| *bytes > 0).map(Self).ok_or(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_binary_units_and_nothing_else_is() {
        for (text, bytes) in [("1", 1), ("64GiB", 64 << 30), ("3 MiB", 3 << 20), ("2TiB", 2 << 40)] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "0", "-1", "1GB", "1.5GiB", "99999999999TiB", "GiB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
