//! Reads `system:` manifests. Texts in them are for people, and are made presentable rather than refused.

use super::File;
use super::people::{PROSE, flag, presentable};
use crate::id::FidesKey;
use crate::manifest::{Flow, PrivacyDeclaration, System};
use crate::yaml::{Fields, Node, Value};

impl File<'_> {
    pub(super) fn system(&mut self, node: &Node) -> Option<System> {
        let mut f = self.r.fields(node, "a system")?;
        let key = f.required(self.r, "fides_key");
        let mut declarations = Vec::new();
        if let Some(list) = f.node("privacy_declarations") {
            let items = self.r.list(list, "privacy_declarations");
            declarations = items.iter().filter_map(|item| self.declaration(item)).collect();
        }
        Some(System {
            name: self.said(&mut f, "name"),
            description: self.said(&mut f, "description"),
            datasets: self.parsed(&mut f, "dataset_references"),
            joint_controller: self.said(&mut f, "joint_controller_info"),
            international_transfers: flag(self, &mut f, "does_international_transfers"),
            transfer_safeguards: self.all_said(&mut f, "legal_basis_for_transfers"),
            egress: self.flows(&mut f, "egress"),
            ingress: self.flows(&mut f, "ingress"),
            declarations,
            key: key?,
            at: self.at(node.place),
        })
    }

    fn declaration(&mut self, node: &Node) -> Option<PrivacyDeclaration> {
        let mut f = self.r.fields(node, "a privacy declaration")?;
        Some(PrivacyDeclaration {
            name: self.said(&mut f, "name"),
            categories: self.texts(&mut f, "data_categories"),
            data_use: self.said(&mut f, "data_use"),
            data_subjects: self.texts(&mut f, "data_subjects"),
            datasets: self.parsed(&mut f, "dataset_references"),
            legal_basis: self.said(&mut f, "legal_basis_for_processing"),
            special_category_basis: self.said(&mut f, "special_category_legal_basis"),
            retention_period: self.said(&mut f, "retention_period"),
            third_parties: self.said(&mut f, "third_parties"),
            shared_categories: self.texts(&mut f, "shared_categories"),
            egress: self.parsed(&mut f, "egress"),
            ingress: self.parsed(&mut f, "ingress"),
        })
    }

    /// A text for people; blank is absent.
    fn said(&mut self, f: &mut Fields<'_>, key: &'static str) -> Option<String> {
        let text: String = f.optional(self.r, key)?;
        Some(presentable(&text, PROSE)).filter(|text| !text.is_empty())
    }

    /// Texts for people, one or several.
    fn all_said(&mut self, f: &mut Fields<'_>, key: &'static str) -> Vec<String> {
        let Some(node) = f.node(key) else { return Vec::new() };
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let texts = items.iter().filter_map(|item| self.r.scalar::<String>(item, key));
        texts.map(|text| presentable(&text, PROSE)).filter(|text| !text.is_empty()).collect()
    }

    fn flows(&mut self, f: &mut Fields<'_>, key: &'static str) -> Vec<Flow> {
        let Some(node) = f.node(key) else { return Vec::new() };
        self.r.list(node, key).iter().filter_map(|item| self.flow(item)).collect()
    }

    fn flow(&mut self, node: &Node) -> Option<Flow> {
        let mut f = self.r.fields(node, "a data flow")?;
        let key: Option<FidesKey> = f.required(self.r, "fides_key");
        let kind = f.optional(self.r, "type");
        Some(Flow { key: key?, kind })
    }
}
