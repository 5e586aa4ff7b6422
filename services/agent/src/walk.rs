//! The walk: from the identifiers through the references, each row of the person once, in a fixed order, in bounded
//! memory.
//!
//! Collections are taken in the plan's order; a cycle comes back to one when new values wait for it, and ends when no
//! new ones do. Rows that the person only acted on come at the very end, so that one that is also about them is given as
//! such, and lead nowhere. Neighbours: `graph` (the plan), `source` (rows), `spill` (what must be remembered), `identity` (whether
//! the identifiers are one person, asked before anything is handed over).

mod beyond;

use std::collections::BTreeMap;

use jiff::Timestamp;
use tributary_archive::redaction::Redaction;
use tributary_model::manifest::Role;

use crate::controller::{Belongs, undeclared_column};
use crate::graph::{FieldPath, Graph, LookupId, NodeId, Plan, SoughtBy};
use crate::redact::Giving;
use crate::source::{Matching, OnSlice, Query, ReadError, Row, Snapshot, Sought, lookup};
use crate::spill::Spill;
use crate::value::{Cell, NoForm, Tuple, Value};

/// What takes the rows of a walk.
pub trait Visitor {
    /// A row of a collection. Each comes once.
    fn row(&mut self, node: NodeId, row: &dyn Row) -> Result<(), ReadError>;
}

/// The systems of a walk: one snapshot each, opened when it is needed first.
pub trait Systems {
    /// The snapshot of a dataset; `None` when the walk does without it.
    fn snapshot(&mut self, dataset: usize) -> Result<Option<&mut (dyn Snapshot + '_)>, ReadError>;
}

/// A walk failed at a dataset.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// Index of the dataset.
    pub dataset: usize,
    /// What failed.
    #[source]
    pub error: ReadError,
}

/// What a walk found.
#[derive(Debug, Clone, Default)]
pub struct Walked {
    /// Rows per node.
    pub rows: Vec<u64>,
    /// Rows of shared collections that name no entity that is known, per node: neither given nor followed.
    pub nobodys: BTreeMap<NodeId, u64>,
    /// Rows of the entity that only rows of another one lead to, per node: neither given nor followed.
    pub beyond: BTreeMap<NodeId, u64>,
    /// What was hidden of the rows, or left out, because it is about others.
    pub redactions: Vec<Redaction>,
    /// Collections that could not be read to their end, with why.
    pub unreadable: BTreeMap<NodeId, String>,
    /// The instant of each dataset's snapshot.
    pub snapshots: BTreeMap<usize, Timestamp>,
    /// Lookups carried out and rows looked at, which must stay linear.
    pub effort: Effort,
}

/// What a walk cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Calls to a system.
    pub calls: u64,
    /// Values looked up.
    pub values: u64,
    /// Rows that systems returned, those seen before included.
    pub rows: u64,
}

/// On whose rows values are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The entity's own.
    Own,
    /// Those of another one.
    Beyond,
}

/// A walk's fixed parts.
#[derive(Debug, Clone, Copy)]
pub struct Walk<'w> {
    /// The graph.
    pub graph: &'w Graph,
    /// The graph as this request uses it.
    pub plan: &'w Plan,
    /// Names of the columns, per node.
    pub columns: &'w [Vec<String>],
    /// Nodes whose rows lead nowhere; empty for none.
    pub ends: &'w [bool],
}

impl Walk<'_> {
    /// Walks from `sought` and gives every row to `visitor`.
    ///
    /// # Errors
    /// When a system does not answer, the walk was stopped, or the visitor or the spill could not store something. A
    /// collection that cannot be read is no error of the walk: it is named in what is returned.
    pub fn run(
        &self,
        sought: &[Sought],
        systems: &mut dyn Systems,
        spill: &mut Spill,
        visitor: &mut dyn Visitor,
    ) -> Result<Walked, Failure> {
        let mut walked = Walked { rows: vec![0; self.graph.nodes().len()], ..Walked::default() };
        self.seed(sought, spill, &mut walked).map_err(|error| Failure { dataset: 0, error })?;
        let mut giving = Giving::new(self.graph, sought, visitor);
        // A row that the person acted on may be about them as well, which is known when all of those were found.
        for role in [Role::Subject, Role::Actor] {
            while let Some(node) = self.next(role, spill) {
                let dataset = self.graph.nodes()[node].dataset;
                let outcome = self.node((node, role), systems, spill, &mut giving, &mut walked);
                match outcome {
                    Ok(()) => {}
                    Err(ReadError::NotReadable(why)) => {
                        walked.unreadable.entry(node).or_insert(why);
                        self.plan.lookups_of[node].iter().for_each(|&lookup| spill.clear(lookup));
                    }
                    Err(error) => return Err(Failure { dataset, error }),
                }
            }
        }
        walked.redactions = giving.told();
        self.beyond(systems, spill, &mut walked)?;
        Ok(walked)
    }

    fn seed(&self, sought: &[Sought], spill: &mut Spill, walked: &mut Walked) -> Result<(), ReadError> {
        for (id, lookup) in self.plan.lookups.iter().enumerate() {
            let SoughtBy::Identifier(kind) = &lookup.by else { continue };
            for value in sought.iter().filter(|s| s.kind() == kind).flat_map(Sought::values) {
                self.want_one((id, Side::Own), value, spill, walked)?;
            }
        }
        Ok(())
    }

    /// The lookups that find a collection's rows in which the person has this role.
    fn lookups(&self, node: NodeId, role: Role) -> impl Iterator<Item = LookupId> + '_ {
        let of = self.plan.lookups_of[node].iter().copied();
        of.filter(move |&lookup| self.plan.lookups[lookup].role == role)
    }

    /// The first collection, in the plan's order, for which values wait.
    fn next(&self, role: Role, spill: &Spill) -> Option<NodeId> {
        let waits = |node: NodeId| self.lookups(node, role).any(|lookup| spill.waiting(lookup) > 0);
        self.plan.order.iter().copied().find(|&node| waits(node))
    }

    fn node(
        &self,
        (node, role): (NodeId, Role),
        systems: &mut dyn Systems,
        spill: &mut Spill,
        giving: &mut Giving<'_>,
        walked: &mut Walked,
    ) -> Result<(), ReadError> {
        let dataset = self.graph.nodes()[node].dataset;
        let Some(snapshot) = systems.snapshot(dataset)? else {
            self.plan.lookups_of[node].iter().for_each(|&lookup| spill.clear(lookup));
            return Ok(());
        };
        walked.snapshots.entry(dataset).or_insert_with(|| snapshot.taken_at());
        let (only, beyond) = (self.finds_rows_once(node, spill), self.looks_beyond(node, role));
        let owned = self.graph.nodes()[node].owned.as_ref();
        for lookup in self.lookups(node, role) {
            let query = self.query(lookup);
            while spill.waiting(lookup) > 0 {
                let batch = snapshot.batch(&query)?;
                let values = spill.take(lookup, query.fields.len(), batch)?;
                walked.effort.calls += 1;
                walked.effort.values += values.len() as u64;
                let mut identity = Vec::new();
                let found = snapshot.find(&query, &values, &mut |row| {
                    walked.effort.rows += 1;
                    let belongs = owned.map_or(Belongs::Ours, |owned| owned.whose(row));
                    if belongs == Belongs::ToAnother {
                        return if beyond { self.follow(node, row, Side::Beyond, spill, walked) } else { Ok(()) };
                    }
                    if !only {
                        identity.clear();
                        row.write_identity(&mut identity);
                        if !spill.first_time(node as u64, &identity)? {
                            return Ok(());
                        }
                    }
                    if belongs == Belongs::ToNobody {
                        *walked.nobodys.entry(node).or_default() += 1;
                        return Ok(());
                    }
                    let booleans = self.graph.booleans(node);
                    let given = if booleans.is_empty() {
                        giving.row(node, role, row)?
                    } else {
                        giving.row(node, role, &Declared { row, booleans })?
                    };
                    walked.rows[node] += u64::from(given);
                    if role == Role::Subject { self.follow(node, row, Side::Own, spill, walked) } else { Ok(()) }
                });
                self.note_incomparable(node, found, walked)?;
            }
        }
        Ok(())
    }

    /// A value that cannot be compared keeps none of the others from being looked up.
    fn note_incomparable(
        &self,
        node: NodeId,
        found: Result<(), ReadError>,
        walked: &mut Walked,
    ) -> Result<(), ReadError> {
        match found {
            Err(ReadError::Incomparable(why)) => {
                walked.unreadable.entry(node).or_insert(why);
                Ok(())
            }
            found => found,
        }
    }

    /// Whether no row of the collection can be found twice, so that none need be remembered: one lookup, whose values are
    /// all there when its turn comes, and are one value or such that no two of them can mean one row.
    fn finds_rows_once(&self, node: NodeId, spill: &Spill) -> bool {
        let &[lookup] = self.plan.lookups_of[node].as_slice() else { return false };
        let flat = self.plan.lookups[lookup].fields.iter().all(|field| !field.structured);
        let apart = spill.waiting(lookup) == 1 || (flat && spill.only_plain_numbers(lookup));
        apart && !self.plan.cyclic[node] && !self.plan.strayed[node]
    }

    /// The query of a lookup.
    pub fn query(&self, lookup: LookupId) -> Query<'_> {
        let lookup = &self.plan.lookups[lookup];
        Query {
            table: &self.graph.collection(lookup.node).name,
            columns: &self.columns[lookup.node],
            primary_key: &self.graph.nodes()[lookup.node].primary_key,
            fields: &lookup.fields,
            // Others' rows are not left out where they lead to what may be the entity's.
            owned: self.graph.nodes()[lookup.node].owned.as_ref().filter(|_| !self.plan.beyond[lookup.node]),
            matching: match &lookup.by {
                SoughtBy::Identifier(_) => Matching::Identifier(lookup.fields[0].folding),
                SoughtBy::Reference => Matching::Exact,
            },
        }
    }

    fn follow(
        &self,
        node: NodeId,
        row: &dyn Row,
        side: Side,
        spill: &mut Spill,
        walked: &mut Walked,
    ) -> Result<(), ReadError> {
        if self.ends.get(node).copied().unwrap_or(false) {
            return Ok(());
        }
        // What somebody only acted on is looked for on their own way alone.
        let edges =
            self.plan.edges[node].iter().filter(|edge| side == Side::Own || !self.plan.is_of_actor(edge.lookup));
        for edge in edges {
            // One field is the rule: there is nothing to combine.
            if let [field] = edge.fields.as_slice()
                && !field.structured
            {
                match row.cell(field.column) {
                    Cell::Large(_) => self.unclear(edge.lookup, walked),
                    cell => {
                        if let Some(value) = Value::of(cell) {
                            self.want_one((edge.lookup, side), value, spill, walked)?;
                        }
                    }
                }
                continue;
            }
            let values: Option<Vec<Vec<Value>>> = edge.fields.iter().map(|field| values_at(row, field)).collect();
            let Some(values) = values else {
                self.unclear(edge.lookup, walked);
                continue;
            };
            for tuple in tuples(&values) {
                self.want((edge.lookup, side), tuple, spill, walked)?;
            }
        }
        Ok(())
    }

    /// Puts a value in a lookup's queue, in the type that its fields are declared with, unless it was there before.
    fn want(
        &self,
        (id, side): (LookupId, Side),
        tuple: Tuple,
        spill: &mut Spill,
        walked: &mut Walked,
    ) -> Result<(), ReadError> {
        let fields = &self.plan.lookups[id].fields;
        let (mut cast, mut unclear) = (Tuple::with_capacity(tuple.len()), false);
        for (value, field) in tuple.into_iter().zip(fields) {
            match value.cast(field.data_type) {
                Ok(value) => cast.push(value),
                Err(NoForm::Nowhere) => return Ok(()),
                Err(NoForm::Unclear) => unclear = true,
            }
        }
        if unclear {
            self.unclear(id, walked);
            return Ok(());
        }
        self.queue((id, side), &cast, spill)
    }

    /// The same for a lookup by one field.
    fn want_one(
        &self,
        (id, side): (LookupId, Side),
        value: Value,
        spill: &mut Spill,
        walked: &mut Walked,
    ) -> Result<(), ReadError> {
        match value.cast(self.plan.lookups[id].fields[0].data_type) {
            Ok(cast) => return self.queue((id, side), &[cast], spill),
            Err(NoForm::Nowhere) => {}
            Err(NoForm::Unclear) => self.unclear(id, walked),
        }
        Ok(())
    }

    /// A value that leads somewhere cannot be looked up there.
    fn unclear(&self, id: LookupId, walked: &mut Walked) {
        let query = self.query(id);
        walked.unreadable.entry(self.plan.lookups[id].node).or_insert_with(|| query.incomparable().to_string());
    }

    fn queue(&self, (id, side): (LookupId, Side), cast: &[Value], spill: &mut Spill) -> Result<(), ReadError> {
        let queue = if side == Side::Own { id } else { self.plan.lookups.len() + id };
        Ok(spill.push_new(self.set(id, side), queue, cast)?)
    }

    /// Sets of values are numbered after those of rows.
    fn set(&self, id: LookupId, side: Side) -> u64 {
        let beyond = if side == Side::Own { 0 } else { self.plan.lookups.len() };
        (self.graph.nodes().len() + beyond + id) as u64
    }
}

/// A row whose numbers that are declared as true and false are such: some databases have no other way to say it.
struct Declared<'r> {
    row: &'r dyn Row,
    booleans: &'r [usize],
}

impl Row for Declared<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        match self.row.cell(column) {
            Cell::Integer(n @ (0 | 1)) if self.booleans.contains(&column) => Cell::Bool(n == 1),
            cell => cell,
        }
    }

    fn read_large(&self, column: usize, out: &mut OnSlice<'_>) -> Result<(), ReadError> {
        self.row.read_large(column, out)
    }

    fn write_identity(&self, out: &mut Vec<u8>) {
        self.row.write_identity(out);
    }
}

/// The values of a field that refers; `None` when there is one that is too large to be compared.
fn values_at(row: &dyn Row, field: &FieldPath) -> Option<Vec<Value>> {
    let is_large = !field.structured && matches!(row.cell(field.column), Cell::Large(_));
    if is_large { None } else { lookup(row, field).ok() }
}

/// Every combination of one value per field; none when a field has no value.
pub(crate) fn tuples(values: &[Vec<Value>]) -> Vec<Tuple> {
    values.iter().fold(vec![Tuple::new()], |all, values| {
        all.iter()
            .flat_map(|tuple| values.iter().map(|v| [tuple.as_slice(), std::slice::from_ref(v)].concat()))
            .collect()
    })
}

/// Column names per node, as queries need them: the declared ones, and after them the one that says whose a row is.
pub fn columns(graph: &Graph) -> Vec<Vec<String>> {
    let declared = |node| graph.collection(node).fields.iter().map(|field| field.name.clone());
    let names = |node| declared(node).chain(undeclared_column(graph, node).map(str::to_owned)).collect();
    (0..graph.nodes().len()).map(names).collect()
}
