//! Names as YAML: plain where that is safe, and in double quotes otherwise.

use std::fmt::Write;

/// Plain words that YAML of one version or another takes for something else.
const RESERVED: [&str; 13] =
    ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "none", "undefined"];

/// A text as a YAML value or key, also within `{}` and `[]`.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if (c as u32) < 0x20 || (0x7f..0xa0).contains(&(c as u32)) || "\u{2028}\u{2029}\u{feff}".contains(c) => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A text within a comment: on one line.
pub(super) fn remark(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c) { '\u{fffd}' } else { c })
        .collect()
}

fn is_plain(text: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || "_-./ '()+@".contains(c);
    text.chars().next().is_some_and(|c| c.is_alphabetic() || "_/".contains(c))
        && text.chars().all(inner)
        && !text.ends_with(' ')
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tributary_model::yaml::parse;

    #[test]
    fn every_name_is_read_back_as_it_was() {
        for name in [
            "plain",
            "two words",
            "true",
            "No",
            "~",
            "",
            "1",
            "a: b",
            "a #b",
            "{x}",
            "quo\"te",
            "back\\slash",
            "tab\there",
            "naïve",
            "-",
            "- x",
            "a,b",
            "[",
            "*x",
            "&x",
            "!x",
            "%x",
            "@x",
            "`x`",
            "x ",
            " x",
            "line\nbreak",
            "é\u{2028}",
            "it's",
            "0x1f",
            "1e3",
            "2024-01-01",
            "\u{1f600}",
            "=",
            "?",
            "a:",
            ":a",
        ] {
            let root = parse("f", &format!("{{ {}: {} }}\n", scalar(name), scalar(name))).unwrap();
            let tributary_model::yaml::Value::Map(entries) = &root.value else { panic!("{name:?}") };
            assert_eq!(entries[0].0, name);
            let tributary_model::yaml::Value::Scalar { text, .. } = &entries[0].2.value else { panic!("{name:?}") };
            assert_eq!(text, name);
            assert!(!entries[0].2.is_null(), "{name:?}");
        }
    }
}
