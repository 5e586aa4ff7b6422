//! START-HERE.html: fills the page for people with what the archive holds. Nothing is decided here; what the page shows
//! stands in the archive's other files, and its look is `tributary-page`'s. Neighbours: `bag`, which puts the page in.

mod data;
mod hidden;
mod record;
mod share;

use std::borrow::Cow;
use std::collections::BTreeMap;

use tributary_model::disposition::Disposition;
use tributary_model::group::PublicGroup;
use tributary_model::id::EntityId;
use tributary_model::language::Language;
use tributary_page as page;

use crate::attestation::{NotSearched, NotSearchedReason};
use crate::bag::Member;
use crate::completeness::{Completeness, EarlierArchive, EntityEntry, Observed};
use crate::information::InformationFile;
use crate::layout;
use crate::overview::{Overview, Source};
use share::Shares;

/// Renders the page of an archive.
pub(crate) fn page(
    completeness: &Completeness,
    group: &PublicGroup,
    members: &[Member<'_>],
    overview: &Overview,
    information: &InformationFile,
) -> Vec<u8> {
    let language = &completeness.language;
    let sequence = completeness.sequence;
    let names = Names(group.entities.iter().map(|entity| (&entity.id, entity.legal_name.as_str())).collect());
    let carrying = |member: &&Member<'_>| member.carries_parts(sequence);
    let shares = Shares::of(members.iter().filter(carrying).map(|member| member.contribution));
    let mut entities: Vec<page::Entity<'_>> = completeness
        .entities
        .iter()
        .zip(members)
        .zip(&information.entities)
        .map(|((entry, member), information)| {
            let mut shown = entity(completeness, entry, &names);
            shown.information = information.record.as_ref().map(record::information);
            if entry.carries_parts(sequence) {
                shown.collections = data::collections(member.contribution, &entry.redactions, &shares, language);
                shown.attachments = data::attachments(member.contribution, &shares);
            }
            shown
        })
        .collect();
    // What is missing first, then as the roster has them.
    entities.sort_by_key(|entity| entity.disposition);
    page::render(&page::Page {
        language,
        case: completeness.case.to_string().into(),
        request_ref: completeness.request_ref.as_deref(),
        group: &group.name,
        group_version: group.version,
        operator: names.of(&group.operator),
        received_at: completeness.received_at,
        delivery_date: completeness.delivery_date,
        assembled_at: completeness.assembled_at,
        complete: completeness.complete,
        sequence,
        earlier: completeness.chain.iter().map(link).collect(),
        overview: categories(overview, members, &names, language),
        entities,
        software: &completeness.software,
    })
}

/// Registered names of the group's entities.
struct Names<'a>(BTreeMap<&'a EntityId, &'a str>);

impl<'a> Names<'a> {
    /// The name of an entity, or its id when the group file has none.
    fn of(&self, id: &'a EntityId) -> &'a str {
        self.0.get(id).copied().unwrap_or(id.as_str())
    }
}

fn link(earlier: &EarlierArchive) -> page::Link<'_> {
    page::Link {
        sequence: earlier.sequence,
        assembled_at: Some(earlier.assembled_at),
        complete: Some(earlier.complete),
        tagmanifest_sha256: earlier.tagmanifest_sha256.to_string().into(),
    }
}

fn entity<'a>(completeness: &Completeness, entry: &'a EntityEntry, names: &Names<'a>) -> page::Entity<'a> {
    let expected = !entry.disposition.is_final() && entry.disposition != Disposition::NotAsked;
    let later = completeness.delivery_date > completeness.assembled_at;
    page::Entity {
        id: entry.entity.as_str(),
        legal_name: &entry.legal_name,
        country: entry.country.as_str(),
        authority: entry.authority.as_deref(),
        contact: entry.contact.as_deref(),
        disposition: entry.disposition,
        complete: entry.complete,
        rule: (entry.disposition == Disposition::NotAsked).then_some(entry.decision.rule),
        observed: entry.observed.as_ref().map(observed),
        attested_at: entry.attested_at,
        next_at: (expected && later).then_some(completeness.delivery_date),
        answers: entry
            .answers
            .iter()
            .map(|answer| page::Answer {
                controller: (answer.controller != entry.entity).then(|| names.of(&answer.controller)),
                dataset: answer.dataset.as_str(),
                disposition: answer.disposition,
                reason: answer.reason.as_deref(),
                rows: answer.rows,
                snapshot_at: answer.snapshot_at,
            })
            .collect(),
        not_searched: entry.not_searched.iter().map(gap).collect(),
        hidden: hidden::sums(&entry.redactions),
        searched: entry.searched.len() as u64,
        in_archive: entry.archive.filter(|_| entry.parts.is_some_and(|parts| parts.count > 0)),
        folder: Cow::Owned(format!("{}/", layout::entity_folder(&entry.entity))),
        collections: Vec::new(),
        attachments: page::Attachments::default(),
        information: None,
    }
}

fn observed(observed: &Observed) -> page::Observed<'_> {
    page::Observed {
        since: observed.since,
        last_attempt: observed.last_attempt,
        attempts: observed.attempts,
        reason: observed.reason.as_str().into(),
    }
}

fn gap(gap: &NotSearched) -> page::Gap<'_> {
    page::Gap {
        dataset: gap.dataset.as_str(),
        collection: gap.collection.as_deref(),
        reason: match gap.reason {
            NotSearchedReason::NoIdentifierOfType => page::GapReason::NoIdentifierOfType,
            NotSearchedReason::NotConnected => page::GapReason::NotConnected,
            NotSearchedReason::Unavailable => page::GapReason::Unavailable,
            NotSearchedReason::NotReadable => page::GapReason::NotReadable,
            NotSearchedReason::SnapshotTooLong => page::GapReason::SnapshotTooLong,
            NotSearchedReason::SkippedByManifest => page::GapReason::SkippedByManifest,
            NotSearchedReason::ControllerUnknown => page::GapReason::ControllerUnknown,
            NotSearchedReason::NotAnswered => page::GapReason::NotAnswered,
            NotSearchedReason::NotPersonal => page::GapReason::NotPersonal,
        },
        detail: &gap.detail,
    }
}

fn categories<'a>(
    overview: &'a Overview,
    members: &[Member<'a>],
    names: &Names<'a>,
    language: &Language,
) -> Vec<page::Category<'a>> {
    let tables = data::Tables::of(members);
    let value = |source: &'a Source| {
        let (collection, column) = tables.names(source, language);
        page::Value {
            entity: names.of(&source.entity),
            collection,
            column,
            values: source.values.iter().map(String::as_str).collect(),
            more: source.more,
        }
    };
    let shown = overview.categories.iter().map(|category| page::Category {
        key: &category.category,
        differs: category.differs,
        values: category.sources.iter().map(value).collect(),
    });
    shown.collect()
}
