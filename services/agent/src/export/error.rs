//! Why an export, or a question about a person, is not served. `service` maps each to its status.

use std::io;

use tributary_model::id::FidesKey;

use crate::collect::CollectError;

/// Why an rpc of an export cannot be served. Holds no personal data.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// Never started, finished or expired.
    #[error("there is no such export: it was never started, is finished or expired")]
    NotFound,
    /// The instruction belongs to another case than the mandate.
    #[error("the mandate is for another case")]
    OtherCase,
    /// Started before with other content.
    #[error("the instruction was started before with other content")]
    Differs,
    /// Another generation counts.
    #[error("the generation asked for was replaced; watch the export again")]
    Replaced {
        /// The last that started.
        generation: u32,
    },
    /// No such part yet.
    #[error("part {index} does not exist, or is not finished yet")]
    NoPart {
        /// The index asked for.
        index: u32,
    },
    /// The offset lies beyond the part's end.
    #[error("the offset lies beyond the part's {size} bytes")]
    BeyondEnd {
        /// Bytes as carried.
        size: u64,
    },
    /// Nothing is signed yet.
    #[error("the export is not at its end yet; watch it")]
    NotReady,
    /// A system does not answer.
    #[error("dataset `{dataset}` cannot be searched now")]
    Unavailable {
        /// Its dataset.
        dataset: FidesKey,
    },
    /// Too much at once.
    #[error("too much is under way; try again later")]
    TooMuch,
    /// No space is left.
    #[error("no space is left for durable data at the agent; its operator must make room")]
    StorageFull,
    /// The process is stopping.
    #[error("the agent is stopping; try again")]
    Stopping,
    /// A defect or failure; the text is for our log only.
    #[error("{0}")]
    Internal(String),
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> Self {
        Self::Internal(format!("spool: {error}"))
    }
}

impl From<CollectError> for ExportError {
    fn from(error: CollectError) -> Self {
        match error {
            CollectError::Unavailable { dataset, .. } | CollectError::SnapshotTooLong { dataset } => {
                Self::Unavailable { dataset }
            }
            CollectError::Stopped => Self::Stopping,
            CollectError::Sink(error) => Self::Internal(error.to_string()),
            CollectError::Internal(cause) => Self::Internal(cause),
        }
    }
}
