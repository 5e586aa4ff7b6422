//! What a person sees: a small page with one button, or why there is none. No script, no foreign resource.
//!
//! Opening the page costs nothing, since mail scanners and chat previews open every link: the button begins the download.

use std::sync::OnceLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use tributary_archive::digest::Sha256Hex;

mod words;

pub(super) use words::{LANGUAGES, Words, words};

/// Calm in light and dark, readable on a phone, and nothing that needs a request.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2733;--paper:#fbfaf7;--line:#d8d4c9;--act:#1f4e79;--on:#fff}\
@media(prefers-color-scheme:dark){:root{--ink:#e8e6e1;--paper:#16191d;--line:#3a4048;--act:#8ab4dc;--on:#10151a}}\
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.6 system-ui,sans-serif}\
main{max-width:34rem;margin:0 auto;padding:12vh 1.5rem 3rem}\
h1{font:600 1.7rem/1.25 Georgia,serif;margin:0 0 1rem}\
p.from{margin:0 0 .5rem;opacity:.75}\
dl{border-top:1px solid var(--line);border-bottom:1px solid var(--line);padding:.75rem 0;margin:1.5rem 0;\
display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.5rem}dt{opacity:.75}dd{margin:0}\
button{font:inherit;font-weight:600;padding:.75rem 1.5rem;border:0;border-radius:.375rem;background:var(--act);\
color:var(--on);cursor:pointer}button:focus-visible{outline:3px solid var(--ink);outline-offset:3px}\
small{display:block;margin-top:1.5rem;opacity:.85}";

/// The policy under which every page is shown: this style and a form of our own, nothing else.
pub(super) fn policy() -> &'static str {
    static POLICY: OnceLock<String> = OnceLock::new();
    POLICY.get_or_init(|| {
        let digest = BASE64_STANDARD.encode(Sha256Hex::of(STYLE.as_bytes()).as_bytes());
        format!(
            "default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'"
        )
    })
}

/// The page of a link that works.
pub(super) fn offer(words: &Words, from: &str, size: u64, expires_at: Timestamp) -> String {
    let (until, size) = (expires_at.strftime("%Y-%m-%d %H:%M UTC"), readable(size));
    let Words { title, intro, size: size_label, until: until_label, button, hint, .. } = words;
    let from = escaped(from);
    let body = format!(
        "<p class=\"from\">{from}</p><h1>{title}</h1><p>{intro}</p>\
         <dl><dt>{size_label}</dt><dd>{size}</dd><dt>{until_label}</dt><dd>{until}</dd></dl>\
         <form method=\"post\"><button>{button}</button></form><small>{hint}</small>"
    );
    page(words, title, &body)
}

/// The page of everything that does not work, whatever the reason.
pub(super) fn gone(words: &Words) -> String {
    notice(words, words.gone_title, words.gone)
}

/// The page for somebody who has to wait.
pub(super) fn busy(words: &Words) -> String {
    notice(words, words.busy_title, words.busy)
}

fn notice(words: &Words, title: &str, text: &str) -> String {
    page(words, title, &format!("<h1>{title}</h1><p>{text}</p>"))
}

fn page(words: &Words, title: &str, body: &str) -> String {
    let language = words.language;
    format!(
        "<!doctype html><html lang=\"{language}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex,nofollow,noarchive\"><title>{title}</title><style>{STYLE}</style>\
         </head><body><main>{body}</main></body></html>"
    )
}

/// The group's name is ours to write and no markup all the same.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// A size with one digit after the point, in units that are the same in every language.
fn readable(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes as f64 / 1000.0, UNITS[0]);
    for larger in UNITS.iter().skip(1) {
        if value < 1000.0 {
            break;
        }
        (value, unit) = (value / 1000.0, larger);
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_carries_its_style_and_no_markup_of_others() {
        let until = "2026-03-01T10:00:00Z".parse().unwrap();
        let page = offer(words(Some("fr")), "A <b>Group</b> & \"Sons\"", 12_345_678, until);
        assert!(page.contains("A &lt;b&gt;Group&lt;/b&gt; &amp; &quot;Sons&quot;") && page.contains("12.3 MB"));
        assert!(page.contains("<html lang=\"fr\">") && page.contains("2026-03-01 10:00 UTC"));
        assert!(!page.contains("http") && !page.contains("<script"));
        let digest = BASE64_STANDARD.encode(Sha256Hex::of(STYLE.as_bytes()).as_bytes());
        assert!(policy().contains(&digest) && !policy().contains("unsafe"));
    }

    #[test]
    fn every_language_has_its_own_words() {
        for language in LANGUAGES {
            let words = super::words(Some(language));
            assert_eq!(words.language, *language);
            let others = LANGUAGES.iter().filter(|other| *other != language).map(|other| super::words(Some(other)));
            assert!(others.into_iter().all(|other| other.gone != words.gone && other.hint != words.hint));
        }
        assert_eq!(super::words(Some("ja")).language, "en");
        assert_eq!(super::words(None).language, "en");
    }

    #[test]
    fn sizes_are_said_in_words_of_a_person() {
        assert_eq!(readable(999), "1.0 kB");
        assert_eq!(readable(1_500_000), "1.5 MB");
        assert_eq!(readable(3_200_000_000_000_000), "3200.0 TB");
    }
}
