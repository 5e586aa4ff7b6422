//! What a walk did not search, and what may therefore be said. Missing never reads as empty (GRP-6).

use std::collections::BTreeMap;

use tributary_archive::attestation::{Answer, NotSearched, NotSearchedReason, Searched, weaken};
use tributary_archive::redaction::Redaction;
use tributary_model::disposition::Disposition;
use tributary_model::id::{EntityId, FidesKey};
use tributary_model::manifest::Collection;

use crate::graph::{Graph, NodeId, Plan};
use crate::walk::Walked;

/// Why an answer is partial of which something may be hidden that is the person's own.
const HIDDEN: &str = "text that may speak of others is hidden, or rows of which this person has a part are left out \
(Art. 15(4) GDPR); ask for a review";

type GivenUp = BTreeMap<FidesKey, NotSearchedReason>;

/// Everything declared that was not searched, or not to its end, in file order.
pub(crate) fn not_searched(
    graph: &Graph,
    plan: &Plan,
    connected: &[bool],
    given_up: &GivenUp,
    walked: &Walked,
) -> Vec<NotSearched> {
    let mut gaps = Vec::new();
    let cut = cut_off(graph, plan, connected, given_up, walked);
    for (d, dataset) in graph.manifests().datasets.iter().enumerate() {
        let gap = |collection: Option<&str>, reason, detail: String| NotSearched {
            dataset: dataset.shown.clone(),
            collection: collection.map(str::to_owned),
            reason,
            detail,
        };
        let personal = dataset.collections.iter().any(|collection| dataset.is_personal(collection));
        let by_program = || dataset.collections.iter().filter(|collection| collection.people.manual.is_none());
        let is_by_hand = |collection: &Collection| collection.people.manual.is_some();
        if let Some((reason, detail)) = whole(connected[d], given_up.get(&dataset.key)) {
            let reason = if personal { reason } else { NotSearchedReason::NotPersonal };
            if dataset.collections.iter().any(is_by_hand) {
                gaps.extend(by_program().map(|collection| gap(Some(&collection.shown), reason, detail.to_owned())));
            } else {
                gaps.push(gap(None, reason, detail.to_owned()));
            }
            continue;
        }
        // What a person searches is named when they have answered, or have not.
        for (c, collection) in dataset.collections.iter().enumerate().filter(|(_, collection)| !is_by_hand(collection))
        {
            let node = graph.nodes().iter().position(|node| (node.dataset, node.collection) == (d, c));
            let found = match node {
                None => Some((NotSearchedReason::SkippedByManifest, "the manifest says skip_processing".to_owned())),
                Some(node) if !plan.reaches(node) => Some((NotSearchedReason::NoIdentifierOfType, needed(graph, node))),
                Some(node) => cut.get(&node).cloned(),
            };
            let Some((reason, detail)) = found else { continue };
            let reached = node.is_some_and(|node| plan.reaches(node));
            let reason =
                if dataset.is_personal(collection) || reached { reason } else { NotSearchedReason::NotPersonal };
            gaps.push(gap(Some(&collection.shown), reason, detail));
        }
    }
    gaps
}

/// Why nothing of a dataset was searched.
fn whole(connected: bool, given_up: Option<&NotSearchedReason>) -> Option<(NotSearchedReason, &'static str)> {
    match given_up {
        _ if !connected => Some((NotSearchedReason::NotConnected, "the agent has no connection to this system")),
        Some(NotSearchedReason::SnapshotTooLong) => {
            Some((NotSearchedReason::SnapshotTooLong, "reading took longer than the system may be kept from writing"))
        }
        Some(reason) => Some((*reason, "the system did not answer for as long as it was tried")),
        None => None,
    }
}

/// Which identifiers would have led to a collection.
fn needed(graph: &Graph, node: NodeId) -> String {
    let leads = |kind: &tributary_model::id::IdentifierType| graph.plan(&[kind.clone()].into()).reaches(node);
    let types: Vec<String> =
        graph.identifier_types().iter().filter(|kind| leads(kind)).map(ToString::to_string).collect();
    if types.is_empty() {
        "no identifier leads here: the manifest declares neither an identity nor a reference that is walked".to_owned()
    } else {
        format!("needs an identifier of type {}", types.join(" or "))
    }
}

/// Collections that could not be read to their end, and those to which rows that were not read would have led.
fn cut_off(
    graph: &Graph,
    plan: &Plan,
    connected: &[bool],
    given_up: &GivenUp,
    walked: &Walked,
) -> BTreeMap<NodeId, (NotSearchedReason, String)> {
    let mut cut: BTreeMap<NodeId, (NotSearchedReason, String)> = BTreeMap::new();
    let mut open: Vec<(NodeId, NotSearchedReason)> = Vec::new();
    for (node, why) in &walked.unreadable {
        cut.insert(*node, (NotSearchedReason::NotReadable, said(graph, *node, why)));
        open.push((*node, NotSearchedReason::NotReadable));
    }
    let told = |rows: u64, one: &str, many: &str| {
        if rows == 1 { format!("1 row {one}") } else { format!("{rows} rows {many}") }
    };
    let mut unowned: BTreeMap<NodeId, Vec<String>> = BTreeMap::new();
    for (node, rows) in &walked.nobodys {
        let rows = told(*rows, "names", "name");
        let detail = format!("{rows} no company of the group as the one they belong to, so nobody hands them over");
        unowned.entry(*node).or_default().push(detail);
    }
    for (node, rows) in &walked.beyond {
        let rows = told(*rows, "of this company hangs", "of this company hang");
        let detail = format!("{rows} on rows of another company only, so nobody hands them over");
        unowned.entry(*node).or_default().push(detail);
    }
    for (node, details) in unowned {
        cut.entry(node).or_insert((NotSearchedReason::ControllerUnknown, details.join("; ")));
        open.push((node, NotSearchedReason::ControllerUnknown));
    }
    for node in (0..graph.nodes().len()).filter(|&node| plan.reaches(node)) {
        if let Some((reason, _)) = whole(connected[graph.nodes()[node].dataset], given_up.get(&graph.dataset(node).key))
        {
            open.push((node, reason));
        }
    }
    let mut seen: Vec<NodeId> = open.iter().map(|(node, _)| *node).collect();
    while let Some((from, reason)) = open.pop() {
        for edge in &plan.edges[from] {
            let to = plan.lookups[edge.lookup].node;
            if !seen.contains(&to) {
                seen.push(to);
                let detail = format!("rows to which only {} leads were not sought", shown(graph, from));
                cut.entry(to).or_insert((reason, detail));
                open.push((to, reason));
            }
        }
    }
    cut
}

/// `dataset.collection` as others see it.
fn shown(graph: &Graph, node: NodeId) -> String {
    format!("{}.{}", graph.dataset(node).shown, graph.collection(node).shown)
}

/// Why a collection cannot be read. A system's own words may name it, so they are not passed on where the name is hidden.
fn said(graph: &Graph, node: NodeId, why: &str) -> String {
    let hidden = graph.dataset(node).redacted || graph.collection(node).redacted;
    if hidden { "it, or part of it, cannot be read".to_owned() } else { why.to_owned() }
}

/// What was searched: collections that identifiers lead to, in systems that were read.
pub(crate) fn searched(
    graph: &Graph,
    plan: &Plan,
    connected: &[bool],
    given_up: &GivenUp,
    walked: &Walked,
) -> Vec<Searched> {
    let read = |&node: &NodeId| {
        let dataset = graph.nodes()[node].dataset;
        plan.reaches(node) && whole(connected[dataset], given_up.get(&graph.dataset(node).key)).is_none()
    };
    (0..graph.nodes().len())
        .filter(read)
        .map(|node| Searched {
            dataset: graph.dataset(node).shown.clone(),
            collection: graph.collection(node).shown.clone(),
            rows: walked.rows[node],
        })
        .collect()
}

/// One answer per dataset.
pub(crate) fn answers(
    graph: &Graph,
    controller: &EntityId,
    not_searched: &[NotSearched],
    walked: &Walked,
) -> Vec<Answer> {
    let datasets = graph.manifests().datasets.iter().enumerate();
    datasets
        .map(|(d, dataset)| {
            let nodes = graph.nodes().iter().zip(&walked.rows).filter(|(node, _)| node.dataset == d);
            let rows = nodes.map(|(_, rows)| rows).sum();
            let mut redacted = walked.redactions.iter().filter(|redaction| redaction.dataset == dataset.shown);
            let hidden = redacted.any(Redaction::hides_own_data);
            let said = match rows {
                _ if hidden => Disposition::PartlyFulfilled,
                0 => Disposition::NoData,
                _ => Disposition::Fulfilled,
            };
            Answer {
                controller: controller.clone(),
                dataset: dataset.shown.clone(),
                disposition: weaken(said, &dataset.shown, not_searched),
                reason: hidden.then(|| HIDDEN.to_owned()),
                rows,
                snapshot_at: walked.snapshots.get(&d).copied(),
            }
        })
        .collect()
}
