//! What an export brings between two commits: sealed as it comes, kept together in one job. Neighbour: `staging`.

use serde::Serialize;
use tributary_archive::information::Information;
use tributary_archive::part::Part;
use tributary_archive::preview::Preview;
use tributary_archive::table::Table;

use super::StoreError;
use super::keys::CaseKeys;
use super::presentations::{INFORMATION, PARTS, PREVIEW};
use crate::stage::Staged;

/// Tables, previews, a record of processing and parts that wait to be kept.
#[derive(Default, Clone)]
pub(crate) struct Brought {
    pub(super) described: Vec<Described>,
    pub(super) parts: Vec<(Staged, Vec<u8>)>,
    bytes: usize,
}

/// Something that tells of a collection, or of the whole.
#[derive(Clone)]
pub(super) struct Described {
    pub(super) kind: Kind,
    pub(super) dataset: String,
    pub(super) collection: String,
    pub(super) sealed: Vec<u8>,
}

/// What it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A table's form.
    Table,
    /// A preview or the record of processing.
    Presentation(&'static str),
}

impl Brought {
    /// Adds a table's form.
    pub(crate) fn table(&mut self, keys: &CaseKeys, table: &Table) -> Result<(), StoreError> {
        self.describe(keys, (Kind::Table, "table"), (table.dataset.as_str(), &table.collection), table)
    }

    /// Adds a preview.
    pub(crate) fn preview(&mut self, keys: &CaseKeys, preview: &Preview) -> Result<(), StoreError> {
        let place = (preview.dataset.as_str(), preview.collection.as_str());
        self.describe(keys, (Kind::Presentation(PREVIEW), PREVIEW), place, preview)
    }

    /// Adds the record of processing.
    pub(crate) fn information(&mut self, keys: &CaseKeys, information: &Information) -> Result<(), StoreError> {
        self.describe(keys, (Kind::Presentation(INFORMATION), INFORMATION), ("", ""), information)
    }

    /// Adds the descriptors of all parts of an answer, once more in one piece.
    pub(crate) fn all_parts(&mut self, keys: &CaseKeys, parts: &[Part]) -> Result<(), StoreError> {
        self.describe(keys, (Kind::Presentation(PARTS), PARTS), ("", ""), parts)
    }

    /// Adds a part whose object is durable.
    pub(crate) fn part(&mut self, keys: &CaseKeys, staged: Staged) -> Result<(), StoreError> {
        let sealed = keys.seal("part", &staged.part)?;
        self.bytes += sealed.len();
        self.parts.push((staged, sealed));
        Ok(())
    }

    /// The parts.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Staged> {
        self.parts.iter().map(|(staged, _)| staged)
    }

    /// Whether there is nothing to keep.
    pub(crate) fn is_empty(&self) -> bool {
        self.described.is_empty() && self.parts.is_empty()
    }

    /// Bytes that wait, as sealed.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn describe<T: Serialize + ?Sized>(
        &mut self,
        keys: &CaseKeys,
        (kind, purpose): (Kind, &str),
        (dataset, collection): (&str, &str),
        content: &T,
    ) -> Result<(), StoreError> {
        let sealed = keys.seal(purpose, content)?;
        self.bytes += sealed.len();
        let (dataset, collection) = (dataset.to_owned(), collection.to_owned());
        self.described.push(Described { kind, dataset, collection, sealed });
        Ok(())
    }
}
