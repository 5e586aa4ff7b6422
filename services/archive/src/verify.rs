//! Checks an archive offline: the container, the bag, every part, every signature, the roster, the keys, and the link to
//! the archive before. It accepts one spelling of everything, so that no byte can change, appear or go unseen; of an
//! archive that another program packed anew, it says so and what that changed.

mod derived;
mod entities;
mod findings;
mod manifests;
mod marks;
mod predecessor;

use std::path::Path;

use serde::Serialize;
use tributary_model::dsse::Envelope;
use tributary_model::group::PublicGroup;
use tributary_model::group::signed::{Pins, open_public};

use crate::attestation::Closing;
use crate::completeness::{Completeness, GroupRef, PROFILE};
use crate::container::modified_at;
use crate::digest::Sha256Hex;
use crate::former::roster;
use crate::json;
use crate::layout;
pub use crate::opened::ReadSeek;
use crate::opened::{MAX_JSON, OpenError, Opened};
use crate::show::Summary;
use derived::Derived;
use entities::Signed;
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
    /// As authentic, but packed anew by another program, or unpacked to a folder: what was signed is there unchanged, and
    /// the container around it is not the one that was written.
    Repacked,
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
            Self::Repacked => "repacked: what is inside is authentic; the container is not as it was written",
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
    report(Opened::new(file), options)
}

/// Verifies an archive that was unpacked to a folder: the bag itself, or a folder with it.
pub fn verify_folder(folder: &Path, options: VerifyOptions<'_>) -> Report {
    report(Opened::folder(folder), options)
}

fn report(opened: Result<Opened<'_>, OpenError>, options: VerifyOptions<'_>) -> Report {
    let mut findings = Findings::default();
    let inspected = inspect(opened, options.group, &mut findings);
    if let Some(inspected) = &inspected {
        predecessor::check(inspected, options.group, options.predecessor, &mut findings);
    }
    let verdict = match (findings.any_error() || inspected.is_none(), options.group) {
        (true, _) => Verdict::Failed,
        (false, Some(_)) if findings.is_repacked() => Verdict::Repacked,
        (false, Some(_)) => Verdict::Authentic,
        (false, None) => Verdict::Consistent,
    };
    Report { verdict, findings: findings.into_vec(), summary: inspected.map(|inspected| inspected.summary) }
}

/// What was read of an archive, for the check against another one.
struct Inspected {
    completeness: Completeness,
    tagmanifest: Option<Sha256Hex>,
    /// What is remembered of the attestations, in the order of `completeness.entities`.
    attestations: Vec<Option<Signed>>,
    /// Everybody of the roster, with the keys that counted when the archive was assembled.
    trust: PublicGroup,
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
fn inspect(opened: Result<Opened<'_>, OpenError>, pins: Option<&Pins>, findings: &mut Findings) -> Option<Inspected> {
    let mut archive = match opened {
        Ok(archive) => archive,
        Err(error) => {
            findings.error("the container", error);
            return None;
        }
    };
    let mut seen = vec![None; archive.files().len()];
    let completeness = read_completeness(&mut archive, &mut seen, findings)?;
    let trust = read_trust(&mut archive, layout::TRUST, pins, &mut seen, findings)?;
    let trust = with_former(&mut archive, &completeness, trust, pins, &mut seen, findings)?;
    let mut summary = Summary::new(&completeness, &archive);
    let mut inspection = Inspection { archive, completeness, trust, seen };
    inspection.check_stamps();
    let mut derived = Derived::begin(&mut inspection, findings);
    let attestations = entities::check(&mut inspection, &mut derived, &mut summary, findings);
    derived.check(&mut inspection, findings);
    let tagmanifest = manifests::check(&mut inspection, findings);
    inspection.check_closing(tagmanifest, findings);
    inspection.check_nothing_else(findings);
    inspection.archive.departures.list().into_iter().for_each(|departure| findings.container(departure));
    summary.tagmanifest_sha256 = tagmanifest;
    let Inspection { completeness, trust, .. } = inspection;
    Some(Inspected { completeness, tagmanifest, attestations, trust, summary })
}

fn read_completeness(
    archive: &mut Opened<'_>,
    seen: &mut [Option<Sha256Hex>],
    findings: &mut Findings,
) -> Option<Completeness> {
    const PATH: &str = layout::COMPLETENESS;
    let bytes = read_noted(archive, PATH, MAX_JSON, seen, findings)?;
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
    match archive.case {
        Some(case) if case != completeness.case => {
            findings.error(PATH, "it is about another case than the archive's folder");
        }
        _ => {}
    }
    Some(completeness)
}

fn read_trust(
    archive: &mut Opened<'_>,
    path: &str,
    pins: Option<&Pins>,
    seen: &mut [Option<Sha256Hex>],
    findings: &mut Findings,
) -> Option<PublicGroup> {
    let bytes = read_noted(archive, path, MAX_JSON, seen, findings)?;
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
            findings.error(path, problem);
            None
        }
    }
}

/// Everybody of the roster: the group, and entities that have left it as the version of their time has them.
fn with_former(
    archive: &mut Opened<'_>,
    completeness: &Completeness,
    current: PublicGroup,
    pins: Option<&Pins>,
    seen: &mut [Option<Sha256Hex>],
    findings: &mut Findings,
) -> Option<PublicGroup> {
    let mut earlier = Vec::with_capacity(completeness.former.len());
    for former in &completeness.former {
        let path = layout::former_trust(former.group.version);
        let group = read_trust(archive, &path, pins, seen, findings)?;
        if GroupRef::of(&group) != former.group {
            findings.error(&path, "it is not the group file that completeness.json names");
        }
        earlier.push((group, former.entities.as_slice()));
    }
    match roster(&current, earlier.iter().map(|(group, entities)| (group, *entities))) {
        Ok(roster) => Some(roster),
        Err(problem) => {
            findings.error(layout::COMPLETENESS, problem);
            None
        }
    }
}

/// Reads a generated file and notes its digest; what is wrong with it becomes a finding.
fn read_noted(
    archive: &mut Opened<'_>,
    path: &str,
    limit: u64,
    seen: &mut [Option<Sha256Hex>],
    findings: &mut Findings,
) -> Option<Vec<u8>> {
    match archive.read(path, limit) {
        Ok((bytes, digest)) => {
            if let Some(number) = archive.find(path) {
                seen[number] = Some(digest);
                let deflated = archive.files()[number].packed.is_some_and(|packed| packed.deflated);
                archive.departures.deflated += u64::from(deflated);
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
    fn read(&mut self, path: &str, limit: u64, findings: &mut Findings) -> Option<Vec<u8>> {
        read_noted(&mut self.archive, path, limit, &mut self.seen, findings)
    }

    /// Every file bears the time of assembly.
    fn check_stamps(&mut self) {
        let stamp = modified_at(self.completeness.assembled_at);
        let packed = self.archive.files().iter().filter_map(|file| file.packed);
        self.archive.departures.stamps = packed.filter(|packed| packed.stamp != stamp).count() as u64;
    }

    /// The gateway signed this tag manifest, this roster and this predecessor.
    fn check_closing(&mut self, tagmanifest: Option<Sha256Hex>, findings: &mut Findings) {
        const PATH: &str = layout::CLOSING;
        let (Some(file), Some(tagmanifest)) = (self.read(PATH, MAX_JSON, findings), tagmanifest) else { return };
        let closing = Closing::of(&self.completeness);
        if let Err(error) = closing.check(&file, tagmanifest, &self.trust.gateway_keys) {
            findings.error(PATH, error);
        }
        if self.completeness.assembled_at >= self.trust.expires_at {
            findings.note(layout::TRUST, "the group file had expired when the archive was assembled");
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
