//! The files of an archive as they are collected, with the lines of the manifest that covers them.

use tributary_model::id::{CaseId, EntityId};

use super::tagfiles::manifest;
use crate::container::{Body, Entry};
use crate::digest::Sha256Hex;
use crate::part::Part;
use crate::rocrate::PayloadFile;

/// The files so far.
pub(super) struct Files<'a> {
    folder: String,
    entries: Vec<Entry>,
    lines: Vec<Line<'a>>,
}

/// A file that no manifest lists yet.
struct Line<'a> {
    path: String,
    sha256: Sha256Hex,
    bytes: u64,
    media_type: &'a str,
}

/// A manifest and what it covers.
pub(super) struct Manifest {
    pub(super) text: Vec<u8>,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl<'a> Files<'a> {
    pub(super) fn new(case: CaseId) -> Self {
        Self { folder: case.to_string(), entries: Vec::new(), lines: Vec::new() }
    }

    /// Adds a file whose type is nobody's concern.
    pub(super) fn add(&mut self, path: &str, bytes: Vec<u8>) {
        self.add_typed(path, "application/octet-stream", bytes);
    }

    pub(super) fn add_typed(&mut self, path: &str, media_type: &'a str, bytes: Vec<u8>) {
        let sha256 = Sha256Hex::of(&bytes);
        self.add_digested(path, media_type, bytes, sha256);
    }

    /// Adds a file whose digest is known.
    pub(super) fn add_digested(&mut self, path: &str, media_type: &'a str, bytes: Vec<u8>, sha256: Sha256Hex) {
        self.lines.push(Line { path: path.to_owned(), sha256, bytes: bytes.len() as u64, media_type });
        self.entries.push(Entry { name: format!("{}/{path}", self.folder), body: Body::Generated(bytes) });
    }

    pub(super) fn part(&mut self, path: String, entity: &EntityId, part: &'a Part) {
        let body = Body::Part {
            entity: entity.clone(),
            part: part.index,
            encoding: part.encoding,
            crc32: part.crc32,
            bytes: part.bytes,
            encoded_bytes: part.encoded_bytes,
        };
        self.entries.push(Entry { name: format!("{}/{path}", self.folder), body });
        self.lines.push(Line { path, sha256: part.sha256, bytes: part.bytes, media_type: &part.media_type });
    }

    /// The files since the last manifest, by path.
    pub(super) fn unlisted(&mut self) -> Vec<PayloadFile<'_>> {
        self.lines.sort_by(|a, b| a.path.cmp(&b.path));
        self.lines
            .iter()
            .map(|line| PayloadFile {
                path: &line.path,
                bytes: line.bytes,
                sha256: line.sha256,
                media_type: line.media_type,
            })
            .collect()
    }

    /// The manifest of the files added since the last one.
    pub(super) fn take_manifest(&mut self) -> Manifest {
        let lines = std::mem::take(&mut self.lines);
        let bytes = lines.iter().map(|line| line.bytes).sum();
        let listed: Vec<(String, Sha256Hex)> = lines.into_iter().map(|line| (line.path, line.sha256)).collect();
        Manifest { files: listed.len() as u64, bytes, text: manifest(listed) }
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}
