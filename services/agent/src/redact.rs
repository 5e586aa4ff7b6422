//! What of a row is hidden because it is about others (Art. 15(4) GDPR, ACC-9): a collection's rules, made once for a walk,
//! and the row as everything after the walk sees it.
//!
//! A hidden cell never leaves here: not its value, its length, nor whether there was one. Neighbours: `walk`, which finds
//! the rows, `graph`, which knows what leads where, and `encode`, which writes a mark for each [`Cell::Redacted`].

mod giving;
mod tally;

use tributary_archive::redaction::RedactionReason;
use tributary_model::id::IdentifierType;
use tributary_model::manifest::{ActorRows, Field, FreeText, Role, covers};

use crate::graph::{FieldPath, Graph, NodeId};
use crate::source::{OnSlice, ReadError, Row, Sought, values_at};
use crate::value::Cell;

pub(crate) use giving::Giving;
use tally::Tally;

/// Why a column is hidden, or that it is not.
pub(crate) type Column = Option<RedactionReason>;

/// What is hidden of a collection's rows.
pub(crate) struct Rules {
    /// Per column, in rows about the person.
    subject: Vec<Column>,
    /// Per column, in rows that the person only acted on.
    actor: Vec<Column>,
    /// Columns of shared rows that are shown when they hold identifiers of the request and nothing else.
    named: Vec<(IdentifierType, FieldPath)>,
    /// Whether anybody acts on rows.
    acted_on: bool,
    /// Whether rows that the person only acted on are left out.
    omit: bool,
}

impl Rules {
    /// The rules of a collection; `None` when nothing of it is ever hidden.
    pub(crate) fn of(graph: &Graph, node: NodeId) -> Option<Self> {
        let (collection, known) = (graph.collection(node), &graph.nodes()[node]);
        let fields = || collection.fields.iter().enumerate();
        let shared = collection.others.shared;
        let names = |path: &FieldPath| shared && may_name(&collection.fields[path.column]);
        let named: Vec<_> = known.identities.iter().filter(|(_, path)| names(path)).cloned().collect();
        let names_others = |column: usize, field: &Field| {
            shared
                && may_name(field)
                && (named.iter().any(|(_, path)| path.column == column) || refers_to_people(graph, node, column))
        };
        let subject: Vec<Column> = fields()
            .map(|(column, field)| {
                let others = names_others(column, field).then_some(RedactionReason::Shared);
                third_party(field).or(others).or_else(|| free_text(field))
            })
            .collect();
        let acted_on =
            !known.actors.is_empty() || graph.joins().iter().any(|j| j.holder == node && j.role == Role::Actor);
        let actor = fields().map(|(column, field)| of_actor(field, subject[column])).collect();
        let rules = Self { subject, actor, named, acted_on, omit: collection.others.actor_rows == ActorRows::Omit };
        (acted_on || rules.subject.iter().any(Option::is_some)).then_some(rules)
    }

    /// Whether rows found in this role are left out.
    pub(crate) fn omits(&self, role: Role) -> bool {
        role == Role::Actor && self.omit
    }

    /// What is hidden of a row found in this role. `own` is room for what depends on the row.
    pub(crate) fn hidden<'r>(
        &'r self,
        role: Role,
        row: &dyn Row,
        sought: &[Sought],
        own: &'r mut Vec<Column>,
    ) -> &'r [Column] {
        match role {
            Role::Actor => &self.actor,
            Role::Subject if self.named.is_empty() => &self.subject,
            Role::Subject => {
                own.clone_from(&self.subject);
                for column in self.named.iter().map(|(_, path)| path.column) {
                    if own[column] == Some(RedactionReason::Shared) && self.names_only(column, row, sought) {
                        own[column] = None;
                    }
                }
                own
            }
        }
    }

    /// Whether a column holds identifiers of the request, and no other's.
    fn names_only(&self, column: usize, row: &dyn Row, sought: &[Sought]) -> bool {
        let mut any = false;
        for (kind, path) in self.named.iter().filter(|(_, path)| path.column == column) {
            for value in values_at(row, path) {
                any = true;
                if !sought.iter().any(|sought| sought.kind() == kind && sought.is(&value, path.folding)) {
                    return false;
                }
            }
        }
        any
    }

    /// Why a column is hidden in rows about the person, unless it names them alone.
    pub(crate) fn hides(&self, column: usize) -> Column {
        self.subject[column]
    }

    /// The reasons whose marks the collection's tables may have, in their order.
    pub(crate) fn marks(&self) -> Vec<RedactionReason> {
        let may = |reason: &RedactionReason| self.columns().any(|column| column == Some(*reason));
        RedactionReason::ALL.into_iter().filter(may).collect()
    }

    /// Whether a column may be hidden in some row.
    pub(crate) fn may_hide(&self, column: usize) -> bool {
        self.subject[column].is_some() || (self.gives_acted_on() && self.actor[column].is_some())
    }

    fn columns(&self) -> impl Iterator<Item = Column> + '_ {
        let actor = if self.gives_acted_on() { self.actor.as_slice() } else { &[] };
        self.subject.iter().chain(actor).copied()
    }

    fn gives_acted_on(&self) -> bool {
        self.acted_on && !self.omit
    }
}

/// Whether a collection's tables may have marks.
pub(crate) fn has_marks(graph: &Graph, node: NodeId) -> bool {
    Rules::of(graph, node).is_some_and(|rules| !rules.marks().is_empty())
}

/// Whether a field of a shared row may name others: it does unless the manifest says that it does not.
fn may_name(field: &Field) -> bool {
    field.others.third_party != Some(false)
}

/// Whether a column refers to a collection whose rows are people.
pub(crate) fn refers_to_people(graph: &Graph, node: NodeId, column: usize) -> bool {
    let mut from_here = graph.joins().iter().filter(|join| join.holder == node);
    from_here.any(|join| {
        graph.nodes()[join.referenced].register && join.holder_fields.iter().any(|field| field.column == column)
    })
}

/// What is about someone else; a structured column is hidden with any of its fields that is.
fn third_party(field: &Field) -> Column {
    let declared = field.others.third_party == Some(true) || field.fields.iter().any(|sub| third_party(sub).is_some());
    declared.then_some(RedactionReason::ThirdParty)
}

/// What may speak of others, by the strictest policy in the column.
fn free_text(field: &Field) -> Column {
    let own = match field.others.free_text {
        FreeText::Release => None,
        // A person sees it first: everything of such a collection is kept back until it is released.
        FreeText::Review => None,
        FreeText::Redact => Some(RedactionReason::FreeText),
    };
    field.fields.iter().filter_map(free_text).chain(own).min()
}

/// A column of a row that the person only acted on: what is about them is shown, what is about nobody, and the key, by
/// which they can name the row.
fn of_actor(field: &Field, subject: Column) -> Column {
    if field.others.is_about_actor() {
        // About someone else it is for those whom the row is about.
        return field.fields.iter().find_map(third_party).or_else(|| free_text(field));
    }
    let personal = field.categories.iter().any(|category| covers("user", category));
    let about_nobody = !field.categories.is_empty() && !personal;
    let key = field.primary_key && !personal && field.identity.is_none() && field.references.is_empty();
    match subject {
        Some(RedactionReason::ThirdParty) => subject,
        None if (about_nobody || key) && field.fields.is_empty() => None,
        _ => Some(RedactionReason::Actor),
    }
}

/// A row without what is hidden of it.
pub(crate) struct Redacted<'r> {
    pub(crate) row: &'r dyn Row,
    pub(crate) hidden: &'r [Column],
}

impl Row for Redacted<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        match self.hidden.get(column) {
            Some(Some(reason)) => Cell::Redacted(*reason),
            _ => self.row.cell(column),
        }
    }

    fn read_large(&self, column: usize, out: &mut OnSlice<'_>) -> Result<(), ReadError> {
        match self.hidden.get(column) {
            Some(Some(_)) => Err(ReadError::NotReadable("a hidden value was asked for".to_owned())),
            _ => self.row.read_large(column, out),
        }
    }

    fn write_identity(&self, out: &mut Vec<u8>) {
        self.row.write_identity(out);
    }
}

#[cfg(test)]
mod tests;
