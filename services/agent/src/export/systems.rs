//! What the export jobs need of the entity's systems. The catalog is it; tests put others in its place, whose failures
//! come when they are wanted.

use std::collections::BTreeSet;

use tributary_model::id::{FidesKey, IdentifierType};
use tributary_model::identifier::Identifier;

use crate::collect::{
    Catalog, CollectError, Collected, DatasetInfo, Located, ManualCollection, PartSink, Request, StopFlag,
};

/// The entity's systems, searched on a blocking thread.
pub(crate) trait Systems: Send + Sync + 'static {
    /// Kinds of identifiers by which they can be searched.
    fn identifier_types(&self) -> Vec<IdentifierType>;
    /// Declared datasets.
    fn datasets(&self) -> Vec<DatasetInfo>;
    /// Collections that a person is asked about, since no program can search them.
    fn manual(&self) -> Vec<ManualCollection> {
        Vec::new()
    }
    /// Collections of which a person sees everything before it leaves, as others see their names.
    fn reviewed(&self) -> BTreeSet<(FidesKey, String)> {
        BTreeSet::new()
    }
    /// Whether a person is known.
    fn locate(&self, identifiers: &[Identifier], stop: &StopFlag) -> Result<Located, CollectError>;
    /// Finds a person's data and encodes it into `sink`.
    fn collect(&self, request: &Request, sink: &mut dyn PartSink, stop: &StopFlag) -> Result<Collected, CollectError>;
}

impl Systems for Catalog {
    fn identifier_types(&self) -> Vec<IdentifierType> {
        Self::identifier_types(self)
    }

    fn datasets(&self) -> Vec<DatasetInfo> {
        Self::datasets(self)
    }

    fn manual(&self) -> Vec<ManualCollection> {
        Self::manual(self)
    }

    fn reviewed(&self) -> BTreeSet<(FidesKey, String)> {
        Self::reviewed(self)
    }

    fn locate(&self, identifiers: &[Identifier], stop: &StopFlag) -> Result<Located, CollectError> {
        Self::locate(self, identifiers, stop)
    }

    fn collect(&self, request: &Request, sink: &mut dyn PartSink, stop: &StopFlag) -> Result<Collected, CollectError> {
        Self::collect(self, request, sink, stop)
    }
}
