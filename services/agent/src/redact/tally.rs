//! How much a walk hid, counted row by row and told column by column.

use std::collections::BTreeMap;

use tributary_archive::redaction::{Redaction, RedactionReason};
use tributary_model::manifest::Role;

use super::{Column, Rules};
use crate::graph::{Graph, NodeId};

/// Rows of collections with rules.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<NodeId, Counts>);

/// Rows of one collection.
#[derive(Default)]
struct Counts {
    /// Given, about the person.
    subject: u64,
    /// Given, only acted on.
    actor: u64,
    /// Left out, only acted on.
    omitted: u64,
    /// Per column, rows about the person in which it is shown although it is hidden in others.
    shown: BTreeMap<usize, u64>,
}

impl Tally {
    /// Counts a row that was given, with this hidden.
    pub(crate) fn gave(&mut self, node: NodeId, rules: &Rules, role: Role, hidden: &[Column]) {
        let counts = self.0.entry(node).or_default();
        match role {
            Role::Actor => counts.actor += 1,
            Role::Subject => counts.subject += 1,
        }
        let named = rules.named.iter().map(|(_, path)| path.column).filter(|_| role == Role::Subject);
        let mut last = None;
        for column in named.filter(|&column| rules.subject[column].is_some() && hidden[column].is_none()) {
            // Several fields of one structured column stand together.
            if last.replace(column) != Some(column) {
                *counts.shown.entry(column).or_default() += 1;
            }
        }
    }

    /// Counts a row that was left out.
    pub(crate) fn omitted(&mut self, node: NodeId) {
        self.0.entry(node).or_default().omitted += 1;
    }

    /// The counts as an attestation has them.
    pub(crate) fn told(self, graph: &Graph, rules: &[Option<Rules>]) -> Vec<Redaction> {
        let mut told = Vec::new();
        for (node, counts) in self.0 {
            let Some(rules) = &rules[node] else { continue };
            let (dataset, collection) = (graph.dataset(node), graph.collection(node));
            let mut push = |field: Option<&str>, reason, count| {
                told.push(Redaction {
                    dataset: dataset.shown.clone(),
                    collection: collection.shown.clone(),
                    field: field.map(str::to_owned),
                    reason,
                    count,
                });
            };
            push(None, RedactionReason::Actor, counts.omitted);
            for (column, field) in collection.fields.iter().enumerate() {
                for reason in RedactionReason::ALL {
                    let marks = counts.marks(rules, column, reason);
                    push(Some(&field.shown), reason, marks);
                }
            }
        }
        told.retain(|redaction| redaction.count > 0);
        told.sort();
        told
    }
}

impl Counts {
    fn marks(&self, rules: &Rules, column: usize, reason: RedactionReason) -> u64 {
        let when = |of: Column, rows: u64| if of == Some(reason) { rows } else { 0 };
        let shown = self.shown.get(&column).copied().unwrap_or(0);
        when(rules.subject[column], self.subject - shown) + when(rules.actor[column], self.actor)
    }
}
