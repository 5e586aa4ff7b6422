//! The archives of one case as a chain: which there are, which were given, whether each is the one that the later ones
//! name, and which of them carries an entity's data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use tributary_model::disposition::Disposition;
use tributary_model::id::{CaseId, EntityId};

use super::Summary;
use crate::digest::Sha256Hex;

/// The chain of a case, as far as the archives given tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// The case.
    pub case: CaseId,
    /// Every archive from the first to the latest given, in order.
    pub links: Vec<Link>,
    /// Where each entity's data are, as the latest archive given has it.
    pub entities: Vec<Carried>,
}

/// One archive of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Its sequence.
    pub sequence: u32,
    /// How it stands.
    pub state: LinkState,
    /// What it was given as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// When it was put together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assembled_at: Option<Timestamp>,
    /// Whether it said to be complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<bool>,
    /// SHA-256 of its tag manifest, as the later archives name it; its own for the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tagmanifest_sha256: Option<Sha256Hex>,
}

/// How a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Given, and the one that the later archives name.
    Given,
    /// Named by a later archive, and not given.
    Missing,
    /// Given, and not the one that a later archive names: one of the two is not of this case as it was delivered.
    Other,
}

/// Where one entity's data are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Carried {
    /// The entity.
    pub entity: EntityId,
    /// How it stands.
    pub disposition: Disposition,
    /// Sequence of the archive with its data; absent when it handed none over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<u32>,
    /// Whether that archive was given.
    pub given: bool,
}

/// Archives that are no chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// None given.
    #[error("no archive was given")]
    Empty,
    /// Archives of two cases.
    #[error("{0} is of another case than the others; show it by itself")]
    Case(String),
    /// The same archive twice, or two that claim one place.
    #[error("{0} has the sequence of another archive that was given; show one of them")]
    Twice(String),
}

impl Chain {
    /// Whether every archive up to the latest given is there and the one that is named.
    pub fn is_whole(&self) -> bool {
        self.links.iter().all(|link| link.state == LinkState::Given)
    }

    /// The chain of these archives, each with what it was given as, in any order.
    pub fn of(archives: &[(String, Summary)]) -> Result<Self, ChainError> {
        let mut given: BTreeMap<u32, &(String, Summary)> = BTreeMap::new();
        for archive in archives {
            if archive.1.case != archives[0].1.case {
                return Err(ChainError::Case(archive.0.clone()));
            }
            if given.insert(archive.1.sequence, archive).is_some() {
                return Err(ChainError::Twice(archive.0.clone()));
            }
        }
        let (latest, (_, last)) = given.last_key_value().ok_or(ChainError::Empty)?;
        // A hostile file may claim any sequence: no more links than it names archives.
        let numbers = (1..=*latest).take(last.earlier.len() + 1).chain(given.keys().copied());
        let mut links: BTreeMap<u32, Link> = BTreeMap::new();
        for sequence in numbers {
            links.entry(sequence).or_insert_with(|| link(sequence, &given));
        }
        let entities = last.entities.iter().map(|entity| {
            let archive = entity.archive.filter(|_| entity.parts.is_some_and(|parts| parts.count > 0));
            Carried {
                entity: entity.entity.clone(),
                disposition: entity.disposition,
                archive,
                given: archive.is_some_and(|sequence| given.contains_key(&sequence)),
            }
        });
        Ok(Self { case: last.case, links: links.into_values().collect(), entities: entities.collect() })
    }
}

fn link(sequence: u32, given: &BTreeMap<u32, &(String, Summary)>) -> Link {
    let later = given.range(sequence.saturating_add(1)..).flat_map(|(_, (_, summary))| &summary.earlier);
    let named: Vec<_> = later.filter(|earlier| earlier.sequence == sequence).collect();
    let Some((file, summary)) = given.get(&sequence).copied() else {
        let first = named.first();
        return Link {
            sequence,
            state: LinkState::Missing,
            file: None,
            assembled_at: first.map(|named| named.assembled_at),
            complete: first.map(|named| named.complete),
            tagmanifest_sha256: first.map(|named| named.tagmanifest_sha256),
        };
    };
    let same = named.iter().all(|named| Some(named.tagmanifest_sha256) == summary.tagmanifest_sha256);
    Link {
        sequence,
        state: if same { LinkState::Given } else { LinkState::Other },
        file: Some(file.clone()),
        assembled_at: Some(summary.assembled_at),
        complete: Some(summary.complete),
        tagmanifest_sha256: summary.tagmanifest_sha256,
    }
}
