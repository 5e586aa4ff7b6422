//! Where a part lies in its entity's folder: a relative path that every system can extract and every validator reads.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::Part;
use crate::digest::Sha256Hex;

/// Most segments of a path.
const MAX_SEGMENTS: usize = 6;
/// Longest path, in bytes.
const MAX_BYTES: usize = 200;
/// The files that the archive itself puts into an entity's folder.
const OWN: [&str; 2] = ["datapackage.json", "previews.ndjson"];

/// A path relative to `data/entities/<entity>/`, with `/` between 1 to 6 segments, at most 200 bytes, in NFC.
///
/// No segment is empty, `.` or `..`, begins or ends with a space, ends with a dot, or is a device name of Windows.
/// Excluded characters: control and bidirectional formatting characters, white space other than the space, and
/// `< > : " | ? * \` (Windows), `%` (the BagIt specification doubles it in a manifest and no implementation does),
/// `$ [ ] #` and a `~` at the start (Data Package readers take them for variables, patterns and fragments).
/// `datapackage.json` and `previews.ndjson` are the archive's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct PartPath(String);

/// Why a text is not a part's path. Names the rule, not the text, which a stranger chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// No segments or too many, or too long.
    #[error("a part's path must have 1 to 6 segments and at most 200 bytes")]
    Size,
    /// An empty segment, `.` or `..`.
    #[error("a part's path must be relative and without empty, `.` or `..` segments")]
    Segment,
    /// A character that some system cannot store or some reader misreads.
    #[error("a part's path must not contain control characters or any of < > : \" | ? * \\ % $ [ ] # or a leading ~")]
    Character,
    /// A segment that Windows cannot store.
    #[error("a segment of a part's path must not begin with a space, end with a space or dot, or be a device name")]
    Windows,
    /// Not in Unicode normalization form C.
    #[error("a part's path must be in Unicode normalization form C")]
    Normalization,
    /// The archive's own name.
    #[error("a part's path must not begin with datapackage.json or previews.ndjson")]
    Reserved,
}

impl PartPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A path from names as they are in a source (dataset, collection, file name), one per segment.
    ///
    /// What a path must not contain is written as `=` and two hex digits per UTF-8 byte, `=` itself as `=3D` and an
    /// empty name as `=`, so different names give different paths. Names that make the path too long are cut and end in `~`
    /// and 16 hex digits of the whole's SHA-256, before the last name's extension; beyond 6 names the rest is joined.
    pub fn encode<S: AsRef<str>>(segments: &[S]) -> Self {
        Self::encode_with(segments, |_| false)
    }

    /// As [`PartPath::encode`], with upper-case letters escaped too: for a name whose path differs from another's
    /// only in case ([`PartPath::folded`] is taken).
    pub fn encode_case<S: AsRef<str>>(segments: &[S]) -> Self {
        Self::encode_with(segments, |c| c.is_uppercase() || c.to_lowercase().ne(std::iter::once(c)))
    }

    fn encode_with<S: AsRef<str>>(segments: &[S], escape: impl Fn(char) -> bool + Copy) -> Self {
        let mut encoded: Vec<String> = segments.iter().map(|s| encode_segment(s.as_ref(), escape)).collect();
        if encoded.is_empty() {
            encoded.push("=".to_owned());
        }
        if encoded.len() > MAX_SEGMENTS {
            let rest = encoded.split_off(MAX_SEGMENTS - 1).join("=2F");
            encoded.push(rest);
        }
        if OWN.contains(&fold(&encoded[0]).as_str()) {
            encoded[0] = format!("={:02X}{}", encoded[0].as_bytes()[0], &encoded[0][1..]);
        }
        let joined = encoded.join("/");
        if joined.len() <= MAX_BYTES { Self(joined) } else { Self(shorten(&encoded, &joined)) }
    }

    /// The path as a system that ignores case sees it. Two paths of one entity must differ in this form too.
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

/// Folds case as strictly as any file system does: two names that any of them takes for one come out the same.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.to_uppercase().to_lowercase().nfc().collect()
}

/// Index of the first part that cannot be extracted beside the parts before it: the same path, the same but for case, or
/// a folder where another has a file.
pub(crate) fn paths_collide<'p>(parts: impl IntoIterator<Item = &'p Part>) -> Option<u32> {
    let (mut files, mut folders) = (BTreeSet::new(), BTreeSet::new());
    for part in parts {
        let path = part.path.folded();
        let above: Vec<&str> = path.match_indices('/').map(|(at, _)| &path[..at]).collect();
        if folders.contains(&path) || above.iter().any(|folder| files.contains(*folder)) {
            return Some(part.index);
        }
        for folder in above {
            if !folders.contains(folder) {
                folders.insert(folder.to_owned());
            }
        }
        if !files.insert(path) {
            return Some(part.index);
        }
    }
    None
}

fn forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\\' | '%' | '$' | '[' | ']' | '#')
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Longest name of a device, in bytes.
const LONGEST_DEVICE: usize = "CONOUT$".len();

fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or(segment).trim_end();
    if stem.len() > LONGEST_DEVICE {
        return false;
    }
    let stem = stem.to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|n| {
            let mut chars = n.chars();
            matches!((chars.next(), chars.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") || numbered("COM") || numbered("LPT")
}

fn check_segment(segment: &str) -> Result<(), InvalidPath> {
    if segment.is_empty() || segment == "." || segment == ".." {
        Err(InvalidPath::Segment)
    } else if segment.starts_with('~') || segment.chars().any(forbidden) {
        Err(InvalidPath::Character)
    } else if segment.starts_with(' ') || segment.ends_with([' ', '.']) || is_device(segment) {
        Err(InvalidPath::Windows)
    } else {
        Ok(())
    }
}

fn push_escaped(out: &mut String, c: char) {
    let mut bytes = [0; 4];
    for byte in c.encode_utf8(&mut bytes).bytes() {
        out.push_str(&format!("={byte:02X}"));
    }
}

fn encode_segment(raw: &str, escape: impl Fn(char) -> bool) -> String {
    if raw.is_empty() {
        return "=".to_owned();
    }
    // A text that is not in NFC cannot stand beside its normalised twin, so it is escaped down to ASCII.
    let composed = is_nfc(raw);
    let device = is_device(raw);
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().enumerate().peekable();
    while let Some((at, c)) = chars.next() {
        let first = at == 0 && (device || c == ' ' || c == '~');
        let last = chars.peek().is_none() && matches!(c, ' ' | '.');
        let ascii_only = !composed && !c.is_ascii();
        if first || last || ascii_only || c == '=' || c == '/' || forbidden(c) || escape(c) {
            push_escaped(&mut out, c);
        } else {
            out.push(c);
        }
    }
    // Case mapping can undo the normal form of a segment's neighbourhood; escaping what is left settles it.
    if is_nfc(&out) { out } else { raw.bytes().map(|byte| format!("={byte:02X}")).collect() }
}

fn shorten(encoded: &[String], joined: &str) -> String {
    let digest = &Sha256Hex::of(joined.as_bytes()).to_string()[..16];
    let mut segments: Vec<String> = encoded.to_vec();
    // One byte for the separator, one for an escape put before a leading `~`.
    let room = MAX_BYTES / segments.len() - 2;
    let last = segments.len() - 1;
    for (at, segment) in segments.iter_mut().enumerate() {
        if at != last && segment.len() <= room {
            continue;
        }
        // The `~` also keeps a cut from leaving a device name or a dot at the end.
        let tail = if at == last { format!("~{digest}{}", extension(segment)) } else { "~".to_owned() };
        let mut cut = room.saturating_sub(tail.len()).min(segment.len());
        while !segment.is_char_boundary(cut) {
            cut -= 1;
        }
        // An escape is kept whole or not at all.
        let kept = &segment[..cut];
        let escape = kept.rfind('=').filter(|start| cut - start < 3);
        *segment = format!("{}{tail}", if let Some(start) = escape { &kept[..start] } else { kept });
        if segment.starts_with('~') {
            segment.insert(0, '=');
        }
    }
    segments.join("/").nfc().collect()
}

fn extension(segment: &str) -> &str {
    let extension = segment.rfind('.').map_or("", |dot| &segment[dot..]);
    let plain = extension.len() > 1 && extension.bytes().skip(1).all(|b| b.is_ascii_alphanumeric());
    if plain && extension.len() <= 9 { extension } else { "" }
}

fn check(text: &str) -> Result<(), InvalidPath> {
    if text.is_empty() || text.len() > MAX_BYTES || text.split('/').count() > MAX_SEGMENTS {
        return Err(InvalidPath::Size);
    }
    text.split('/').try_for_each(check_segment)?;
    if !text.is_ascii() && !is_nfc(text) {
        return Err(InvalidPath::Normalization);
    }
    let reserved = text.split('/').next().is_some_and(|first| OWN.contains(&fold(first).as_str()));
    if reserved { Err(InvalidPath::Reserved) } else { Ok(()) }
}

impl FromStr for PartPath {
    type Err = InvalidPath;
    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        check(text).map(|()| Self(text.to_owned()))
    }
}

impl TryFrom<String> for PartPath {
    type Error = InvalidPath;
    fn try_from(text: String) -> Result<Self, InvalidPath> {
        check(&text).map(|()| Self(text))
    }
}

impl From<PartPath> for String {
    fn from(path: PartPath) -> String {
        path.0
    }
}

/// As its text, of which no copy is made.
impl Serialize for PartPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for PartPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [&str; 41] = [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        "..",
        "../a",
        "a/../b",
        "a/.",
        "./a",
        "a\\b",
        "a\u{0}b",
        "a\nb",
        "a\u{7f}",
        "a\u{85}",
        "a\u{2028}b",
        "a\u{202e}vsc.exe",
        "a<b",
        "a>b",
        "C:a",
        "a\"b",
        "a|b",
        "a?b",
        "a*b",
        "a%2Fb",
        "$HOME",
        "a[0]",
        "a#b",
        "~root/a",
        "a.",
        "a ",
        " a",
        "CON",
        "nul.csv",
        "com1.tar.gz",
        "LPT9",
        "cafe\u{301}",
        "a/b/c/d/e/f/g",
        "datapackage.json",
        "DataPackage.JSON",
        "datapackage.json/a",
    ];

    #[test]
    fn a_path_that_some_system_cannot_hold_is_refused() {
        for bad in HOSTILE {
            assert!(bad.parse::<PartPath>().is_err(), "{bad:?}");
        }
        assert!("x".repeat(201).parse::<PartPath>().is_err());
        for good in
            ["a", "crm/customer-0001.csv", "é/ü.ndjson", "a/b/c/d/e/f", "common.csv", "com10", "x/datapackage.json"]
        {
            assert_eq!(good.parse::<PartPath>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn every_name_of_a_source_becomes_a_valid_path_of_its_own() {
        let mut seen = std::collections::HashMap::new();
        let long = ["x".repeat(300), "=".repeat(300), format!("{}.csv", "é".repeat(150)), "a.".repeat(150)];
        let names = HOSTILE.into_iter().map(str::to_owned).chain(long).chain(["a=2Fb", "=", "café"].map(str::to_owned));
        for name in names {
            for path in [PartPath::encode(&[&name]), PartPath::encode(&["crm", &name]), PartPath::encode_case(&[&name])]
            {
                assert_eq!(path.as_str().parse::<PartPath>().as_ref(), Ok(&path), "{name:?} gave {path}");
            }
            let path = PartPath::encode(&[&name]);
            assert_eq!(seen.insert(path.clone(), name.clone()), None, "{name:?} collides: {path}");
        }
    }

    #[test]
    fn any_run_of_characters_encodes_to_a_valid_path() {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32
        };
        for _ in 0..2_000 {
            let length = next() % 90;
            let ranges = [0x80, 0x300, 0x370, 0x1200, 0x3000, 0x1_f000];
            let mut text = || -> String {
                (0..length).filter_map(|_| char::from_u32(next() % ranges[(next() % 6) as usize])).collect()
            };
            let segments = [text(), text(), text()];
            for path in [PartPath::encode(&segments), PartPath::encode_case(&segments)] {
                assert_eq!(path.as_str().parse::<PartPath>().as_ref(), Ok(&path), "{segments:?}");
            }
        }
    }

    #[test]
    fn names_that_differ_in_case_only_can_be_told_apart() {
        let (upper, lower) = (PartPath::encode(&["Customer"]), PartPath::encode(&["customer"]));
        assert_eq!(upper.folded(), lower.folded());
        assert_ne!(PartPath::encode_case(&["Customer"]).folded(), lower.folded());
        assert_eq!(PartPath::encode(&["a/b", "c"]).as_str(), "a=2Fb/c");
    }
}
