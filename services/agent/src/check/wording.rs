//! What has a name that a person understands: counted, since nobody can guess what `t_cust.st` means.

use serde::Serialize;
use tributary_model::manifest::{Collection, Manifests, Wording};

/// Columns that a warning names; the report has them all.
const SHOWN: usize = 8;

/// How much of the manifests people understand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct LabelReport {
    /// Datasets.
    pub datasets: LabelCount,
    /// Collections.
    pub collections: LabelCount,
    /// Columns.
    pub fields: LabelCount,
    /// Columns whose values are codes that the manifest decodes. Which others hold codes cannot be told from here.
    pub decoded_fields: usize,
}

/// How many of one kind have words for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
pub struct LabelCount {
    /// All.
    pub all: usize,
    /// With a label, or a dataset's `name`.
    pub labelled: usize,
    /// Without a label, but with a description.
    pub described: usize,
}

impl LabelCount {
    /// Those of which people see nothing but the name in the store.
    pub fn bare(&self) -> usize {
        self.all - self.labelled - self.described
    }

    fn count(&mut self, wording: &Wording) {
        self.all += 1;
        self.labelled += usize::from(!wording.labels.is_empty());
        self.described += usize::from(wording.labels.is_empty() && !wording.descriptions.is_empty());
    }
}

/// Counts what is left out of no walk.
pub(super) fn report(manifests: &Manifests) -> LabelReport {
    let mut report = LabelReport::default();
    for dataset in &manifests.datasets {
        report.datasets.count(&dataset.wording);
        for collection in dataset.collections.iter().filter(|collection| !collection.skip) {
            report.collections.count(&collection.wording);
            for field in &collection.fields {
                report.fields.count(&field.wording);
                report.decoded_fields += usize::from(!field.codes.is_empty());
            }
        }
    }
    report
}

/// Columns of which people see nothing but the name in the store.
pub(super) fn bare_fields(collection: &Collection) -> Vec<String> {
    collection.fields.iter().filter(|field| field.wording.is_empty()).map(|field| field.name.clone()).collect()
}

/// What of a collection people see under its name in the store, if anything.
pub(super) fn missing(labelled: bool, bare: &[String], columns: usize) -> Option<String> {
    let table = if labelled { None } else { Some("the table".to_owned()) };
    let shown = bare.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let rest = if bare.len() > SHOWN { ", …" } else { "" };
    let fields = (!bare.is_empty()).then(|| format!("{} of {columns} columns ({shown}{rest})", bare.len()));
    let what: Vec<String> = table.into_iter().chain(fields).collect();
    (!what.is_empty()).then(|| what.join(" and "))
}
