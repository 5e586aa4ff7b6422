//! The words of the inbox: questions, how they stand, and the answers that people can give.

use std::fmt;

use serde::{Deserialize, Serialize};
use tributary_archive::digest::Sha256Hex;
use tributary_archive::part::Encoding;
use tributary_model::id::InstructionId;

use crate::ledger::{GIVEN, Source};
use crate::spool::PartName;

/// What a person is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// To look into something that no program can search.
    Manual,
    /// To look at what was found before it leaves.
    Review,
    /// To decide whether anything leaves at all.
    Decision,
}

impl Kind {
    /// The name in ledger and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Review => "review",
            Self::Decision => "decision",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Manual, Self::Review, Self::Decision].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How a question stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nobody has answered all of it.
    Open,
    /// Answered.
    Answered,
    /// Needed no more: its export has ended.
    Withdrawn,
    /// Nobody has answered for as long as the entity waits.
    Lapsed,
}

impl Standing {
    /// The name in ledger and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Withdrawn => "withdrawn",
            Self::Lapsed => "lapsed",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all = [Self::Open, Self::Answered, Self::Withdrawn, Self::Lapsed];
        all.into_iter().find(|standing| standing.as_str() == text)
    }
}

/// How people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The agent's log.
    Log,
    /// E-mail.
    Mail,
    /// A call of a URL.
    Webhook,
}

impl Channel {
    /// The name in the ledger.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Log, Self::Mail, Self::Webhook].into_iter().find(|channel| channel.as_str() == text)
    }
}

/// A file that a person gave, as it lies in the spool.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenFile {
    /// Its number among the files given for the export, from 1; 0 while it is nowhere.
    pub(crate) number: u32,
    /// Its name as given, without folders. Personal data.
    pub(crate) name: String,
    /// Its media type.
    pub(crate) media_type: String,
    /// How it is carried.
    pub(crate) encoding: Encoding,
    /// Rows of a table; 0 for other files.
    pub(crate) rows: u64,
    /// Plain bytes.
    pub(crate) bytes: u64,
    /// Bytes as carried.
    pub(crate) encoded_bytes: u64,
    /// CRC-32 of the plain bytes.
    pub(crate) crc32: u32,
    /// SHA-256 of the plain bytes.
    pub(crate) sha256: Sha256Hex,
    /// SHA-256 of the bytes as carried.
    pub(crate) encoded_sha256: Sha256Hex,
}

impl GivenFile {
    /// Where its bytes are.
    pub(crate) fn source(&self) -> Source {
        Source { generation: GIVEN, index: self.number }
    }

    /// Its file in the spool.
    pub(crate) fn place(&self, instruction: InstructionId) -> PartName {
        PartName { instruction, generation: GIVEN, index: self.number }
    }
}

/// Its name and digests stay out of logs.
impl fmt::Debug for GivenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenFile").field("number", &self.number).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// What a person answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Manual: these files were found.
    Files(Vec<GivenFile>),
    /// Manual: looked for, and nothing is there.
    Nothing,
    /// Manual: it cannot be answered, and why.
    CannotAnswer(String),
    /// Review: it may leave as it is.
    Released,
    /// Review: it does not leave, and why.
    Withheld(String),
    /// Review: this file leaves in its place.
    Replaced(GivenFile),
    /// Decision: the request is fulfilled.
    Fulfilled,
    /// Decision: the request is refused, and why.
    Refused(String),
}

impl Answer {
    /// The files that came with it.
    pub(crate) fn files(&self) -> &[GivenFile] {
        match self {
            Self::Files(files) => files,
            Self::Replaced(file) => std::slice::from_ref(file),
            Self::Nothing
            | Self::CannotAnswer(_)
            | Self::Released
            | Self::Withheld(_)
            | Self::Fulfilled
            | Self::Refused(_) => &[],
        }
    }

    /// What tells it from another answer: its words, and the names and content of its files, not where they lie.
    pub(crate) fn fingerprint(&self) -> Vec<u8> {
        let (word, reason) = match self {
            Self::Files(_) => ("files", ""),
            Self::Nothing => ("nothing", ""),
            Self::CannotAnswer(reason) => ("cannot_answer", reason.as_str()),
            Self::Released => ("released", ""),
            Self::Withheld(reason) => ("withheld", reason.as_str()),
            Self::Replaced(_) => ("replaced", ""),
            Self::Fulfilled => ("fulfilled", ""),
            Self::Refused(reason) => ("refused", reason.as_str()),
        };
        let files: Vec<_> = self.files().iter().map(|file| (&file.name, file.sha256.to_string())).collect();
        // Texts and lists cannot fail to serialise.
        serde_json::to_vec(&(word, reason, files)).unwrap_or_default()
    }
}
