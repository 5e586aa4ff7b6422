//! Parts: the files that an agent contributes, and the digest of their list that its attestation signs.
//! Neighbours: `table`, which describes what a table part holds, and `attestation`, which signs the list.

mod path;

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tributary_model::id::FidesKey;

use crate::digest::Hasher;
pub use crate::digest::Sha256Hex;
pub(crate) use path::paths_collide;
pub use path::{InvalidPath, PartPath};

/// How a part's bytes travel and lie in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// One raw deflate stream (RFC 1951), ended exactly at the last byte.
    Deflate,
    /// The plain bytes.
    Identity,
}

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// A slice of a collection's rows.
    Table,
    /// A document, image or other file of the person.
    Attachment,
}

impl Encoding {
    /// The name in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deflate => "deflate",
            Self::Identity => "identity",
        }
    }
}

impl PartKind {
    /// The name in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Attachment => "attachment",
        }
    }
}

/// The descriptor of one part: everything known of a file before its bytes are read. In JSON: field names as here,
/// `crc32` as a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its place in the agent's list: 1, 2, 3 …
    pub index: u32,
    /// Where it lies below `data/entities/<entity>/`.
    pub path: PartPath,
    /// The dataset it comes from.
    pub dataset: FidesKey,
    /// The collection it comes from.
    pub collection: String,
    /// Table or attachment.
    pub kind: PartKind,
    /// Media type of the plain content, for example `text/csv`.
    pub media_type: String,
    /// How the bytes are carried.
    pub encoding: Encoding,
    /// Rows of a table part (a CSV header is none); 0 for attachments.
    pub rows: u64,
    /// Bytes of the plain content.
    pub bytes: u64,
    /// Bytes as carried; the same as `bytes` for [`Encoding::Identity`].
    pub encoded_bytes: u64,
    /// CRC-32 (as in ZIP and gzip) of the plain content.
    pub crc32: u32,
    /// SHA-256 of the plain content.
    pub sha256: Sha256Hex,
    /// SHA-256 of the bytes as carried.
    pub encoded_sha256: Sha256Hex,
}

/// Why a descriptor contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPart {
    /// Not the next index.
    #[error("part {found}: expected index {expected}; parts are numbered 1, 2, 3 without gaps")]
    Index {
        /// The index expected.
        expected: u32,
        /// The index found.
        found: u32,
    },
    /// Plain and carried sizes or digests differ though nothing is encoded.
    #[error("part {0}: the identity encoding needs equal plain and encoded sizes and digests")]
    Identity(u32),
    /// An attachment with rows.
    #[error("part {0}: an attachment has no rows")]
    Rows(u32),
    /// A media type or collection name that is empty, too long or unprintable.
    #[error("part {index}: `{field}` must be 1 to {max} bytes without control characters")]
    Text {
        /// The part.
        index: u32,
        /// The field.
        field: &'static str,
        /// Most bytes.
        max: usize,
    },
}

/// Longest collection name, in bytes.
pub const MAX_COLLECTION: usize = 500;
/// Longest media type, in bytes.
pub const MAX_MEDIA_TYPE: usize = 200;

impl Part {
    /// Checks that the descriptor does not contradict itself and is number `expected` of its list.
    pub fn check(&self, expected: u32) -> Result<(), InvalidPart> {
        if self.index != expected {
            return Err(InvalidPart::Index { expected, found: self.index });
        }
        let index = self.index;
        for (field, text, max) in
            [("media_type", &self.media_type, MAX_MEDIA_TYPE), ("collection", &self.collection, MAX_COLLECTION)]
        {
            if text.is_empty() || text.len() > max || text.chars().any(char::is_control) {
                return Err(InvalidPart::Text { index, field, max });
            }
        }
        if self.kind == PartKind::Attachment && self.rows != 0 {
            return Err(InvalidPart::Rows(index));
        }
        let same = self.bytes == self.encoded_bytes && self.sha256 == self.encoded_sha256;
        if self.encoding == Encoding::Identity && !same { Err(InvalidPart::Identity(index)) } else { Ok(()) }
    }
}

/// The digest of a part list, built as the parts come. An attestation signs it.
///
/// SHA-256 over UTF-8 text. The first line is `tributary part list v1`; then follows one line per part, in order,
/// with these fields between tabs, every line ended by a line feed:
///
/// `index path dataset collection kind media_type encoding rows bytes encoded_bytes crc32 sha256 encoded_sha256`
///
/// Numbers are decimal, `crc32` is 8 lower-case hex digits. In `collection` and `media_type` a backslash, a tab, a
/// line feed and a carriage return stand as `\\`, `\t`, `\n` and `\r`; the other fields cannot contain them.
#[derive(Clone)]
pub struct PartListDigest(Hasher);

impl PartListDigest {
    /// The digest of the empty list, to be pushed to.
    pub fn new() -> Self {
        let mut hasher = Hasher::new();
        hasher.update(b"tributary part list v1\n");
        Self(hasher)
    }

    /// Adds the next part.
    pub fn push(&mut self, part: &Part) {
        let line = format!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{:08x}\t{}\t{}\n",
            part.index,
            part.path,
            part.dataset,
            escape(&part.collection),
            part.kind.as_str(),
            escape(&part.media_type),
            part.encoding.as_str(),
            part.rows,
            part.bytes,
            part.encoded_bytes,
            part.crc32,
            part.sha256,
            part.encoded_sha256,
        );
        self.0.update(line.as_bytes());
    }

    /// The digest of everything pushed.
    pub fn finish(self) -> Sha256Hex {
        self.0.finish()
    }

    /// The digest of a whole list.
    pub fn of<'p>(parts: impl IntoIterator<Item = &'p Part>) -> Sha256Hex {
        let mut digest = Self::new();
        for part in parts {
            digest.push(part);
        }
        digest.finish()
    }
}

impl Default for PartListDigest {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for PartListDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PartListDigest")
    }
}

fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['\\', '\t', '\n', '\r']) {
        return Cow::Borrowed(text);
    }
    let escaped = text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r");
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(index: u32) -> Part {
        Part {
            index,
            path: "crm/customer-0001.csv".parse().unwrap(),
            dataset: "crm".parse().unwrap(),
            collection: "customer".to_owned(),
            kind: PartKind::Table,
            media_type: "text/csv".to_owned(),
            encoding: Encoding::Identity,
            rows: 1,
            bytes: 3,
            encoded_bytes: 3,
            crc32: 0x352441c2,
            sha256: Sha256Hex::of(b"abc"),
            encoded_sha256: Sha256Hex::of(b"abc"),
        }
    }

    #[test]
    fn the_list_digest_is_the_documented_text() {
        let abc = Sha256Hex::of(b"abc");
        let text = format!(
            "tributary part list v1\n1\tcrm/customer-0001.csv\tcrm\tcustomer\ttable\ttext/csv\tidentity\t1\t3\t3\t352441c2\t{abc}\t{abc}\n"
        );
        assert_eq!(PartListDigest::of([&part(1)]), Sha256Hex::of(text.as_bytes()));
    }

    #[test]
    fn no_two_lists_share_a_line() {
        let mut tabbed = part(1);
        tabbed.collection = "a\ttable".to_owned();
        let mut literal = part(1);
        literal.collection = "a\\ttable".to_owned();
        assert_ne!(PartListDigest::of([&tabbed]), PartListDigest::of([&literal]));
        assert_ne!(PartListDigest::of([&part(1), &part(2)]), PartListDigest::of([&part(2), &part(1)]));
    }

    #[test]
    fn a_descriptor_that_contradicts_itself_is_refused() {
        assert_eq!(part(1).check(1), Ok(()));
        assert!(matches!(part(2).check(1), Err(InvalidPart::Index { expected: 1, found: 2 })));
        assert_eq!(Part { encoded_bytes: 4, ..part(1) }.check(1), Err(InvalidPart::Identity(1)));
        assert_eq!(Part { kind: PartKind::Attachment, ..part(1) }.check(1), Err(InvalidPart::Rows(1)));
        assert!(Part { media_type: "text/\ncsv".to_owned(), ..part(1) }.check(1).is_err());
        assert!(Part { collection: String::new(), ..part(1) }.check(1).is_err());
    }
}
