//! Everything below `data/`: the parts with their descriptors and previews, and the files that are made from them.

use tributary_model::group::PublicGroup;

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

/// Adds the payload; returns its manifest and the page for people, which shows it.
pub(super) fn write<'a>(
    facts: &CaseFacts,
    roster: &PublicGroup,
    members: &[Member<'a>],
    completeness: &Completeness,
    files: &mut Files<'a>,
) -> Result<(Manifest, Vec<u8>), BuildError> {
    files.add_typed(layout::README, "text/plain", README.to_vec());
    let carrying: Vec<&Member<'_>> = members.iter().filter(|member| member.carries_parts(facts.sequence)).collect();
    let mut overview = Collector::new(carrying.len());
    for member in &carrying {
        entity(member, files)?;
        let contribution = member.contribution;
        overview.add(&contribution.entity, &contribution.previews, &contribution.tables);
    }
    let overview = overview.finish();
    files.add_typed(layout::OVERVIEW, JSON, json::to_file(&overview));
    let records = completeness.entities.iter().zip(members).map(|(entry, member)| {
        let (attestation, record) = (member.attestation.as_ref(), member.contribution.information.as_ref());
        EntityInformation::compose(completeness.sequence, entry, attestation, record)
            .map_err(|_| BuildError::Information(entry.entity.clone()))
    });
    let information = InformationFile::of(completeness.case, records.collect::<Result<_, _>>()?);
    files.add_typed(layout::INFORMATION, JSON, json::to_file(&information));
    let listed = rocrate::to_file(completeness, roster, &information, &files.unlisted());
    files.add_typed(layout::CRATE, "application/ld+json", listed);
    let page = viewer::page(completeness, roster, members, &overview, &information);
    Ok((files.take_manifest(), page))
}

/// Adds an entity's descriptor, previews and parts.
fn entity<'a>(member: &Member<'a>, files: &mut Files<'a>) -> Result<(), BuildError> {
    let (Some(attestation), contribution) = (&member.attestation, member.contribution) else { return Ok(()) };
    let entity = &member.public.id;
    let package = DataPackage::new(
        entity,
        &member.public.legal_name,
        attestation.finished_at,
        &contribution.tables,
        &contribution.parts,
    )
    .map_err(|undescribed| BuildError::Undescribed { entity: entity.clone(), part: undescribed.0 })?;
    files.add_typed(&layout::datapackage(entity), JSON, package.to_file());
    let invalid = |problem: String| BuildError::Previews { entity: entity.clone(), problem };
    let previews = preview::to_checked_file(&contribution.previews, &contribution.tables, &contribution.parts)
        .map_err(|error| invalid(error.to_string()))?;
    let digest = (!contribution.previews.is_empty()).then(|| Sha256Hex::of(&previews));
    if digest != attestation.previews_sha256 {
        return Err(invalid("they are not the attested ones".to_owned()));
    }
    if digest.is_some() {
        files.add_typed(&layout::previews(entity), preview::MEDIA_TYPE, previews);
    }
    let folder = layout::entity_folder(entity);
    for part in &contribution.parts {
        files.part(format!("{folder}/{}", part.path), entity, part);
    }
    Ok(())
}
