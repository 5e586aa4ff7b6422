//! What the manifests mean in practice, for people at the entity: what each kind of identifier reaches, what nothing
//! reaches, which lookups read whole tables, what the databases hold that no manifest declares; and what the person will
//! not be told: labels (`wording`) and the record of processing (`record`). `finding` says which right each gap costs,
//! `others` which rule about other people misses them, `guesses` what nobody has confirmed yet.

mod controllers;
mod finding;
mod guesses;
mod keys;
mod others;
mod record;
mod tables;
mod wording;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tributary_model::clock::SharedClock;
use tributary_model::id::{EntityId, FidesKey, IdentifierType};
use tributary_model::identifier::Folding;

use self::finding::Findings;
use crate::catalog::{self, Catalog, OpenSystems};
use crate::collect::{CollectLimits, Sources, StopFlag};
use crate::config::Config;
use crate::controller::problems;
use crate::encode::Kinds;
use crate::graph::{Graph, NodeId, Plan, SoughtBy};
use crate::source::{Matching, Query};
use crate::start::known_entities;
use crate::walk::Walk;

pub use finding::{Code, Finding, Item};
pub use guesses::{About, Guess, guesses};
pub use record::NotRecorded;
pub use wording::{LabelCount, LabelReport};

/// What was found out. With a problem, the agent does not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct CheckReport {
    /// What is wrong, each with its place.
    pub problems: Vec<String>,
    /// What works and may not be what is meant.
    pub warnings: Vec<String>,
    /// What is not declared, by the right of a person that it costs.
    pub findings: Vec<Finding>,
    /// Declared datasets.
    pub datasets: Vec<DatasetReport>,
    /// Declared collections.
    pub collections: Vec<CollectionReport>,
    /// What has a name that people understand.
    pub labels: LabelReport,
}

/// A declared dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatasetReport {
    /// Its `fides_key`.
    pub dataset: FidesKey,
    /// Whether a database is configured for it.
    pub connected: bool,
    /// Why its database cannot be opened now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
    /// Whether reading it keeps its writers waiting (rollback-journal mode).
    pub blocks_writers: bool,
}

/// A declared collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectionReport {
    /// The dataset.
    pub dataset: FidesKey,
    /// The collection.
    pub collection: String,
    /// Whether it holds personal data, as far as the manifest says.
    pub personal: bool,
    /// Whether two rows are two people.
    pub rows_are_people: bool,
    /// Whose rows it gives, where several entities share a store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_of: Option<String>,
    /// The identifier types each of which reaches it alone. Empty: it is named as not searched in every answer.
    pub reached_by: Vec<IdentifierType>,
    /// Lookups that read the whole table.
    pub scans: Vec<String>,
    /// What keeps the database's user from reading all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Columns of the table that no manifest declares, and which are therefore not exported.
    pub undeclared_columns: Vec<String>,
    /// Declared columns.
    pub columns: usize,
    /// Whether the collection has a label or a description.
    pub labelled: bool,
    /// Columns with neither.
    pub unlabelled_columns: Vec<String>,
    /// What a person may ask for about it and no system declaration says. Empty for what is not personal.
    pub not_recorded: Vec<NotRecorded>,
}

impl CheckReport {
    /// Whether an agent would start with these manifests.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }

    /// The items of one finding.
    pub fn items(&self, code: Code) -> &[Item] {
        self.findings.iter().find(|finding| finding.code == code).map_or(&[], |finding| &finding.items)
    }
}

/// Checks the manifests and databases of a configuration. It blocks, and not on a thread of a runtime.
pub fn check(config: &Config, clock: SharedClock) -> CheckReport {
    let served: Vec<EntityId> = config.entities.iter().map(|served| served.id.clone()).collect();
    let group = known_entities(config, clock.now());
    let mut report = inspect_for(&config.sources, config.collect_limits(), clock, &served, group.as_ref());
    report.warnings.extend(placeholders(config));
    report
}

/// What `agent init` could not know and nobody has filled in.
fn placeholders(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    if crate::init::placeholder_key().is_ok_and(|key| config.group.pins.keys.contains(&key)) {
        found.push("`group.keys` holds no key of a group yet: no group file is accepted until it does".to_owned());
    }
    if config.entities.iter().any(|served| served.id.as_str() == crate::init::PLACEHOLDER_ENTITY) {
        found.push("`entity` is not filled in: put your entity's id in the group file there".to_owned());
    }
    let is_open = |address: &String| address == crate::init::PLACEHOLDER_GATEWAY;
    if config.dial_out.as_ref().is_some_and(|out| out.gateways.iter().any(is_open)) {
        found.push("`dial_out.gateways` is not filled in: put there where the gateway is, as host:port".to_owned());
    }
    found
}

/// As [`check`], from the sources alone.
pub fn inspect(sources: &Sources, limits: CollectLimits, clock: SharedClock) -> CheckReport {
    inspect_for(sources, limits, clock, &[], None)
}

fn inspect_for(
    sources: &Sources,
    limits: CollectLimits,
    clock: SharedClock,
    served: &[EntityId],
    group: Option<&BTreeSet<EntityId>>,
) -> CheckReport {
    let mut report = CheckReport::default();
    let catalog = match Catalog::load(sources, limits.clone(), clock.clone()) {
        Ok(catalog) => catalog,
        Err(problems) => {
            report.problems = problems.0.iter().map(ToString::to_string).collect();
            // What can be said of the declarations is said all the same.
            match Catalog::declared(sources, limits, clock) {
                Ok(catalog) => catalog,
                Err(_) => return report,
            }
        }
    };
    report.problems.extend(problems(catalog.graph(), served, group).iter().map(ToString::to_string));
    describe(&catalog, served, &mut report);
    report.labels = wording::report(catalog.graph().manifests());
    warn(&mut report);
    report.warnings.extend(record::dangling(catalog.graph().manifests()));
    report.warnings.extend(keys::partial(catalog.graph()));
    let mut findings = Findings::default();
    finding::of_collections(catalog.graph(), &report.collections, &mut findings);
    others::of_rules(catalog.graph(), &mut findings);
    report.warnings.extend(tables::undeclared(&catalog, &report.datasets, &mut findings));
    guesses::of_files(&catalog::texts(sources), &mut findings);
    report.findings = findings.finish();
    report
}

fn describe(catalog: &Catalog, served: &[EntityId], report: &mut CheckReport) {
    let (graph, stop, kinds) = (catalog.graph(), StopFlag::new(), Kinds::default());
    let mut systems = OpenSystems::new(catalog, BTreeSet::new(), &stop, &kinds);
    for (index, info) in catalog.datasets().into_iter().enumerate() {
        let (mut unavailable, mut blocks_writers) = (None, false);
        match systems.live(index) {
            Ok(Some(database)) => blocks_writers = database.blocks_writers(),
            Ok(None) => {}
            Err(error) => unavailable = Some(error.to_string()),
        }
        report.datasets.push(DatasetReport {
            dataset: info.key,
            connected: info.connected,
            unavailable,
            blocks_writers,
        });
    }
    let types = graph.identifier_types();
    let alone: BTreeMap<_, Plan> = types.iter().map(|kind| (kind, graph.plan(&[kind.clone()].into()))).collect();
    let plan = graph.plan(&types);
    let columns = crate::walk::columns(graph);
    let owners_are_told = controllers::are_told(graph.manifests(), served);
    for node in 0..graph.nodes().len() {
        let reached = alone.iter().filter(|(_, plan)| plan.reaches(node)).map(|(kind, _)| (*kind).clone());
        let (dataset, collection) = (graph.dataset(node), graph.collection(node));
        let personal = graph.nodes()[node].personal;
        report.collections.push(CollectionReport {
            dataset: dataset.key.clone(),
            collection: collection.name.clone(),
            personal,
            rows_are_people: graph.nodes()[node].register,
            rows_of: owners_are_told.then(|| controllers::rows_of(dataset, collection)),
            reached_by: reached.collect(),
            scans: scans(graph, &plan, &columns, node, &mut systems),
            refused: refused(graph, &columns, node, &mut systems),
            undeclared_columns: undeclared(graph, node, &mut systems),
            columns: collection.fields.len(),
            labelled: !collection.wording.is_empty(),
            unlabelled_columns: wording::bare_fields(collection),
            not_recorded: if personal {
                record::not_recorded(graph.manifests(), dataset, collection)
            } else {
                Vec::new()
            },
        });
    }
}

fn scans(
    graph: &Graph,
    plan: &Plan,
    columns: &[Vec<String>],
    node: NodeId,
    systems: &mut OpenSystems<'_>,
) -> Vec<String> {
    let walk = Walk { graph, plan, columns, ends: &[] };
    let Ok(Some(database)) = systems.live(graph.nodes()[node].dataset) else { return Vec::new() };
    let mut found = Vec::new();
    for &lookup in &plan.lookups_of[node] {
        if !database.scans(&walk.query(lookup)).unwrap_or(false) || database.identifier_is_indexed(&walk.query(lookup))
        {
            continue;
        }
        let fields: Vec<String> = plan.lookups[lookup]
            .fields
            .iter()
            .map(|f| std::iter::once(&columns[node][f.column]).chain(&f.sub).cloned().collect::<Vec<_>>().join("."))
            .collect();
        let fields = fields.join(", ");
        found.push(match &plan.lookups[lookup].by {
            SoughtBy::Identifier(kind) => {
                let exact = Query { matching: Matching::Identifier(Folding::Exact), ..walk.query(lookup) };
                let folding = plan.lookups[lookup].fields[0].folding;
                let useless = folding != Folding::Exact && database.identifier_is_indexed(&exact);
                format!("{fields}, by identifier {kind}{}", if useless { why_useless(folding) } else { "" })
            }
            SoughtBy::Reference => format!("{fields}, by reference"),
        });
    }
    found
}

/// Why an index on the column itself does not find an identifier, and what would.
fn why_useless(folding: Folding) -> &'static str {
    match folding {
        Folding::Exact => "",
        Folding::Case => {
            " (compared in any case, which the column's index does not serve: index its lower case, or declare `normal: none` where all of it is stored in lower case)"
        }
        Folding::Punctuation | Folding::Digits | Folding::Alphanumeric => {
            " (compared without punctuation, which the column's index does not serve: declare `normal: none` where all of it is stored in one form)"
        }
    }
}

fn refused(graph: &Graph, columns: &[Vec<String>], node: NodeId, systems: &mut OpenSystems<'_>) -> Option<String> {
    let Ok(Some(database)) = systems.live(graph.nodes()[node].dataset) else { return None };
    let query = Query {
        table: &graph.collection(node).name,
        columns: &columns[node],
        primary_key: &graph.nodes()[node].primary_key,
        fields: &[],
        matching: Matching::Exact,
        owned: None,
    };
    database.refused(&query).unwrap_or_else(|error| Some(error.to_string()))
}

fn undeclared(graph: &Graph, node: NodeId, systems: &mut OpenSystems<'_>) -> Vec<String> {
    let collection = graph.collection(node);
    let Ok(Some(database)) = systems.live(graph.nodes()[node].dataset) else { return Vec::new() };
    let Ok(Some(table)) = database.table(&collection.name) else { return Vec::new() };
    let declared = |name: &str| collection.fields.iter().any(|field| field.name.eq_ignore_ascii_case(name));
    table.columns.iter().filter(|column| !declared(&column.name)).map(|column| column.name.clone()).collect()
}

fn warn(report: &mut CheckReport) {
    let warnings = &mut report.warnings;
    for dataset in &report.datasets {
        match (&dataset.unavailable, dataset.connected) {
            (Some(why), _) => warnings.push(format!("dataset `{}`: {why}", dataset.dataset)),
            (None, false) => {
                let what = "no database is configured, so every answer names it as not searched";
                warnings.push(format!("dataset `{}`: {what}; add it under `databases`", dataset.dataset));
            }
            (None, true) => {}
        }
    }
}
