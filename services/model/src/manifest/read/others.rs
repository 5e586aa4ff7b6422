//! Reads what is declared of other people in a person's data, and refuses what could not work.

use super::{File, people};
use crate::manifest::{CollectionOthers, Direction, Field, FieldOthers, Role};
use crate::yaml::{Fields, Place};

impl File<'_> {
    /// The keys of a field.
    pub(super) fn field_others(&mut self, ours: &mut Fields<'_>) -> FieldOthers {
        FieldOthers {
            third_party: people::flag(self, ours, "third_party"),
            free_text: ours.optional(self.r, "free_text").unwrap_or_default(),
            role: ours.optional(self.r, "role").unwrap_or_default(),
            about: ours.optional(self.r, "about").unwrap_or_default(),
        }
    }

    /// The keys of a collection.
    pub(super) fn collection_others(&mut self, ours: &mut Fields<'_>) -> CollectionOthers {
        CollectionOthers {
            shared: people::flag(self, ours, "shared").unwrap_or_default(),
            actor_rows: ours.optional(self.r, "actor_rows").unwrap_or_default(),
        }
    }

    /// A field about someone else finds rows that are not about whoever is found.
    pub(super) fn check_third_party(&mut self, field: &Field, place: Place) {
        let FieldOthers { third_party, role, .. } = field.others;
        if third_party == Some(true) && role == Role::Subject && field.identity.is_some() {
            let remedy = "take `identity` away, or say `role: actor` where its rows are given to whom it names";
            let message =
                format!("the field `{}` is about someone else, so it finds nobody's own rows; {remedy}", field.name);
            self.r.problem(place, message);
        }
    }

    /// A role belongs to a field by which rows are found, and nothing leads from such a row to who acted on it.
    pub(super) fn check_role(&mut self, field: &Field, place: Place) {
        if field.others.role != Role::Actor {
            return;
        }
        if field.identity.is_none() && field.references.is_empty() {
            let remedy = "give it `fides_meta.identity` or `references`, or say `about: actor` instead";
            self.r.problem(place, format!("the field `{}` has `role: actor` but names nobody; {remedy}", field.name));
        }
        for reference in field.references.iter().filter(|reference| reference.direction == Some(Direction::To)) {
            let remedy = "take `direction: to` away, or say `direction: from`";
            let message = format!(
                "the field `{}` has `role: actor`, so nothing leads from its rows to who acted on them; {remedy}",
                field.name
            );
            self.r.problem(reference.at.place, message);
        }
    }
}
