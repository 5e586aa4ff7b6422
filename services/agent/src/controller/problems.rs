//! What a process that serves several entities does not start with: a collection of which nobody says whose its rows
//! are, a name that is no entity's, an entity that no collection gives rows to.

use std::collections::BTreeSet;

use tributary_model::id::EntityId;
use tributary_model::manifest::{At, Collection, Controller, Dataset, Field, Manifests};
use tributary_model::yaml::{Place, Problem, Problems};

use crate::graph::{Graph, NodeId};

/// Everything wrong, in file order. `group` are the group's entities, where the group file could be read.
pub(crate) fn problems(graph: &Graph, served: &[EntityId], group: Option<&BTreeSet<EntityId>>) -> Vec<Problem> {
    let mut found = Vec::new();
    let manifests = graph.manifests();
    for dataset in &manifests.datasets {
        let own = dataset.collections.iter().filter_map(|collection| collection.controller.as_ref());
        for controller in dataset.controller.iter().chain(own) {
            found.extend(unknown(controller, served, group));
        }
    }
    if served.len() > 1 {
        found.extend((0..graph.nodes().len()).filter_map(|node| nobodys(graph, node, served)));
        for entity in served.iter().filter(|entity| !owns_any(&manifests.of(entity))) {
            let message = format!("no collection gives rows to `{entity}`: name it in a `controller`, or leave it out");
            found.push(Problem { file: "entities".to_owned(), place: Place { line: 1, column: 1 }, message });
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Whether any collection is said to hold rows of the entity whose part this is: what only other rows lead to does not count.
fn owns_any(part: &Manifests) -> bool {
    let said = |dataset: &Dataset| dataset.collections.iter().any(|c| dataset.controller_of(c).is_some());
    part.datasets.iter().any(said)
}

/// As an error, if there is any.
pub(crate) fn check(graph: &Graph, served: &[EntityId], group: Option<&BTreeSet<EntityId>>) -> Result<(), Problems> {
    let found = problems(graph, served, group);
    if found.is_empty() { Ok(()) } else { Err(Problems(found)) }
}

fn unknown(controller: &Controller, served: &[EntityId], group: Option<&BTreeSet<EntityId>>) -> Option<Problem> {
    let group = group?;
    let is_known = |entity: &EntityId| served.contains(entity) || group.contains(entity);
    let entity = controller.entities().into_iter().find(|entity| !is_known(entity))?;
    let known: Vec<&str> = group.iter().map(EntityId::as_str).collect();
    let message = format!("`controller` names `{entity}`, and the group file has only {}", known.join(", "));
    Some(problem(&controller.at, message))
}

/// A collection whose rows are found by an identifier, or by nothing, and of which nobody says whose they are. Where a row
/// of another collection leads to it, its rows belong to whom that row belongs.
fn nobodys(graph: &Graph, node: NodeId, served: &[EntityId]) -> Option<Problem> {
    let (dataset, collection) = (graph.dataset(node), graph.collection(node));
    if dataset.controller_of(collection).is_some() {
        return None;
    }
    let sought = has_identity(&collection.fields);
    let led_to = graph
        .joins()
        .iter()
        .any(|join| (join.holder == node || join.referenced == node) && join.holder != join.referenced);
    let personal = dataset.is_personal(collection);
    (sought || (personal && !led_to)).then(|| problem(&collection.at, said(dataset, collection, served)))
}

fn said(dataset: &Dataset, collection: &Collection, served: &[EntityId]) -> String {
    let place = format!("dataset `{}`, collection `{}`", dataset.key, collection.name);
    let served: Vec<&str> = served.iter().map(EntityId::as_str).collect();
    let remedy =
        "give it or its dataset a `tributary: { controller: … }`: an entity, `{ column: … }`, or `{ shared: true }`";
    let by_column = dataset.controller.is_some();
    let hint = if by_column { "; the dataset's column counts where it is declared as a field" } else { "" };
    format!("{place}: nothing says to which of {} its rows belong; {remedy}{hint}", served.join(", "))
}

fn has_identity(fields: &[Field]) -> bool {
    fields.iter().any(|field| field.identity.is_some() || has_identity(&field.fields))
}

fn problem(at: &At, message: String) -> Problem {
    Problem { file: at.file.to_string(), place: at.place, message }
}
