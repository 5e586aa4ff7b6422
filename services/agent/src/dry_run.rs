//! A rehearsal for people at the entity: what a request would find, counted, with values only when asked for.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tributary_archive::attestation::NotSearched;
use tributary_model::clock::SharedClock;
use tributary_model::id::{EntityId, FidesKey, IdentifierType};
use tributary_model::identifier::{CheckDigits, Identifier};
use tributary_model::yaml::Problems;

use crate::catalog::{Catalog, OpenSystems, types_of};
use crate::collect::{CollectError, CollectLimits, Located, Sources, StopFlag};
use crate::config::Config;
use crate::controller;
use crate::encode::Kinds;
use crate::gaps;
use crate::graph::{Graph, NodeId};
use crate::source::{ReadError, Row};
use crate::start::{country, known_entities};
use crate::value::Cell;
use crate::walk::Visitor;

/// Rows of a collection whose values are shown.
pub const SHOWN: usize = 100;

/// What a request would find. Values are there only when they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryRun {
    /// Whether the person is known.
    pub outcome: Outcome,
    /// Every collection that was searched.
    pub collections: Vec<Rows>,
    /// What was not.
    pub not_searched: Vec<NotSearched>,
    /// Identifiers whose check digits do not fit: sought all the same, and probably mistyped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doubtful: Vec<IdentifierType>,
}

/// Whether the person is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Known.
    Found,
    /// Known in nothing that was searched.
    NotFound,
    /// The identifiers do not single one person out: nothing would be handed over.
    NeedsIdentity,
}

/// The rows of one collection.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// The dataset.
    pub dataset: FidesKey,
    /// The collection.
    pub collection: String,
    /// How many rows.
    pub rows: u64,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The first rows' values, when they were asked for; `None` is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Vec<Option<String>>>>,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rows({}.{}: {})", self.dataset, self.collection, self.rows)
    }
}

/// Why there was no rehearsal.
#[derive(Debug, thiserror::Error)]
pub enum DryRunError {
    /// The manifests are wrong, or do not fit the databases.
    #[error("{0}")]
    Manifests(#[from] Problems),
    /// A system does not answer.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// Several entities are served, and none of them was named, or another.
    #[error("this agent serves {}: name one of them with --entity", served.join(", "))]
    WhichEntity {
        /// Those that are served.
        served: Vec<String>,
    },
}

/// Searches for a person as an export of `entity` would, without writing anything; it may be left out where one alone is
/// served. `show_values` also returns the first [`SHOWN`] rows of each collection. It blocks, and not on a thread of a
/// runtime.
///
/// # Errors
/// When the manifests are wrong, a system does not answer, or it is not clear which entity is meant.
pub fn dry_run(
    config: &Config,
    entity: Option<&EntityId>,
    clock: SharedClock,
    identifiers: &[Identifier],
    show_values: bool,
) -> Result<DryRun, DryRunError> {
    let served: Vec<EntityId> = config.entities.iter().map(|served| served.id.clone()).collect();
    let which = || DryRunError::WhichEntity { served: served.iter().map(EntityId::to_string).collect() };
    let entity = match (entity, served.as_slice()) {
        (None, [only]) => only,
        (Some(entity), _) => served.iter().find(|served| *served == entity).ok_or_else(which)?,
        (None, _) => return Err(which()),
    };
    let (group, country) = (known_entities(config, clock.now()), country(config, entity, clock.now()));
    let catalog = loaded(&config.sources, config.collect_limits(), clock)?;
    controller::check(catalog.graph(), &served, group.as_ref())?;
    let known = group.unwrap_or_else(|| served.iter().cloned().collect());
    run(&catalog.of(entity, &known)?.located_in(country), identifiers, show_values)
}

/// As [`dry_run`], from the sources alone, for one entity whose they all are.
///
/// # Errors
/// As [`dry_run`].
pub fn rehearse(
    sources: &Sources,
    limits: CollectLimits,
    clock: SharedClock,
    identifiers: &[Identifier],
    show_values: bool,
) -> Result<DryRun, DryRunError> {
    run(&loaded(sources, limits, clock)?, identifiers, show_values)
}

fn loaded(sources: &Sources, limits: CollectLimits, clock: SharedClock) -> Result<Catalog, Problems> {
    // The data directory may be another user's; what spills has no name and nothing readable in it anyway.
    let limits = CollectLimits { temp_dir: std::env::temp_dir(), ..limits };
    Catalog::load(sources, limits, clock)
}

fn run(catalog: &Catalog, identifiers: &[Identifier], show_values: bool) -> Result<DryRun, DryRunError> {
    let (graph, stop, kinds) = (catalog.graph(), StopFlag::new(), Kinds::default());
    let plan = graph.plan(&types_of(identifiers));
    let mut systems = OpenSystems::new(catalog, BTreeSet::new(), &stop, &kinds);
    let differs = |one: &&Identifier| catalog.spellings(one).check_digits() == CheckDigits::Differ;
    let doubtful = identifiers.iter().filter(differs).map(|one| one.kind.clone()).collect();
    if catalog.resolve(&plan, identifiers, &mut systems)? == Located::NeedsIdentity {
        let (collections, not_searched) = (Vec::new(), Vec::new());
        return Ok(DryRun { outcome: Outcome::NeedsIdentity, collections, not_searched, doubtful });
    }
    let mut shown = Shown { graph, values: BTreeMap::new(), wanted: show_values };
    let walked = catalog.walk(&plan, identifiers, &mut systems, &mut shown)?;
    let (connected, given_up) = (catalog.connected(), BTreeMap::new());
    let searched = (0..graph.nodes().len()).filter(|&n| plan.reaches(n) && connected[graph.nodes()[n].dataset]);
    let collections = searched.map(|node| Rows {
        dataset: graph.dataset(node).key.clone(),
        collection: graph.collection(node).name.clone(),
        rows: walked.rows[node],
        columns: graph.collection(node).fields.iter().map(|field| field.name.clone()).collect(),
        values: show_values.then(|| shown.values.remove(&node).unwrap_or_default()),
    });
    Ok(DryRun {
        outcome: if walked.rows.iter().any(|&rows| rows > 0) { Outcome::Found } else { Outcome::NotFound },
        collections: collections.collect(),
        not_searched: gaps::not_searched(graph, &plan, &connected, &given_up, &walked),
        doubtful,
    })
}

struct Shown<'s> {
    graph: &'s Graph,
    values: BTreeMap<NodeId, Vec<Vec<Option<String>>>>,
    wanted: bool,
}

impl Visitor for Shown<'_> {
    fn row(&mut self, node: NodeId, row: &dyn Row) -> Result<(), ReadError> {
        let rows = self.values.entry(node).or_default();
        if self.wanted && rows.len() < SHOWN {
            rows.push((0..self.graph.collection(node).fields.len()).map(|column| shown(row.cell(column))).collect());
        }
        Ok(())
    }
}

fn shown(cell: Cell<'_>) -> Option<String> {
    Some(match cell {
        Cell::Null => return None,
        Cell::Integer(n) => n.to_string(),
        Cell::Real(n) => n.to_string(),
        Cell::Bool(b) => b.to_string(),
        Cell::Text(bytes) | Cell::Decimal(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Cell::Blob(bytes) => format!("({} bytes)", bytes.len()),
        Cell::Large(large) => format!("({} bytes)", large.bytes),
        Cell::Redacted(reason) => reason.mark().to_owned(),
    })
}
