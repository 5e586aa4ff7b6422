//! The bag: both manifests and the other tag files are recomputed from what was read and must be there letter for letter,
//! so nothing can be missing from them and nothing be too much.

use super::Inspection;
use super::findings::Findings;
use crate::bag::{BAGIT, bag_info};
use crate::digest::{Hasher, Sha256Hex};
use crate::layout::{BAG_DECLARATION, BAG_INFO, CLOSING, MANIFEST, PAYLOAD, TAGMANIFEST};
use crate::opened::MAX_JSON;

/// Checks the bag's own files; returns the digest of the tag manifest.
pub(super) fn check(inspection: &mut Inspection<'_>, findings: &mut Findings) -> Option<Sha256Hex> {
    let (bytes, files) = payload(inspection);
    exactly(inspection, BAG_DECLARATION, BAGIT, findings);
    let info = bag_info(&inspection.completeness, bytes, files);
    exactly(inspection, BAG_INFO, &info, findings);
    // What the page looks like is the business of the software that drew it: the gateway's signature covers it.
    read_through(inspection, tributary_page::PAGE_PATH, findings);
    read_through(inspection, tributary_page::MARK_PATH, findings);
    digested(inspection, MANIFEST, findings, |path| path.starts_with(PAYLOAD));
    digested(inspection, TAGMANIFEST, findings, |path| {
        !path.starts_with(PAYLOAD) && path != TAGMANIFEST && path != CLOSING
    })
}

/// A file must be these bytes and no others.
pub(super) fn exactly(inspection: &mut Inspection<'_>, path: &str, expected: &[u8], findings: &mut Findings) {
    let limit = MAX_JSON.max(expected.len() as u64);
    if let Some(bytes) = inspection.read(path, limit, findings)
        && bytes != expected
    {
        findings.error(path, "its content is not what the rest of the archive calls for");
    }
}

/// Bytes and number of the payload's files.
fn payload(inspection: &Inspection<'_>) -> (u64, u64) {
    let archive = &inspection.archive;
    let sizes = archive.files().iter().filter(|file| archive.path(file).starts_with(PAYLOAD)).map(|file| file.size);
    sizes.fold((0, 0), |(bytes, files), size| (u64::saturating_add(bytes, size), files + 1))
}

/// Checks a manifest by digest: it is as long as the list of files, and need not be held. Returns its digest.
fn digested(
    inspection: &mut Inspection<'_>,
    path: &str,
    findings: &mut Findings,
    covers: impl Fn(&str) -> bool,
) -> Option<Sha256Hex> {
    let mut expected = Hasher::new();
    for (file, digest) in inspection.archive.files().iter().zip(&inspection.seen) {
        let covered = inspection.archive.path(file);
        // A file that was not read stands in no manifest; it is reported as out of place.
        if let (true, Some(digest)) = (covers(covered), digest) {
            expected.update(format!("{digest}  {covered}\n").as_bytes());
        }
    }
    let found = read_through(inspection, path, findings)?;
    if found != expected.finish() {
        findings.error(path, "it does not list exactly the files it must cover, with their digests");
    }
    Some(found)
}

/// Reads one of the archive's own files to its end without holding it; returns its digest.
fn read_through(inspection: &mut Inspection<'_>, path: &str, findings: &mut Findings) -> Option<Sha256Hex> {
    let Some(number) = inspection.archive.find(path) else {
        findings.error(path, "missing");
        return None;
    };
    match inspection.archive.digest(number) {
        Ok(found) => {
            inspection.seen[number] = Some(found.plain);
            let deflated = inspection.archive.files()[number].packed.is_some_and(|packed| packed.deflated);
            inspection.archive.departures.deflated += u64::from(deflated);
            Some(found.plain)
        }
        Err(error) => {
            findings.error(path, error);
            None
        }
    }
}
