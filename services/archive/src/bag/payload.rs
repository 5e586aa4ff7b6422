//! Everything below `data/`: the parts with their descriptors and previews, and the files that are made from them.

use tributary_model::group::PublicGroup;

use std::thread;

use super::files::{Files, Manifest};
use super::{BuildError, CaseFacts, Member, README};
use crate::completeness::Completeness;
use crate::datapackage::DataPackage;
use crate::digest::Sha256Hex;
use crate::information::{EntityInformation, InformationFile};
use crate::json;
use crate::layout;
use crate::overview::Collector;
use crate::preview;
use crate::rocrate;
use crate::viewer;

const JSON: &str = "application/json";
/// Rows of previews from which on a second thread pays.
const MANY_ROWS: usize = 2_000;

/// Adds the payload; returns its manifest and the page for people, which shows it.
///
/// The page is drawn beside the rest, and the entities' files are made side by side: with much to preview, this is what
/// closing an archive takes its time for.
pub(super) fn write<'a>(
    facts: &CaseFacts,
    roster: &PublicGroup,
    members: &[Member<'a>],
    completeness: &Completeness,
    files: &mut Files<'a>,
) -> Result<(Manifest, Vec<u8>), BuildError> {
    let carrying: Vec<&Member<'a>> = members.iter().filter(|member| member.carries_parts(facts.sequence)).collect();
    let mut overview = Collector::new(carrying.len());
    for contribution in carrying.iter().map(|member| member.contribution) {
        overview.add(&contribution.entity, &contribution.previews, &contribution.tables);
    }
    let overview = overview.finish();
    let records = completeness.entities.iter().zip(members).map(|(entry, member)| {
        let (attestation, record) = (member.attestation.as_ref(), member.contribution.information.as_ref());
        EntityInformation::compose(completeness.sequence, entry, attestation, record)
            .map_err(|_| BuildError::Information(entry.entity.clone()))
    });
    let information = InformationFile::of(completeness.case, records.collect::<Result<_, _>>()?);
    let draw = || viewer::page(completeness, roster, members, &overview, &information);
    let (made, page) = thread::scope(|scope| {
        let page = scope.spawn(draw);
        (entities(&carrying), joined(page))
    });
    for (member, own) in carrying.iter().zip(made?) {
        add(member, own, files);
    }
    files.add_typed(layout::README, "text/plain", README.to_vec());
    files.add_typed(layout::OVERVIEW, JSON, json::to_file(&overview));
    files.add_typed(layout::INFORMATION, JSON, json::to_file(&information));
    let listed = rocrate::to_file(completeness, roster, &information, &files.unlisted());
    files.add_typed(layout::CRATE, "application/ld+json", listed);
    Ok((files.take_manifest(), page))
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The files that describe one entity's parts.
struct Own {
    package: Vec<u8>,
    previews: Option<(Vec<u8>, Sha256Hex)>,
}

/// Makes the own files of all entities, on two threads when there is much to do.
fn entities(carrying: &[&Member<'_>]) -> Result<Vec<Own>, BuildError> {
    let make = |members: &[&Member<'_>]| members.iter().map(|member| own(member)).collect::<Result<Vec<_>, _>>();
    let rows: usize = carrying.iter().flat_map(|m| &m.contribution.previews).map(|preview| preview.rows.len()).sum();
    if rows < MANY_ROWS {
        return make(carrying);
    }
    let (first, second) = carrying.split_at(carrying.len() / 2);
    thread::scope(|scope| {
        let first = scope.spawn(|| make(first));
        let second = make(second);
        let mut made = joined(first)?;
        made.extend(second?);
        Ok(made)
    })
}

fn own(member: &Member<'_>) -> Result<Own, BuildError> {
    let (entity, contribution) = (&member.public.id, member.contribution);
    let invalid = |problem: String| BuildError::Previews { entity: entity.clone(), problem };
    let attestation = member.attestation.as_ref().ok_or_else(|| invalid("nothing was attested".to_owned()))?;
    let package = DataPackage::new(
        entity,
        &member.public.legal_name,
        attestation.finished_at,
        &contribution.tables,
        &contribution.parts,
    )
    .map_err(|undescribed| BuildError::Undescribed { entity: entity.clone(), part: undescribed.0 })?;
    let previews = preview::to_checked_file(&contribution.previews, &contribution.tables, &contribution.parts)
        .map_err(|error| invalid(error.to_string()))?;
    let previews = (!contribution.previews.is_empty()).then(|| {
        let digest = Sha256Hex::of(&previews);
        (previews, digest)
    });
    if previews.as_ref().map(|(_, digest)| *digest) != attestation.previews_sha256 {
        return Err(invalid("they are not the attested ones".to_owned()));
    }
    Ok(Own { package: package.to_file(), previews })
}

/// Adds an entity's descriptor, previews and parts.
fn add<'a>(member: &Member<'a>, own: Own, files: &mut Files<'a>) {
    let (entity, contribution) = (&member.public.id, member.contribution);
    files.add_typed(&layout::datapackage(entity), JSON, own.package);
    if let Some((previews, digest)) = own.previews {
        files.add_digested(&layout::previews(entity), preview::MEDIA_TYPE, previews, digest);
    }
    let folder = layout::entity_folder(entity);
    for part in &contribution.parts {
        files.part(format!("{folder}/{}", part.path), entity, part);
    }
}
