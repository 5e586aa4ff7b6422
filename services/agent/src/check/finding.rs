//! What is not declared, by the right of a person that it costs: codes for scripts, words for people, places to go to.

use serde::Serialize;
use tributary_model::manifest::At;

use super::{CollectionReport, NotRecorded};
use crate::graph::Graph;

/// Something that is not declared, with everything that it is true of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub code: Code,
    /// The right that it costs, where the law gives it.
    pub right: &'static str,
    /// What that means to a person.
    pub cost: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// What it is true of.
    pub items: Vec<Item>,
}

/// One thing that a finding is true of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Where it is declared, as file:line:column.
    pub at: String,
    /// `dataset` or `dataset.collection`.
    pub name: String,
    /// What exactly.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// What can be missing. The codes stay the same over versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// No identifier leads to anything of a dataset.
    NoIdentity,
    /// No identifier leads to a collection with personal data.
    NotReached,
    /// Tables of a connected database that are not declared.
    UndeclaredTables,
    /// The database's user may not read all of a table.
    MayNotRead,
    /// Columns of a table that are not declared.
    UndeclaredColumns,
    /// No key tells rows apart.
    NoPrimaryKey,
    /// No purpose.
    PurposeNotRecorded,
    /// No legal basis.
    BasisNotRecorded,
    /// No recipients.
    RecipientsNotRecorded,
    /// No period.
    RetentionNotRecorded,
    /// No source.
    SourceNotRecorded,
    /// No category.
    NotClassified,
    /// No words for people.
    NoLabel,
    /// A rule about other people's data that can never apply.
    RuleWithoutEffect,
    /// A rule about other people's data that hides the person's own key, identifier or reference.
    RuleHidesKey,
    /// Each search reads a whole table.
    WholeTableRead,
    /// Guesses that nobody has confirmed.
    Guessed,
    /// Proposals that are not in force.
    Proposed,
}

impl Code {
    /// The right that it costs, what that means, and what to do.
    fn words(self) -> [&'static str; 3] {
        match self {
            Self::NoIdentity => [
                "access, Art. 15, and every right that needs the person to be found",
                "nobody can be found in it: each answer names all of it as not searched",
                "declare `fides_meta: {identity: email}`, or another type, on the columns that people are known by",
            ],
            Self::NotReached => [
                "access, Art. 15",
                "not searched: each answer says so, and that you hold nothing can never be signed",
                "declare an identity, or a reference with its direction that leads there",
            ],
            Self::UndeclaredTables => [
                "access, Art. 15",
                "what stands in these tables is not searched, and no answer says so",
                "declare them as collections, or name those about nobody under `tributary: {not_personal: […]}` of the dataset",
            ],
            Self::MayNotRead => [
                "access, Art. 15",
                "not read: each answer names it as not searched, and that you hold nothing can never be signed",
                "grant the agent's user SELECT on the table, or on the columns that are declared and those of its key",
            ],
            Self::UndeclaredColumns => [
                "a copy of the data, Art. 15(3)",
                "what stands in these columns is not given",
                "declare the columns as fields; what is no data of the person's may stay out",
            ],
            Self::NoPrimaryKey => [
                "rectification and erasure, Art. 16 and 17",
                "rows cannot be told apart, so no single one can be changed, and their order is not fixed",
                "declare `fides_meta: {primary_key: true}` on the columns that tell rows apart",
            ],
            Self::PurposeNotRecorded => [
                "the purposes, Art. 15(1)(a)",
                "they are told \"not recorded\" for what the data are used for",
                "declare a `system` with `dataset_references` and `data_use`",
            ],
            Self::BasisNotRecorded => [
                "the legal basis, Art. 6, and portability, Art. 20",
                "they are told \"not recorded\", and nothing can be given as portable: that takes consent or contract",
                "declare `legal_basis_for_processing` in the system's privacy declaration",
            ],
            Self::RecipientsNotRecorded => [
                "the recipients, Art. 15(1)(c)",
                "they are told \"not recorded\" for who receives the data",
                "declare a `system`, with `third_parties` or `egress` where there are any",
            ],
            Self::RetentionNotRecorded => [
                "the period of storage, Art. 15(1)(d)",
                "they are told \"not recorded\" for how long the data are kept",
                "declare `retention_period` in the system's privacy declaration",
            ],
            Self::SourceNotRecorded => [
                "the source, Art. 15(1)(g)",
                "they are told \"not recorded\" for where the data come from",
                "declare a `system`, with `ingress` where the data do not come from the person",
            ],
            Self::NotClassified => [
                "the categories, Art. 15(1)(b)",
                "they are not told what kind of data it is, and no rule about a category applies to it",
                "declare `data_categories`",
            ],
            Self::NoLabel => [
                "intelligible information, Art. 12(1)",
                "people see the names and codes of the store",
                "add `tributary: {label: …}`, and `codes` where values are codes",
            ],
            Self::RuleWithoutEffect => [
                "the rights of others, Art. 15(4)",
                "what the rule should keep back may be given: it hides nothing",
                "take the rule away, or put it where what is about others stands",
            ],
            Self::RuleHidesKey => [
                "a copy of the data, Art. 15(3)",
                "the person does not see what names their own rows, or is not given what they refer to",
                "put the rule on the fields that are about others only, or say `third_party: false` on this one",
            ],
            Self::WholeTableRead => [
                "an answer in time, Art. 12(3)",
                "each search reads the whole table",
                "add an index, or give up the identity or reference",
            ],
            Self::Guessed => [
                "accuracy, Art. 5(1)(d) and (2)",
                "what is guessed wrongly is wrong in every answer",
                "look at each, correct it, and remove its mark",
            ],
            Self::Proposed => [
                "access, Art. 15",
                "what these lines would open is not searched or not found, until somebody decides",
                "remove the `#` before those that are right, and the lines that are not",
            ],
        }
    }
}

/// Gathers findings; each code once, in the order of the codes.
#[derive(Debug, Default)]
pub(super) struct Findings(std::collections::BTreeMap<Code, Vec<Item>>);

impl Findings {
    /// Adds one item.
    pub(super) fn add(&mut self, code: Code, at: &At, name: &str, detail: String) {
        self.add_at(code, at.to_string(), name, detail);
    }

    /// Adds one item at a place in words.
    pub(super) fn add_at(&mut self, code: Code, at: String, name: &str, detail: String) {
        self.0.entry(code).or_default().push(Item { at, name: name.to_owned(), detail });
    }

    /// Everything that was added.
    pub(super) fn finish(self) -> Vec<Finding> {
        let finding = |(code, items): (Code, Vec<Item>)| {
            let [right, cost, remedy] = code.words();
            Finding { code, right, cost, remedy, items }
        };
        self.0.into_iter().map(finding).collect()
    }
}

/// What is missing in the declared collections; `reports` are those of the graph's nodes, in order.
pub(super) fn of_collections(graph: &Graph, reports: &[CollectionReport], findings: &mut Findings) {
    for (node, report) in reports.iter().enumerate() {
        let (collection, name) = (graph.collection(node), graph.name(node));
        let at = &collection.at;
        if report.personal && report.reached_by.is_empty() {
            findings.add(Code::NotReached, at, &name, String::new());
        }
        for scan in &report.scans {
            findings.add(Code::WholeTableRead, at, &name, format!("looking up {scan}"));
        }
        if let Some(why) = &report.refused {
            findings.add(Code::MayNotRead, at, &name, why.clone());
        }
        if !report.undeclared_columns.is_empty() {
            findings.add(Code::UndeclaredColumns, at, &name, report.undeclared_columns.join(", "));
        }
        if report.personal && graph.nodes()[node].primary_key.is_empty() {
            findings.add(Code::NoPrimaryKey, at, &name, String::new());
        }
        if let Some(detail) = super::wording::missing(report.labelled, &report.unlabelled_columns, report.columns) {
            findings.add(Code::NoLabel, at, &name, detail);
        }
        let inherited = !graph.dataset(node).categories_of(collection).is_empty();
        let bare = |field: &&tributary_model::manifest::Field| field.categories.is_empty() && field.fields.is_empty();
        let bare: Vec<&str> = collection.fields.iter().filter(bare).map(|field| field.name.as_str()).collect();
        if report.personal && !inherited && !bare.is_empty() {
            findings.add(Code::NotClassified, at, &name, bare.join(", "));
        }
        for missing in &report.not_recorded {
            findings.add(code(*missing), at, &name, String::new());
        }
    }
    for (index, dataset) in graph.manifests().datasets.iter().enumerate() {
        let mut nodes = graph.nodes().iter().filter(|node| node.dataset == index).peekable();
        let any = nodes.peek().is_some();
        if any
            && graph.nodes().iter().any(|n| n.dataset == index && n.personal)
            && reports.iter().all(|report| report.dataset != dataset.key || report.reached_by.is_empty())
        {
            findings.add(Code::NoIdentity, &dataset.at, dataset.key.as_str(), String::new());
        }
    }
}

fn code(missing: NotRecorded) -> Code {
    match missing {
        NotRecorded::Purpose => Code::PurposeNotRecorded,
        NotRecorded::Basis => Code::BasisNotRecorded,
        NotRecorded::Recipients => Code::RecipientsNotRecorded,
        NotRecorded::Retention => Code::RetentionNotRecorded,
        NotRecorded::Source => Code::SourceNotRecorded,
    }
}
