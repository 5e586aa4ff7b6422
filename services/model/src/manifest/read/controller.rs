//! Reads whose rows a dataset or collection holds.

use std::collections::BTreeMap;

use super::File;
use crate::id::EntityId;
use crate::manifest::{ByColumn, Controller, Field, Whose};
use crate::yaml::{Fields, Node, Value};

impl File<'_> {
    /// `controller`: an entity, `{column, values}`, or `{shared: true}`.
    pub(super) fn controller(&mut self, ours: &mut Fields<'_>) -> Option<Controller> {
        let node = ours.node("controller")?;
        let whose = match &node.value {
            Value::Map(_) => self.whose(node)?,
            _ => Whose::Entity(self.r.scalar(node, "controller")?),
        };
        Some(Controller { whose, at: self.at(node.place) })
    }

    fn whose(&mut self, node: &Node) -> Option<Whose> {
        let mut f = self.r.fields(node, "`controller`")?;
        let column: Option<String> = f.optional(self.r, "column");
        let values = f.node("values");
        let shared = super::people::flag(self, &mut f, "shared");
        f.deny_unknown(self.r);
        match (column, values, shared) {
            (Some(name), None, None) => Some(Whose::Column(ByColumn { name, values: None })),
            (Some(name), Some(values), None) => {
                Some(Whose::Column(ByColumn { name, values: Some(self.entities(values)?) }))
            }
            (None, None, Some(true)) => Some(Whose::Shared),
            _ => {
                let forms = "an entity's id, `{ column: …, values: { … } }`, or `{ shared: true }`";
                self.r.problem(node.place, format!("`controller` must be one of: {forms}"));
                None
            }
        }
    }

    fn entities(&mut self, node: &Node) -> Option<BTreeMap<String, EntityId>> {
        let Value::Map(entries) = &node.value else {
            self.r.problem(node.place, "`values` must be a map from the column's values to entities' ids");
            return None;
        };
        if entries.is_empty() {
            self.r.problem(node.place, "`values` must not be empty; leave it out where the column holds entities' ids");
        }
        let mut values = BTreeMap::new();
        for (value, place, entity) in entries {
            let entity: Option<EntityId> = self.r.scalar(entity, "values");
            let value = ByColumn::trimmed(value).to_owned();
            if values.contains_key(&value) {
                self.r.problem(*place, "this value stands here a second time: blanks at its end do not count");
            }
            values.extend(entity.map(|entity| (value, entity)));
        }
        Some(values)
    }

    /// A column that says whose a row is holds one plain value.
    pub(super) fn check_controller(&mut self, controller: Option<&Controller>, fields: &[Field]) {
        let Some(Controller { whose: Whose::Column(column), at }) = controller else { return };
        let structured = |field: &&Field| !field.fields.is_empty() || field.data_type.is_some_and(|t| t.array);
        if let Some(field) = fields.iter().find(|field| field.name == column.name).filter(structured) {
            let message = format!("`controller` names the field `{}`, which holds more than one value", field.name);
            self.r.problem(at.place, message);
        }
    }
}
