//! Checks an archive offline: the container, the bag, every part, every signature, the roster, the keys, and the link to
//! the archive before. It accepts one spelling of everything, so that no byte can change, appear or go unseen.

mod entities;
mod findings;
mod manifests;
mod predecessor;

use serde::Serialize;
use tributary_model::dsse::Envelope;
use tributary_model::group::PublicGroup;
use tributary_model::group::signed::{Pins, open_public};

use crate::attestation::Closing;
use crate::completeness::{Completeness, PROFILE};
use crate::container::modified_at;
use crate::digest::Sha256Hex;
use crate::json;
pub use crate::opened::ReadSeek;
use crate::opened::{MAX_JSON, Opened};
use crate::show::Summary;
use findings::Findings;
pub use findings::{Finding, Severity};

/// What an archive is checked against.
#[derive(Default)]
pub struct VerifyOptions<'a> {
    /// The group's keys. Without them, nobody vouches for the keys in the archive.
    pub group: Option<&'a Pins>,
    /// The archive before this one; for addenda.
    pub predecessor: Option<&'a mut dyn ReadSeek>,
}

/// The outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Whole, and signed by keys that the given group keys vouch for.
    Authentic,
    /// Whole and consistent; no group key was given, so the signers are not authenticated.
    Consistent,
    /// Not to be relied on.
    Failed,
}

impl Verdict {
    /// A sentence for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentic => "authentic: whole, and signed by keys that the group vouches for",
            Self::Consistent => "consistent, signers not authenticated",
            Self::Failed => "failed: not to be relied on",
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The outcome: failed when there is any finding of severity error.
    pub verdict: Verdict,
    /// What was found, in the order it was found.
    pub findings: Vec<Finding>,
    /// What the archive holds, as far as it could be read. Not to be relied on when the verdict is failed.
    pub summary: Option<Summary>,
}

/// Verifies an archive. Memory does not grow with its parts; nothing is written.
pub fn verify(file: &mut dyn ReadSeek, options: VerifyOptions<'_>) -> Report {
    let mut findings = Findings::default();
    let inspected = inspect(file, options.group, &mut findings);
    if let Some(inspected) = &inspected {
        predecessor::check(inspected, options.group, options.predecessor, &mut findings);
    }
    let verdict = match (findings.any_error() || inspected.is_none(), options.group) {
        (true, _) => Verdict::Failed,
        (false, Some(_)) => Verdict::Authentic,
        (false, None) => Verdict::Consistent,
    };
    Report { verdict, findings: findings.into_vec(), summary: inspected.map(|inspected| inspected.summary) }
}

/// What was read of an archive, for the check against another one.
struct Inspected {
    completeness: Completeness,
    tagmanifest: Option<Sha256Hex>,
    /// Digests of the attestations, in the order of `completeness.entities`.
    attestations: Vec<Option<Sha256Hex>>,
    summary: Summary,
}

/// An archive under inspection.
struct Inspection<'f> {
    archive: Opened<'f>,
    completeness: Completeness,
    trust: PublicGroup,
    /// Digest of each file read so far, by its number. A file without one at the end has no business in the archive.
    seen: Vec<Option<Sha256Hex>>,
}

/// Checks one archive by itself.
fn inspect(file: &mut dyn ReadSeek, pins: Option<&Pins>, findings: &mut Findings) -> Option<Inspected> {
    let mut archive = match Opened::new(file) {
        Ok(archive) => archive,
        Err(error) => {
            findings.error("the container", error);
            return None;
        }
    };
    let mut seen = vec![None; archive.files().len()];
    let completeness = read_completeness(&mut archive, &mut seen, findings)?;
    let trust = read_trust(&mut archive, pins, &mut seen, findings)?;
    let mut summary = Summary::new(&completeness, &archive);
    let mut inspection = Inspection { archive, completeness, trust, seen };
    inspection.check_stamps(findings);
    let attestations = entities::check(&mut inspection, &mut summary, findings);
    let tagmanifest = manifests::check(&mut inspection, findings);
    inspection.check_closing(tagmanifest, findings);
    inspection.check_nothing_else(findings);
    let completeness = inspection.completeness;
    Some(Inspected { completeness, tagmanifest, attestations, summary })
}

fn read_completeness(
    archive: &mut Opened<'_>,
    seen: &mut [Option<Sha256Hex>],
    findings: &mut Findings,
) -> Option<Completeness> {
    const PATH: &str = "completeness.json";
    let bytes = read_noted(archive, PATH, seen, findings)?;
    let completeness: Completeness = match json::read(&bytes) {
        Ok(completeness) => completeness,
        Err(problem) => {
            findings.error(PATH, problem);
            return None;
        }
    };
    if completeness.profile != PROFILE {
        findings.error(
            PATH,
            format!("it is of another profile than {PROFILE}; use a version of the software that knows it"),
        );
        return None;
    }
    if json::to_file(&completeness) != bytes {
        findings.error(PATH, "it is not spelt as the profile has it");
    }
    if completeness.case != archive.case {
        findings.error(PATH, "it is about another case than the archive's folder");
    }
    Some(completeness)
}

fn read_trust(
    archive: &mut Opened<'_>,
    pins: Option<&Pins>,
    seen: &mut [Option<Sha256Hex>],
    findings: &mut Findings,
) -> Option<PublicGroup> {
    const PATH: &str = "trust.json";
    let bytes = read_noted(archive, PATH, seen, findings)?;
    let read = match pins {
        Some(pins) => open_public(&bytes, pins).map_err(|error| error.to_string()),
        None => Envelope::from_json(&bytes)
            .and_then(|envelope| envelope.unverified_payload())
            .map_err(|error| error.to_string())
            .and_then(|payload| json::read(&payload)),
    };
    match read {
        Ok(group) => Some(group),
        Err(problem) => {
            findings.error(PATH, problem);
            None
        }
    }
}

/// Reads a generated file and notes its digest; what is wrong with it becomes a finding.
fn read_noted(
    archive: &mut Opened<'_>,
    path: &str,
    seen: &mut [Option<Sha256Hex>],
    findings: &mut Findings,
) -> Option<Vec<u8>> {
    match archive.read(path, MAX_JSON) {
        Ok((bytes, digest)) => {
            if let Some(number) = archive.find(path) {
                seen[number] = Some(digest);
            }
            Some(bytes)
        }
        Err(error) => {
            findings.error(path, error);
            None
        }
    }
}

impl Inspection<'_> {
    fn read(&mut self, path: &str, findings: &mut Findings) -> Option<Vec<u8>> {
        read_noted(&mut self.archive, path, &mut self.seen, findings)
    }

    /// Every file bears the time of assembly.
    fn check_stamps(&self, findings: &mut Findings) {
        let stamp = modified_at(self.completeness.assembled_at);
        if let Some(file) = self.archive.files().iter().find(|file| file.stamp != stamp) {
            findings.error(self.archive.path(file), "its date is not when the archive was assembled");
        }
    }

    /// The gateway signed this tag manifest, this roster and this predecessor.
    fn check_closing(&mut self, tagmanifest: Option<Sha256Hex>, findings: &mut Findings) {
        const PATH: &str = "attestations/gateway.dsse.json";
        let (Some(file), Some(tagmanifest)) = (self.read(PATH, findings), tagmanifest) else { return };
        let closing = Closing::of(&self.completeness);
        if let Err(error) = closing.check(&file, tagmanifest, &self.trust.gateway_keys) {
            findings.error(PATH, error);
        }
        if self.completeness.assembled_at >= self.trust.expires_at {
            findings.note("trust.json", "the group file had expired when the archive was assembled");
        }
    }

    /// What no rule called for is not part of an archive.
    fn check_nothing_else(&self, findings: &mut Findings) {
        for (file, seen) in self.archive.files().iter().zip(&self.seen) {
            if seen.is_none() {
                findings
                    .error(self.archive.path(file), "the archive has no place for this file, or it could not be read");
            }
        }
    }
}
