//! Hostile text made harmless: markup escaped, control characters made visible, length bounded. One pass over the bytes,
//! copied in runs, since a page may carry megabytes. Neighbour: `html`, the only caller.

/// Most bytes of one value that the page shows, whatever it is told.
pub(crate) const LONGEST: usize = 4096;

/// Most bytes of a name: of an entity, a column, a file. A longer one would push everything else out of sight.
pub(crate) const LONGEST_NAME: usize = 300;

/// How invisible characters are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marks {
    /// In an element, between text.
    Element,
    /// In an attribute, where no element can stand.
    Attribute,
}

/// Appends `text`, escaped.
pub(crate) fn push(out: &mut Vec<u8>, text: &str, marks: Marks) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = next(&bytes[at..]) {
        at += found;
        let length = special(&bytes[at..]).map_or(0, |(length, what)| {
            out.extend_from_slice(&bytes[copied..at]);
            write(out, what, marks);
            copied = at + length;
            length
        });
        at += length.max(1);
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// Where the first byte stands at which something may have to be replaced.
fn next(bytes: &[u8]) -> Option<usize> {
    let plain = RUN * bytes.as_chunks().0.iter().take_while(|run| is_plain(run)).count();
    bytes[plain..].iter().position(|byte| SPECIAL[usize::from(*byte)]).map(|found| plain + found)
}

/// Bytes that are looked at together.
const RUN: usize = 32;

/// Whether nothing in `run` is replaced. Comparisons without a table, which a processor makes of all bytes at once.
fn is_plain(run: &[u8; RUN]) -> bool {
    let replaced = |byte: u8| !(0x20..0x7f).contains(&byte) | matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'');
    !run.iter().fold(false, |any, byte| any | replaced(*byte))
}

/// The beginning of `text` that is shown, at most `longest` bytes, and whether that is less than all.
pub(crate) fn bounded(text: &str, longest: usize) -> (&str, bool) {
    if text.len() <= longest {
        return (text, false);
    }
    (&text[..text.floor_char_boundary(longest)], true)
}

/// What stands in place of a character.
enum Instead {
    Entity(&'static str),
    /// A visible picture of it.
    Picture(u32),
    /// Its number, for those without a picture.
    Number(u32),
    Nothing,
}

/// Bytes at which something may have to be replaced.
static SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'\t' as usize] = false;
    table[b'\n' as usize] = false;
    let rest = [b'&', b'<', b'>', b'"', b'\'', 0x7f, 0xc2, 0xe2, 0xef, 0xf3];
    let mut index = 0;
    while index < rest.len() {
        table[rest[index] as usize] = true;
        index += 1;
    }
    table
};

/// What to write for the character that `rest` begins with, and its length; `None` when it stays.
fn special(rest: &[u8]) -> Option<(usize, Instead)> {
    let found = match *rest {
        [b'&', ..] => (1, Instead::Entity("&amp;")),
        [b'<', ..] => (1, Instead::Entity("&lt;")),
        [b'>', ..] => (1, Instead::Entity("&gt;")),
        [b'"', ..] => (1, Instead::Entity("&quot;")),
        [b'\'', ..] => (1, Instead::Entity("&#39;")),
        [b'\r', b'\n', ..] => (1, Instead::Nothing),
        [b'\r', ..] => (1, Instead::Entity("\n")),
        [byte @ 0..0x20, ..] => (1, Instead::Picture(0x2400 + u32::from(byte))),
        [0x7f, ..] => (1, Instead::Picture(0x2421)),
        // C1 controls.
        [0xc2, byte @ 0x80..=0x9f, ..] => (2, Instead::Number(u32::from(byte))),
        // Line and paragraph separators.
        [0xe2, 0x80, 0xa8 | 0xa9, ..] => (3, Instead::Entity("\n")),
        // Embeddings, overrides and isolates of direction. Plain direction marks belong to Arabic and Hebrew and stay.
        [0xe2, 0x80, byte @ 0xaa..=0xae, ..] => (3, Instead::Number(0x2000 + u32::from(byte - 0x80))),
        [0xe2, 0x81, byte @ 0xa6..=0xa9, ..] => (3, Instead::Number(0x2040 + u32::from(byte - 0x80))),
        [0xef, 0xbb, 0xbf, ..] => (3, Instead::Number(0xfeff)),
        // Interlinear annotations.
        [0xef, 0xbf, byte @ 0xb9..=0xbb, ..] => (3, Instead::Number(0xffc0 + u32::from(byte - 0x80))),
        // Tags, which carry text that nobody sees.
        [0xf3, 0xa0, high @ 0x80..=0x81, low, ..] => {
            (4, Instead::Number(0xe0000 + u32::from(high - 0x80) * 64 + u32::from(low & 0x3f)))
        }
        _ => return None,
    };
    Some(found)
}

fn write(out: &mut Vec<u8>, what: Instead, marks: Marks) {
    let shown = match what {
        Instead::Nothing => return,
        Instead::Entity(entity) => return out.extend_from_slice(entity.as_bytes()),
        Instead::Picture(code) => char::from_u32(code).map_or_else(String::new, String::from),
        Instead::Number(code) => format!("U+{code:04X}"),
    };
    match marks {
        Marks::Element => out.extend_from_slice(format!("<span class=c>{shown}</span>").as_bytes()),
        Marks::Attribute => out.extend_from_slice(shown.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = Vec::new();
        push(&mut out, text, Marks::Element);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(
            shown("<script>alert(\"1\" & '2')</script>"),
            "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;"
        );
        let mut out = Vec::new();
        push(&mut out, "\" onload='x' \u{202e}", Marks::Attribute);
        assert_eq!(out, b"&quot; onload=&#39;x&#39; U+202E");
    }

    #[test]
    fn no_place_in_a_long_text_is_passed_over() {
        let plain = "abc\u{e9}".repeat(30);
        for at in (0..plain.len()).filter(|at| plain.is_char_boundary(*at)) {
            let (before, after) = plain.split_at(at);
            assert_eq!(shown(&format!("{before}<{after}")), format!("{before}&lt;{after}"));
        }
        for byte in 0..=0x7f_u8 {
            let is_plain = is_plain(&[byte; RUN]);
            assert!(!is_plain || !SPECIAL[usize::from(byte)], "{byte}");
        }
    }

    #[test]
    fn what_turns_or_hides_text_is_made_visible() {
        let cases = [
            ("a\0b", "a<span class=c>␀</span>b"),
            ("\u{1b}[31m", "<span class=c>␛</span>[31m"),
            ("\u{7f}", "<span class=c>␡</span>"),
            ("\u{85}", "<span class=c>U+0085</span>"),
            ("gpj\u{202e}exe", "gpj<span class=c>U+202E</span>exe"),
            ("\u{2066}\u{2069}", "<span class=c>U+2066</span><span class=c>U+2069</span>"),
            ("\u{feff}x", "<span class=c>U+FEFF</span>x"),
            ("\u{fff9}", "<span class=c>U+FFF9</span>"),
            ("\u{e0041}\u{e007f}", "<span class=c>U+E0041</span><span class=c>U+E007F</span>"),
            ("a\r\nb\rc\u{2028}d", "a\nb\nc\nd"),
        ];
        for (text, html) in cases {
            assert_eq!(shown(text), html, "{text:?}");
        }
    }

    #[test]
    fn ordinary_text_of_any_script_stays_as_it_is() {
        for text in ["", "Élodie – “ça”…", "שלום", "مرحبا\u{200f}!", "日本語", "🏳️‍🌈", "tab\there\nline", "£ ©", "﷽ ｡"]
        {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let long = "é".repeat(LONGEST);
        let (start, cut) = bounded(&long, LONGEST);
        assert!(cut && start.len() <= LONGEST && start.len() + 2 > LONGEST);
        assert_eq!(bounded("short", LONGEST), ("short", false));
    }
}
