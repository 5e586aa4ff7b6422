//! Whether the identifiers of a request single one person out. Asked before any row is handed over.
//!
//! People are rows of *registers* (see `graph`): two rows there are two people. The identifiers do not single one
//! person out when
//! - they find two rows of one register, whether by one identifier (two customers under one e-mail address) or by two;
//! - two of them lead, through rows that are no people (a table of telephone numbers), to different rows of a register,
//!   or one of them leads to two rows of a register that has no field for its type;
//! - two of them find rows in one collection, no row carries both, and nothing else ties them together.
//!
//! One person in several collections or datasets is no conflict, nor is one row found in two spellings. The answer is
//! the same whoever the people are: it says neither who nor how many.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tributary_model::id::CountryCode;
use tributary_model::identifier::Identifier;

use crate::collect::Located;
use crate::controller::Belongs;
use crate::graph::{Graph, NodeId, Plan, SoughtBy};
use crate::source::{ReadError, Row, Sought, values_at};
use crate::spill::{Memory, Spill};
use crate::walk::{Failure, Systems, Visitor, Walk};

/// Decides whom the identifiers mean.
pub(crate) struct Resolver<'r> {
    pub(crate) walk: Walk<'r>,
    pub(crate) systems: &'r mut dyn Systems,
    pub(crate) folder: &'r Path,
    pub(crate) memory: Memory,
    /// To which numbers without a country belong.
    pub(crate) country: Option<&'r CountryCode>,
}

/// Which identifiers were tied together so far, and which people they were seen to mean.
struct Ties {
    groups: Vec<usize>,
    /// Per register and identifier, the rows it leads to, as keys.
    people: BTreeMap<(NodeId, usize), BTreeSet<Vec<u8>>>,
    /// Per collection, the identifiers that find rows there.
    hits: BTreeMap<NodeId, BTreeSet<usize>>,
}

impl Ties {
    fn group(&self, identifier: usize) -> usize {
        let mut at = identifier;
        while self.groups[at] != at {
            at = self.groups[at];
        }
        at
    }

    fn tie(&mut self, identifiers: &[usize]) {
        for pair in identifiers.windows(2) {
            let (a, b) = (self.group(pair[0]), self.group(pair[1]));
            self.groups[a] = b;
        }
    }

    /// Two rows of one register are two people.
    fn names_two_people(&self) -> bool {
        let mut registers: BTreeMap<NodeId, BTreeSet<&Vec<u8>>> = BTreeMap::new();
        for ((register, _), rows) in &self.people {
            registers.entry(*register).or_default().extend(rows);
        }
        registers.values().any(|rows| rows.len() > 1)
    }

    /// Identifiers that lead to one row mean one person.
    fn tie_by_people(&mut self) {
        let mut by_row: BTreeMap<(NodeId, Vec<u8>), Vec<usize>> = BTreeMap::new();
        for ((register, identifier), rows) in &self.people {
            for row in rows {
                by_row.entry((*register, row.clone())).or_default().push(*identifier);
            }
        }
        by_row.values().for_each(|identifiers| self.tie(identifiers));
    }

    fn leaves_strangers(&self) -> bool {
        self.hits.values().any(|found| found.iter().map(|&i| self.group(i)).collect::<BTreeSet<_>>().len() > 1)
    }
}

impl Resolver<'_> {
    pub(crate) fn resolve(&mut self, identifiers: &[Identifier]) -> Result<Located, Failure> {
        let mut distinct = identifiers.to_vec();
        distinct.sort();
        distinct.dedup();
        let sought: Vec<Sought> = distinct.iter().map(|one| Sought::new(one, self.country)).collect();
        let mut ties = Ties { groups: (0..sought.len()).collect(), people: BTreeMap::new(), hits: BTreeMap::new() };
        let mut found = false;
        for node in self.seeded() {
            found |= self.seeds(node, &sought, &mut ties)?;
            if ties.names_two_people() {
                return Ok(Located::NeedsIdentity);
            }
        }
        for (index, one) in sought.iter().enumerate() {
            self.lead(index, one, &mut ties)?;
            if ties.names_two_people() {
                return Ok(Located::NeedsIdentity);
            }
        }
        ties.tie_by_people();
        Ok(match (ties.leaves_strangers(), found) {
            (true, _) => Located::NeedsIdentity,
            (false, true) => Located::Found,
            (false, false) => Located::NotFound,
        })
    }

    fn plan(&self) -> &Plan {
        self.walk.plan
    }

    fn graph(&self) -> &Graph {
        self.walk.graph
    }

    fn seeded(&self) -> BTreeSet<NodeId> {
        let by_identifier = |l: &&crate::graph::Lookup| matches!(l.by, SoughtBy::Identifier(_));
        self.plan().lookups.iter().filter(by_identifier).map(|l| l.node).collect()
    }

    /// Looks at the rows that the identifiers find in one collection; returns whether there are any.
    fn seeds(&mut self, node: NodeId, sought: &[Sought], ties: &mut Ties) -> Result<bool, Failure> {
        let dataset = self.graph().nodes()[node].dataset;
        self.seed_rows(node, sought, ties).map_err(|error| Failure { dataset, error })
    }

    fn seed_rows(&mut self, node: NodeId, sought: &[Sought], ties: &mut Ties) -> Result<bool, ReadError> {
        let register = self.graph().nodes()[node].register;
        let walk = self.walk;
        let owned = walk.graph.nodes()[node].owned.as_ref();
        let Some(snapshot) = self.systems.snapshot(self.walk.graph.nodes()[node].dataset)? else { return Ok(false) };
        let mut found = false;
        let (of_actor, about): (Vec<usize>, Vec<usize>) =
            walk.plan.lookups_of[node].iter().partition(|&&lookup| walk.plan.is_of_actor(lookup));
        let fields: Vec<_> = about
            .iter()
            .filter_map(|&id| match &walk.plan.lookups[id].by {
                SoughtBy::Identifier(kind) => Some((id, kind.clone(), walk.plan.lookups[id].fields[0].clone())),
                SoughtBy::Reference => None,
            })
            .collect();
        // With one identifier, and rows that are no people, one row is as good as all of them.
        let one_is_enough = sought.len() == 1 && !register;
        for (id, kind, _) in &fields {
            let values: Vec<_> =
                sought.iter().filter(|s| s.kind() == kind).flat_map(Sought::values).map(|v| vec![v]).collect();
            let outcome = snapshot.find(&walk.query(*id), &values, &mut |row| {
                // Who shares a store with us knows people of their own, under the same identifiers too.
                if owned.is_some_and(|owned| owned.whose(row) != Belongs::Ours) {
                    return Ok(());
                }
                found = true;
                let matched: Vec<usize> = (0..sought.len())
                    .filter(|&i| {
                        let mut own = fields.iter().filter(|(_, kind, _)| kind == sought[i].kind());
                        own.any(|(.., field)| {
                            values_at(row, field).iter().any(|value| sought[i].is(value, field.folding))
                        })
                    })
                    .collect();
                ties.tie(&matched);
                ties.hits.entry(node).or_default().extend(&matched);
                if register {
                    let by = matched.first().copied().unwrap_or(0);
                    note_person(ties, node, by, row);
                    matched.iter().skip(1).for_each(|&i| note_person(ties, node, i, row));
                }
                if one_is_enough || ties.names_two_people() { Err(ReadError::Enough) } else { Ok(()) }
            });
            match outcome {
                Ok(()) | Err(ReadError::Enough | ReadError::NotReadable(_) | ReadError::Incomparable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        // Rows that somebody acted on say that they are known, and nothing of who they are.
        for id in of_actor {
            let SoughtBy::Identifier(kind) = &walk.plan.lookups[id].by else { continue };
            let values: Vec<_> =
                sought.iter().filter(|s| s.kind() == kind).flat_map(Sought::values).map(|v| vec![v]).collect();
            let outcome = snapshot.find(&walk.query(id), &values, &mut |row| {
                found |= owned.is_none_or(|owned| owned.whose(row) == Belongs::Ours);
                if found { Err(ReadError::Enough) } else { Ok(()) }
            });
            match outcome {
                Ok(()) | Err(ReadError::Enough | ReadError::NotReadable(_) | ReadError::Incomparable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Follows one identifier through rows that are no people to the registers behind them.
    fn lead(&mut self, index: usize, one: &Sought, ties: &mut Ties) -> Result<(), Failure> {
        let graph = self.walk.graph;
        let types = BTreeSet::from([one.kind().clone()]);
        // Who acted on a row does not stand behind it.
        let plan = graph.plan(&types).without_actors();
        // A register with a field for this type says itself whom the identifier means.
        let asks = |node: NodeId| {
            let node = &graph.nodes()[node];
            node.register && !node.identities.iter().any(|(kind, _)| kind == one.kind())
        };
        let behind: Vec<NodeId> = (0..graph.nodes().len()).filter(|&n| asks(n) && plan.reaches(n)).collect();
        let starts =
            plan.lookups.iter().any(|l| matches!(l.by, SoughtBy::Identifier(_)) && !graph.nodes()[l.node].register);
        if behind.is_empty() || !starts {
            return Ok(());
        }
        let ends: Vec<bool> = graph.nodes().iter().map(|node| node.register).collect();
        let plan = towards(plan, &behind, &ends);
        let walk = Walk { graph, plan: &plan, columns: self.walk.columns, ends: &ends };
        let failed = |error| Failure { dataset: 0, error };
        let mut spill =
            Spill::new(self.folder, plan.lookups.len(), self.memory).map_err(|error| failed(error.into()))?;
        let mut visitor = Behind { index, behind: &behind, ties };
        match walk.run(std::slice::from_ref(one), self.systems, &mut spill, &mut visitor) {
            Ok(_) | Err(Failure { error: ReadError::Enough, .. }) => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}

/// The plan cut down to what leads to the registers `behind` without passing through people.
fn towards(mut plan: Plan, behind: &[NodeId], ends: &[bool]) -> Plan {
    let mut useful: BTreeSet<NodeId> = behind.iter().copied().collect();
    loop {
        let leads = |n: &NodeId| {
            let to_useful = |e: &crate::graph::Edge| useful.contains(&plan.lookups[e.lookup].node);
            !useful.contains(n) && !ends[*n] && plan.edges[*n].iter().any(to_useful)
        };
        let more: Vec<NodeId> = (0..ends.len()).filter(leads).collect();
        if more.is_empty() {
            break;
        }
        useful.extend(more);
    }
    let lookups = std::mem::take(&mut plan.lookups);
    plan.edges.iter_mut().for_each(|edges| edges.retain(|e| useful.contains(&lookups[e.lookup].node)));
    plan.order.retain(|node| useful.contains(node));
    Plan { lookups, ..plan }
}

fn note_person(ties: &mut Ties, register: NodeId, identifier: usize, row: &dyn Row) {
    let mut key = Vec::new();
    row.write_identity(&mut key);
    ties.people.entry((register, identifier)).or_default().insert(key);
}

struct Behind<'t> {
    index: usize,
    behind: &'t [NodeId],
    ties: &'t mut Ties,
}

impl Visitor for Behind<'_> {
    fn row(&mut self, node: NodeId, row: &dyn Row) -> Result<(), ReadError> {
        if self.behind.contains(&node) {
            note_person(self.ties, node, self.index, row);
            if self.ties.names_two_people() {
                return Err(ReadError::Enough);
            }
        }
        Ok(())
    }
}
