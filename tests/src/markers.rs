//! Looks for a person's values where none belongs, in every spelling in which they could have slipped through.

use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

/// A place where a marker was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The file, or what else was searched.
    pub place: String,
    /// Which of the markers, by its position: a report need not repeat the value.
    pub marker: usize,
    /// How it was spelled.
    pub spelling: &'static str,
}

/// Markers with all their spellings.
#[derive(Debug)]
pub struct Markers {
    /// All spellings at once, letters without case.
    search: AhoCorasick,
    /// Which marker each spelling is of, and its name.
    spellings: Vec<(usize, &'static str)>,
}

impl Markers {
    /// Spells each value as it is, in base64 at each alignment, in hex, percent-encoded, and in UTF-16.
    ///
    /// # Errors
    /// When there are too many values to search for at once.
    pub fn new<'v>(values: impl IntoIterator<Item = &'v str>) -> Result<Self> {
        let mut spellings = Vec::new();
        let mut needles = Vec::new();
        for (index, value) in values.into_iter().enumerate() {
            let mut add = |spelling, bytes: Vec<u8>| {
                spellings.push((index, spelling));
                needles.push(bytes);
            };
            add("plain", value.as_bytes().to_vec());
            // What is encoded may have been folded before.
            for text in [value, value.to_lowercase().as_str()] {
                add("percent", percent(text).into_bytes());
                add("hex", hex::encode(text).into_bytes());
                add("UTF-16LE", text.encode_utf16().flat_map(u16::to_le_bytes).collect());
                add("UTF-16BE", text.encode_utf16().flat_map(u16::to_be_bytes).collect());
                for alignment in 0..3 {
                    add("base64", base64_within(text, alignment, &BASE64_STANDARD_NO_PAD));
                    add("base64url", base64_within(text, alignment, &BASE64_URL_SAFE_NO_PAD));
                }
            }
        }
        let search = AhoCorasick::builder().ascii_case_insensitive(true).build(&needles)?;
        Ok(Self { search, spellings })
    }

    /// Everything found in `bytes`.
    pub fn in_bytes(&self, place: &str, bytes: &[u8]) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for hit in self.search.find_overlapping_iter(bytes) {
            let Some((marker, spelling)) = self.spellings.get(hit.pattern().as_usize()).copied() else { continue };
            let known = found.iter().any(|f| f.marker == marker && f.spelling == spelling);
            if !known {
                found.push(Found { place: place.to_owned(), marker, spelling });
            }
        }
        found
    }

    /// Everything found in the files under `folder`, in their names too.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn in_folder(&self, folder: &Path) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for path in files(folder)? {
            let place = path.display().to_string();
            found.extend(self.in_bytes(&format!("name of {place}"), place.as_bytes()));
            // A socket has a name and nothing in it.
            if std::fs::symlink_metadata(&path).is_ok_and(|found| found.file_type().is_socket()) {
                continue;
            }
            match std::fs::read(&path) {
                Ok(bytes) => found.extend(self.in_bytes(&place, &bytes)),
                // Processes go on while their files are looked at, and remove what they no longer need.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).context(place),
            }
        }
        Ok(found)
    }
}

/// All files under `folder`, or `folder` itself when it is one.
///
/// # Errors
/// When a folder cannot be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    if folder.is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let listed = match std::fs::read_dir(&next) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            listed => listed.with_context(|| next.display().to_string())?,
        };
        for entry in listed {
            let entry = entry?;
            if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { all.push(entry.path()) }
        }
    }
    all.sort();
    Ok(all)
}

/// The base64 that any text has in common that holds `text` at an offset of `alignment` bytes modulo 3.
fn base64_within(text: &str, alignment: usize, engine: &impl Engine) -> Vec<u8> {
    let skip = (3 - alignment) % 3;
    let whole = text.len().saturating_sub(skip) / 3 * 3;
    let middle = text.as_bytes().get(skip..skip + whole).unwrap_or_default();
    engine.encode(middle).into_bytes()
}

fn percent(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02x}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_found_in_every_spelling() {
        let markers = Markers::new(["Zq7 marker+one@x.org"]).unwrap();
        let plain = "Zq7 marker+one@x.org";
        for text in [
            format!("{{\"k\":\"{}\"}}", plain.to_uppercase()),
            hex::encode(format!("x{plain}")),
            percent(&plain.to_lowercase()),
            BASE64_STANDARD_NO_PAD.encode(format!("a{plain}b")),
            BASE64_STANDARD_NO_PAD.encode(format!("ab{plain}b")),
            BASE64_URL_SAFE_NO_PAD.encode(plain),
        ] {
            assert!(!markers.in_bytes("here", text.as_bytes()).is_empty(), "{text}");
        }
        let wide: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(markers.in_bytes("here", &wide)[0].spelling, "UTF-16LE");
        assert!(markers.in_bytes("here", b"nothing of the kind").is_empty());
    }
}
