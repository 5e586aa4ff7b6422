//! The tag files of BagIt 1.0 (RFC 8493). A path never holds a percent sign or a line break, so none is ever escaped.

use jiff::tz::TimeZone;

use crate::completeness::Completeness;
use crate::digest::Sha256Hex;

/// `bagit.txt`.
pub(crate) const BAGIT: &[u8] = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// `data/README.txt`: there is a payload even when no entity contributed one, as a bag must have.
pub(crate) const README: &[u8] = b"The folder entities/ beside this file has one folder for each legal entity whose \
files are in this archive.\nEach is described by the datapackage.json in it.\n\nAn entity without a folder contributed \
no files to this archive: it may hold no\ndata, may not have answered yet, or its files are in another archive of the \
same\ncase. The file completeness.json at the top says which, for every entity.\n";

/// A manifest of `lines` (path and digest), sorted by path.
pub(crate) fn manifest(mut lines: Vec<(String, Sha256Hex)>) -> Vec<u8> {
    lines.sort();
    let mut text = Vec::with_capacity(lines.iter().map(|(path, _)| path.len() + 67).sum());
    for (path, digest) in lines {
        text.extend_from_slice(digest.to_string().as_bytes());
        text.extend_from_slice(b"  ");
        text.extend_from_slice(path.as_bytes());
        text.push(b'\n');
    }
    text
}

/// `bag-info.txt`.
pub(crate) fn bag_info(completeness: &Completeness, payload_bytes: u64, payload_files: u64) -> Vec<u8> {
    let date = completeness.assembled_at.to_zoned(TimeZone::UTC).date();
    let kind =
        if completeness.sequence == 1 { "archive".to_owned() } else { format!("addendum {}", completeness.sequence) };
    let mut text = format!(
        "Source-Organization: {}\nExternal-Identifier: {}\nExternal-Description: {} of personal data, {kind}\n",
        one_line(&completeness.group.name),
        completeness.case,
        completeness.right,
    );
    if let Some(reference) = &completeness.request_ref {
        text.push_str(&format!("Internal-Sender-Identifier: {}\n", one_line(reference)));
    }
    text.push_str(&format!(
        "Bagging-Date: {date}\nBag-Software-Agent: {}\nPayload-Oxum: {payload_bytes}.{payload_files}\n",
        one_line(&completeness.software)
    ));
    text.into_bytes()
}

/// A value that stands on one line: whatever could end it becomes a space.
fn one_line(text: &str) -> String {
    let printable: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    printable.split_whitespace().collect::<Vec<_>>().join(" ")
}
