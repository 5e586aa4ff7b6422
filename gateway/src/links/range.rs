//! The Range header (RFC 9110, section 14) of one download: a single range is served, several are answered whole.

use std::ops::Range;

use http::HeaderMap;
use http::header::{IF_RANGE, RANGE};

/// What of an archive is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it, with 200.
    Whole,
    /// These bytes, with 206.
    Part(Range<u64>),
    /// Bytes that it does not have, with 416.
    Beyond,
}

/// What the headers of a GET ask for. What cannot be read, or is conditional on another version, asks for the whole.
/// Several ranges are answered with the whole too, as RFC 9110 allows: no browser asks for them.
pub(super) fn wanted(headers: &HeaderMap, etag: &str, size: u64) -> Wanted {
    let mut ranges = headers.get_all(RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Wanted::Whole };
    // A date is no strong validator here: nothing tells dates of downloads apart.
    if headers.get(IF_RANGE).is_some_and(|version| version.as_bytes() != etag.as_bytes()) {
        return Wanted::Whole;
    }
    range.to_str().ok().and_then(|range| parse(range, size)).unwrap_or(Wanted::Whole)
}

fn parse(range: &str, size: u64) -> Option<Wanted> {
    let (unit, set) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    let range = match (number(first)?, number(last)?) {
        (None, None) => return None,
        (None, Some(0)) => return Some(Wanted::Beyond),
        (None, Some(suffix)) => size.saturating_sub(suffix)..size,
        (Some(first), None) => first..size,
        (Some(first), Some(last)) if first > last => return None,
        (Some(first), Some(last)) => first..last.saturating_add(1).min(size),
    };
    Some(if range.start >= size { Wanted::Beyond } else { Wanted::Part(range) })
}

/// A number that may be absent. One too large for us is as good as the largest.
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|b| b.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str) -> Wanted {
        let headers = HeaderMap::from_iter([(RANGE, range.parse().unwrap())]);
        wanted(&headers, "\"tag\"", 1000)
    }

    #[test]
    fn single_ranges_are_read_as_the_rfc_says() {
        for (text, expected) in [
            ("bytes=0-", Wanted::Part(0..1000)),
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=999-", Wanted::Part(999..1000)),
            ("bytes=10-5000", Wanted::Part(10..1000)),
            ("bytes=10-99999999999999999999999", Wanted::Part(10..1000)),
            ("bytes=-1", Wanted::Part(999..1000)),
            ("bytes=-5000", Wanted::Part(0..1000)),
            ("BYTES= 5-6", Wanted::Part(5..7)),
            ("bytes=1000-", Wanted::Beyond),
            ("bytes=-0", Wanted::Beyond),
            ("bytes=18446744073709551615-", Wanted::Beyond),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_and_several_ranges_ask_for_the_whole() {
        for text in ["bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=0-1,5-6", "lines=1-2", "5-6", "bytes=+1-2"] {
            assert_eq!(of(text), Wanted::Whole, "{text}");
        }
        let twice = HeaderMap::from_iter([(RANGE, "bytes=0-1".parse().unwrap())]);
        let mut twice = twice;
        twice.append(RANGE, "bytes=5-6".parse().unwrap());
        assert_eq!(wanted(&twice, "\"tag\"", 1000), Wanted::Whole);
    }

    #[test]
    fn a_range_of_another_version_asks_for_the_whole() {
        let mut headers = HeaderMap::from_iter([(RANGE, "bytes=5-".parse().unwrap())]);
        headers.insert(IF_RANGE, "\"tag\"".parse().unwrap());
        assert_eq!(wanted(&headers, "\"tag\"", 1000), Wanted::Part(5..1000));
        for other in ["\"other\"", "W/\"tag\"", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            headers.insert(IF_RANGE, other.parse().unwrap());
            assert_eq!(wanted(&headers, "\"tag\"", 1000), Wanted::Whole, "{other}");
        }
    }
}
