//! The bag: both manifests and the other tag files are recomputed from what was read and must be there letter for letter,
//! so nothing can be missing from them and nothing be too much.

use super::Inspection;
use super::findings::Findings;
use crate::bag::{BAGIT, README, bag_info};
use crate::digest::{Hasher, Sha256Hex};

const PAYLOAD: &str = "data/";
const MANIFEST: &str = "manifest-sha256.txt";
const TAGMANIFEST: &str = "tagmanifest-sha256.txt";
const CLOSING: &str = "attestations/gateway.dsse.json";

/// Checks the bag's own files; returns the digest of the tag manifest.
pub(super) fn check(inspection: &mut Inspection<'_>, findings: &mut Findings) -> Option<Sha256Hex> {
    exactly(inspection, "data/README.txt", README, findings);
    let (bytes, files) = payload(inspection);
    exactly(inspection, "bagit.txt", BAGIT, findings);
    let info = bag_info(&inspection.completeness, bytes, files);
    exactly(inspection, "bag-info.txt", &info, findings);
    digested(inspection, MANIFEST, findings, |path| path.starts_with(PAYLOAD));
    digested(inspection, TAGMANIFEST, findings, |path| {
        !path.starts_with(PAYLOAD) && path != TAGMANIFEST && path != CLOSING
    })
}

fn exactly(inspection: &mut Inspection<'_>, path: &str, expected: &[u8], findings: &mut Findings) {
    if let Some(bytes) = inspection.read(path, findings)
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
    let Some(number) = inspection.archive.find(path) else {
        findings.error(path, "missing");
        return None;
    };
    if inspection.archive.files()[number].deflated {
        findings.error(path, "it must be stored as it is, not deflated");
    }
    match inspection.archive.digest(number) {
        Ok(found) => {
            inspection.seen[number] = Some(found.plain);
            if found.plain != expected.finish() {
                findings.error(path, "it does not list exactly the files it must cover, with their digests");
            }
            Some(found.plain)
        }
        Err(error) => {
            findings.error(path, error);
            None
        }
    }
}
