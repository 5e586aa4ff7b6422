//! What lies beyond rows of another entity: rows of this one that only those lead to. Nobody hands them over, since the
//! other gives its own rows alone; they are counted, so that the answer names them. Nothing of what is met here is given.

use tributary_model::manifest::Role;

use super::{Side, Systems, Walk, Walked};
use crate::controller::Belongs;
use crate::graph::NodeId;
use crate::source::{ReadError, Row};
use crate::spill::Spill;
use crate::walk::Failure;

impl Walk<'_> {
    /// Whether rows of others in this collection lead to rows that may be the entity's.
    pub(super) fn looks_beyond(&self, node: NodeId, role: Role) -> bool {
        role == Role::Subject && self.ends.is_empty() && self.plan.beyond[node]
    }

    /// Counts what was not met on the way of the entity's own rows. Comes last: all of those were looked up before.
    pub(super) fn beyond(
        &self,
        systems: &mut dyn Systems,
        spill: &mut Spill,
        walked: &mut Walked,
    ) -> Result<(), Failure> {
        if !self.ends.is_empty() || !self.plan.beyond.contains(&true) {
            return Ok(());
        }
        loop {
            let waits = |node: &&NodeId| self.lookups_beyond(**node).any(|queue| spill.waiting(queue) > 0);
            let Some(&node) = self.plan.order.iter().find(waits) else { return Ok(()) };
            match self.node_beyond(node, systems, spill, walked) {
                Ok(()) => {}
                Err(ReadError::NotReadable(why)) => {
                    walked.unreadable.entry(node).or_insert(why);
                    self.lookups_beyond(node).for_each(|queue| spill.clear(queue));
                }
                Err(error) => return Err(Failure { dataset: self.graph.nodes()[node].dataset, error }),
            }
        }
    }

    /// The queues of a collection's lookups that rows of others fill.
    fn lookups_beyond(&self, node: NodeId) -> impl Iterator<Item = usize> + '_ {
        self.lookups(node, Role::Subject).map(|lookup| self.plan.lookups.len() + lookup)
    }

    fn node_beyond(
        &self,
        node: NodeId,
        systems: &mut dyn Systems,
        spill: &mut Spill,
        walked: &mut Walked,
    ) -> Result<(), ReadError> {
        let Some(snapshot) = systems.snapshot(self.graph.nodes()[node].dataset)? else {
            self.lookups_beyond(node).for_each(|queue| spill.clear(queue));
            return Ok(());
        };
        for lookup in self.lookups(node, Role::Subject) {
            let (query, queue) = (self.query(lookup), self.plan.lookups.len() + lookup);
            let mut identity = Vec::new();
            while spill.waiting(queue) > 0 {
                let batch = snapshot.batch(&query)?;
                let mut values = Vec::new();
                for value in spill.take(queue, query.fields.len(), batch)? {
                    // What the entity's own rows led to was looked up, and is known.
                    identity.clear();
                    value.iter().for_each(|part| part.write_key(&mut identity));
                    if spill.first_time(self.set(lookup, Side::Own), &identity)? {
                        values.push(value);
                    }
                }
                if values.is_empty() {
                    continue;
                }
                walked.effort.calls += 1;
                walked.effort.values += values.len() as u64;
                let found = snapshot.find(&query, &values, &mut |row| {
                    walked.effort.rows += 1;
                    identity.clear();
                    row.write_identity(&mut identity);
                    if !spill.first_time(node as u64, &identity)? {
                        return Ok(());
                    }
                    match self.whose_beyond(node, row) {
                        Belongs::Ours => *walked.beyond.entry(node).or_default() += 1,
                        Belongs::ToAnother => self.follow(node, row, Side::Beyond, spill, walked)?,
                        // Whoever's row leads there says that it names nobody.
                        Belongs::ToNobody => {}
                    }
                    Ok(())
                });
                self.note_incomparable(node, found, walked)?;
            }
        }
        Ok(())
    }

    /// Whose a row is that another entity's row leads to: that one's, too, where nothing says otherwise.
    fn whose_beyond(&self, node: NodeId, row: &dyn Row) -> Belongs {
        let node = &self.graph.nodes()[node];
        match &node.owned {
            Some(owned) => owned.whose(row),
            None if node.named => Belongs::Ours,
            None => Belongs::ToAnother,
        }
    }
}
