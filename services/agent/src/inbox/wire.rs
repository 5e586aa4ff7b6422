//! What goes over the inbox's socket: frames of one byte for their kind, four for their length and the content, which is
//! a message in JSON or some bytes of a file. One call per connection.

use std::io;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tributary_model::id::{CaseId, EntityId, FidesKey, QuestionId};
use tributary_model::language::Texts;

use super::{Kind, Standing};

/// Largest content of a frame.
const MOST: usize = 1024 * 1024;
/// Bytes of a file in one frame.
pub(super) const PIECE: usize = 64 * 1024;
const MESSAGE: u8 = b'M';
const BYTES: u8 = b'B';

/// What a person wants.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Call {
    /// Questions; with `all` those that have ended too.
    List { all: bool },
    /// One question with everything it is about.
    Show { question: QuestionId },
    /// The bytes of one part.
    Read { question: QuestionId, part: u32 },
    /// An answer. The files follow once the answer is `Ready`, each ended by a frame without bytes.
    Answer { question: QuestionId, part: Option<u32>, verdict: Verdict, by: Option<String>, files: Vec<String> },
}

/// What the agent says to it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Reply {
    /// A question of a list.
    Question(Listed),
    /// The question asked for; its parts follow.
    Shown(Shown),
    /// One of its parts.
    Part(ListedPart),
    /// Nothing follows.
    End,
    /// Files may come, or bytes follow.
    Ready,
    /// The answer is kept.
    Kept { whole: bool, known: bool },
    /// It cannot be done.
    Refused { refusal: Refusal, message: String },
}

/// Why something is refused, for the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Refusal {
    NotFound,
    Invalid,
    Later,
    Failed,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Manual: what was found is in files.
    Files,
    /// Manual: nothing was found.
    Nothing,
    /// Manual: it cannot be answered, and why.
    CannotAnswer(String),
    /// Review: it may leave.
    Release,
    /// Review: it does not leave, and why.
    Withhold(String),
    /// Review: a file leaves in its place.
    Replace,
    /// Decision: the request is fulfilled.
    Fulfil,
    /// Decision: the request is refused, and why.
    Refuse(String),
}

/// A question in a list. Holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its id.
    pub id: QuestionId,
    /// The entity that is asked.
    pub entity: EntityId,
    /// What kind.
    pub kind: Kind,
    /// The case.
    pub case: CaseId,
    /// When the request reached the group, from which its month counts; absent where the gateway did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Timestamp>,
    /// The dataset; absent for a decision, which is about everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<FidesKey>,
    /// The collection; absent with the dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// What is asked, in the entity's words.
    pub ask: Texts,
    /// How it stands.
    pub state: Standing,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it should be answered.
    pub due_at: Timestamp,
    /// Whether that is over.
    pub overdue: bool,
    /// Parts to be looked at.
    pub parts: u32,
    /// Of these, answered ones.
    pub answered_parts: u32,
    /// Who answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
}

/// A question with the person it is about.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The question.
    #[serde(flatten)]
    pub question: Listed,
    /// Identifiers of the person, by type. Personal data; gone when the question has ended.
    pub person: Vec<(String, String)>,
}

/// Something to be looked at.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedPart {
    /// Its number in the question, from 1.
    pub number: u32,
    /// Where it would lie in the archive. May be personal data.
    pub path: String,
    /// Its media type.
    pub media_type: String,
    /// Rows of a table.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// What was answered: `released`, `withheld` or `replaced`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// Something that came.
pub(super) enum Frame<T> {
    Message(T),
    Bytes(Vec<u8>),
}

/// Sends a message.
pub(super) async fn send(to: &mut (impl AsyncWrite + Unpin), message: &impl Serialize) -> io::Result<()> {
    let content = serde_json::to_vec(message)?;
    frame(to, MESSAGE, &content).await
}

/// Sends some bytes of a file; none end it.
pub(super) async fn send_bytes(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    frame(to, BYTES, bytes).await
}

async fn frame(to: &mut (impl AsyncWrite + Unpin), kind: u8, content: &[u8]) -> io::Result<()> {
    let length = u32::try_from(content.len()).ok().filter(|length| *length as usize <= MOST);
    let length = length.ok_or_else(|| invalid("a message is too large"))?;
    to.write_u8(kind).await?;
    to.write_u32(length).await?;
    to.write_all(content).await?;
    to.flush().await
}

/// Receives what comes next.
pub(super) async fn receive<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Frame<T>> {
    let kind = from.read_u8().await?;
    let length = from.read_u32().await? as usize;
    if length > MOST {
        return Err(invalid("a message is too large"));
    }
    let mut content = vec![0; length];
    from.read_exact(&mut content).await?;
    match kind {
        MESSAGE => {
            Ok(Frame::Message(serde_json::from_slice(&content).map_err(|_| invalid("a message of another form"))?))
        }
        BYTES => Ok(Frame::Bytes(content)),
        _ => Err(invalid("a frame of another kind")),
    }
}

/// The other side speaks otherwise: command and agent are of different versions.
pub(super) fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
