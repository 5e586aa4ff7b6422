//! Everything an agent knows of its entity's systems: the manifests, checked against the live schemas.
//!
//! Made at start; every request asks it. Neighbours: `collect` (what is asked and answered), `gaps` (what was not
//! searched), `check` and `dry_run` (the same for people at the entity).

mod files;
mod live;
mod open;
mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tributary_archive::attestation::Answer;
use tributary_archive::digest::Sha256Hex;
use tributary_archive::information::{self, Information};
use tributary_archive::part::PartListDigest;
use tributary_archive::table;
use tributary_model::clock::SharedClock;
use tributary_model::disposition::Disposition;
use tributary_model::id::{CountryCode, EntityId, FidesKey, IdentifierType};
use tributary_model::identifier::{Identifier, Spellings};
use tributary_model::language::Language;
use tributary_model::manifest::{Dataset, Manifests};
use tributary_model::yaml::{Place, Problem, Problems};

use crate::collect::{
    CollectError, CollectLimits, Collected, Database, DatasetInfo, Located, ManualCollection, PartSink, Request,
    Sources, StopFlag,
};
use crate::controller;
use crate::encode::{Encoder, Kinds, Sizes};
use crate::gaps;
use crate::graph::{Graph, NodeId, Plan};
use crate::identity::Resolver;
use crate::source::server::Gate;
use crate::source::sqlite::Seen;
use crate::source::{ReadError, Sought, Stopped};
use crate::spill::{Memory, Spill, SpillError};
use crate::walk::{Failure, Visitor, Walk, Walked};

pub use live::{Missing, Unavailable};
pub(crate) use open::OpenSystems;
pub(crate) use standing::Standing;

/// The manifests' files with their texts, as far as they can be read.
pub(crate) fn texts(sources: &Sources) -> Vec<(String, String)> {
    files::all(sources).map(|(texts, _)| texts).unwrap_or_default()
}

/// Manifests checked against the live schemas, and where the databases are.
pub struct Catalog {
    graph: Graph,
    columns: Vec<Vec<String>>,
    /// Per dataset, its database.
    databases: Vec<Option<Database>>,
    /// Per dataset, what all walks over its database share, whichever dataset or entity they are for.
    gates: Vec<Option<Arc<Gate>>>,
    /// Per dataset, what was seen of its SQLite file's tables.
    seen: Vec<Seen>,
    limits: CollectLimits,
    clock: SharedClock,
    unavailable: Vec<Unavailable>,
    /// How the systems stand, for all entities that share them.
    standing: Standing,
    /// What the system manifests record.
    information: Option<Information>,
    /// Where the entity is: numbers without a country belong there.
    country: Option<CountryCode>,
    /// Whose manifests files are, where they are one entity's.
    owners: BTreeMap<String, EntityId>,
}

impl Catalog {
    /// Reads the manifests and compares them with the databases. A database that cannot be opened now is no error of
    /// the manifests: it is named by [`Catalog::unavailable`].
    ///
    /// # Errors
    /// Every problem of every file, a missing table or column included.
    pub fn load(sources: &Sources, limits: CollectLimits, clock: SharedClock) -> Result<Self, Problems> {
        let mut catalog = Self::declared(sources, limits, clock)?;
        let mut problems = Vec::new();
        for dataset in 0..catalog.databases.len() {
            match live::compare(&catalog, dataset) {
                Ok(missing) => problems.extend(missing.into_iter().map(Missing::into_problem)),
                Err(unavailable) => catalog.unavailable.push(unavailable),
            }
        }
        problems.sort();
        if problems.is_empty() { Ok(catalog) } else { Err(Problems(problems)) }
    }

    /// The database of each dataset, completed by what the manifest says of where it lies.
    pub(crate) fn places(&self) -> impl Iterator<Item = (&Dataset, Option<Database>)> {
        let completed = |(dataset, database): (_, &Option<Database>)| {
            let dataset: &Dataset = dataset;
            let database = database.clone().map(|database| database.within(&dataset.namespace));
            (dataset, database)
        };
        self.graph.manifests().datasets.iter().zip(&self.databases).map(completed)
    }

    /// Tells the time.
    pub(crate) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// The manifests alone, not compared with anything.
    pub(crate) fn declared(sources: &Sources, limits: CollectLimits, clock: SharedClock) -> Result<Self, Problems> {
        let (texts, owners) = files::all(sources)?;
        let mut manifests = Manifests::from_yaml(&texts)?;
        controller::assign(&mut manifests, &owners);
        let unknown: Vec<Problem> = sources
            .databases
            .keys()
            .filter(|key| manifests.dataset(key).is_none())
            .map(|key| problem(&format!("databases: no manifest declares the dataset `{key}`; check its fides_key")))
            .collect();
        if !unknown.is_empty() {
            return Err(Problems(unknown));
        }
        if manifests.datasets.is_empty() {
            return Err(Problems(vec![problem("manifests: no dataset is declared; name at least one file with one")]));
        }
        let information = recorded(&manifests)?;
        let mut databases: Vec<Option<Database>> =
            manifests.datasets.iter().map(|d| sources.databases.get(&d.key).cloned()).collect();
        let gates =
            open::gates(&manifests.datasets, &mut databases).map_err(|message| Problems(vec![problem(&message)]))?;
        let seen = databases.iter().map(|_| Seen::default()).collect();
        let graph = Graph::new(Arc::new(manifests));
        let columns = crate::walk::columns(&graph);
        Ok(Self {
            graph,
            columns,
            databases,
            gates,
            seen,
            limits,
            clock,
            unavailable: Vec::new(),
            standing: Standing::default(),
            information,
            country: None,
            owners,
        })
    }

    /// The catalog as one entity sees it, over the same databases: what is all of others is not in it, and rows of shared
    /// collections are told apart. `known` are the entities that rows may name.
    ///
    /// # Errors
    /// When its record of processing is too large.
    pub fn of(&self, entity: &EntityId, known: &BTreeSet<EntityId>) -> Result<Self, Problems> {
        let whole = self.graph.manifests();
        let mut manifests = whole.of(entity);
        manifests.systems.retain(|system| self.owners.get(&*system.at.file).is_none_or(|owner| owner == entity));
        let information = recorded(&manifests)?;
        let at = |key: &FidesKey| whole.datasets.iter().position(|dataset| dataset.key == *key);
        let kept: Vec<usize> = manifests.datasets.iter().filter_map(|dataset| at(&dataset.key)).collect();
        let graph = controller::graph_of(&self.graph, manifests, entity, known);
        Ok(Self {
            columns: crate::walk::columns(&graph),
            graph,
            databases: kept.iter().map(|&at| self.databases[at].clone()).collect(),
            gates: kept.iter().map(|&at| self.gates[at].clone()).collect(),
            seen: kept.iter().map(|&at| self.seen[at].clone()).collect(),
            limits: self.limits.clone(),
            clock: Arc::clone(&self.clock),
            unavailable: self.unavailable.clone(),
            standing: self.standing.clone(),
            information,
            country: self.country.clone(),
            owners: BTreeMap::new(),
        })
    }

    /// The catalog of an entity in `country`, to which telephone and national numbers belong that name no other.
    pub fn located_in(mut self, country: Option<CountryCode>) -> Self {
        self.country = country;
        self
    }

    /// The graph of the declared collections.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Databases that could not be opened when the catalog was made.
    pub fn unavailable(&self) -> &[Unavailable] {
        &self.unavailable
    }

    /// How the systems stand, now and later on.
    pub(crate) fn standing(&self) -> Standing {
        self.standing.clone()
    }

    /// Identifier types by which anything can be searched.
    pub fn identifier_types(&self) -> Vec<IdentifierType> {
        self.graph.identifier_types().into_iter().collect()
    }

    /// The declared datasets, in file order.
    pub fn datasets(&self) -> Vec<DatasetInfo> {
        let datasets = self.graph.manifests().datasets.iter().zip(&self.databases);
        datasets
            .map(|(dataset, database)| DatasetInfo {
                key: dataset.key.clone(),
                name: title(dataset),
                shown: dataset.shown.clone(),
                // What people search needs no connection.
                connected: database.is_some() || by_hand(dataset),
                collections: u32::try_from(dataset.collections.len()).unwrap_or(u32::MAX),
            })
            .collect()
    }

    /// Collections that people search, in file order.
    pub fn manual(&self) -> Vec<ManualCollection> {
        let datasets = self.graph.manifests().datasets.iter();
        let collections = datasets.flat_map(|dataset| dataset.collections.iter().map(move |c| (dataset, c)));
        collections
            .filter(|(_, collection)| !collection.skip)
            .filter_map(|(dataset, collection)| {
                let manual = collection.people.manual.as_ref()?;
                Some(ManualCollection {
                    dataset: dataset.shown.clone(),
                    collection: collection.shown.clone(),
                    ask: manual.ask.clone(),
                    due: manual.due,
                })
            })
            .collect()
    }

    /// Collections of which people see everything before it leaves, by the names that others see.
    pub fn reviewed(&self) -> BTreeSet<(FidesKey, String)> {
        let nodes = (0..self.graph.nodes().len()).filter(|&node| self.graph.collection(node).is_reviewed());
        nodes.map(|node| (self.graph.dataset(node).shown.clone(), self.graph.collection(node).shown.clone())).collect()
    }

    /// Whether the person is known, without reading more than that takes.
    ///
    /// # Errors
    /// When a system does not answer, or the question was withdrawn.
    pub fn locate(&self, identifiers: &[Identifier], stop: &StopFlag) -> Result<Located, CollectError> {
        let types = types_of(identifiers);
        let plan = self.graph.plan(&types);
        let kinds = Kinds::default();
        let mut systems = OpenSystems::new(self, BTreeSet::new(), stop, &kinds);
        self.resolve(&plan, identifiers, &mut systems)
    }

    /// Finds the person's data and encodes it into `sink`. One call is one generation: one snapshot per database.
    ///
    /// # Errors
    /// When a system does not answer, a snapshot was held too long, the sink refused, or the walk was stopped. The
    /// caller tries again with a new sink, or names the dataset in `request.given_up`.
    pub fn collect(
        &self,
        request: &Request,
        sink: &mut dyn PartSink,
        stop: &StopFlag,
    ) -> Result<Collected, CollectError> {
        let types = types_of(&request.identifiers);
        let plan = self.graph.plan(&types);
        let kinds = Kinds::default();
        let given_up: BTreeSet<usize> = self.positions(request.given_up.keys());
        let mut systems = OpenSystems::new(self, given_up, stop, &kinds);
        let identifier_types = self.graph.identifier_types().intersection(&types).cloned().collect();
        if self.resolve(&plan, &request.identifiers, &mut systems)? == Located::NeedsIdentity {
            return Ok(self.needs_identity(request, identifier_types));
        }
        let mut encoder = Encoder::new(&self.graph, &kinds, request.format, self.sizes(), sink);
        let walked = self.walk(&plan, &request.identifiers, &mut systems, &mut encoder)?;
        let encoded = encoder.finish()?;
        if let Some(information) = &self.information {
            sink.information(information)?;
        }
        let not_searched = gaps::not_searched(&self.graph, &plan, &self.connected(), &request.given_up, &walked);
        let left_out = walked.redactions.iter().any(|redaction| redaction.field.is_none());
        let found = left_out || walked.rows.iter().any(|&rows| rows > 0);
        Ok(Collected {
            located: if found { Located::Found } else { Located::NotFound },
            answers: gaps::answers(&self.graph, &request.controller, &not_searched, &walked),
            searched: gaps::searched(&self.graph, &plan, &self.connected(), &request.given_up, &walked),
            not_searched,
            redactions: walked.redactions,
            identifier_types,
            parts: encoded.parts,
            tables_sha256: encoded.tables_sha256,
            previews_sha256: encoded.previews_sha256,
            information_sha256: self.information.as_ref().map(information::digest),
        })
    }

    /// Walks with any visitor, once the identifiers were found to single one person out.
    pub(crate) fn walk(
        &self,
        plan: &Plan,
        identifiers: &[Identifier],
        systems: &mut OpenSystems<'_>,
        visitor: &mut dyn Visitor,
    ) -> Result<Walked, CollectError> {
        let sought: Vec<Sought> = identifiers.iter().map(|one| Sought::new(one, self.country.as_ref())).collect();
        let mut spill = Spill::new(&self.limits.temp_dir, plan.queues(), Memory::of(self.limits.memory))
            .map_err(|error| self.explain(Failure { dataset: 0, error: error.into() }))?;
        let walk = Walk { graph: &self.graph, plan, columns: &self.columns, ends: &[] };
        walk.run(&sought, systems, &mut spill, visitor).map_err(|failure| self.explain(failure))
    }

    pub(crate) fn resolve(
        &self,
        plan: &Plan,
        identifiers: &[Identifier],
        systems: &mut OpenSystems<'_>,
    ) -> Result<Located, CollectError> {
        let walk = Walk { graph: &self.graph, plan, columns: &self.columns, ends: &[] };
        let memory = Memory::of(self.limits.memory);
        let mut resolver =
            Resolver { walk, systems, folder: &self.limits.temp_dir, memory, country: self.country.as_ref() };
        resolver.resolve(identifiers).map_err(|failure| self.explain(failure))
    }

    /// An identifier as it is sought here.
    pub(crate) fn spellings(&self, identifier: &Identifier) -> Spellings {
        Spellings::new(identifier, self.country.as_ref())
    }

    fn sizes(&self) -> Sizes {
        Sizes { part: self.limits.part_bytes, cell: self.limits.large_cell }
    }

    pub(crate) fn connected(&self) -> Vec<bool> {
        self.databases.iter().map(Option::is_some).collect()
    }

    fn positions<'k>(&self, keys: impl Iterator<Item = &'k FidesKey>) -> BTreeSet<usize> {
        let datasets = &self.graph.manifests().datasets;
        keys.filter_map(|key| datasets.iter().position(|dataset| dataset.key == *key)).collect()
    }

    fn needs_identity(&self, request: &Request, identifier_types: Vec<IdentifierType>) -> Collected {
        let answers = self.graph.manifests().datasets.iter().map(|dataset| Answer {
            controller: request.controller.clone(),
            dataset: dataset.shown.clone(),
            disposition: Disposition::NeedsIdentity,
            reason: Some("the identifiers do not single one person out (Art. 12(6) GDPR)".to_owned()),
            rows: 0,
            snapshot_at: None,
        });
        Collected {
            located: Located::NeedsIdentity,
            answers: answers.collect(),
            searched: Vec::new(),
            not_searched: Vec::new(),
            redactions: Vec::new(),
            identifier_types,
            parts: tributary_archive::attestation::PartsSummary {
                count: 0,
                bytes: 0,
                encoded_bytes: 0,
                rows: 0,
                sha256: PartListDigest::new().finish(),
            },
            tables_sha256: empty_tables(),
            previews_sha256: None,
            information_sha256: None,
        }
    }

    fn explain(&self, failure: Failure) -> CollectError {
        let dataset = self.graph.manifests().datasets[failure.dataset].key.clone();
        match failure.error {
            ReadError::Unavailable(detail) => {
                self.standing.away(&dataset, &detail, self.clock.now());
                CollectError::Unavailable { dataset, detail }
            }
            ReadError::Stopped(Stopped::SnapshotTooLong) => CollectError::SnapshotTooLong { dataset },
            ReadError::Stopped(Stopped::Cancelled) => CollectError::Stopped,
            ReadError::Sink(error) => CollectError::Sink(error),
            ReadError::Spill(error @ SpillError::DiskFull) => {
                CollectError::Sink(crate::collect::SinkError::Full(error.to_string()))
            }
            ReadError::Spill(error) => CollectError::Internal(error.to_string()),
            ReadError::NotReadable(detail) | ReadError::Incomparable(detail) => CollectError::Internal(detail),
            ReadError::Enough => CollectError::Internal("a walk ended before its end".to_owned()),
        }
    }

    /// The node of a dataset's collection.
    pub(crate) fn nodes_of(&self, dataset: usize) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.graph.nodes().len()).filter(move |&node| self.graph.nodes()[node].dataset == dataset)
    }
}

fn recorded(manifests: &Manifests) -> Result<Option<Information>, Problems> {
    crate::record::information(manifests).map_err(|error| Problems(vec![problem(&format!("system: {error}"))]))
}

/// Whether everything in a dataset is searched by people.
fn by_hand(dataset: &Dataset) -> bool {
    let mut collections = dataset.collections.iter().peekable();
    collections.peek().is_some() && collections.all(|collection| collection.people.manual.is_some())
}

/// A dataset's name for people, in English if there is an English one.
fn title(dataset: &Dataset) -> Option<String> {
    dataset.wording.labels.get(&Language::english()).map(str::to_owned)
}

fn empty_tables() -> Sha256Hex {
    table::digest([])
}

fn problem(message: &str) -> Problem {
    let (file, message) = message.split_once(": ").unwrap_or(("", message));
    Problem { file: file.to_owned(), place: Place { line: 1, column: 1 }, message: message.to_owned() }
}

/// The kinds of identifiers of a request.
pub(crate) fn types_of(identifiers: &[Identifier]) -> BTreeSet<IdentifierType> {
    identifiers.iter().map(|identifier| identifier.kind.clone()).collect()
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog").field("collections", &self.graph.nodes().len()).finish_non_exhaustive()
    }
}
