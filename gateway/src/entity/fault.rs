//! What an agent did wrong, in fixed words: names the rule and the place, never what the agent sent.

use tonic::Code;

use super::ConversionError;
use crate::stage::PartFault;

/// A breach of the contract by the agent. Another try may help; until somebody looks at the agent, it may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The call failed there for a reason that is the agent's own.
    #[error("the agent failed with {0:?}; the cause is in its log")]
    Failed(Code),
    /// A message that is not valid.
    #[error("the agent sent a message that is not valid: {0}")]
    Message(#[from] ConversionError),
    /// It answers for somebody else.
    #[error("the agent answered for another entity than the one asked")]
    OtherEntity,
    /// A part or table before any generation, or a generation that is not a later one.
    #[error(
        "the agent announced something outside a generation, or a generation that is not later than the one before"
    )]
    Generation,
    /// A part of another generation than the one that runs.
    #[error("part {index} belongs to generation {found}, but generation {expected} was announced")]
    OtherGeneration {
        /// The part.
        index: u32,
        /// The generation announced.
        expected: u32,
        /// The generation that the part names.
        found: u32,
    },
    /// A table described twice.
    #[error("the agent described a table twice in one generation")]
    TableTwice,
    /// A table that contradicts itself.
    #[error("the description of a table is not valid: {0}")]
    Table(&'static str),
    /// A part of a table that was not described before it.
    #[error("part {index} is of a table that was not described before it")]
    Undescribed {
        /// The part.
        index: u32,
    },
    /// Not the next part: a gap, or one that came before.
    #[error("part {found} was announced where part {expected} is due; a part comes once, and in order")]
    Index {
        /// The part due.
        expected: u32,
        /// The part announced.
        found: u32,
    },
    /// A descriptor that contradicts itself.
    #[error("the descriptor of part {index} contradicts itself: {problem}")]
    Descriptor {
        /// The part.
        index: u32,
        /// The rule it breaks.
        problem: &'static str,
    },
    /// A path that cannot lie beside another in one folder.
    #[error("part {index} has the path of another part, but for case, or a file of it where a folder is needed")]
    Path {
        /// The part.
        index: u32,
    },
    /// A part of a collection whose preview had come.
    #[error("part {index} is of a collection whose preview came before it; a preview follows the last part")]
    AfterPreview {
        /// The part.
        index: u32,
    },
    /// A preview that does not fit its table or its parts.
    #[error("a preview is not valid: {0}")]
    Preview(&'static str),
    /// More than any honest export has.
    #[error("the agent announced more {0} than an export may have")]
    TooMuch(&'static str),
    /// A part is not what was announced.
    #[error("part {index}: {fault}")]
    Part {
        /// The part.
        index: u32,
        /// What is wrong with it.
        fault: PartFault,
    },
    /// A part that was announced and is not there.
    #[error("part {index} was announced and cannot be read")]
    NoPart {
        /// The part.
        index: u32,
    },
    /// Another number of parts at the end than were announced before it.
    #[error("the agent ended the export with {said} parts, but announced {announced}")]
    Count {
        /// Parts announced.
        announced: u32,
        /// Parts that the end names.
        said: u32,
    },
    /// The stream of an export ended, or went on, where it must not.
    #[error("the agent {0}")]
    Stream(&'static str),
}
