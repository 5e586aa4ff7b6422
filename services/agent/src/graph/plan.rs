//! The graph oriented for one request: what is looked up by which values, where found rows lead, and in which order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tributary_model::id::IdentifierType;
use tributary_model::manifest::{Direction, Role};

use super::{FieldPath, Graph, Join, NodeId};

/// A lookup of a plan, as an index.
pub type LookupId = usize;

/// Rows of a collection sought by values of some of its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The collection.
    pub node: NodeId,
    /// The fields, of which there are several for a composite key.
    pub fields: Vec<FieldPath>,
    /// Where the values come from.
    pub by: SoughtBy,
    /// What the person has to do with the rows. Those that they only acted on lead nowhere.
    pub role: Role,
}

/// Where the values of a lookup come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SoughtBy {
    /// From the request: an identifier of this type.
    Identifier(IdentifierType),
    /// From rows that refer to it, or that it refers to.
    Reference,
}

/// Where a found row leads: values of these fields are looked up there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Fields of the found row.
    pub fields: Vec<FieldPath>,
    /// The lookup they feed.
    pub lookup: LookupId,
}

/// The graph as one request uses it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// All lookups.
    pub lookups: Vec<Lookup>,
    /// Per node, where its rows lead.
    pub edges: Vec<Vec<Edge>>,
    /// Per node, the lookups that find its rows.
    pub lookups_of: Vec<Vec<LookupId>>,
    /// Nodes in the order in which they are walked: what feeds a node comes before it, where there is no cycle.
    pub order: Vec<NodeId>,
    /// Per node, whether its rows can lead back to it.
    pub cyclic: Vec<bool>,
    /// Per node, whether rows of it that are another entity's lead to rows that may be this one's.
    pub beyond: Vec<bool>,
    /// Per node, whether rows of another entity may lead to it.
    pub strayed: Vec<bool>,
}

impl Plan {
    /// Whether any identifier of the request leads to the node.
    pub fn reaches(&self, node: NodeId) -> bool {
        !self.lookups_of[node].is_empty()
    }

    /// How many queues of values a walk needs: one for each lookup, and one more where others' rows are looked beyond.
    pub fn queues(&self) -> usize {
        self.lookups.len() * if self.beyond.contains(&true) { 2 } else { 1 }
    }

    /// Whether a lookup finds rows that the person only acted on.
    pub fn is_of_actor(&self, lookup: LookupId) -> bool {
        self.lookups[lookup].role == Role::Actor
    }

    /// The plan without rows that the person only acted on.
    pub fn without_actors(mut self) -> Self {
        let lookups = std::mem::take(&mut self.lookups);
        let subject = |lookup: LookupId| lookups[lookup].role == Role::Subject;
        self.edges.iter_mut().for_each(|edges| edges.retain(|edge| subject(edge.lookup)));
        self.lookups_of.iter_mut().for_each(|of| of.retain(|&lookup| subject(lookup)));
        Self { lookups, ..self }
    }

    fn add(&mut self, node: NodeId, fields: &[FieldPath], by: SoughtBy, role: Role) -> LookupId {
        let lookup = Lookup { node, fields: fields.to_vec(), by, role };
        if let Some(known) = self.lookups.iter().position(|l| *l == lookup) {
            return known;
        }
        self.lookups.push(lookup);
        self.lookups_of[node].push(self.lookups.len() - 1);
        self.lookups.len() - 1
    }
}

pub(super) fn plan(graph: &Graph, types: &BTreeSet<IdentifierType>) -> Plan {
    let count = graph.nodes.len();
    let near = Nearness::new(graph, types);
    let mut plan = Plan {
        lookups: Vec::new(),
        edges: vec![Vec::new(); count],
        lookups_of: vec![Vec::new(); count],
        order: Vec::new(),
        cyclic: vec![false; count],
        beyond: vec![false; count],
        strayed: vec![false; count],
    };
    for (index, node) in graph.nodes.iter().enumerate() {
        for (seeded, role) in [(&node.identities, Role::Subject), (&node.actors, Role::Actor)] {
            for (kind, field) in seeded.iter().filter(|(kind, _)| types.contains(kind)) {
                plan.add(index, std::slice::from_ref(field), SoughtBy::Identifier(kind.clone()), role);
            }
        }
    }
    for join in &graph.joins {
        let Some(way) = near.way(graph, join) else { continue };
        let (from, from_fields, to, to_fields) = ends(join, way);
        if near.distance[from].is_none() || (from == to && from_fields == to_fields) {
            continue;
        }
        let lookup = plan.add(to, to_fields, SoughtBy::Reference, join.role);
        let edge = Edge { fields: from_fields.to_vec(), lookup };
        if !plan.edges[from].contains(&edge) {
            plan.edges[from].push(edge);
        }
    }
    plan.cyclic = (0..count).map(|node| leads_back(&plan, node)).collect();
    plan.order = order(graph, &plan);
    look_beyond(graph, &mut plan);
    plan
}

/// Finds where rows of another entity lead to rows that may be this one's, also through rows that are whose those are.
fn look_beyond(graph: &Graph, plan: &mut Plan) {
    let (owned, count) = (|node: &super::Node| node.owned.is_some(), graph.nodes.len());
    if !graph.nodes.iter().any(owned) {
        return;
    }
    let next = |plan: &Plan, node: NodeId| -> Vec<NodeId> {
        let edges = plan.edges[node].iter().filter(|edge| !plan.is_of_actor(edge.lookup));
        edges.map(|edge| plan.lookups[edge.lookup].node).collect()
    };
    let own = |node: NodeId| graph.nodes[node].owned.is_some() || graph.nodes[node].named;
    let mut leads = vec![false; count];
    loop {
        let more = |node: &NodeId| !leads[*node] && next(plan, *node).into_iter().any(|to| own(to) || leads[to]);
        let more: Vec<NodeId> = (0..count).filter(more).collect();
        if more.is_empty() {
            break;
        }
        more.into_iter().for_each(|node| leads[node] = true);
    }
    plan.beyond = (0..count).map(|node| leads[node] && owned(&graph.nodes[node])).collect();
    let mut stack: Vec<NodeId> = (0..count).filter(|&node| plan.beyond[node]).collect();
    while let Some(node) = stack.pop() {
        for to in next(plan, node) {
            if !std::mem::replace(&mut plan.strayed[to], true) {
                stack.push(to);
            }
        }
    }
}

/// A way to walk a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the referenced row to the rows that refer to it.
    Down,
    /// From a row to what it refers to.
    Up,
}

fn ends(join: &Join, way: Way) -> (NodeId, &[FieldPath], NodeId, &[FieldPath]) {
    let (holder, referenced) = ((join.holder, &join.holder_fields), (join.referenced, &join.referenced_fields));
    match way {
        Way::Down => (referenced.0, referenced.1, holder.0, holder.1),
        Way::Up => (holder.0, holder.1, referenced.0, referenced.1),
    }
}

/// How the collections lie around the person, which decides the way of references that declare none.
///
/// A declared direction is followed as it is. A reference without one may be walked either way, and one of the two
/// is as a rule wrong: a customer's address leads to everybody at that address, a ticket's clerk to all the clerk's
/// tickets. So:
/// - the person is who is found by an identifier, and who stands behind such a row (a table of e-mail addresses);
/// - what refers to the person's own rows is the person's own too, and is walked to (down);
/// - what those rows refer to is walked to (up), and from there only further up: others may refer to it as well;
/// - between two collections of the person's own, from the nearer to the farther one;
/// - between two collections whose rows are people, and from a collection to itself, not at all.
///
/// Whatever is declared, a reference to who acted on a row leads from the person's own collection to the rows that they
/// acted on, and no way else; and a row that several people share leads to none of them.
///
/// What stays out of reach by this is named as not searched, and a declared direction opens it.
struct Nearness {
    /// Steps from the identifiers; `None` for what they do not reach.
    distance: Vec<Option<usize>>,
    /// Whether rows belong to the person alone: found by an identifier, or by referring to such rows.
    own: Vec<bool>,
}

impl Nearness {
    fn new(graph: &Graph, types: &BTreeSet<IdentifierType>) -> Self {
        let seeded = |node: &super::Node| node.identities.iter().any(|(kind, _)| types.contains(kind));
        let seeds: Vec<NodeId> = (0..graph.nodes.len()).filter(|&n| seeded(&graph.nodes[n])).collect();
        let mut owners = seeds.clone();
        owners.extend(people_behind(graph, types, &seeds));
        let is_down = |join: &Join| join.direction != Some(Direction::To) && !relates_people(graph, join);
        let is_down = |join: &Join| is_down(join) && join.role == Role::Subject && !is_shared(graph, join.referenced);
        let down = graph.joins.iter().filter(|join| is_down(join)).map(|join| (join.referenced, join.holder));
        let own: Vec<bool> =
            steps(graph.nodes.len(), &owners, &down.collect::<Vec<_>>()).iter().map(Option::is_some).collect();
        let mut ways = Vec::new();
        for join in graph.joins.iter().filter(|join| join.role == Role::Subject) {
            let undirected = join.direction.is_none() && !relates_people(graph, join);
            let down = join.direction == Some(Direction::From) || (undirected && own[join.referenced]);
            if down && !is_shared(graph, join.referenced) {
                ways.push((join.referenced, join.holder));
            }
            if (join.direction == Some(Direction::To) || undirected) && !leaves_shared(graph, join) {
                ways.push((join.holder, join.referenced));
            }
        }
        Self { distance: steps(graph.nodes.len(), &seeds, &ways), own }
    }

    fn way(&self, graph: &Graph, join: &Join) -> Option<Way> {
        if join.role == Role::Actor {
            return self.own[join.referenced].then_some(Way::Down);
        }
        self.declared_way(graph, join).filter(|way| match way {
            Way::Down => !is_shared(graph, join.referenced),
            Way::Up => !leaves_shared(graph, join),
        })
    }

    fn declared_way(&self, graph: &Graph, join: &Join) -> Option<Way> {
        match join.direction {
            Some(Direction::From) => Some(Way::Down),
            Some(Direction::To) => Some(Way::Up),
            None if relates_people(graph, join) => None,
            None if !self.own[join.referenced] || is_shared(graph, join.referenced) => Some(Way::Up),
            None => {
                let (referenced, holder) = (self.distance[join.referenced], self.distance[join.holder]);
                Some(if holder.is_some() && holder < referenced { Way::Up } else { Way::Down })
            }
        }
    }
}

/// The registers to which rows found by an identifier refer, where these rows are no people: behind a table of e-mail
/// addresses stands the person. A register that has a field for the identifier's type says itself who is meant.
fn people_behind(graph: &Graph, types: &BTreeSet<IdentifierType>, seeds: &[NodeId]) -> Vec<NodeId> {
    let is_up = |join: &&Join| join.direction != Some(Direction::From) && !graph.nodes[join.holder].register;
    let is_up = |join: &&Join| is_up(join) && join.role == Role::Subject && !leaves_shared(graph, join);
    let up: Vec<_> = graph.joins.iter().filter(is_up).map(|join| (join.holder, join.referenced)).collect();
    let reached = steps(graph.nodes.len(), seeds, &up);
    let asks = |node: &super::Node| node.register && !node.identities.iter().any(|(kind, _)| types.contains(kind));
    (0..graph.nodes.len()).filter(|&n| reached[n].is_some() && asks(&graph.nodes[n])).collect()
}

/// Whether several people refer to a collection's rows.
fn is_shared(graph: &Graph, node: NodeId) -> bool {
    graph.collection(node).others.shared
}

/// Whether a reference leads from a shared row to a person.
fn leaves_shared(graph: &Graph, join: &Join) -> bool {
    is_shared(graph, join.holder) && graph.nodes[join.referenced].register
}

/// Whether a reference without direction relates people to each other: a clerk to customers, a manager to staff.
fn relates_people(graph: &Graph, join: &Join) -> bool {
    let people = graph.nodes[join.holder].register && graph.nodes[join.referenced].register;
    join.direction.is_none() && (people || join.holder == join.referenced)
}

/// Steps from `seeds` along `ways`.
fn steps(count: usize, seeds: &[NodeId], ways: &[(NodeId, NodeId)]) -> Vec<Option<usize>> {
    let mut next: Vec<Vec<NodeId>> = vec![Vec::new(); count];
    for &(from, to) in ways {
        next[from].push(to);
    }
    let mut distance = vec![None; count];
    let mut queue: VecDeque<NodeId> = seeds.iter().copied().collect();
    for &seed in seeds {
        distance[seed] = Some(0);
    }
    while let Some(node) = queue.pop_front() {
        let step = distance[node].map(|d: usize| d + 1);
        for &other in &next[node] {
            if distance[other].is_none() {
                distance[other] = step;
                queue.push_back(other);
            }
        }
    }
    distance
}

/// What feeds a node and what `after` names comes first; where that is a cycle, file order decides.
fn order(graph: &Graph, plan: &Plan) -> Vec<NodeId> {
    let count = graph.nodes.len();
    let number: BTreeMap<(usize, usize), NodeId> =
        graph.nodes.iter().enumerate().map(|(index, node)| ((node.dataset, node.collection), index)).collect();
    let mut feeds: Vec<BTreeSet<NodeId>> = vec![BTreeSet::new(); count];
    for (node, edges) in plan.edges.iter().enumerate() {
        // What the person acted on is walked at the end, whatever its place.
        let others = |edge: &&Edge| plan.lookups[edge.lookup].node != node && !plan.is_of_actor(edge.lookup);
        for edge in edges.iter().filter(others) {
            feeds[plan.lookups[edge.lookup].node].insert(node);
        }
    }
    let mut asked: Vec<BTreeSet<NodeId>> = vec![BTreeSet::new(); count];
    for (index, before) in asked.iter_mut().enumerate() {
        let manifests = graph.manifests();
        let named = graph.collection(index).after.iter().filter_map(|after| manifests.collection(&after.name));
        before.extend(named.filter_map(|key| number.get(&key).copied()));
        let datasets = &graph.dataset(index).after;
        before.extend((0..count).filter(|&other| datasets.contains(&graph.dataset(other).key)));
    }
    let (mut order, mut placed) = (Vec::with_capacity(count), vec![false; count]);
    while order.len() < count {
        let free = |sets: &[BTreeSet<NodeId>], n: NodeId| sets[n].iter().all(|&before| placed[before]);
        let open = || (0..count).filter(|&n| !placed[n]);
        let next = open()
            .find(|&n| free(&feeds, n) && free(&asked, n))
            // Only a cycle can be in the way: it is entered at its own node, so that what lies behind it comes after.
            .or_else(|| open().find(|&n| plan.cyclic[n] && free(&asked, n)))
            .or_else(|| open().find(|&n| plan.cyclic[n]))
            .or_else(|| open().find(|&n| free(&feeds, n)))
            .or_else(|| open().next());
        let Some(next) = next else { break };
        placed[next] = true;
        order.push(next);
    }
    order
}

fn leads_back(plan: &Plan, start: NodeId) -> bool {
    let (mut seen, mut stack) = (BTreeSet::new(), vec![start]);
    while let Some(node) = stack.pop() {
        for edge in plan.edges[node].iter().filter(|edge| !plan.is_of_actor(edge.lookup)) {
            let to = plan.lookups[edge.lookup].node;
            if to == start {
                return true;
            }
            if seen.insert(to) {
                stack.push(to);
            }
        }
    }
    false
}
