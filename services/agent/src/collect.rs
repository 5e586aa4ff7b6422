//! Finding a person in an entity's systems and encoding what is found: what the export jobs ask for, and what they get.
//!
//! The manifests, the graph and the walk stand behind it; `export` calls it on a blocking thread and gives it a
//! [`PartSink`], which is the spool.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tributary_archive::attestation::{Answer, NotSearched, NotSearchedReason, PartsSummary, Searched};
use tributary_archive::digest::Sha256Hex;
use tributary_archive::information::Information;
use tributary_archive::part::Part;
use tributary_archive::preview::Preview;
use tributary_archive::redaction::Redaction;
use tributary_archive::table::Table;
use tributary_model::id::{EntityId, FidesKey, IdentifierType};
use tributary_model::identifier::Identifier;
use tributary_model::language::Texts;
use tributary_model::manifest::Namespace;
use tributary_model::right::TableFormat;

pub use crate::catalog::Catalog;
use crate::source::server::Server;

/// Where an entity's systems are and what is declared of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// Fideslang files, and folders of them.
    pub manifests: Vec<PathBuf>,
    /// Those of one entity, where several are served: what they declare is that entity's unless it says otherwise.
    pub own: BTreeMap<EntityId, Vec<PathBuf>>,
    /// The database of each dataset that is connected.
    pub databases: BTreeMap<FidesKey, Database>,
}

/// A database that the agent can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A SQLite file, opened read-only.
    Sqlite(PathBuf),
    /// A database behind a server.
    Server(Box<Server>),
}

impl Database {
    /// The same with what a manifest says of where it lies, unless the configuration says that.
    #[must_use]
    pub fn within(mut self, namespace: &Namespace) -> Self {
        if let Self::Server(server) = &mut self {
            server.database = server.database.take().or_else(|| namespace.database.clone());
            server.schema = server.schema.take().or_else(|| namespace.schema.clone());
        }
        self
    }
}

/// Cells above this become files of their own unless said otherwise, in bytes.
pub const LARGE_CELL: u64 = 1024 * 1024;

/// Bounds on one walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectLimits {
    /// How long one snapshot may be held: some databases block their writers meanwhile.
    pub snapshot_max: Duration,
    /// Largest plain size of a table's part, in bytes.
    pub part_bytes: u64,
    /// Cells above this become files of their own, in bytes. A connector may read smaller ones in slices all the same.
    pub large_cell: u64,
    /// Memory for what one walk remembers before it spills, in bytes.
    pub memory: u64,
    /// Where a walk's encrypted temporary files are.
    pub temp_dir: PathBuf,
}

/// A declared dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetInfo {
    /// Its `fides_key`.
    pub key: FidesKey,
    /// A name for people.
    pub name: Option<String>,
    /// The key that others see: the same, unless the manifest hides the name.
    pub shown: FidesKey,
    /// Whether a database is configured for it.
    pub connected: bool,
    /// Declared collections.
    pub collections: u32,
}

/// A collection that no program can search, such as a paper archive: a person is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualCollection {
    /// Its dataset, as others see it.
    pub dataset: FidesKey,
    /// Its name, as others see it.
    pub collection: String,
    /// What is asked, in the entity's words; may be empty.
    pub ask: Texts,
    /// How long the answer may take, where that is said.
    pub due: Option<Duration>,
}

/// Whether a person is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Located {
    /// Known.
    Found,
    /// Known in nothing that was searched.
    NotFound,
    /// The identifiers do not single one person out (Art. 12(6) GDPR).
    NeedsIdentity,
}

/// Whose data is to be collected, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// The controller of the data.
    pub controller: EntityId,
    /// Who is meant.
    pub identifiers: Vec<Identifier>,
    /// How tables are written.
    pub format: TableFormat,
    /// Datasets given up on after retries: named as not searched instead of failing.
    pub given_up: BTreeMap<FidesKey, NotSearchedReason>,
}

/// Where encoded parts go.
pub trait PartSink {
    /// A table's form, before its first part.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn table(&mut self, table: &Table) -> Result<(), SinkError>;
    /// Begins the next part.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn begin(&mut self) -> Result<(), SinkError>;
    /// Adds bytes as carried to the part begun.
    ///
    /// # Errors
    /// When they cannot be kept.
    fn write(&mut self, carried: &[u8]) -> Result<(), SinkError>;
    /// Ends the part begun, with its descriptor; `index` is that of the part before plus 1.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn finish(&mut self, part: &Part) -> Result<(), SinkError>;
    /// An extract of a collection that has table parts, after all parts; sorted by dataset and collection.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn preview(&mut self, preview: &Preview) -> Result<(), SinkError>;
    /// What the entity has recorded about its processing, at the very end, if it has recorded anything.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn information(&mut self, information: &Information) -> Result<(), SinkError>;
}

/// Why a part cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// No space is left: on the disk, or of the quota. Says what to do.
    #[error("{0}")]
    Full(String),
    /// Anything else.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// What was found: all that an attestation says about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// Whether the person is known.
    pub located: Located,
    /// One per (controller, dataset).
    pub answers: Vec<Answer>,
    /// What was searched.
    pub searched: Vec<Searched>,
    /// What is declared and was not.
    pub not_searched: Vec<NotSearched>,
    /// What was hidden because it is about others.
    pub redactions: Vec<Redaction>,
    /// Kinds of identifiers that were searched for.
    pub identifier_types: Vec<IdentifierType>,
    /// The parts in sum.
    pub parts: PartsSummary,
    /// Digest of the parts' tables.
    pub tables_sha256: Sha256Hex,
    /// Digest of the previews, if there are any.
    pub previews_sha256: Option<Sha256Hex>,
    /// Digest of what is recorded about the processing, if anything is.
    pub information_sha256: Option<Sha256Hex>,
}

/// Why a walk did not come to its end. Holds no personal data.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// A system does not answer now.
    #[error("dataset `{dataset}` is unavailable: {detail}")]
    Unavailable {
        /// Its dataset.
        dataset: FidesKey,
        /// What was tried and what happened.
        detail: String,
    },
    /// The snapshot was held as long as allowed, and the walk was not done.
    #[error("dataset `{dataset}` took longer to read than its snapshot may be held")]
    SnapshotTooLong {
        /// The dataset.
        dataset: FidesKey,
    },
    /// Asked to stop.
    #[error("stopped")]
    Stopped,
    /// The parts cannot be kept.
    #[error("parts cannot be kept: {0}")]
    Sink(#[from] SinkError),
    /// A defect.
    #[error("{0}")]
    Internal(String),
}

/// Asks a walk to stop; it looks at it often. Clones are the same flag.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises it.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is raised.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
