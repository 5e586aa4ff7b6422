//! The Accept-Language header: which of the languages of a page a browser would rather have.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

/// Ranges looked at; a browser sends less.
const MOST: usize = 16;

/// The first of `offered` for which the browser has the highest weight; `None` when it wants none of them.
pub(super) fn preferred(headers: &HeaderMap, offered: &[&'static str]) -> Option<&'static str> {
    let text = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best: Option<(&'static str, f32)> = None;
    for range in text.split(',').take(MOST) {
        let (tag, weight) = range.split_once(';').map_or((range, 1.0), |(tag, rest)| (tag, weight(rest)));
        let primary = tag.trim().split('-').next().unwrap_or_default();
        let Some(found) = offered.iter().find(|offer| offer.eq_ignore_ascii_case(primary)) else { continue };
        if weight > 0.0 && best.is_none_or(|(_, before)| weight > before) {
            best = Some((found, weight));
        }
    }
    best.map(|(found, _)| found)
}

fn weight(parameters: &str) -> f32 {
    parameters.trim().strip_prefix("q=").and_then(|q| q.trim().parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_language_that_is_offered_wins() {
        let of = |text: &str| {
            preferred(&HeaderMap::from_iter([(ACCEPT_LANGUAGE, text.parse().unwrap())]), &["en", "fr", "nl"])
        };
        assert_eq!(of("fr-BE, fr;q=0.9, en;q=0.8"), Some("fr"));
        assert_eq!(of("ja, nl;q=0.3, en;q=0.7"), Some("en"));
        assert_eq!(of("EN-us"), Some("en"));
        assert_eq!(of("ja, *;q=0.5"), None);
        assert_eq!(of("fr;q=0, nl;q=x"), None);
        assert_eq!(preferred(&HeaderMap::new(), &["en"]), None);
    }
}
