//! Gives the rows of a walk to its visitor, without what is hidden of them, and counts that.

use tributary_archive::redaction::Redaction;
use tributary_model::manifest::Role;

use super::{Column, Redacted, Rules, Tally};
use crate::graph::{Graph, NodeId};
use crate::source::{ReadError, Row, Sought};
use crate::walk::Visitor;

/// What stands between a walk and its visitor.
pub(crate) struct Giving<'g> {
    graph: &'g Graph,
    sought: &'g [Sought],
    visitor: &'g mut dyn Visitor,
    /// Per collection, if there are any.
    rules: Vec<Option<Rules>>,
    tally: Tally,
    /// Room for what is hidden of one row.
    own: Vec<Column>,
}

impl<'g> Giving<'g> {
    pub(crate) fn new(graph: &'g Graph, sought: &'g [Sought], visitor: &'g mut dyn Visitor) -> Self {
        let rules = (0..graph.nodes().len()).map(|node| Rules::of(graph, node)).collect();
        Self { graph, sought, visitor, rules, tally: Tally::default(), own: Vec::new() }
    }

    /// Gives a row that was found in this role. False: it was left out.
    pub(crate) fn row(&mut self, node: NodeId, role: Role, row: &dyn Row) -> Result<bool, ReadError> {
        let Some(rules) = &self.rules[node] else {
            self.visitor.row(node, row)?;
            return Ok(true);
        };
        if rules.omits(role) {
            self.tally.omitted(node);
            return Ok(false);
        }
        let hidden = rules.hidden(role, row, self.sought, &mut self.own);
        self.visitor.row(node, &Redacted { row, hidden })?;
        self.tally.gave(node, rules, role, hidden);
        Ok(true)
    }

    /// What was hidden in all.
    pub(crate) fn told(self) -> Vec<Redaction> {
        self.tally.told(self.graph, &self.rules)
    }
}
